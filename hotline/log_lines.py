"""What lines of queue_log do beside becoming events: they carry attempts on, and drive agents' wrap-up and missed rings.

Everything works inside the caller's transaction, and may be done again after it failed.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from sqlmodel import Session, col, select

from ivr.agents import states
from ivr.agents.roster import NoSuchAgent
from ivr.agents.switch import Seat
from ivr.config_files.running import Running
from ivr.telephony.queue_log import Entry, LogLine, for_call, parse_line, to_events
from missed_call_redial.attempts import on_dialled, on_dialling, on_placeholder_left, on_reached
from missed_call_redial.callbacks import attempt_of_channel
from tickets.call_events import Event
from tickets.call_records import CallRecord
from vocabulary.hotline_names import LOG_DIALLED, LOG_DIALLING, LOG_REACHED

_log = logging.getLogger(__name__)
_FRESH: Final = timedelta(seconds=30)
"""Older lines (read after an outage) still make records, but start no wrap-up and pause nobody."""
_LEFT_UNDIALLED: Final = {
    "ABANDON": "abandoned",
    "EXITWITHTIMEOUT": "timeout",
    "WITHDRAW": "withdrawn",
    "COMPLETECALLER": "accepted, not dialled",
    "COMPLETEAGENT": "accepted, not dialled",
}


def events_of(session: Session, lines: Sequence[LogLine]) -> list[Event]:
    """What the lines say about citizens' calls; a restart of Asterisk is said of every call that was open then."""
    events: list[Event] = []
    for line in lines:
        for event in to_events(line):
            if not event.call_id:
                events += _restart_of(session, event, events)
            elif attempt_of_channel(event.call_id) is None:
                events.append(event)
    return events


def _restart_of(session: Session, restart: Event, before: Sequence[Event]) -> list[Event]:
    statement = select(CallRecord.call_id).where(
        col(CallRecord.is_open), col(CallRecord.arrived_at) < restart.at
    )
    open_calls = set(session.exec(statement)) | {event.call_id for event in before}
    return [for_call(restart, call_id) for call_id in sorted(open_calls)]


@dataclass(frozen=True)
class Consequences:
    """Of lines that were read at `now`, under the configuration in force."""

    running: Running
    zone: tzinfo
    now: datetime

    def of(self, session: Session, lines: Sequence[LogLine]) -> list[Seat]:
        """Gives the agents whose pause the switch has to be told after the commit."""
        seats: list[Seat] = []
        for line in lines:
            entry = parse_line(line.text)
            if entry is None:
                continue
            at = datetime.fromtimestamp(entry.epoch, UTC)
            attempt = attempt_of_channel(entry.call_id)
            if attempt is not None:
                self._attempt_line(session, attempt, entry, at)
            seat = self._agent_line(session, entry) if self.now - at < _FRESH else None
            if seat is not None:
                seats.append(seat)
        return seats

    def _attempt_line(self, session: Session, attempt: str, entry: Entry, at: datetime) -> None:
        policy, zone, now = self.running.configuration.callbacks, self.zone, self.now
        if entry.event == LOG_DIALLING:
            on_dialling(session, attempt, at)
        elif entry.event == LOG_REACHED:
            on_reached(session, attempt, at)
        elif entry.event == LOG_DIALLED:
            on_dialled(
                session,
                attempt,
                entry.field(2),
                _whole(entry.field(3)),
                entry.field(5),
                float(_whole(entry.field(4)) or 0),
                at,
                policy=policy,
                zone=zone,
                now=now,
                saw_ringing=bool(_whole(entry.field(6))),
            )
        elif entry.event in _LEFT_UNDIALLED:
            on_placeholder_left(
                session, attempt, _LEFT_UNDIALLED[entry.event], at, policy=policy, zone=zone, now=now
            )

    def _agent_line(self, session: Session, entry: Entry) -> Seat | None:
        queue = self.running.configuration.lines.queue(entry.queue)
        if queue is None or not entry.agent.isdecimal():
            return None
        try:
            if entry.event == "RINGNOANSWER":
                return states.ring_missed(session, entry.agent, queue.missed_rings_pause, self.now)
            if entry.event == "CONNECT":
                states.ring_answered(session, entry.agent)
            if entry.event in ("COMPLETECALLER", "COMPLETEAGENT"):
                return states.begin_wrap_up(session, entry.agent, queue.wrap_up_seconds, self.now)
        except NoSuchAgent as fault:
            _log.warning("queue_log names an agent whom we do not know: %s", fault)
        return None


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() else None
