"""What `hotline serve --only worker` runs: the listener, the dispatcher, and the rounds that bring Asterisk and the tickets to
what the database says.

`hotline/serve.py` starts and stops it; what a round does is in `hotline/rounds.py` and further down.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol

from sqlalchemy.exc import SQLAlchemyError

from hotline import asterisk_changes, asterisk_version, bootstrap
from hotline.bootstrap import Hotline
from hotline.listener import Listener
from hotline.lost_ends import LOOK_EVERY_SECONDS, LostEnds
from hotline.rounds import (
    DraftsInVain,
    Part,
    end_wrap_ups,
    has_debts,
    is_log_read,
    live_queue,
    log_read_until,
    on_duty,
    queue_of_number,
    take_over_waiting,
    ways,
    worker_parts,
)
from hotline.trunks import TrunkStates
from ivr.agents import states
from ivr.agents.switch import Seat
from ivr.calls.ledger import Ledger
from ivr.telephony.ami import Ami
from ivr.telephony.ami_dialer import AmiDialer
from ivr.telephony.queue_log_file import QueueLogFile
from ivr.telephony.queue_switch import QueueSwitch
from missed_call_redial.dispatcher import Dispatcher
from vocabulary.errors import HotlineError
from vocabulary.phone_numbers import national

_log = logging.getLogger(__name__)
_RESYNCHRONISE_EVERY_SECONDS: Final = 20
_DRAFTS_EVERY_SECONDS: Final = 5
_WAITING_FILES_EVERY_SECONDS: Final = 15


class Every(Protocol):
    """Has a round come every so many seconds; the first after as many, or after `first_after`."""

    def __call__(
        self, seconds: float, what: Callable[[], Coroutine[Any, Any, object]], *, first_after: float = 0
    ) -> None: ...


@dataclass
class Worker:
    """To be made when the database is there: from then on the listener's looks are watched."""

    hotline: Hotline
    ledger: Ledger
    ami: Ami
    switch: QueueSwitch
    trunks: TrunkStates
    owner: str
    last_tick: datetime | None = None
    """When the dispatcher last ended a look without a fault."""
    asterisk_version: str | None = None
    listener: Listener = field(init=False)

    def __post_init__(self) -> None:
        queue_log = QueueLogFile(self.hotline.settings.queue_log_path)
        self.listener = Listener(self.hotline, self.ledger, queue_log, self.owner)
        self.dispatcher = self._dispatcher()
        self.lost_ends = LostEnds(
            self.hotline.database,
            self.ledger,
            self.switch.living_channels,
            lambda: self.listener.read_until if self.listener.is_holding else None,
        )
        self.drafts_in_vain = DraftsInVain(self.hotline.database, self.ledger)

    def start(self, every: Every) -> asyncio.Task[None]:
        """All of its rounds; the task is the listener's, which ends when it is cancelled."""
        every(LOOK_EVERY_SECONDS, self._look_for_lost_ends)
        every(1, self._dispatch, first_after=0.3)
        every(1, self._end_wrap_ups)
        every(_DRAFTS_EVERY_SECONDS, self._settle_drafts)
        every(_WAITING_FILES_EVERY_SECONDS, self._take_over_waiting)
        every(_RESYNCHRONISE_EVERY_SECONDS, self._keep_even)
        every(_RESYNCHRONISE_EVERY_SECONDS, self._keep_accounts)
        return asyncio.create_task(self.listener.run())

    async def on_connected(self) -> None:
        """Asterisk is (again) there: bring its queues to what the database says."""
        changes = await self._resynchronise()
        self.asterisk_version = await asterisk_version.look(self.ami)
        try:
            await asyncio.to_thread(bootstrap.put_missing_accounts, self.hotline)
        except (HotlineError, SQLAlchemyError, ValueError) as fault:  # the last: what ARI answered is no JSON
            # raised, it would drop the connection; no call waits for accounts, and the next round tries it again
            _log.warning("SIP accounts were not looked after: %s: %s", type(fault).__name__, fault)
        _log.info("Asterisk connected, %d changes brought its queues up to date", changes)

    def parts(self, now: datetime) -> list[Part]:
        """What is up of all this."""
        with self.hotline.database.reading() as session:
            read_until = log_read_until(session, self.listener)
        return worker_parts(
            self.listener,
            self.ami,
            self.trunks,
            self.hotline.running.configuration.lines,
            self.last_tick,
            self.dispatcher.not_by_plan,
            read_until,
            now,
            self.asterisk_version,
        )

    def _dispatcher(self) -> Dispatcher:
        hotline = self.hotline
        return Dispatcher(
            hotline.database,
            AmiDialer(
                self.ami,
                lambda: self.trunks.can_dial_out(hotline.running.configuration.lines),
                lambda: ways(hotline.running, self.trunks.up),
            ),
            policy=lambda: hotline.running.configuration.callbacks,
            zone=hotline.settings.zone,
            open_number=self._national_digits,
            log_read_until=lambda: self.listener.read_until,
            is_log_read=lambda session, now: is_log_read(session, self.listener, now),
            owner=self.owner,
            on_duty=on_duty,
            live_queue=lambda name: live_queue(hotline.running.configuration.lines, name),
            default_queue=lambda number: queue_of_number(hotline.running.configuration.lines, number),
        )

    def _national_digits(self, sealed: str) -> str:
        return national(self.hotline.running.number_of(self.hotline.sealer.open(sealed), None))

    async def _keep_even(self) -> None:
        """Between connections: changes that were made without Asterisk (CLI), refused, or lost."""
        if self.ami.is_connected and (changes := await self._resynchronise()):
            _log.info("%d changes brought Asterisk's queues up to date", changes)

    async def _resynchronise(self) -> int:
        names = [queue.name for queue in self.hotline.running.configuration.lines.queues]
        return await self.switch.resynchronise(self._all_seats, names)

    def _all_seats(self) -> list[Seat]:
        with self.hotline.database.reading() as session:
            return states.all_seats(session)

    async def _keep_accounts(self) -> None:
        if self.ami.is_connected:
            await asyncio.to_thread(bootstrap.put_missing_accounts, self.hotline)

    async def _dispatch(self) -> None:
        if await asyncio.to_thread(self._has_debts):
            await self.dispatcher.tick(self.hotline.now())
        else:
            self.dispatcher.nothing_is_owed()
        self.last_tick = self.hotline.now()

    def _has_debts(self) -> bool:
        with self.hotline.database.reading() as session:
            return has_debts(session)

    async def _end_wrap_ups(self) -> None:
        await asyncio.to_thread(end_wrap_ups, self.hotline, self.switch)

    async def _settle_drafts(self) -> None:
        await asyncio.to_thread(self.drafts_in_vain.settle, self.hotline.now())

    async def _look_for_lost_ends(self) -> None:
        await self.lost_ends.look(self.hotline.now())

    async def _take_over_waiting(self) -> None:
        """Changes of Asterisk's files that waited for an idle moment (hotline reload said so)."""
        if asterisk_changes.has_waiting(self.hotline.settings):
            await asyncio.to_thread(take_over_waiting, self.hotline.settings)
