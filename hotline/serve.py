"""`hotline serve`: runs the AGI door, the web API and the worker, all in one process or each in its own.

APScheduler only wakes; what is due is decided in the database.
"""

import asyncio
import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

import uvicorn
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from agi_scripts import OUTLIVES_HANGUP, scripts
from hotline import bootstrap, broadcast_door, config_door
from hotline.bootstrap import Hotline
from hotline.database_gate import open_when_there
from hotline.into_force import TOLD
from hotline.listener import Listener
from hotline.parts import REPORT_EVERY_SECONDS, report, report_process
from hotline.rounds import FolderLook, agi_part, config_part, is_log_read
from hotline.trunks import TrunkStates
from hotline.watchdog import is_stuck, notify
from hotline.web.serving import web_server
from hotline.worker import Worker
from ivr.agents.feature_codes import AgentPhones
from ivr.calls.broadcast_board import Board
from ivr.calls.broadcast_codes import LeadersPhones
from ivr.calls.channel import Channel
from ivr.calls.desk import CallDesk
from ivr.calls.ledger import Ledger
from ivr.calls.looks import BoundedLooks
from ivr.config_files.running import Running
from ivr.prompts.programs import stop_all
from ivr.telephony.agi_channel import AgiChannel
from ivr.telephony.agi_server import AgiServer, told
from ivr.telephony.agi_session import AgiSession
from ivr.telephony.ami import Ami
from ivr.telephony.ami_blocks import Block
from ivr.telephony.ami_events import CLASSES, WANTED
from ivr.telephony.queue_switch import QueueSwitch
from vocabulary.errors import HotlineError

_log = logging.getLogger(__name__)
ALL_PARTS: Final = ("agi", "web", "worker")
_START_REPORT_EVERY_SECONDS: Final = 0.5
_START_LASTS_SECONDS: Final = 5


@dataclass
class Service:
    """The parts that this process runs; `run` returns after SIGTERM or SIGINT, with everything stopped in order."""

    hotline: Hotline
    only: Sequence[str] = ALL_PARTS
    owner: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}")
    worker: Worker | None = None
    agi: AgiServer | None = None
    board: Board | None = None
    web_task: asyncio.Task[None] | None = None
    asked_early: Collection[int] = ()
    """Signals that came before `run`: what they ask is done then."""
    _has_been_up: bool = False
    _has_compared: bool = False
    _other_seen: str | None = None
    _other_tried: str | None = None
    _folder: FolderLook = field(init=False)

    def __post_init__(self) -> None:
        settings = self.hotline.settings
        voicemails = bootstrap.voicemails(self.hotline)
        hotline = self.hotline
        self.ledger = Ledger(
            lambda: hotline.running, hotline.sealer, settings.zone, voicemails, hotline.ran_earlier
        )
        door = bootstrap.ari_door(settings)
        self.trunks = TrunkStates(door)
        self.ami = Ami(
            host=settings.asterisk_bind,
            port=settings.ami_port,
            username=settings.ami_user,
            secret=bootstrap.secrets_of(settings).ami_secret,
            on_event=self._on_event,
            on_connected=self._on_connected,
            wanted=WANTED,
            event_classes=CLASSES,
            longest_pause=5.0,
        )
        self.switch = QueueSwitch(
            self.ami, bootstrap.sip_accounts(settings, self.hotline.running.configuration.lines.site.language)
        )
        self.hotline.switch = self.switch
        self._stopping = asyncio.Event()
        self._folder = FolderLook(settings)

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        self._listen(loop)
        scheduler = AsyncIOScheduler(timezone=self.hotline.settings.zone)
        tasks: list[asyncio.Task[Any]] = []
        server: uvicorn.Server | None = None
        if "agi" in self.only:
            await self._start_agi()
        if "web" in self.only:
            server = web_server(self.hotline)
            self.web_task = asyncio.create_task(server.serve())
            tasks.append(self.web_task)
        scheduler.start()
        self._every(scheduler, 5, self._say_alive)
        if self.board is not None:
            self._every(scheduler, 1, self._look_at_broadcasts, first_after=0.05)
        notify("READY=1")
        watching = asyncio.create_task(self._stopping.wait())
        opening = asyncio.create_task(open_when_there(self.hotline.database))
        await asyncio.wait([watching, opening, *tasks], return_when=asyncio.FIRST_COMPLETED)
        if opening.done() and opening.exception() is None:
            tasks += await self._start_what_needs_the_database(scheduler)
            await asyncio.wait([watching, *tasks], return_when=asyncio.FIRST_COMPLETED)
        _log.info("stopping")
        stop_all()  # a reload or a broadcast may be waiting for a voice that hangs
        notify("STOPPING=1")
        scheduler.shutdown(wait=False)
        tasks.append(opening)
        await self._stop(tasks, server)
        watching.cancel()

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        for number, take in ((TOLD, self._take_published), (signal.SIGHUP, self._reload)):
            loop.add_signal_handler(number, loop.run_in_executor, None, take)
            if number in self.asked_early:  # looked at behind the handler: none falls between
                loop.run_in_executor(None, take)

    async def _start_what_needs_the_database(self, scheduler: AsyncIOScheduler) -> list[asyncio.Task[Any]]:
        if "worker" in self.only:
            self.worker = Worker(self.hotline, self.ledger, self.ami, self.switch, self.trunks, self.owner)
        await self.ami.start()
        tasks = [self.worker.start(partial(self._every, scheduler))] if self.worker is not None else []
        if {"worker", "agi"} & set(self.only):  # the one places callbacks, the other lets them be dialled
            self._every(scheduler, 5, self._look_at_trunks, first_after=0.3)
        self._every(scheduler, REPORT_EVERY_SECONDS, self._report_parts)
        self._every(
            scheduler,
            _START_REPORT_EVERY_SECONDS,
            self._report_start,
            first_after=0.25,
            only_for=_START_LASTS_SECONDS,
        )
        return tasks

    async def _stop(self, tasks: Sequence[asyncio.Task[Any]], server: uvicorn.Server | None) -> None:
        if self.agi is not None:
            await self.agi.stop()
        if server is not None:
            server.should_exit = True
        for task in tasks:
            if task is not self.web_task:  # that one ends by itself, after the answers under way
                task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        await self.ami.stop()
        self.hotline.database.engine.dispose()
        for result in results:
            if isinstance(result, Exception):
                raise result

    def _every(
        self,
        scheduler: AsyncIOScheduler,
        seconds: float,
        what: Callable[[], Coroutine[Any, Any, object]],
        *,
        first_after: float = 0,
        only_for: float = 0,
    ) -> None:
        """A round that lasts longer than its interval is not started twice; a late one is run once.

        A round that fails comes again: whatever it does, it does by what the database says, so nothing is lost by that. What
        may happen (database or Asterisk away) is a line of the log; a fault of ours is logged by the scheduler, with its trace.
        `first_after`: seconds to the first one, if that shall not wait for a whole interval; `only_for`: to the last.
        """

        async def one_round() -> None:
            try:
                await what()
            except (HotlineError, SQLAlchemyError) as fault:
                _log.error("%s: %s; the next round tries it again", what.__name__.strip("_"), told(fault))
            except asyncio.CancelledError:
                if scheduler.running:  # at its end it breaks rounds off, and would print each as a fault
                    raise

        now = datetime.now(UTC)
        first = {"next_run_time": now + timedelta(seconds=first_after)} if first_after else {}
        scheduler.add_job(
            one_round,
            "interval",
            name=what.__name__.strip("_"),
            seconds=seconds,
            end_date=now + timedelta(seconds=only_for) if only_for else None,
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
            **first,
        )

    async def _start_agi(self) -> None:
        settings, hotline = self.hotline.settings, self.hotline
        self.board = broadcast_door.board_of(hotline)
        self.board.remember()
        desk = CallDesk(
            self.ledger,
            lambda: hotline.running,
            hotline.database.write,
            hotline.now,
            lambda: self.trunks.up,
            self._is_log_read,
            earlier=hotline.ran_earlier,
            look=BoundedLooks(hotline.database.reading),
            voicemails=self.ledger.voicemails,
            on_the_air=self.board.for_call,
        )
        leaders = LeadersPhones(
            lambda: hotline.running,
            hotline.database.writing,
            lambda session, agent_no: broadcast_door.leads(hotline, session, agent_no),
            hotline.now,
        )
        phones = AgentPhones(
            lambda: hotline.running, hotline.database.writing, self.switch, hotline.now, leaders.dial
        )
        routes = {name: _route(name, script) for name, script in scripts(desk, phones).items()}
        peers = [peer.strip() for peer in settings.agi_peers.split(",") if peer.strip()]
        self.agi = AgiServer(
            routes,
            host=settings.agi_bind,
            port=settings.agi_port,
            threads=settings.agi_threads,
            allowed_peers=peers,
            shares_port=tuple(self.only) == ("agi",),  # several such processes stand behind one port
        )
        await self.agi.start()

    async def _on_event(self, block: Block) -> None:
        if self.worker is not None:
            await self.worker.listener.on_event(block)

    async def _on_connected(self) -> None:
        """One process of all brings Asterisk to what the database says: the one with the worker."""
        if self.worker is not None:
            await self.worker.on_connected()

    def _is_log_read(self, session: Session, now: datetime) -> bool:
        return is_log_read(session, self._listener, now)

    @property
    def _listener(self) -> Listener | None:
        return self.worker.listener if self.worker is not None else None

    async def _say_alive(self) -> None:
        """Runs in the loop that accepts calls: if that stands still, or the listener's thread, systemd hears nothing."""
        if self._listener is not None and is_stuck(self._listener.progressed_at, time.monotonic()):
            _log.error("the listener hangs: systemd is told nothing more, and starts this process anew")
            return
        notify("WATCHDOG=1")

    async def _look_at_broadcasts(self) -> None:
        """Before the database is there too: what was on when this machine stopped is on still."""
        if self.board is not None:
            await asyncio.to_thread(self.board.refresh)

    async def _look_at_trunks(self) -> None:
        await asyncio.to_thread(self.trunks.refresh, self.hotline.running.configuration.lines)

    def _reload(self) -> None:
        """SIGHUP, a person's word: take what was published, else the files on disk if they are good."""
        self._take(lambda: config_door.load_asked(self.hotline.settings, self._own_version))

    def _take_published(self) -> None:
        """The word of whoever published: never the files on disk, which may be half edited again."""
        self._take(lambda: config_door.load_told(self.hotline.settings))

    @property
    def _own_version(self) -> str:
        return self.hotline.running.configuration.version

    def _take(self, load: Callable[[], Running]) -> None:
        """Or keep what runs, and say why."""
        try:
            self.hotline.take(load)
            self._folder.look_again()
            _log.info("configuration %s is in force", self.hotline.running.configuration.version)
        except HotlineError as fault:
            _log.error("the new configuration is not taken: %s", fault)
        except Exception:  # a fault of ours would vanish unlogged in the executor; what runs goes on running
            _log.exception("the new configuration is not taken")

    async def _report_parts(self) -> bool:
        """While the database is away it fails, and what was reported last goes stale."""
        is_up = await asyncio.to_thread(self._report_parts_now)
        asyncio.get_running_loop().run_in_executor(None, self._take_what_was_missed)
        return is_up

    def _take_what_was_missed(self) -> None:
        """A set of which nobody told us: published since our start looked, or by somebody who was killed before he could.

        Nobody can tell us before our first report, by which we are found; later ones wait for the next, since whoever
        publishes may be at work still, and take it back where Asterisk refuses it. One that is not good is tried once.
        """
        other = config_door.other_in_force(self.hotline.settings, self._own_version)
        is_missed = other is not None and (not self._has_compared or other == self._other_seen)
        self._has_compared, self._other_seen = True, other
        if is_missed and other != self._other_tried:
            self._other_tried = other
            self._take_published()

    async def _report_start(self) -> None:
        """The parts come up within a second or so, and readiness need not wait for the next usual report."""
        self._has_been_up = self._has_been_up or await self._report_parts()

    def _report_parts_now(self) -> bool:
        """True if every part that runs here is up."""
        now, settings = self.hotline.now(), self.hotline.settings
        other = config_door.other_in_force(settings, self._own_version)
        parts = [config_part(self.hotline.running, self._folder.count(), settings.language, other)]
        if self.agi is not None:
            parts.append(agi_part(self.agi, self.board.names(now) if self.board else []))
        if self.worker is not None:
            parts += self.worker.parts(now)
        with self.hotline.database.writing() as session:
            report_process(session, self.owner, now)
            for part in parts:
                report(session, part.name, part.is_up, part.detail, self.owner, now)
        return all(part.is_up for part in parts)


def _route(name: str, script: Callable[[Channel], None]) -> Callable[[AgiSession], None]:
    return lambda session: script(AgiChannel(session, outlives_hangup=name in OUTLIVES_HANGUP))
