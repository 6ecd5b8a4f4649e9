"""What `hotline up` makes of its server's answers: a trunk that is silent holds nobody up, and IPv6 is asked by IPv6."""

import errno
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from support.web_hotline import shipped_configuration

from hotline import first_start, own_server
from hotline.settings import Settings
from hotline.trial import Patience
from ivr.config_files.running import Running
from ivr.lines import Lines, Trunk
from ivr.prompts.rendering import PromptLibrary

PID = 4711


def told(**changes: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    parts: dict[str, dict[str, Any]] = {
        name: {"is_up": True, "process": f"host:{PID}", "detail": {}}
        for name in (*own_server.STARTED_BY_UP, "trunks")
    }
    parts["database"]["process"] = ""
    for name, change in changes.items():
        parts[name].update(change)
    return parts


@contextmanager
def a_server(bind: str, parts: Mapping[str, object]) -> Iterator[Settings]:
    """Says 503 with these parts, as ours does while one is down."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"parts": parts}).encode()
            self.send_response(503 if self.path == "/readyz" else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_words: object) -> None:
            """Nothing."""

    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in bind else socket.AF_INET

    try:
        listening = Server((bind, 0), Handler)
    except OSError as fault:
        if ":" in bind and fault.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
            pytest.skip("this machine has no IPv6")
        raise
    with listening as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield Settings.model_validate({"home": Path(), "bind": bind, "http_port": server.server_port})
        finally:
            server.shutdown()
            thread.join()


def test_a_silent_trunk_does_not_keep_a_start_from_being_ready() -> None:
    with a_server("127.0.0.1", told(trunks={"is_up": False, "detail": {"carrier-a": "offline"}})) as settings:
        parts = own_server.parts_seen(settings)
    assert own_server.not_started(parts, PID) == []
    assert own_server.what_is_down(parts, with_trunk("carrier-a")) == [
        'the trunk "carrier-a" (192.0.2.1) does not answer: no calls come or go by it until it does'
    ]


def test_a_part_of_our_own_does() -> None:
    parts = {
        name: own_server.PartSeen(one["is_up"], one["detail"], one["process"])
        for name, one in told(listener={"is_up": False}, agi={"process": "host:12"}).items()
    }
    assert own_server.not_started(parts, PID) == ["agi", "listener"], (
        "what an earlier server said is no answer"
    )
    assert own_server.not_started({}, PID) == sorted(own_server.STARTED_BY_UP)


@pytest.mark.parametrize(
    ("bind", "host"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("::1", "[::1]")],
)
def test_every_bind_is_asked_where_it_listens(bind: str, host: str) -> None:
    with a_server(bind, told()) as settings:
        assert own_server.address(settings) == f"http://{host}:{settings.http_port}"
        assert own_server.is_alive(settings)
        assert own_server.not_started(own_server.parts_seen(settings), PID) == []


def test_nobody_there_is_no_answer() -> None:
    with a_server("127.0.0.1", told()) as settings:
        pass
    assert not own_server.is_alive(settings)
    assert own_server.parts_seen(settings) == {}


def test_the_greeting_names_the_trunk(tmp_path: Path) -> None:
    running = Running(shipped_configuration(), PromptLibrary({}, {}), False)
    parts = {
        "trunks": own_server.PartSeen(False, {}),
        "dispatcher": own_server.PartSeen(False, {"reason": "x"}),
    }
    said = first_start.greeting(Settings(home=tmp_path, bind="::"), running, True, parts)
    assert "WARNING          dispatcher is down: x" in said
    assert "the trunk" not in said, "one for tests is nobody's loss"
    assert "//[::1]:8000/openapi.json" in said


def test_the_greeting_tells_of_files_not_in_force_by_a_command_that_works_there(tmp_path: Path) -> None:
    running, settings = (
        Running(shipped_configuration(), PromptLibrary({}, {}), False),
        Settings(home=tmp_path),
    )
    told = ["尚未生效", "用 `hotline menus diff` 查看；用 `hotline menus publish --why TEXT`"]
    said = first_start.greeting(settings, running, True, {}, told)
    program = first_start.in_another_terminal(settings)
    assert "  WARNING          尚未生效\n" in said
    assert f"用 `{program} menus diff` 查看；用 `{program} menus publish --why TEXT`\n" in said


def test_a_started_server_may_load_before_it_must_answer() -> None:
    patience = Patience(heard=100.0)
    assert not patience.is_over(159)
    assert patience.is_over(161)
    patience.answered(150.0)
    assert not patience.is_over(164)
    assert patience.is_over(166)


def with_trunk(name: str) -> Lines:
    lines = shipped_configuration().lines
    trunk = Trunk.model_validate({"name": name, "mode": "address", "host": "192.0.2.1"})
    return lines.model_copy(update={"trunks": [*lines.trunks, trunk]})
