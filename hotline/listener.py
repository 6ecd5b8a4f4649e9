"""The listener: follows queue_log and AMI, and turns what they say into records, tickets, callbacks and agents' states.

One worker holds its lease. What was read and how far are committed together, so an outage is only a longer gap.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from hotline.bootstrap import Hotline
from hotline.leases import LeaseLost, hold, let_go, move_on, note_read_until, position_of
from hotline.log_lines import Consequences, events_of
from hotline.set_aside import is_outage, opened, set_aside, waiting
from ivr.agents.switch import Seat, SwitchNotReached
from ivr.calls.ledger import Ledger
from ivr.telephony.agi_server import told
from ivr.telephony.ami_blocks import Block
from ivr.telephony.ami_events import hint_from
from ivr.telephony.queue_log import LogLine
from ivr.telephony.queue_log_file import LogPosition, QueueLogFile
from tickets.call_events import Event

_log = logging.getLogger(__name__)
LEASE: Final = "listener"
LEASE_SECONDS: Final = 10
RENEWED_EVERY: Final = timedelta(seconds=LEASE_SECONDS / 3)
PAUSE_SECONDS: Final = 0.2
"""Calls that have news in one look share its transaction; a draft and a wrap-up may come so much later."""
STANDBY_SECONDS: Final = 1.0
_MOST_LINES: Final = 500
_TRIES: Final = 3
"""So often a line must fail by itself before it is set aside."""
_SET_ASIDE_AGAIN: Final = timedelta(minutes=10)
_MOST_SET_ASIDE: Final = 100


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
    progressed_at: float = field(default_factory=time.monotonic)
    """When a look last came to an end, well or ill (monotonic)."""
    _position: LogPosition | None = None
    _renewed_at: datetime | None = None
    _hints: deque[Event] = field(default_factory=lambda: deque(maxlen=20_000))
    _one_by_one: int = 0
    _failures: int = 0
    _was_behind: bool = True
    _tried_again_at: datetime | None = None
    _aside_from: int | None = 0
    """The id behind which lines that were set aside are tried again; None: all had their turn."""

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
                    more = not self.is_quiet() and await asyncio.to_thread(self.tick)
                    pause = 0.0 if more else PAUSE_SECONDS if self.is_holding else STANDBY_SECONDS
                except Exception as fault:  # if this task ended the process would, and greet nobody
                    _log.error("listener: a look failed and is taken again: %s", told(fault))
                    pause = min(5.0, max(0.5, pause * 2))
                self.progressed_at = time.monotonic()
                await asyncio.sleep(pause)
        finally:
            await asyncio.to_thread(self._let_go)

    def is_quiet(self) -> bool:
        """We hold the lease, and nothing was said since the last look: one system call, and no transaction."""
        now = self.hotline.now()
        if not self.is_holding or self._hints or self._is_to_renew(now) or self.log_file.has_changed():
            return False
        if self._aside_from is not None:
            return False
        self.read_until = now  # read to its end: what has no line by now did not happen
        return True

    def tick(self) -> bool:
        """Reads what is new; True if there is more to read at once."""
        now = self.hotline.now()
        if not self.is_holding and not self._take_over(now):
            return False
        most = 1 if self._one_by_one else _MOST_LINES
        lines, position = self.log_file.read_new(self._position, most)
        hints = [self._hints.popleft() for _ in range(len(self._hints))]
        is_end = position is not None and len(lines) < most
        try:
            seats = self._take_in(lines, hints, position, now, is_end=is_end)
        except LeaseLost:
            _log.warning("listener: another worker has taken over")
            self.is_holding = False
            return False
        except Exception as fault:  # what a bad line breaks has no class; raised again unless it is one
            self.log_file.not_taken_in()
            if is_outage(fault) or not self._is_to_blame(lines, fault, position, now):
                raise
            seats = []
        self._failures, self._one_by_one = 0, max(0, self._one_by_one - 1)
        if position is not None:
            self._position = position
            if is_end:
                self.read_until = now
        self.lines_read += len(lines)
        self._bring(seats)
        self._try_set_aside_again(now)
        return len(lines) >= most

    def _take_over(self, now: datetime) -> bool:
        with self.hotline.database.writing() as session:
            self.is_holding = hold(session, LEASE, self.owner, now, timedelta(seconds=LEASE_SECONDS))
            position = position_of(session, LEASE) if self.is_holding else None
        self._position = LogPosition.parse(position) if position else None
        self.read_until = None
        # renewed with the first look, which tells all others as well that the log is being read again
        self._renewed_at, self._one_by_one, self._failures = None, 0, 0
        return self.is_holding

    def _is_to_renew(self, now: datetime) -> bool:
        return self._renewed_at is None or not timedelta(0) <= now - self._renewed_at < RENEWED_EVERY

    def _take_in(
        self,
        lines: Sequence[LogLine],
        hints: list[Event],
        position: LogPosition | None,
        now: datetime,
        *,
        is_end: bool,
    ) -> list[Seat]:
        has_caught_up = is_end and self._was_behind  # told at once: callbacks wait for it
        is_to_renew = has_caught_up or self._is_to_renew(now)
        if not lines and not hints and not is_to_renew and position == self._position:
            return []
        with self.hotline.database.writing() as session:
            if is_to_renew and not hold(session, LEASE, self.owner, now, timedelta(seconds=LEASE_SECONDS)):
                raise LeaseLost
            self.ledger.hear(session, events_of(session, lines) + hints, now)
            seats = Consequences(self.hotline.running, self.ledger.zone, now).of(session, lines)
            if position is not None and position != self._position:
                before = None if self._position is None else str(self._position)
                move_on(session, LEASE, before, str(position))
            if is_end and is_to_renew:
                note_read_until(session, LEASE, now)
        self._was_behind = not is_end
        if is_to_renew:
            self._renewed_at = now
        return seats

    def _is_to_blame(
        self, lines: Sequence[LogLine], fault: Exception, position: LogPosition | None, now: datetime
    ) -> bool:
        """After a failed batch the same lines come one by one. One that fails again and again by itself is set aside,
        and reading goes on behind it."""
        self._failures += 1
        if len(lines) != 1 or position is None:
            self._one_by_one = len(lines)
            return False
        if self._failures < _TRIES:
            self._one_by_one = max(1, self._one_by_one)
            return False
        (line,) = lines
        _log.error("queue_log: the line at %s:%d is set aside: %s", line.file_id, line.offset, told(fault))
        with self.hotline.database.writing() as session:
            set_aside(session, line, told(fault), self.hotline.sealer, now)
            move_on(session, LEASE, None if self._position is None else str(self._position), str(position))
        return True

    def _try_set_aside_again(self, now: datetime) -> None:
        """At the start, which may be that of a mended program, and from time to time. Some at each look, until all had
        their turn: those that still fail must not keep the younger ones from theirs."""
        if self._aside_from is None:
            if self._tried_again_at is not None and now - self._tried_again_at < _SET_ASIDE_AGAIN:
                return
            self._aside_from = 0
        with self.hotline.database.reading() as session:
            rows = waiting(session, _MOST_SET_ASIDE, behind=self._aside_from)
        self._aside_from = rows[-1].id if len(rows) == _MOST_SET_ASIDE else None
        self._tried_again_at = now
        for row in rows:
            try:
                line = opened(row, self.hotline.sealer)
                with self.hotline.database.writing() as session:
                    self.ledger.hear(session, events_of(session, [line]), now)
                    Consequences(self.hotline.running, self.ledger.zone, now).of(session, [line])
                    session.delete(row)
            except Exception as fault:  # a line that broke anything before may again: it stays aside
                _log.warning(
                    "queue_log: the line at %s:%d stays aside: %s", row.file_id, row.line_offset, told(fault)
                )

    def _bring(self, seats: Sequence[Seat]) -> None:
        for seat in seats:
            try:
                self.hotline.switch.pause(seat)
            except SwitchNotReached as fault:
                _log.warning("agent %s: %s; the next resynchronisation does it", seat.agent_no, fault)

    def _let_go(self) -> None:
        with self.hotline.database.writing() as session:
            let_go(session, LEASE, self.owner, self.hotline.now())
