"""A whole hotline for the asterisk stories: a real Asterisk, the real server as a process of its own, free ports, its own folder.

Every story gets a line of its own (a number, a queue, agents), so stories share one hotline and do not meet.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import yaml
from support import sounds_kept
from support.phones import Telephones
from support.short_words import short_words
from support.sipp import HOST, Sipp, free_port
from support.slim_config import leave_out_examples
from support.story_line import Line
from support.waiting import wait_for

from hotline import accounts, asterisk_process, bootstrap, config_door, database, defaults_door
from hotline.settings import Settings
from ivr.config_files.published import NoGoodConfiguration
from ivr.config_files.running import Running
from missed_call_redial.owing import nothing_forgotten

REPOSITORY = Path(__file__).resolve().parents[2]
LINES = 60
_HOTLINES = count(1)


def private_root() -> Path | None:
    """The Asterisk that scripts/test prepared; None: the one on the PATH."""
    named = os.environ.get("HOTLINE_ASTERISK_ROOT")
    found = Path(named) if named else REPOSITORY / ".cache" / "asterisk-root"
    return found if found.exists() else None


Change = Callable[[dict[str, Any]], None]


@dataclass
class RunningHotline:
    """Start order: lay_out, start_asterisk, start_server. `stop` ends all, whatever state it is in."""

    changes: Mapping[str, Change] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    asterisk: subprocess.Popen[bytes] | None = None
    servers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="hotline-")
        self.home = Path(self._folder.name)
        self.citizen_port = free_port()
        rtp = 20000 + 60 * (os.getpid() % 100) + 6000 * (next(_HOTLINES) % 2)
        ports = {
            "HOTLINE_HOME": str(self.home),
            "HOTLINE_HTTP_PORT": str(free_port(socket.SOCK_STREAM)),
            "HOTLINE_SIP_PORT": str(free_port()),
            "HOTLINE_AGI_PORT": str(free_port(socket.SOCK_STREAM)),
            "HOTLINE_AMI_PORT": str(free_port(socket.SOCK_STREAM)),
            "HOTLINE_ASTERISK_HTTP_PORT": str(free_port(socket.SOCK_STREAM)),
            "HOTLINE_RTP_START": str(rtp),
            "HOTLINE_RTP_END": str(rtp + 1999),
            "HOTLINE_AGI_STEP_SECONDS": "3",
        }
        root = private_root()
        if root is not None:
            ports["HOTLINE_ASTERISK_ROOT"] = str(root)
        self.variables = ports | dict(self.environment)
        given: dict[str, Any] = {
            key.removeprefix("HOTLINE_").lower(): value for key, value in self.variables.items()
        }
        self.settings = Settings(**given)
        self._lines = count(1)
        self._citizens = count(1)
        self._citizens_phones = Telephones(self.settings.sip_port)
        self.token = ""
        self._ends = ExitStack()

    # -- laying out ---------------------------------------------------------------------------------------------------

    def lay_out(self) -> None:
        """Config files for tests: short prompts and times, one number and queue for each story, then database and token."""
        defaults_door.lay_out(self.settings.config_dir)
        for name, change in {**TEST_CHANGES, **self.changes}.items():
            self.change(name, change)
        leave_out_examples(self.settings.config_dir, {*self.changes})
        self.change("hotline.yaml", lambda found: found["trunks"][0].update(port=self.citizen_port))
        sounds_kept.lay_in(self.settings)
        running = self._published()
        sounds_kept.keep(self.settings)
        self.program = asterisk_process.find(self.settings.asterisk_root)
        config_door.render_asterisk(self.settings, self.program, running)
        database.migrate(self.settings.database)
        self.hotline = bootstrap.build(self.settings)
        self._ends.callback(self.hotline.database.engine.dispose)
        with self.hotline.database.writing() as session:
            self.token = accounts.create_token(
                session, accounts.Role.ADMIN, None, "tests", self.hotline.now()
            )

    def _published(self) -> Running:
        try:
            running = config_door.load(self.settings)
        except NoGoodConfiguration as bad:
            raise AssertionError("\n".join(map(str, bad.problems))) from bad
        assert not running.problems, "\n".join(map(str, running.problems))
        return running

    def change(self, name: str, change: Change) -> None:
        path = self.settings.config_dir / name
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
        change(found)
        path.write_text(yaml.safe_dump(found, allow_unicode=True, sort_keys=False), encoding="utf-8")

    # -- the two processes --------------------------------------------------------------------------------------------

    def start_asterisk(self) -> None:
        log = self.settings.asterisk_dir / "log" / "console.log"
        folder = config_door.etc_dir(self.settings)
        self.asterisk = asterisk_process.start(self.program, folder, log)
        asterisk_process.wait_until_ready(self.program, folder, self.asterisk, log)

    def start_server(self, *only: str, is_awaited: bool = True) -> subprocess.Popen[bytes]:
        parts = [word for part in only for word in ("--only", part)]
        with (self.home / "server.log").open("ab") as out:
            server = subprocess.Popen(
                [sys.executable, "-m", "hotline.cli", "serve", *parts],
                env={**os.environ, **self.variables},
                cwd=REPOSITORY,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.servers.append(server)
        if is_awaited:
            wait_for(self.is_ready, 30, self.server_log[-3000:])
        return server

    def is_ready(self) -> bool:
        try:
            return bool(self.get("/readyz")["status"] == "ready")
        except (OSError, AssertionError):
            return False

    @property
    def server_log(self) -> str:
        path = self.home / "server.log"
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def queue_log(self) -> list[list[str]]:
        """Every line that Asterisk wrote, those in rotated files first."""
        path = self.settings.queue_log_path
        return [
            line.split("|")
            for one in [*self._rotated(), path]
            if one.exists()
            for line in one.read_text(errors="replace").splitlines()
        ]

    def _rotated(self) -> list[Path]:
        path = self.settings.queue_log_path
        return sorted(path.parent.glob(f"{path.name}.*"), key=lambda one: int(one.suffix[1:]))

    def rotate_queue_log(self) -> None:
        """As config/systemd/hotline-rotate.timer does. Not twice in a second: the second would overwrite the first."""
        before = self._rotated()
        self.ask("logger rotate")
        wait_for(lambda: self._rotated() != before, 10, "the old file has its name")

    def log_of(self, call_id: str) -> list[str]:
        """The events that queue_log has of one call, in order."""
        return [line[4] for line in self.queue_log if len(line) > 4 and line[1] == call_id]

    def kill_server(self) -> None:
        for server in self.servers:
            if server.poll() is None:
                server.kill()
                server.wait(60)  # a killed one that waits for a slow disk ends when the disk answers
        self.servers.clear()

    def signal_server(self, number: signal.Signals) -> None:
        for server in self.servers:
            server.send_signal(number)

    def kill_asterisk(self) -> None:
        assert self.asterisk is not None
        self.asterisk.kill()
        self.asterisk.wait(5)

    def stop_asterisk(self) -> None:
        if self.asterisk is not None:
            asterisk_process.stop(self.asterisk)

    def stop(self) -> None:
        self._citizens_phones.stop_all()
        for server in self.servers:
            server.send_signal(signal.SIGCONT)
            server.terminate()
        for server in self.servers:
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait(60)  # a killed one that waits for a slow disk ends when the disk answers
        self.stop_asterisk()
        self._ends.close()
        self._folder.cleanup()

    def type(self, line: str, *more: str) -> subprocess.CompletedProcess[str]:
        """`hotline LINE` as a program of its own; `more`: words with blanks in them."""
        return subprocess.run(
            [sys.executable, "-m", "hotline.cli", *line.split(), *more],
            env={**os.environ, **self.variables},
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def ask(self, command: str) -> str:
        """On Asterisk's console."""
        return asterisk_process.ask(self.program, config_door.etc_dir(self.settings), command)

    def wait_reachable(self, endpoint: str) -> None:
        """Asterisk knows that this phone answers OPTIONS; by itself it would ask only every some seconds."""

        def is_reachable() -> bool:
            self.ask(f"pjsip qualify {endpoint}")
            return any(
                "Avail" in row
                for row in self.ask(f"pjsip show aor {endpoint}").splitlines()
                if "Contact:" in row
            )

        wait_for(is_reachable, 10, endpoint)

    # -- the API ------------------------------------------------------------------------------------------------------

    def get(self, path: str, **query: object) -> Any:
        words = urllib.parse.urlencode({key: value for key, value in query.items() if value is not None})
        return self._request("GET", f"{path}?{words}" if words else path, None)

    def post(self, path: str, body: object = None) -> Any:
        return self._request("POST", path, body)

    def patch(self, path: str, body: object) -> Any:
        return self._request("PATCH", path, body)

    def delete(self, path: str) -> Any:
        return self._request("DELETE", path, None)

    def _request(self, method: str, path: str, body: object) -> Any:
        request = urllib.request.Request(
            f"http://{HOST}:{self.settings.http_port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                request, timeout=10
            ) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()[:500]}") from error

    # -- stories ------------------------------------------------------------------------------------------------------

    def new_line(self) -> Line:
        n = next(self._lines)
        assert n <= LINES, "raise LINES: every story needs a line of its own"
        return Line(self, n)

    def special_line(self, name: str) -> Line:
        """A line whose queue differs as SPECIAL_LINES says; for one story at a time."""
        return Line(self, list(SPECIAL_LINES).index(name) + LINES + 1)

    def new_citizen(self, start: str = "139") -> str:
        """A mobile number that no other story uses; `start` says how its phone treats our calls (phone_scenarios.CITIZENS)."""
        return f"{start}{os.getpid() % 10000:04}{next(self._citizens):04}"

    def citizens(self) -> Sipp:
        """The citizens' phones, switched on at the first call of this; afterwards the server knows that it may dial out."""
        if not self._citizens_phones.running:
            self._citizens_phones.citizens(self.citizen_port)
            self.wait_reachable("trunk-test-loopback")
            wait_for(self._may_dial_out, 20, "the server's view of the trunk")
        return self._citizens_phones.running[0]

    def _may_dial_out(self) -> bool:
        return bool(self.get("/readyz")["parts"]["trunks"]["detail"].get("test-loopback") == "online")


SPECIAL_LINES: Mapping[str, Mapping[str, object]] = {
    "full with one": {"max_waiting": 1},
    "full with one too": {"max_waiting": 1},
    "full with one, a phone dies": {"max_waiting": 1},
    "gives up early": {"longest_wait_seconds": 15},
    "gives up early too": {"longest_wait_seconds": 15},
    "wraps up": {"wrap_up_seconds": 4},
    "pauses after two": {"missed_rings_pause": 2},
    "storm": {"max_waiting": 500},
    "tells positions": {"announcements": {"position": True, "hold_time": True, "every_seconds": 15}},
}


def _lines_for_tests(found: dict[str, Any]) -> None:
    usual = {
        "ring_seconds": 5,
        "retry_seconds": 1,
        "wrap_up_seconds": 0,
        "max_waiting": 50,
        "longest_wait_seconds": 120,
    }
    differing = dict(enumerate(SPECIAL_LINES.values(), LINES + 1))
    for n in range(1, LINES + len(SPECIAL_LINES) + 1):
        queue = {**usual, **differing.get(n, {})}
        found["numbers"].append(
            {"number": f"200{n:02}", "label": f"线路{n}", "menu": "main", "queue": f"line{n}"}
        )
        found["numbers"].append(
            {"number": f"300{n:02}", "label": f"按键{n}", "menu": "examples/with_keys", "queue": f"line{n}"}
        )
        found["queues"].append({"name": f"line{n}", "label": f"线路{n}", **queue})
    found["site"]["area_code"] = "0355"  # YAML 1.1, which the tests write with, reads a bare 0355 as octal
    found["trunks"][0]["qualify_seconds"] = 5
    found["quick_hangup_seconds"] = 1


def _callbacks_for_tests(found: dict[str, Any]) -> None:
    found.update(
        first_delay_seconds=0,
        least_wait_seconds=0,
        quiet_hours="none",
        lease_seconds=10,
        agent_wait_seconds=120,
    )
    found.update(ring_seconds=10, callback_share=100)
    found["gaps"] = {name: "10s" for name in found["gaps"]}


def _short_prompts(found: dict[str, Any]) -> None:
    list(short_words(found))
    found["prompts"]["choose_matter"]["zh"] = "，".join(["您好"] * 5)  # long enough to hang up in


TEST_CHANGES: Mapping[str, Change] = {
    "hotline.yaml": _lines_for_tests,
    "callbacks.yaml": _callbacks_for_tests,
    "prompts.yaml": _short_prompts,
}


def assert_nothing_forgotten(hotline: RunningHotline) -> None:
    """Every call that Asterisk took has just one record, and every lost one a callback or a stated reason."""
    arrived = [row[1] for row in hotline.queue_log if row[4] == "HOTLINE_ARRIVED"]
    known = [call["call_id"] for call in hotline.get("/api/calls", limit=200)["items"]]
    assert sorted(known) == sorted(set(arrived))
    own = hotline.hotline
    with own.database.reading() as session:
        day = timedelta(days=1)
        assert nothing_forgotten(session, own.now() - day, own.now() + day) == []


def a_running_hotline(**how: Any) -> Iterator[RunningHotline]:
    """Use as `yield from` in a fixture."""
    hotline = RunningHotline(**how)
    try:
        hotline.lay_out()
        hotline.start_asterisk()
        hotline.start_server()
        yield hotline
    finally:
        hotline.stop()
