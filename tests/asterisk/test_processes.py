"""Each part in processes of its own beside one Asterisk: they share the work, and any of them may be killed.

Two doors for Asterisk, two workers, one web API, on PostgreSQL, as docs/operations.md has it for processes that share one
database. This hotline is not shared: its processes are killed one by one.
"""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest
from support.command_line import run_command
from support.databases import PostgresqlServer
from support.running_hotline import RunningHotline, assert_nothing_forgotten
from support.sipp import HOST
from support.story_line import Line
from support.waiting import wait_for

Process = subprocess.Popen[bytes]
COMPLETED = {"COMPLETECALLER", "COMPLETEAGENT"}


class Split(RunningHotline):
    """`doors`, `workers` and `web` are the processes; killed ones are taken out."""

    doors: list[Process]
    workers: list[Process]
    web: Process
    killed: list[Process]

    def start_all(self) -> None:
        self.killed = []
        self.doors = [self.start_server("agi", is_awaited=False) for _ in range(2)]
        self.workers = [self.start_server("worker", is_awaited=False) for _ in range(2)]
        self.web = self.start_server("web", is_awaited=False)
        wait_for(self.is_ready, 60, self.server_log[-3000:])

    def kill(self, process: Process) -> None:
        process.send_signal(signal.SIGKILL)
        process.wait(5)
        self.servers.remove(process)
        self.killed.append(process)

    def part(self, name: str) -> dict[str, Any]:
        """What /readyz says of it, ready (200) or not (503)."""
        address = f"http://{HOST}:{self.settings.http_port}/readyz"
        shown: dict[str, Any] = httpx.get(address, trust_env=False, timeout=10).json()["parts"][name]
        return shown

    def holder(self) -> Process:
        """The worker that reads queue_log now."""
        process = self.part("listener")["process"]
        return next(one for one in self.workers if process == name_of(one))


def name_of(process: Process) -> str:
    return f"{socket.gethostname()}:{process.pid}"


@pytest.fixture(scope="module")
def hotline(postgresql_server: PostgresqlServer) -> Iterator[Split]:
    url = postgresql_server.new_database()
    hotline = Split(environment={"HOTLINE_DATABASE_URL": url})
    try:
        hotline.lay_out()
        hotline.start_asterisk()
        hotline.start_all()
        yield hotline
    finally:
        hotline.stop()
        postgresql_server.drop(url)


@pytest.fixture(scope="module")
def line(hotline: Split) -> Iterator[Line]:
    """One line for the whole story: who is signed in stays so, whatever is killed."""
    with closing(hotline.new_line()) as line:
        line.agent(talk=1)
        yield line


def assert_answered(line: Line, citizen: str, *, is_greeted: bool = True) -> None:
    """One call, one record, one ticket."""
    [record] = line.ended(citizen, seconds=25)
    assert record["outcome"] == "answered"
    assert bool(record["greeted_at"]) is is_greeted
    assert len(wait_for(lambda: line.tickets_of(record["call_id"]))) == 1


def called(hotline: Split, line: Line) -> str:
    """A citizen whose call the agent answered and ended, by Asterisk's own account."""
    citizen = hotline.new_citizen()
    before = served(hotline, line)
    assert line.call(citizen, stay=30).wait(40) == 0
    wait_for(lambda: served(hotline, line) == before + 1)
    return citizen


def served(hotline: Split, line: Line) -> int:
    return sum(row[4] in COMPLETED and row[2] == f"q-{line.queue}" for row in hotline.queue_log)


def test_a_call_through_five_processes_becomes_a_ticket(hotline: Split, line: Line) -> None:
    assert_answered(line, called(hotline, line))
    assert hotline.hotline.database.engine.dialect.name == "postgresql"
    assert not list(hotline.home.glob("*.db*")), "nobody fell back to a file of his own"


def test_readyz_of_the_web_process_tells_about_the_parts_of_all(hotline: Split) -> None:
    doors, workers = ({name_of(one) for one in processes} for processes in (hotline.doors, hotline.workers))
    parts = hotline.get("/readyz")["parts"]
    assert parts["agi"]["process"] in doors
    for name in ("listener", "dispatcher", "asterisk", "trunks"):
        assert parts[name]["process"] in workers, name
    assert int(parts["asterisk"]["detail"]["version"].split(".")[0]) >= 22


def test_a_reload_tells_every_process(hotline: Split) -> None:
    before = hotline.server_log.count(" is in force")
    done = run_command(["reload"], hotline.variables)
    assert done.returncode == 0, done.stderr
    wait_for(lambda: hotline.server_log.count(" is in force") == before + len(hotline.servers))


def test_a_worker_is_killed_and_the_other_takes_the_listener_lease(hotline: Split, line: Line) -> None:
    killed = hotline.holder()
    [spare] = [one for one in hotline.workers if one is not killed]
    hotline.kill(killed)
    hotline.workers.remove(killed)
    in_the_gap = called(hotline, line)
    wait_for(lambda: hotline.part("listener")["process"] == name_of(spare), 25)
    assert_answered(line, in_the_gap)
    assert_answered(line, called(hotline, line))
    assert_nothing_forgotten(hotline)


def test_one_agi_process_is_killed_and_the_other_serves(hotline: Split, line: Line) -> None:
    hotline.kill(hotline.doors.pop())
    for citizen in [called(hotline, line) for _ in range(2)]:
        assert_answered(line, citizen)
    assert hotline.part("agi")["is_up"]


def test_without_any_agi_process_callers_reach_the_queue(hotline: Split, line: Line) -> None:
    hotline.kill(hotline.doors.pop())
    assert_answered(line, called(hotline, line), is_greeted=False)
    wait_for(lambda: not hotline.part("agi")["is_up"], 20, "/readyz says that the door is down")
    hotline.doors = [hotline.start_server("agi")]
    assert_answered(line, called(hotline, line))


def test_the_web_process_is_killed_and_calls_go_on(hotline: Split, line: Line) -> None:
    hotline.kill(hotline.web)
    unseen = called(hotline, line)
    hotline.web = hotline.start_server("web")
    assert_answered(line, unseen)
    assert_nothing_forgotten(hotline)


def test_who_was_killed_is_gone_and_nobody_else_died(hotline: Split) -> None:
    assert [process.returncode for process in hotline.killed] == [-signal.SIGKILL] * 4
    for process in hotline.killed:
        with pytest.raises(ProcessLookupError):
            os.kill(process.pid, 0)
    assert [process.poll() for process in hotline.servers] == [None] * 3
    assert set(hotline.servers) == {*hotline.doors, *hotline.workers, hotline.web}
    # and each part that /readyz tells of is one of the living
    parts = hotline.get("/readyz")["parts"]
    living = {name_of(process) for process in hotline.servers}
    assert {part["process"] for part in parts.values() if part.get("process")} <= living
