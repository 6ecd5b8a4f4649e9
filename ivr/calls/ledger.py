"""The one way in which anything learnt about calls becomes records, tickets and callbacks.

AGI legs, AMI events and queue_log lines all come here, in whatever order and however often; the result is the same.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta, tzinfo
from typing import Final

from sqlalchemy import bindparam, select
from sqlmodel import Session, SQLModel

from ivr.config_files.running import Running
from ivr.menus.turning_away import was_turned_away
from missed_call_redial.callbacks import CallbackState
from missed_call_redial.missed import missed_from_record
from missed_call_redial.owing import close_by_inbound, close_by_own_call, owe
from missed_call_redial.ringers import ringer_of
from routing.rules import Decision, RuleFacts, decide
from tickets.call_events import Event, EventKind, EventSource, append, sealed
from tickets.call_records import (
    KnownCall,
    is_settled,
    is_ticket_settled,
    keep_settlement,
    refresh,
)
from tickets.connections import connection_of
from tickets.decision import Urgency
from tickets.drafts import draft_for_call
from tickets.earlier_calls import has_called_before
from tickets.outcome import LOST, Outcome
from tickets.sealing import Sealer
from tickets.voicemails import Message, Voicemails
from vocabulary.phone_numbers import PhoneNumber

_log = logging.getLogger(__name__)
_DEBTS: Final = SQLModel.metadata.tables["callback"]
_OWED: Final = (
    select(_DEBTS.c.id)
    .where(_DEBTS.c.number_digest == bindparam("digest"), _DEBTS.c.state != CallbackState.CLOSED.value)
    .limit(1)
)


_OVER: Final = frozenset({EventKind.ENDED, EventKind.VANISHED, EventKind.SWITCH_RESTARTED})


@dataclass(frozen=True)
class Ledger:
    """Keeps the account of calls inside the caller's transaction. `earlier`: the set of a version that was in force before,
    None if it is known no more."""

    running: Callable[[], Running]
    sealer: Sealer
    zone: tzinfo
    voicemails: Voicemails | None = None
    earlier: Callable[[str], Running | None] = lambda _version: None

    def hear(self, session: Session, events: Iterable[Event], now: datetime) -> None:
        """Appends what is new and brings every call that it touches up to date."""
        heard = list(events)
        heard += self._messages(heard)
        for call_id in append(session, (sealed(event, self.sealer) for event in heard)):
            self.bring_up_to_date(session, call_id, now)

    def _messages(self, heard: list[Event]) -> list[Event]:
        """What was recorded on calls of whose end we hear: in the same transaction, so that no call counts as lost meanwhile."""
        if self.voicemails is None:
            return []
        over = [
            event.call_id for event in heard if event.kind in _OVER and event.source is not EventSource.AMI
        ]
        found: list[Event] = []
        for call_id in dict.fromkeys(filter(None, over)):
            try:
                message = self.voicemails.message_of(call_id)
            except OSError as fault:  # the account of the call is worth more than its message
                _log.error("call %s: its message cannot be read: %s", call_id, fault)
                continue
            if message is not None:
                found.append(_left(call_id, message))
        return found

    def bring_up_to_date(self, session: Session, call_id: str, now: datetime) -> None:
        """The record as the events tell it, its ticket, and the callback it is owed. Doing it twice changes nothing."""
        running = self.running()
        record = refresh(
            session,
            call_id,
            sealer=self.sealer,
            normaliser=running.number_of,
            quick_hangup_seconds=running.configuration.lines.quick_hangup_seconds,
        )
        if record is None or not record.number_called or is_settled(record):
            return  # without the line of arrival nobody knows yet whom this call is from: settle when it comes
        if record.is_open and record.answered_at is None:
            return
        if not is_ticket_settled(record):
            self.write_ticket(session, record, now)
        if not record.is_open:
            self._settle_debts(session, record, running, now)
        keep_settlement(session, record)

    def write_ticket(self, session: Session, record: KnownCall, now: datetime) -> int | None:
        """What the rules say of this call: a draft, a link to an open ticket, a disposition, or nothing. Gives the
        ticket's id.

        For a lost call whose citizen an agent rings back, or has spoken with, they speak as of an answered one, and the
        ticket is that agent's. Between two attempts it is left as it is.
        """
        ringer = ringer_of(session, record.call_id) if Outcome(record.outcome) in LOST else None
        if ringer is None:
            return self._write(session, record, self.decide_for(session, record), now)
        if not ringer.has_citizen:
            return None
        decision = self._decide(session, record, Outcome.ANSWERED)
        return self._write(session, record, decision, now, ringer.agent_no)

    def _write(
        self,
        session: Session,
        record: KnownCall,
        decision: Decision,
        now: datetime,
        ringer: str | None = None,
    ) -> int | None:
        if decision.category is None:  # the rules are silent: what the citizen chose by a key
            decision = replace(decision, category=record.chosen_category)
        return draft_for_call(
            session,
            record,
            decision,
            now,
            local_day_bounds=None if self._is_many(record) else self._local_day(record.arrived_at),
            ringer=ringer,
        )

    def decide_for(self, session: Session, record: KnownCall) -> Decision:
        """What the rules say of this call as its record stands, whoever rings back."""
        return self._decide(session, record, None)

    def _decide(self, session: Session, record: KnownCall, outcome: Outcome | None) -> Decision:
        configuration = self.running().configuration
        hours = configuration.lines.repeat_caller_hours
        queue = configuration.lines.queue(record.queue) if record.queue else None
        facts = RuleFacts(
            number_called=record.number_called,
            menu_path=record.menu_path,
            queue=record.queue,
            local_time=record.arrived_at.astimezone(self.zone),
            outcome=(outcome or Outcome(record.outcome)).as_rules_see,
            is_repeat_caller=(
                configuration.rules.ask_for_repeats
                and not self._is_many(record)
                and self._is_repeat(session, record, hours)
            ),
            queue_label=queue.label if queue else "",
            number_masked=record.number_masked,
            call_id=record.call_id,
            voicemail_seconds=record.voicemail_seconds,
            broadcast=record.broadcast,
        )
        return decide(configuration.rules, facts)

    def _is_many(self, record: KnownCall) -> bool:
        """Behind a listed switchboard are many people: its next call is another's, about another matter."""
        running = self.running()
        return bool(running.configuration.lines.switchboards) and running.is_switchboard(
            self.number_of(record)
        )

    def _is_repeat(self, session: Session, record: KnownCall, hours: int) -> bool:
        """The same number within the interval that the site calls a repeat (重复来电)."""
        if record.number_digest is None:
            return False
        since = record.arrived_at - timedelta(hours=hours)
        return has_called_before(session, record.number_digest, record.call_id, since, record.arrived_at)

    def _local_day(self, at: datetime) -> tuple[datetime, datetime]:
        day = at.astimezone(self.zone).date()
        start = datetime.combine(day, time.min, tzinfo=self.zone)
        return start, datetime.combine(day + timedelta(days=1), time.min, tzinfo=self.zone)

    def _settle_debts(self, session: Session, record: KnownCall, running: Running, now: datetime) -> None:
        outcome = Outcome(record.outcome)
        number = self.number_of(record)
        if outcome in LOST:
            called = running.configuration.lines.number(record.number_called)
            missed = missed_from_record(
                record,
                default_queue=called.queue if called else running.configuration.lines.queues[0].name,
                is_switchboard=running.is_switchboard(number),
                is_critical=self._is_critical(session, record),
                was_turned_away=self._was_turned_away(record, running),
            )
            owe(session, missed, running.configuration.callbacks, self.zone, now)
        elif record.answered_at and running.is_switchboard(number):
            close_by_own_call(session, record.call_id, record.answered_at)
        elif record.number_digest and record.answered_at:
            owed = connection_of(session).execute(_OWED, {"digest": record.number_digest})
            if owed.first() is not None:  # the log is held, so no other call opens a debt meanwhile
                close_by_inbound(session, record.number_digest, record.call_id, record.answered_at)

    def _was_turned_away(self, record: KnownCall, running: Running) -> bool:
        """By the set that he walked in: in a later one the same names may lead other callers. Where that set is known no
        more, nobody can say so, and he is owed as anybody."""
        version = record.menu_version
        is_in_force = version in (None, running.configuration.version)
        walked = running if is_in_force else self.earlier(version or "")
        if walked is None:
            return False
        known = walked.configuration
        return was_turned_away(record.menu_path or "", known.menus, known.lists.blocklists)

    def _is_critical(self, session: Session, record: KnownCall) -> bool:
        """By the rules for the lost call, or for its matter: those that would have made the ticket had it been answered."""
        seen = (Outcome(record.outcome), Outcome.ANSWERED)
        return any(self._decide(session, record, one).urgency is Urgency.CRITICAL for one in seen)

    def number_of(self, record: KnownCall) -> PhoneNumber:
        """The caller's number, opened."""
        digits = self.sealer.open(record.number_sealed) if record.number_sealed else ""
        return self.running().number_of(digits, None)


def _left(call_id: str, message: Message) -> Event:
    data = {"seconds": f"{message.seconds:g}"}
    if message.name and message.sha256:
        data |= {"name": message.name, "sha256": message.sha256}
    key = f"watch:{call_id}:voicemail"
    return Event(call_id, EventKind.VOICEMAIL, EventSource.WATCH, message.at, 0, data, key)
