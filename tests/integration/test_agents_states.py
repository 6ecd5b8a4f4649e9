"""Agents' states in both databases, and the rounds that keep Asterisk even with them whatever fails."""

import asyncio
import logging
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from sqlmodel import select
from support.fake_switch import FakeSwitch
from support.web_hotline import MORNING, WebHotline

from hotline import asterisk_process, bootstrap, config_door, own_server, rounds, trial
from hotline.asterisk_process import AsteriskFailed, AsteriskProgram
from hotline.database import Database
from hotline.parts import all_parts
from hotline.rounds import end_wrap_ups
from hotline.serve import Service
from hotline.settings import Settings
from hotline.stop_request import StopAsked, StopRequest
from hotline.worker import Worker
from ivr.agents import states
from ivr.agents.switch import Seat
from ivr.agents.tables import AgentEvent, AgentState
from ivr.config_files.published import store_of
from ivr.config_files.running import Running
from ivr.config_files.set_store import put_in_force
from ivr.config_files.unpublished import Unpublished
from ivr.telephony.ami import AmiTimeout
from ivr.telephony.sip_accounts import AsteriskRefused, SipAccounts

LATER = MORNING + timedelta(minutes=1)


@pytest.fixture
def in_wrap_up(web: WebHotline) -> WebHotline:
    """1001 in a wrap-up that is over at LATER."""
    with web.database.writing() as session:
        states.sign_in(session, "1001", "test", MORNING)
        states.begin_wrap_up(session, "1001", 30, MORNING)
    return web


def told(database: Database) -> list[tuple[str, str | None]]:
    with database.reading() as session:
        rows = session.exec(select(AgentEvent).where(AgentEvent.agent_no == "1001").order_by("id"))
        return [(row.what, row.reason) for row in rows if row.what != "added"]


def test_a_wrap_up_ends_once(in_wrap_up: WebHotline) -> None:
    database = in_wrap_up.database
    with database.writing() as session:
        assert states.end_due_wrap_ups(session, MORNING) == []
        seats = states.end_due_wrap_ups(session, LATER)
        assert states.end_due_wrap_ups(session, LATER) == []
    assert [(seat.agent_no, seat.pause_reason) for seat in seats] == [("1001", None)]
    with database.reading() as session:
        state = session.get_one(AgentState, "1001")
        assert (state.pause_reason, state.paused_at, state.wrap_up_until) == (None, None, None)
    assert told(database) == [("signed_in", None), ("paused", "wrap_up"), ("resumed", "wrap_up")]


def test_a_pause_set_between_outlives_the_end_of_the_wrap_up(in_wrap_up: WebHotline) -> None:
    database = in_wrap_up.database
    ended: list[Seat] = []

    def end() -> None:
        with database.writing() as session:
            ended.extend(states.end_due_wrap_ups(session, LATER))

    ending = threading.Thread(target=end)
    with database.writing() as session:
        states.pause(session, "1001", "rest", {"rest"}, "test", LATER)
        session.flush()
        ending.start()
        ending.join(0.7)  # PostgreSQL: it has read the due row and waits for this one's lock
        assert ending.is_alive()
    ending.join(5)
    assert not ending.is_alive()
    assert ended == []
    with database.reading() as session:
        state = session.get_one(AgentState, "1001")
        assert (state.pause_reason, state.paused_at) == ("rest", LATER)
        assert states.current_seat(session, "1001") == Seat(
            "1001", (("general", 0), ("heating", 5)), True, "rest"
        )
    assert told(database)[-1] == ("paused", "rest")


def test_there_is_no_seat_without_an_agent(web: WebHotline) -> None:
    with web.database.reading() as session:
        assert states.current_seat(session, "9999") is None


class Ends(FakeSwitch):
    """`resynchronise` notes what it was given, and raises `fault` if there is one."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[tuple[Sequence[Seat], Sequence[str]]] = []
        self.fault: Exception | None = None

    async def resynchronise(self, read_seats: Callable[[], Sequence[Seat]], all_queues: Sequence[str]) -> int:
        self.given.append((read_seats(), all_queues))
        if self.fault is not None:
            raise self.fault
        return 0

    async def living_channels(self) -> set[str] | None:
        return set()


@pytest.fixture
def service(web: WebHotline, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A worker with a switch that we see into; ARI is not there."""
    service: Any = Service(web.hotline, only=("worker",))
    service.switch = Ends()

    def refuse(_: SipAccounts) -> set[str]:
        raise AsteriskRefused("list its endpoints", 0, "refused")

    monkeypatch.setattr(SipAccounts, "are_current", lambda _: True)
    monkeypatch.setattr(SipAccounts, "existing", refuse)
    return service


@pytest.fixture
def worker(service: Any) -> Any:
    """As the service makes it once the database is there."""
    return Worker(service.hotline, service.ledger, service.ami, service.switch, service.trunks, service.owner)


def test_connecting_does_not_fail_for_the_accounts(worker: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        asyncio.run(worker.on_connected())
    assert len(worker.switch.given) == 1
    assert "list its endpoints" in caplog.text


def test_connecting_fails_when_asterisk_cannot_be_asked(worker: Any) -> None:
    worker.switch.fault = AmiTimeout("no reply")
    with pytest.raises(AmiTimeout):
        asyncio.run(worker.on_connected())


def test_the_round_reads_the_seats_anew(worker: Any, web: WebHotline) -> None:
    asyncio.run(worker._keep_even())
    assert worker.switch.given == []  # not connected: nothing is asked
    worker.ami._ready.set()
    asyncio.run(worker._keep_even())
    with web.database.writing() as session:
        states.sign_in(session, "1001", "test", MORNING)
    worker.switch.fault = AmiTimeout("no reply")
    with pytest.raises(AmiTimeout):
        asyncio.run(worker._keep_even())
    signed_in = [[seat.is_signed_in for seat in seats] for seats, _ in worker.switch.given]
    assert signed_in == [[False, False], [True, False]]
    assert "general" in worker.switch.given[0][1]


@pytest.mark.parametrize("fault", [AmiTimeout("no reply"), ValueError("no reply")])
def test_a_round_that_fails_is_told_and_comes_again(
    service: Any, caplog: pytest.LogCaptureFixture, fault: Exception
) -> None:
    """So do the others beside it. What may happen is one line; a fault of ours is told with its trace."""
    rounds: list[str] = []

    async def fails() -> None:
        rounds.append("fails")
        raise fault

    async def goes_on() -> None:
        rounds.append("goes on")

    async def story() -> None:
        scheduler = AsyncIOScheduler()
        scheduler.start()
        service._every(scheduler, 0.02, fails)
        service._every(scheduler, 0.02, goes_on)
        loop = asyncio.get_running_loop()
        until = loop.time() + 10
        while min(rounds.count("fails"), rounds.count("goes on")) < 2 and loop.time() < until:
            await asyncio.sleep(0.01)
        scheduler.shutdown(wait=False)

    asyncio.run(story())
    assert min(rounds.count("fails"), rounds.count("goes on")) >= 2
    told = next(record for record in caplog.records if record.levelno == logging.ERROR)
    assert "fails" in told.getMessage()
    if isinstance(fault, AmiTimeout):
        assert "no reply" in told.getMessage()
        assert told.getMessage().endswith("; the next round tries it again")
    assert (told.exc_info is not None) == isinstance(fault, ValueError)


def test_accounts_are_looked_after_whenever_asterisk_is_there(
    worker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[object] = []
    monkeypatch.setattr(bootstrap, "put_missing_accounts", looked.append)
    asyncio.run(worker._keep_accounts())
    assert looked == []
    worker.ami._ready.set()
    asyncio.run(worker._keep_accounts())
    assert looked == [worker.hotline]


def test_one_account_that_cannot_be_made_keeps_no_other_back(
    web: WebHotline, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def put(_: SipAccounts, agent_no: str, name: str, secret: str) -> None:
        if agent_no == "1001":
            raise AsteriskRefused("store the auth", 400, "bad")
        made.append(agent_no)

    monkeypatch.setattr(SipAccounts, "are_current", lambda _: True)
    monkeypatch.setattr(SipAccounts, "existing", lambda _: set())
    monkeypatch.setattr(SipAccounts, "put", put)
    bootstrap.put_missing_accounts(web.hotline)
    assert made == ["1002"]


def test_accounts_of_an_older_make_are_renewed_once(web: WebHotline, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    marks: list[str] = []
    monkeypatch.setattr(SipAccounts, "are_current", lambda _: bool(marks))
    monkeypatch.setattr(SipAccounts, "mark_current", lambda _: marks.append("current"))
    monkeypatch.setattr(SipAccounts, "existing", lambda _: {"1001", "1002"})
    monkeypatch.setattr(SipAccounts, "put", lambda _, agent_no, name, secret: made.append(agent_no))
    bootstrap.put_missing_accounts(web.hotline)
    bootstrap.put_missing_accounts(web.hotline)
    assert made == ["1001", "1002"]
    assert marks == ["current"]


def test_a_pause_set_after_the_wrap_up_ended_is_what_asterisk_gets(
    service: Any, in_wrap_up: WebHotline, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_wrap_up.clock = LATER
    end = states.end_due_wrap_ups

    def end_then_pause(session: Any, now: Any) -> list[Seat]:
        seats = end(session, now)
        states.pause(session, "1001", "rest", {"rest"}, "test", now)
        return seats

    monkeypatch.setattr(states, "end_due_wrap_ups", end_then_pause)
    end_wrap_ups(service.hotline, service.switch)
    assert service.switch.pauses == [("1001", "rest")]


def test_a_reload_that_breaks_in_an_unknown_way_is_logged(
    service: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: Settings, _own: str) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr(config_door, "load_asked", fail)
    before = service.hotline.running
    service._reload()
    assert "the disk is gone" in caplog.text
    service._take_published()
    assert "no whole set is there" in caplog.text
    assert service.hotline.running is before


def test_a_server_that_was_not_there_yet_when_a_set_was_published_takes_it_after_its_first_report(
    service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look of its start and its first report nobody who publishes can find it."""
    settings, at_start = service.hotline.settings, service.hotline.running
    later = Running(replace(at_start.configuration, version="later"), at_start.prompts, False)
    monkeypatch.setattr(config_door, "load_told", lambda _: later)
    asyncio.run(service._report_parts())
    assert service.hotline.running is at_start, "nothing was published at all"
    store = store_of(settings.home_dir)
    (store / "later").mkdir(parents=True)
    put_in_force(store, "later", None, None)
    asyncio.run(service._report_parts())
    assert service.hotline.running is at_start, "it can be told by now, by who may be publishing still"
    just_started: Any = Service(service.hotline, only=("worker",))
    asyncio.run(just_started._report_parts())
    assert service.hotline.running is later


def test_a_server_takes_a_set_of_which_nobody_told_it(service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever published was killed between the pointer and telling. /readyz says so meanwhile."""
    settings, at_start = service.hotline.settings, service.hotline.running
    later = Running(replace(at_start.configuration, version="later"), at_start.prompts, False)
    tried: list[str] = []

    def load(_: Settings) -> Running:
        tried.append("later")
        if len(tried) == 1:
            raise config_door.NotTaken("good no more")
        return later

    monkeypatch.setattr(config_door, "load_told", load)
    asyncio.run(service._report_parts())
    assert "reason" not in reported_config(service)
    store = store_of(settings.home_dir)
    (store / "later").mkdir(parents=True)
    put_in_force(store, "later", None, None)
    asyncio.run(service._report_parts())
    assert reported_config(service)["reason"] == "later is in force and does not run here"
    assert tried == [], "who published may be at work still"
    for _ in range(3):
        asyncio.run(service._report_parts())
    assert tried == ["later"], "one that is not good is tried once"
    service._other_tried = None
    asyncio.run(service._report_parts())
    assert service.hotline.running is later
    asyncio.run(service._report_parts())
    assert "reason" not in reported_config(service)


def reported_config(service: Any) -> dict[str, Any]:
    """As /readyz shows it."""
    with service.hotline.database.reading() as session:
        return all_parts(session, service.hotline.now())["config"].detail


def test_a_config_folder_that_hangs_holds_up_no_report(
    service: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    entered, goes_on = threading.Semaphore(0), threading.Event()

    def hang(*_: object) -> None:
        entered.release()
        goes_on.wait(60)
        raise OSError("the folder is gone")

    monkeypatch.setattr(rounds, "unpublished", hang)
    look = rounds.FolderLook(service.hotline.settings, patience=0.01)
    assert look.count() == 0
    assert entered.acquire(timeout=20)
    look.look_again()
    assert look.count() == 0
    assert not entered.acquire(blocking=False), "one at a time"
    goes_on.set()
    assert look._looking is not None
    look._looking.join(20)
    assert "the folder is gone" in caplog.text
    monkeypatch.setattr(rounds, "unpublished", lambda *_: Unpublished(Path(), ("one", "two"), None))
    look.look_again()
    look.patience = 20
    assert look.count() == 2


def test_the_web_server_ends_by_itself_and_the_others_are_cancelled(service: Any) -> None:
    class Server:
        should_exit = False

        async def serve(self) -> str:
            while not self.should_exit:
                await asyncio.sleep(0.01)
            return "in order"

    async def stop() -> None:
        server = Server()
        service.web_task = asyncio.create_task(server.serve())
        other = asyncio.create_task(asyncio.sleep(60))
        await asyncio.sleep(0)
        await service._stop([other, service.web_task], server)
        assert other.cancelled()
        assert service.web_task.result() == "in order"

    asyncio.run(stop())


def test_an_asterisk_that_does_not_come_back_does_not_end_the_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    ended = subprocess.Popen(["true"])
    ended.wait()
    stuck: list[subprocess.Popen[bytes]] = []
    program = AsteriskProgram(("asterisk",), "", "", "22.0")
    asked = StopRequest()
    watched = trial.Trial(Settings(home=tmp_path), program, said.append, asked, lambda _pid: None, ended)

    def start(*_: object) -> subprocess.Popen[bytes]:
        stuck.append(subprocess.Popen(["sleep", "60"]))
        return stuck[-1]

    def wait_until_ready(*_: object) -> None:
        if len(stuck) == 1:
            raise AsteriskFailed("it was not ready after 30 s")
        asked.is_asked = True

    monkeypatch.setattr(asterisk_process, "start", start)
    monkeypatch.setattr(asterisk_process, "wait_until_ready", wait_until_ready)
    monkeypatch.setattr(own_server, "is_alive", lambda *_, **__: True)
    monkeypatch.setattr(trial, "_LOOK_EVERY_SECONDS", 0.01)
    monkeypatch.setattr(trial, "_NEXT_START_AFTER_SECONDS", 0.1)
    try:
        with pytest.raises(StopAsked):
            watched._watch()
        assert len(stuck) == 2
        assert stuck[0].poll() is not None  # the one that hung is not left behind
        assert any("it was not ready" in line and "next try" in line for line in said)
    finally:
        watched.stop()
