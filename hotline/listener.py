"""The listener: follows queue_log and AMI, and turns what they say into records, tickets, callbacks and agents' states.

One worker holds its lease. What was read and how far are committed together, so an outage is only a longer gap.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlmodel import Session, col, select

from hotline.bootstrap import Hotline
from hotline.leases import QueueLogPosition, hold, let_go
from ivr.agents import states
from ivr.agents.roster import NoSuchAgent
from ivr.agents.switch import Seat, SwitchNotReached
from ivr.calls.ledger import Ledger
from ivr.telephony.ami_blocks import Block
from ivr.telephony.ami_events import hint_from
from ivr.telephony.queue_log import Entry, LogLine, for_call, parse_line, to_events
from ivr.telephony.queue_log_file import LogPosition, QueueLogFile
from missed_call_redial.attempts import on_dialled, on_dialling, on_placeholder_left, on_reached
from missed_call_redial.callbacks import attempt_of_channel
from tickets.call_events import Event
from tickets.call_records import CallRecord
from vocabulary.hotline_names import LOG_DIALLED, LOG_DIALLING, LOG_REACHED

_log = logging.getLogger(__name__)
LEASE: Final = "listener"
LEASE_SECONDS: Final = 10
PAUSE_SECONDS: Final = 0.1
_MOST_LINES: Final = 500
_FRESH: Final = timedelta(seconds=30)
"""Older lines (read after an outage) still make records, but start no wrap-up and pause nobody."""
_LEFT_UNDIALLED: Final = {
    "ABANDON": "abandoned",
    "EXITWITHTIMEOUT": "timeout",
    "WITHDRAW": "withdrawn",
    "COMPLETECALLER": "accepted, not dialled",
    "COMPLETEAGENT": "accepted, not dialled",
}


@dataclass
class Listener:
    """`tick` runs in a thread; `on_event` in the manager connection's loop."""

    hotline: Hotline
    ledger: Ledger
    log_file: QueueLogFile
    owner: str
    read_until: datetime | None = None
    is_holding: bool = False
    lines_read: int = 0
    _position: LogPosition | None = None
    _renewed_at: datetime | None = None
    _hints: deque[Event] = field(default_factory=lambda: deque(maxlen=20_000))

    async def on_event(self, block: Block) -> None:
        """An AMI event: only a hint, kept for the next tick."""
        hint = hint_from(block, self.hotline.now())
        if hint is not None and self.is_holding:
            self._hints.append(hint)

    async def run(self) -> None:
        """Until cancelled. A failing tick is logged and tried again: nothing was committed, so nothing is lost."""
        pause = PAUSE_SECONDS
        try:
            while True:
                try:
                    more = await asyncio.to_thread(self.tick)
                    pause = 0.0 if more else PAUSE_SECONDS
                except (
                    Exception
                ):  # the door of this part: whatever it was, the next tick reads the same lines again
                    _log.exception("listener: a tick failed; it is tried again")
                    pause = min(5.0, max(0.5, pause * 2))
                await asyncio.sleep(pause)
        finally:
            await asyncio.to_thread(self._let_go)

    def tick(self) -> bool:
        """Reads what is new; True if there is more to read at once."""
        now = self.hotline.now()
        if self._is_quiet(now):
            self.read_until = now
            return False
        hints = [self._hints.popleft() for _ in range(len(self._hints))]
        with self.hotline.database.writing() as session:
            self.is_holding = hold(session, LEASE, self.owner, now, timedelta(seconds=LEASE_SECONDS))
            if not self.is_holding:
                return False
            row = session.get(QueueLogPosition, LEASE)
            lines, position = self.log_file.read_new(
                LogPosition.parse(row.position) if row else None, _MOST_LINES
            )
            self.ledger.hear(session, self._events(session, lines) + hints, now)
            seats = self._act_on(session, lines, now)
            if position is not None:
                self._keep_position(session, row, str(position), now)
        self._position, self._renewed_at = position, now
        if position is not None and len(lines) < _MOST_LINES:
            self.read_until = now  # read to its end: what has no line by now did not happen
        self.lines_read += len(lines)
        self._bring(seats)
        return len(lines) >= _MOST_LINES

    def _is_quiet(self, now: datetime) -> bool:
        """We hold the lease, and nothing was said since the last look: no transaction, ten times a second."""
        if not self.is_holding or self._hints or self._position is None or self._renewed_at is None:
            return False
        if now - self._renewed_at > timedelta(seconds=LEASE_SECONDS / 3):
            return False
        return not self.log_file.read_new(self._position, 1)[0]

    def _events(self, session: Session, lines: Sequence[LogLine]) -> list[Event]:
        events: list[Event] = []
        for line in lines:
            for event in to_events(line):
                if not event.call_id:
                    events += self._restart_of(session, event, events)
                elif attempt_of_channel(event.call_id) is None:
                    events.append(event)
        return events

    def _restart_of(self, session: Session, restart: Event, before: Sequence[Event]) -> list[Event]:
        """Asterisk started anew: every call that was open then has been cut."""
        statement = select(CallRecord.call_id).where(
            col(CallRecord.is_open), col(CallRecord.arrived_at) < restart.at
        )
        open_calls = set(session.exec(statement)) | {event.call_id for event in before}
        return [for_call(restart, call_id) for call_id in sorted(open_calls)]

    def _act_on(self, session: Session, lines: Sequence[LogLine], now: datetime) -> list[Seat]:
        seats: list[Seat] = []
        for line in lines:
            entry = parse_line(line.text)
            if entry is None:
                continue
            at = datetime.fromtimestamp(entry.epoch, UTC)
            attempt = attempt_of_channel(entry.call_id)
            if attempt is not None:
                self._attempt_line(session, attempt, entry, at, now)
            seat = self._agent_line(session, entry, now) if now - at < _FRESH else None
            if seat is not None:
                seats.append(seat)
        return seats

    def _attempt_line(
        self, session: Session, attempt: str, entry: Entry, at: datetime, now: datetime
    ) -> None:
        policy, zone = self.hotline.running.configuration.callbacks, self.ledger.zone
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

    def _agent_line(self, session: Session, entry: Entry, now: datetime) -> Seat | None:
        queue = self.hotline.running.configuration.lines.queue(entry.queue)
        if queue is None or not entry.agent.isdecimal():
            return None
        try:
            if entry.event == "RINGNOANSWER":
                return states.ring_missed(session, entry.agent, queue.missed_rings_pause, now)
            if entry.event == "CONNECT":
                states.ring_answered(session, entry.agent)
            if entry.event in ("COMPLETECALLER", "COMPLETEAGENT"):
                return states.begin_wrap_up(session, entry.agent, queue.wrap_up_seconds, now)
        except NoSuchAgent as fault:
            _log.warning("queue_log names an agent whom we do not know: %s", fault)
        return None

    def _keep_position(
        self, session: Session, row: QueueLogPosition | None, position: str, now: datetime
    ) -> None:
        row = row or QueueLogPosition(name=LEASE, position=position, read_until=now)
        row.position, row.read_until = position, now
        session.add(row)

    def _bring(self, seats: Sequence[Seat]) -> None:
        queues = [queue.name for queue in self.hotline.running.configuration.lines.queues]
        for seat in seats:
            try:
                self.hotline.switch.bring(seat, queues)
            except SwitchNotReached as fault:
                _log.warning("agent %s: %s; the next resynchronisation does it", seat.agent_no, fault)

    def _let_go(self) -> None:
        with self.hotline.database.writing() as session:
            let_go(session, LEASE, self.owner, self.hotline.now())


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() else None
