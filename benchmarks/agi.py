"""How many AGI sessions a second, and how soon the first reply: our server beside panoramisk's FastAGI.

`python benchmarks agi [--sessions N] [--rounds N] [--database-url URL]` prints one table.
Both say the same AGI commands to the same peer in the same run. Ours also does a database read and a write
in each session (durable: SQLite with synchronous=FULL, or the URL that is given); panoramisk does not.
"""

import argparse
import asyncio
import math
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from panoramisk.fast_agi import Application, Request
from sqlmodel import SQLModel
from support.agi_peer import header

from hotline.database import Database, make_engine
from ivr.telephony.agi_channel import AgiChannel
from ivr.telephony.agi_server import AgiServer
from ivr.telephony.agi_session import AgiSession
from tickets.call_events import Event, EventKind, EventSource, append, of_call
from tickets.connections import connection_of

AT_ONCE = 200
NEW_PER_SECOND = 20
MEASURED_SECONDS = 12.0
SERVERS = ("ours, database", "ours, no database", "panoramisk, no database")


# --- the servers, each in a process of its own ---


def _remember(database: Database, call_id: str) -> None:
    """One read and one write, each a transaction of its own."""
    with database.reading() as session:
        of_call(connection_of(session), call_id)
    greeted = Event(
        call_id, EventKind.GREETED, EventSource.AGI, datetime.now(UTC), 0, {}, key=f"{call_id}:greeted"
    )
    database.write(lambda session: append(session, [greeted]))


def _commands(channel: AgiChannel) -> None:
    channel.allow(30)
    channel.variable("HOTLINE_CALLER")
    channel.play("greeting", "1")
    channel.set_variable("HOTLINE_QUEUE", "main")
    channel.set_variable("HOTLINE_QUEUE_TIMEOUT", "600")


PLAIN_COMMANDS = (
    'SET VARIABLE "TIMEOUT(absolute)" "30"',
    'GET FULL VARIABLE "${HOTLINE_CALLER}"',
    'STREAM FILE "greeting" "1"',
    'SET VARIABLE "HOTLINE_QUEUE" "main"',
    'SET VARIABLE "HOTLINE_QUEUE_TIMEOUT" "600"',
)


async def _serve_ours(database_url: str | None) -> None:
    database = Database(make_engine(database_url)) if database_url else None

    def short(session: AgiSession) -> None:
        if database is not None:
            _remember(database, session.call_id)
        _commands(AgiChannel(session))

    def menu(session: AgiSession) -> None:
        """A caller who stays in the menu: prompts and waits until the peer hangs up."""
        channel = AgiChannel(session)
        while True:
            channel.play("greeting", "12")
            channel.wait_key(2)

    server = AgiServer({"short": short, "menu": menu}, port=0, threads=256)
    await server.start()
    print(server.port, flush=True)
    await asyncio.Event().wait()


async def _serve_panoramisk() -> None:
    async def short(request: Request) -> None:
        for command in PLAIN_COMMANDS:
            await request.send_command(command)

    application = Application(loop=asyncio.get_running_loop())
    application.add_route("short", short)
    server = await asyncio.start_server(application.handler, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


@contextmanager
def _server(kind: str, database_url: str) -> Iterator[tuple[int, int]]:
    """The port and the process id of a fresh server process."""
    command = [
        sys.executable,
        str(Path(__file__).parent),
        "agi",
        "--serve",
        kind,
        "--database-url",
        database_url,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline()), process.pid
        finally:
            process.kill()


# --- Asterisk's part ---


class Peer(asyncio.Protocol):
    """Plays one call: sends the header, answers every line, notes when the first one came."""

    def __init__(
        self, greeting: bytes, on_end: Callable[["Peer"], None], answer_seconds: float = 0.0
    ) -> None:
        self.greeting = greeting
        self.on_end = on_end
        self.answer_seconds = answer_seconds
        self.began = time.perf_counter()
        self.first: float | None = None
        self.commands = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self.greeting)

    def data_received(self, data: bytes) -> None:
        if self.first is None:
            self.first = time.perf_counter() - self.began
        self.commands += data.count(b"\n")
        if self.answer_seconds:
            seconds = random.uniform(0.5, 1.5) * self.answer_seconds
            asyncio.get_running_loop().call_later(
                seconds, self.transport.write, b"200 result=0 endpos=8000\n"
            )
        else:
            self.transport.write(b"200 result=0 endpos=8000\n" * data.count(b"\n"))

    def connection_lost(self, exc: Exception | None) -> None:
        self.on_end(self)


async def _sessions_per_second(port: int, sessions: int, run: str) -> float:
    """`sessions` calls, AT_ONCE of them at one time; every one must have been asked all commands."""
    loop = asyncio.get_running_loop()
    slots = asyncio.Semaphore(AT_ONCE)
    complete: list[bool] = []

    def ended(peer: Peer) -> None:
        complete.append(peer.commands == len(PLAIN_COMMANDS))
        slots.release()

    began = time.perf_counter()
    for n in range(sessions):
        await slots.acquire()
        greeting = header("short", call_id=f"bench-{run}.{n}")
        await loop.create_connection(partial(Peer, greeting, ended), "127.0.0.1", port)
    for _ in range(AT_ONCE):
        await slots.acquire()
    seconds = time.perf_counter() - began
    if complete.count(True) != sessions:
        raise SystemExit(f"only {complete.count(True)} of {sessions} sessions were complete")
    return sessions / seconds


def _giving(peer: Peer) -> Callable[[], Peer]:
    """The factory that asyncio wants, of a peer whose clock runs before the connection is made."""
    return lambda: peer


async def _first_replies(port: int) -> list[float]:
    """Seconds from connect to first command of new calls, while AT_ONCE callers walk in menus."""
    loop = asyncio.get_running_loop()
    held: list[Peer] = []
    new: list[Peer] = []
    for n in range(AT_ONCE):
        peer = Peer(header("menu", call_id=f"bench-held.{n}"), lambda _: None, answer_seconds=1.0)
        held.append(peer)
        await loop.create_connection(_giving(peer), "127.0.0.1", port)
    await asyncio.sleep(3.0)  # all are in their menus and answer at different times
    began = time.perf_counter()
    for n in range(round(MEASURED_SECONDS * NEW_PER_SECOND)):
        await asyncio.sleep(max(0.0, began + n / NEW_PER_SECOND - time.perf_counter()))
        peer = Peer(header("short", call_id=f"bench-new.{n}"), lambda _: None)
        new.append(peer)
        await loop.create_connection(_giving(peer), "127.0.0.1", port)
    await asyncio.sleep(1.0)
    if any(peer.transport.is_closing() for peer in held):
        raise SystemExit("a caller in a menu was dropped")
    times = [peer.first for peer in new if peer.first is not None]
    if len(times) != len(new):
        raise SystemExit(f"{len(new) - len(times)} new calls got no reply")
    return times


# --- the table ---


def _percentile(times: list[float], share: float) -> float:
    return times[min(len(times) - 1, math.ceil(len(times) * share) - 1)] * 1000


def _cpu_seconds(pid: int) -> float:
    """User and system time of a process, from /proc."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _disk(folder: str) -> list[float]:
    """Seconds of each of 200 durable 4 KB writes: what no durable database on this disk can beat."""
    seconds: list[float] = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(200):
            began = time.perf_counter()
            os.write(file.fileno(), bytes(4096))
            os.fdatasync(file.fileno())
            seconds.append(time.perf_counter() - began)
    return sorted(seconds)


@dataclass
class Row:
    rates: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)


def _measure(sessions: int, rounds: int, database_url: str) -> tuple[dict[str, Row], dict[str, list[float]]]:
    rows = {name: Row() for name in SERVERS}
    for n in range(rounds):
        for name in SERVERS if n % 2 == 0 else SERVERS[::-1]:
            with _server(name, database_url) as (port, pid):
                asyncio.run(_sessions_per_second(port, AT_ONCE, f"{os.getpid()}.{n}.warm"))
                cpu = _cpu_seconds(pid)
                rows[name].rates.append(
                    asyncio.run(_sessions_per_second(port, sessions, f"{os.getpid()}.{n}"))
                )
                rows[name].cpu_ms.append((_cpu_seconds(pid) - cpu) / sessions * 1000)
    replies: dict[str, list[float]] = {}
    for name in SERVERS[:2]:
        with _server(name, database_url) as (port, _):
            asyncio.run(_sessions_per_second(port, AT_ONCE, f"{os.getpid()}.warm"))
            replies[name] = sorted(asyncio.run(_first_replies(port)))
    return rows, replies


def _table(rows: dict[str, Row], replies: dict[str, list[float]]) -> Iterator[str]:
    peer = statistics.median(rows[SERVERS[2]].rates)
    yield f"{'':<25}{'sessions/s':>11}{'ratio':>7}{'CPU ms':>8}   rounds"
    for name, row in rows.items():
        median = statistics.median(row.rates)
        cpu, rounds = statistics.median(row.cpu_ms), " ".join(f"{rate:.0f}" for rate in row.rates)
        yield f"{name:<25}{median:>11.0f}{median / peer:>7.2f}{cpu:>8.2f}   {rounds}"
    yield f"{f'first reply, {NEW_PER_SECOND} calls/s,':<25}{'p50 ms':>11}{'p99':>7}{'max':>8}"
    for name, times in replies.items():
        p50, p99, most = (_percentile(times, share) for share in (0.5, 0.99, 1.0))
        yield f"{f'{AT_ONCE} in menus: ' + name:<32}{p50:>4.1f}{p99:>7.1f}{most:>8.1f}   {len(times)} calls"


def _report(sessions: int, rounds: int, database_url: str, folder: str) -> None:
    disk = _disk(folder)
    rows, replies = _measure(sessions, rounds, database_url)
    print(
        f"AGI, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, Python {platform.python_version()}, "
        f"{os.cpu_count()} cores shared by server and peer, load {os.getloadavg()[0]:.1f}; "
        f"{sessions} sessions of {len(PLAIN_COMMANDS)} commands, {AT_ONCE} at once; "
        f"{database_url.partition(':')[0]}"
    )
    for line in _table(rows, replies):
        print(line)
    print(
        f"this disk alone: {len(disk) / sum(disk):.0f} durable 4 KB writes/s one after the other, "
        f"p50 {_percentile(disk, 0.5):.1f} ms, p99 {_percentile(disk, 0.99):.1f} ms"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sessions", type=int, default=1500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--database-url", default="")
    parser.add_argument("--serve", choices=SERVERS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve == SERVERS[2]:
        asyncio.run(_serve_panoramisk())
    elif given.serve:
        asyncio.run(_serve_ours(given.database_url if given.serve == SERVERS[0] else None))
    else:
        with tempfile.TemporaryDirectory() as folder:
            url = given.database_url or f"sqlite:///{folder}/bench.sqlite"
            engine = make_engine(url)
            SQLModel.metadata.create_all(engine)
            engine.dispose()
            _report(given.sessions, given.rounds, url, folder)
