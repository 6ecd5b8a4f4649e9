"""The server starts while the database is away: callers are greeted and queued, and the rest begins when it is there."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.agi_peer import AgiPeer, header
from support.command_line import run_command
from support.databases import PostgresqlServer
from support.sipp import free_port
from support.slim_config import lay_out_with_one_example
from support.waiting import wait_for

from hotline.database import migrate
from tickets.sealing import Sealer

REPOSITORY = Path(__file__).resolve().parents[2]
ARRIVAL = ("13800138000", "12345", "test-loopback", "5", "general", "1795397954.000001")


@dataclass
class Away:
    """A PostgreSQL that is reached by a folder; while that is not there, it is away."""

    home: Path
    server: PostgresqlServer
    true_url: str

    def __post_init__(self) -> None:
        before, _, real = self.true_url.partition("host=")
        assert real.startswith("/"), "the tests' server is reached by a socket in a folder"
        self.real, self.link = Path(real), self.home.parent / "s"
        self.url = f"{before}host={self.link}"
        names = ("HTTP", "AGI", "AMI", "ASTERISK_HTTP")
        self.ports = {name: free_port(socket.SOCK_STREAM) for name in names}
        self.log = self.home.parent / "server.log"

    def comes(self) -> None:
        self.link.symlink_to(self.real)

    @property
    def ours(self) -> dict[str, str]:
        ports = {f"HOTLINE_{name}_PORT": str(port) for name, port in self.ports.items()}
        return {"HOTLINE_HOME": str(self.home), "HOTLINE_DATABASE_URL": self.url, **ports}

    @property
    def environment(self) -> dict[str, str]:
        others = {name: value for name, value in os.environ.items() if not name.startswith("HOTLINE_")}
        return others | self.ours

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "hotline.cli", *words],
            env=self.environment,
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def serve(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as out:
            return subprocess.Popen(
                [sys.executable, "-m", "hotline.cli", "serve"],
                env=self.environment,
                cwd=REPOSITORY,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def parts(self) -> dict[str, Any] | None:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"http://127.0.0.1:{self.ports['HTTP']}/readyz", timeout=5) as answer:
                return dict(json.loads(answer.read())["parts"])
        except urllib.error.HTTPError as answer:
            with answer:
                return dict(json.loads(answer.read())["parts"])
        except OSError:
            return None

    def is_up(self, name: str) -> bool:
        parts = self.parts()
        return parts is not None and bool(parts[name]["is_up"])


@pytest.fixture
def away(tmp_path: Path, postgresql_server: PostgresqlServer) -> Iterator[Away]:
    url = postgresql_server.new_database()
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    lay_out_with_one_example(home / "config")
    (home / "keys").mkdir(mode=0o700)
    yield Away(home, postgresql_server, url)
    postgresql_server.drop(url)


def greeted(port: int) -> str | None:
    """What the server says first to a caller who arrives now."""
    peer = AgiPeer.connected(port, header("incoming_call", arguments=ARRIVAL))
    try:
        return peer.next_line()
    finally:
        peer.socket.close()


def test_callers_are_greeted_before_it_is_there_and_all_begins_when_it_is(away: Away) -> None:
    migrate(away.true_url)
    Sealer.create_file(away.home / "keys" / "keys.json")
    server = away.serve()
    try:
        wait_for(lambda: away.parts() is not None or server.poll() is not None, 60)
        assert server.poll() is None, away.log.read_text()
        parts = away.parts()
        assert parts is not None
        assert {name: part["is_up"] for name, part in parts.items()} == dict.fromkeys(parts, False)
        assert parts["database"]["detail"] == {"reason": "not reached"}
        said = greeted(away.ports["AGI"])
        assert said is not None
        assert said.split()[0] in ("STREAM", "SET", "GET", "EXEC"), said
        assert "the database is away" in away.log.read_text()

        away.comes()
        begun = ("database", "config", "agi", "dispatcher")
        wait_for(lambda: all(away.is_up(name) for name in begun), 30, away.log.read_text()[-3000:])
        assert "the database is there" in away.log.read_text()
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0, away.log.read_text()


def test_it_stops_in_order_while_it_waits(away: Away) -> None:
    Sealer.create_file(away.home / "keys" / "keys.json")
    server = away.serve()
    try:
        wait_for(lambda: away.parts() is not None or server.poll() is not None, 60)
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0, away.log.read_text()
    assert "Traceback" not in away.log.read_text()


def test_one_that_is_not_this_programs_ends_it_in_one_line(away: Away) -> None:
    """Nothing is written into a database that has other tables; the service manager starts it again and again."""
    Sealer.create_file(away.home / "keys" / "keys.json")
    server = away.serve()
    try:
        wait_for(lambda: away.parts() is not None or server.poll() is not None, 60)
        away.comes()
        assert server.wait(30) == 1
    finally:
        server.kill()
        server.wait()
    assert "run `hotline migrate`" in away.log.read_text()
    assert "Traceback" not in away.log.read_text()


def test_without_keys_it_cannot_be_done_without(away: Away) -> None:
    done = away.run("serve")
    assert done.returncode == 1
    assert "there is no file of keys, and the database cannot be asked" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (away.home / "keys" / "keys.json").exists()


def test_a_first_start_without_tables_asks_for_migrate(away: Away) -> None:
    away.comes()
    done = away.run("serve")
    assert done.returncode == 1
    assert "run `hotline migrate`" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (away.home / "keys" / "keys.json").exists()


@pytest.mark.parametrize("words", [("migrate",), ("agent", "list"), ("status",), ("token", "list")])
def test_every_command_says_so_in_one_line(away: Away, words: tuple[str, ...]) -> None:
    Sealer.create_file(away.home / "keys" / "keys.json")
    done = run_command(list(words), away.ours)
    assert done.returncode == 1
    assert "the database cannot be used" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_may_not_be_written_is_one_line_too(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = subprocess.run(
        [sys.executable, "-m", "hotline.cli", "migrate"],
        env={**os.environ, "HOTLINE_HOME": str(tmp_path / "file" / "home")},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("hotline: Not a directory")
    assert done.stderr.count("\n") == 1
