"""Asterisk's part of an AGI conversation, played over a real socket; and our server in a loop of its own."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from ivr.telephony.agi_channel import AgiChannel
from ivr.telephony.agi_server import AgiServer, Route
from ivr.telephony.agi_session import AgiSession

T = TypeVar("T")


def header(
    script: str,
    *,
    call_id: str = "test-1795397954.12",
    number: bytes = b"13800138000",
    name: bytes = b"unknown",
    arguments: tuple[str, ...] = (),
) -> bytes:
    """The lines that res_agi.c sends, in its order, with whatever number and name a caller may have."""
    lines = [
        b"agi_network: yes",
        f"agi_network_script: {script}".encode(),
        f"agi_request: agi://127.0.0.1/{script}".encode(),
        b"agi_channel: PJSIP/trunk-0000000c",
        b"agi_language: zh",
        b"agi_type: PJSIP",
        f"agi_uniqueid: {call_id}".encode(),
        b"agi_version: 22.10.1",
        b"agi_callerid: " + number,
        b"agi_calleridname: " + name,
        b"agi_callingpres: 0",
        b"agi_dnid: 12345",
        b"agi_rdnis: unknown",
        b"agi_context: inbound",
        b"agi_extension: 12345",
        b"agi_priority: 8",
        b"agi_enhanced: 0.0",
        b"agi_accountcode: ",
        b"agi_threadid: 139668957538048",
    ]
    lines += [f"agi_arg_{n}: {text}".encode() for n, text in enumerate(arguments, 1)]
    return b"\n".join([*lines, b"", b""])


class AgiPeer:
    """One connection as Asterisk would hold it. Every wait ends after `seconds` with an assertion."""

    def __init__(self, connection: socket.socket, seconds: float = 10.0) -> None:
        connection.settimeout(seconds)
        self.socket = connection
        self._unread = b""

    @classmethod
    def connected(cls, port: int, greeting: bytes = b"", seconds: float = 10.0) -> "AgiPeer":
        peer = cls(socket.create_connection(("127.0.0.1", port), timeout=seconds), seconds)
        peer.say(greeting)
        return peer

    def say(self, raw: bytes) -> None:
        self.socket.sendall(raw)

    def say_and_end(self, raw: bytes) -> None:
        """Say it and then nothing more, whether or not the server still listens."""
        with suppress(OSError):
            self.say(raw)
            self.socket.shutdown(socket.SHUT_WR)

    def next_line(self) -> str | None:
        """The next command; None when the server has closed."""
        while b"\n" not in self._unread:
            try:
                chunk = self.socket.recv(65536)
            except ConnectionResetError:
                chunk = b""
            if not chunk:
                return None
            self._unread += chunk
        line, _, self._unread = self._unread.partition(b"\n")
        return line.decode()

    def converse(self, answers: Mapping[str, str] | None = None) -> list[str]:
        """Answer every command by the longest key that starts it, else `200 result=0`, until the close."""
        told = sorted((answers or {}).items(), key=lambda pair: -len(pair[0]))
        commands: list[str] = []
        while (command := self.next_line()) is not None:
            commands.append(command)
            if command == "failure":
                continue
            reply = next((text for start, text in told if command.startswith(start)), "200 result=0")
            try:
                self.say(reply.encode() + b"\n")
            except (BrokenPipeError, ConnectionResetError):
                break
        self.close()
        return commands

    def rest(self) -> list[str]:
        """Every line up to the server's close."""
        lines: list[str] = []
        while (line := self.next_line()) is not None:
            lines.append(line)
        self.close()
        return lines

    def close(self) -> None:
        self.socket.close()


class ServerInThread:
    """An AgiServer whose loop runs in a thread, so that tests are plain functions."""

    def __init__(self, server: AgiServer) -> None:
        self.server = server
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T], seconds: float = 20.0) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(seconds)

    def call(self, script: str = "moment", **of_the_call: Any) -> AgiPeer:
        return AgiPeer.connected(self.server.port, header(script, **of_the_call))

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()


@contextmanager
def serving(routes: Mapping[str, Route], **options: Any) -> Iterator[ServerInThread]:
    """Our server on a free port; stopped, with all its threads, at the end."""
    running = ServerInThread(AgiServer(routes, port=0, **options))
    try:
        running.run(running.server.start())
        yield running
    finally:
        running.run(running.server.stop(grace_seconds=1.0))
        running.end()


def wait_until(is_so: Callable[[], bool], seconds: float = 10.0) -> None:
    """Poll until the condition holds; fails the test after `seconds`."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "the condition was not met in time"
        time.sleep(0.005)


def moment(session: AgiSession) -> None:
    """A short leg: two questions, a prompt, an answer."""
    channel = AgiChannel(session)
    channel.allow(30)
    channel.variable("HOTLINE_CALLER")
    channel.play("greeting", "1")
    channel.set_variable("HOTLINE_QUEUE", "main")


def assert_serves_the_next_call(running: ServerInThread, within: float = 5.0) -> None:
    began = time.monotonic()
    commands = running.call("moment").converse({"GET FULL": "200 result=1 (138)"})
    assert commands[-1] == 'SET VARIABLE "HOTLINE_QUEUE" "main"'
    assert len(commands) == 4
    assert time.monotonic() - began < within
