"""Calls whose end nobody heard: their channel is gone, and queue_log says nothing of it (a full disk, a lost line).

Only Asterisk's list of living channels can tell. What is concluded is an event like any other, so the record stays what
its events say, and an end that is heard later has the last word.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import Session, col, select

from hotline.database import Database
from ivr.calls.ledger import Ledger
from tickets.call_events import Event, EventKind, EventSource
from tickets.call_records import CallRecord

_log = logging.getLogger(__name__)
LOOK_EVERY_SECONDS: Final = 60
_OLD: Final = timedelta(minutes=3)
"""Younger calls are left alone: their end may be on its way."""
_MOST: Final = 500


@dataclass
class LostEnds:
    """`living` gives the ids of all channels, or None when Asterisk cannot be asked; `read_until`: how far queue_log was
    read by this process, None if another one reads it."""

    database: Database
    ledger: Ledger
    living: Callable[[], Awaitable[Set[str] | None]]
    read_until: Callable[[], datetime | None]
    _absent_since: dict[str, datetime] = field(default_factory=dict)

    async def look(self, now: datetime) -> list[str]:
        """Ends the calls that were absent at the last look too, if queue_log was read past that look. Gives their ids."""
        if self.read_until() is None:
            return []
        open_calls = await asyncio.to_thread(self._open_calls, now)
        channels = await self.living() if open_calls else set()
        if channels is None:
            self._absent_since.clear()
            return []
        before = self._absent_since
        self._absent_since = {
            call_id: before.get(call_id, now) for call_id in open_calls if call_id not in channels
        }
        read_until = self.read_until()
        if read_until is None:
            return []
        gone = {
            call_id: since
            for call_id, since in self._absent_since.items()
            if call_id in before and read_until > since
        }
        if gone:
            await asyncio.to_thread(self._end, gone, now)
        return list(gone)

    def _open_calls(self, now: datetime) -> list[str]:
        with self.database.reading() as session:
            return _open_since(session, now - _OLD)

    def _end(self, gone: dict[str, datetime], now: datetime) -> None:
        events = [
            Event(call_id, EventKind.VANISHED, EventSource.WATCH, since, 0, {}, f"watch:{call_id}:vanished")
            for call_id, since in gone.items()
        ]
        with self.database.writing() as session:
            self.ledger.hear(session, events, now)
        for call_id in gone:
            _log.error("call %s: it is gone, and its end was never heard; the record is closed", call_id)


def _open_since(session: Session, arrived_before: datetime) -> list[str]:
    statement = (
        select(CallRecord.call_id)
        .where(
            col(CallRecord.is_open),
            col(CallRecord.arrived_at) < arrived_before,
            col(CallRecord.number_called) != "",
        )
        .order_by(col(CallRecord.arrived_at))
        .limit(_MOST)
    )
    return list(session.exec(statement))
