"""What a process of the server looks at every few seconds: debts, wrap-ups, waiting files, and which of its parts are up.

`hotline/serve.py` and `hotline/worker.py` say how often.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from threading import Thread
from typing import Any, Final, Protocol

from sqlalchemy import exists, literal, select
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col

from hotline import asterisk_changes, asterisk_process, asterisk_version, config_door, leases
from hotline.bootstrap import Hotline
from hotline.database import Database, DatabaseIsBusy
from hotline.listener import LEASE, LEASE_SECONDS, Listener
from hotline.parts import NOT_BY_PLAN
from hotline.problem_words import Language, marked
from hotline.settings import Settings
from hotline.trunks import TrunkStates
from ivr.agents import states
from ivr.agents.switch import Switch, SwitchNotReached
from ivr.calls.drafts_in_vain import MOST, TOLD_LATE, closed_too_early, left_open, settle_draft
from ivr.calls.ledger import Ledger
from ivr.config_files.running import Running
from ivr.config_files.unpublished import unpublished
from ivr.lines import Lines
from ivr.telephony.agi_server import AgiServer
from ivr.telephony.ami import Ami
from missed_call_redial.callbacks import Attempt, AttemptState, Callback, CallbackState
from missed_call_redial.dialer import Ways
from missed_call_redial.queue_line import OnDuty
from tickets.connections import connection_of
from vocabulary.errors import HotlineError

_log = logging.getLogger(__name__)
_FOLDER_EVERY: Final = 15.0
_FOLDER_PATIENCE: Final = 1.0
# Named one by one: "not closed" would read every row that there ever was.
_OPEN: Final = [state.value for state in CallbackState if state is not CallbackState.CLOSED]
_RUNNING: Final = [state.value for state in AttemptState if state is not AttemptState.DONE]
_DEBTS: Final = select(literal(1)).where(
    exists().where(col(Callback.state).in_(_OPEN)) | exists().where(col(Attempt.state).in_(_RUNNING))
)


def has_debts(session: Session) -> bool:
    """Some callback is open, or some attempt has not come to its end. Asked every second, so it costs next to nothing."""
    return connection_of(session).execute(_DEBTS).first() is not None


def end_wrap_ups(hotline: Hotline, switch: Switch) -> None:
    """Agents whose wrap-up time is over take calls again."""
    with hotline.database.reading() as session:
        if not states.has_due_wrap_ups(session, hotline.now()):
            return
    with hotline.database.writing() as session:
        seats = states.end_due_wrap_ups(session, hotline.now())
    for agent_no in [seat.agent_no for seat in seats]:
        with hotline.database.reading() as session:  # the agent may have paused since
            seat = states.current_seat(session, agent_no)
        if seat is None:
            continue
        try:
            switch.pause(seat)
        except SwitchNotReached as fault:
            _log.warning("agent %s: %s; the next resynchronisation does it", agent_no, fault)


@dataclass
class DraftsInVain:
    """What ended in vain is looked for in a round of its own, since many things close a debt."""

    database: Database
    ledger: Ledger
    _looked_at: dict[str, int] = field(default_factory=dict)
    """The last one of each look: some stay as they are for good reasons, and must not keep the others from their turn."""

    def settle(self, now: datetime) -> list[int]:
        """The ids of the tickets that were closed, opened again, or given to another agent."""
        since = now - self.ledger.running().configuration.callbacks.deadline - TOLD_LATE
        changed = self._go_through("left open", left_open, now)
        return changed + self._go_through("closed too early", partial(closed_too_early, since=since), now)

    def _go_through(self, look: str, tickets: "_Look", now: datetime) -> list[int]:
        """Each ticket in a transaction of its own: calls come in between, and one that fails keeps no other back."""
        with self.database.reading() as session:
            found = tickets(session, after=self._looked_at.get(look, 0))
        changed = []
        for ticket_id in found:
            self._looked_at[look] = ticket_id
            try:
                with self.database.writing() as session:
                    if settle_draft(session, self.ledger, ticket_id, now):
                        changed.append(ticket_id)
            except (DatabaseIsBusy, OperationalError):
                raise  # others would fare no better now; the next round goes on behind this one
            except Exception:  # whatever is wrong with this ticket: the others are not kept back by it
                _log.exception("the draft ticket %d was not settled", ticket_id)
        if len(found) < MOST:
            self._looked_at[look] = 0
        return changed


class _Look(Protocol):
    def __call__(self, session: Session, /, *, after: int) -> list[int]: ...


def take_over_waiting(settings: Settings) -> None:
    """Changes of Asterisk's files that waited for an idle moment: now, if it is one."""
    try:
        program = asterisk_process.find(settings.asterisk_root)
        asterisk_changes.take_over_waiting(settings, program, config_door.etc_dir(settings))
    except HotlineError as fault:
        _log.warning("changes of Asterisk's files go on waiting: %s", fault)


def on_duty(session: Session) -> list[OnDuty]:
    """Who is signed in."""
    return [
        OnDuty(seat.agent_no, frozenset(queue for queue, _ in seat.queues), seat.pause_reason is not None)
        for seat in states.all_seats(session)
        if seat.is_signed_in
    ]


@dataclass(frozen=True)
class Part:
    """One of PARTS, as this process finds it. `detail` is shown by /readyz."""

    name: str
    is_up: bool
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass
class FolderLook:
    """How many files in the config folder are not in force; looked up now and then, since it reads them all.

    In a thread of its own, one at a time: where the folder hangs (a network's) the last count stands, and the reports go on.
    """

    settings: Settings
    patience: float = _FOLDER_PATIENCE
    _count: int = 0
    _next_at: float = 0.0
    _looking: Thread | None = None

    def count(self) -> int:
        is_looking = self._looking is not None and self._looking.is_alive()
        if not is_looking and time.monotonic() >= self._next_at:
            self._next_at = time.monotonic() + _FOLDER_EVERY
            self._looking = Thread(target=self._look, name="config-folder", daemon=True)  # holds up no exit
            self._looking.start()
            self._looking.join(self.patience)
        return self._count

    def _look(self) -> None:
        try:
            found = unpublished(self.settings.config_dir, self.settings.home_dir)
        except (OSError, ValueError):  # a folder that hangs or may not be entered, a name that is none
            _log.exception("%s: which files are not in force cannot be told", self.settings.config_dir)
        else:
            self._count = len(found.files) if found else 0

    def look_again(self) -> None:
        self._next_at = 0.0


def config_part(
    running: Running, unpublished_files: int = 0, language: Language | None = None, other: str | None = None
) -> Part:
    """`unpublished_files`: so many lie in the config folder and are not in force. `language`: of whom `hotline status` tells the
    problems. `other`: the set that is in force and does not run here."""
    not_taken = {"reason": f"{other} is in force and does not run here"} if other else {}
    problems = [marked(problem, language) for problem in running.problems[:20]]
    return Part(
        "config",
        True,
        {
            "version": running.configuration.version,
            "is_degraded": running.is_impaired,
            "is_silent_in_part": running.prompts.fault is not None,
            "problems": problems,
            "unpublished_files": unpublished_files,
            **not_taken,
        },
    )


def agi_part(agi: AgiServer, broadcasts: Sequence[str] = ()) -> Part:
    """`broadcasts`: names of those that callers hear now."""
    detail = {"busy": agi.busy, "threads": agi.threads, **vars(agi.counters)}
    return Part("agi", agi.port > 0, detail | ({"broadcasts": list(broadcasts)} if broadcasts else {}))


def worker_parts(
    listener: Listener,
    ami: Ami,
    trunks: TrunkStates,
    lines: Lines,
    last_tick: datetime | None,
    not_by_plan: int,
    log_read_until: datetime | None,
    now: datetime,
    version: str | None = None,
) -> list[Part]:
    """`last_tick`: when the dispatcher last ended a look without a fault; `not_by_plan`: so many debts wait for a plan;
    `log_read_until`: by whichever worker; `version`: of Asterisk, if it said so."""
    parts = [_asterisk_part(ami, version)]
    if listener.is_holding:  # a spare worker says nothing; a dead holder goes stale
        parts.append(Part("listener", _is_fresh(listener.read_until, now), _listener_detail(listener)))
    why = [_why_all_wait(log_read_until, now), trunks.why_callbacks_wait(lines), _why_some_wait(not_by_plan)]
    reason = "; ".join(word for word in why if word)
    detail = {NOT_BY_PLAN: not_by_plan} | ({"reason": reason} if reason else {})
    parts.append(Part("dispatcher", _is_fresh(last_tick, now), detail))
    parts.append(Part("trunks", trunks.is_up(lines), dict(trunks.states)))
    return parts


def _asterisk_part(ami: Ami, version: str | None) -> Part:
    detail = {"version": version} if version else {}
    reason = asterisk_version.why_not(version) if ami.is_connected else ami.trouble
    return Part("asterisk", reason is None, detail | ({"reason": reason} if reason is not None else {}))


def _why_all_wait(log_read_until: datetime | None, now: datetime) -> str | None:
    if _is_fresh(log_read_until, now):
        return None
    since = "yet" if log_read_until is None else f"since {log_read_until.isoformat(timespec='seconds')}"
    return f"nobody is rung back: queue_log was not read to its end {since}"


def _why_some_wait(not_by_plan: int) -> str | None:
    return f"{not_by_plan} callbacks wait: no trunk's allow_out has their numbers" if not_by_plan else None


def log_read_until(session: Session, listener: Listener | None) -> datetime | None:
    """When some worker read queue_log to its end. Ours, if it is the one, knows better than what was written for all some
    seconds ago: its own is fresher, and before its first reading what its predecessor wrote is too old, however young."""
    told = leases.read_until(session, LEASE)
    if listener is None or not listener.is_holding:
        return told
    own = listener.read_until
    return own if own is None or told is None else max(own, told)


def is_log_read(session: Session, listener: Listener | None, now: datetime) -> bool:
    """What has no line yet did not happen: nobody called again, and was answered, while nobody of us looked."""
    return _is_fresh(log_read_until(session, listener), now)


def live_queue(lines: Lines, name: str) -> str:
    """A debt whose queue was taken out of the files is paid in the first number's own queue."""
    return name if lines.queue(name) else lines.numbers[0].queue


def ways(running: Running, up: frozenset[str]) -> Ways:
    """What may be dialled over which trunk, by the files in force, and which trunks answer."""
    return Ways(
        running.configuration.version,
        lambda digits: frozenset(trunk.name for trunk in running.trunks_allowing(digits)),
        up,
    )


def queue_of_number(lines: Lines, number: str) -> str | None:
    """Its default queue; None if it is in the files no more."""
    called = lines.number(number)
    return called.queue if called else None


def _is_fresh(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and (now - moment).total_seconds() < LEASE_SECONDS


def _listener_detail(listener: Listener) -> dict[str, Any]:
    detail: dict[str, Any] = {"lines_read": listener.lines_read}
    silent = time.monotonic() - listener.progressed_at
    if silent > LEASE_SECONDS:
        detail["reason"] = f"its look has not ended for {silent:.0f} s"
    return detail
