"""An agent has accepted a callback and is on the line: may the citizen be dialled now, and on which trunk?"""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, TypeVar

from sqlmodel import Session

from ivr.calls.channel import Channel
from ivr.calls.ledger import Ledger
from ivr.config_files.running import Running
from missed_call_redial.attempts import (
    NO_TRUNK_ALLOWS,
    NO_TRUNK_IS_UP,
    DialDecision,
    attempt_accepted,
    refuse_dial,
)
from missed_call_redial.ringers import ticketed_call
from missed_call_redial.trunk_faults import note_trunk, trunk_faults
from tickets.call_events import hold_log
from tickets.call_records import CallRecord
from vocabulary.hotline_names import DIAL, DIAL_TRUNK, NEXT
from vocabulary.phone_numbers import national

_log = logging.getLogger(__name__)
NOT_NOW: Final = "not_now"
T = TypeVar("T")


class Write(Protocol):
    """One piece of work, done and committed; it may be run again after it was rolled back with another's."""

    def __call__(self, work: Callable[[Session], T]) -> T: ...


@dataclass(frozen=True)
class _Permit:
    """The trunk and the digits to dial, "" if none; `is_not_now`: the citizen need not or must not be rung now."""

    trunk: str = ""
    digits: str = ""
    is_not_now: bool = False


@dataclass(frozen=True)
class AcceptedCallbacks:
    """As in CallDesk, of which this is a part."""

    ledger: Ledger
    running: Callable[[], Running]
    write: Write
    now: Callable[[], datetime]
    trunks_up: Callable[[], Collection[str]]
    is_log_read: Callable[[Session, datetime], bool]

    def accept(self, channel: Channel) -> None:
        """Arguments: attempt, agent. An agent is on the line: dial the citizen now, or not (no DIAL set). NOT_NOW tells him
        that nothing is wrong."""
        attempt, agent_no = channel.argument(1), channel.argument(2)
        running = self.running()
        permitted = self.write(lambda session: self._permit(session, attempt, agent_no, running))
        if permitted.is_not_now:
            channel.set_variable(NEXT, NOT_NOW)
        if permitted.digits:
            channel.set_variable(DIAL_TRUNK, permitted.trunk)
            channel.set_variable(DIAL, permitted.digits)

    def _permit(self, session: Session, attempt: str, agent_no: str, running: Running) -> _Permit:
        hold_log(
            session
        )  # first, as the ledger does: both lock the debt and the record, and would else wait for each other
        decision = attempt_accepted(
            session,
            attempt,
            agent_no,
            self.now(),
            policy=running.configuration.callbacks,
            zone=self.ledger.zone,
            is_log_read=self.is_log_read(session, self.now()),
        )
        if not decision.dial or decision.number_sealed is None:
            _log.info("attempt %s: not dialled, %s", attempt, decision.why)
            return _Permit(is_not_now=True)
        number = running.number_of(self.ledger.sealer.open(decision.number_sealed), None)
        trunks = [one.name for one in running.trunks_allowing(national(number))]
        faults = trunk_faults(session, attempt, trunks, self.now())
        trunk = running.trunk_for(national(number), self.trunks_up(), faults)
        if trunk is None:
            why = NO_TRUNK_IS_UP if running.may_be_dialled(number) else NO_TRUNK_ALLOWS
            _log.error("attempt %s: not dialled, %s", attempt, why)
            policy = running.configuration.callbacks
            refuse_dial(session, attempt, why, self.now(), policy=policy, zone=self.ledger.zone)
            return _Permit()
        note_trunk(session, attempt, trunk.name)
        self._show_ticket(session, decision)
        return _Permit(trunk.name, national(number))

    def _show_ticket(self, session: Session, decision: DialDecision) -> None:
        """While he dials, the agent has the call's draft before him. The call's record stays what its events say: who rings
        back is told by the attempt."""
        call_id = ticketed_call(session, decision.callback_id) or decision.first_call_id
        record = session.get(CallRecord, call_id, populate_existing=True) if call_id else None
        if record is not None:
            self.ledger.write_ticket(session, record, self.now())
