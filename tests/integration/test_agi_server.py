"""The AGI door under good, broken, slow, silent and hostile peers: the next call is always served."""

import asyncio
import contextlib
import logging
import resource
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.agi_peer import AgiPeer, ServerInThread, header, serving, wait_until

from ivr.telephony.agi_channel import AgiChannel
from ivr.telephony.agi_server import AgiServer
from ivr.telephony.agi_session import AgiSession


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


@pytest.fixture
def running() -> Iterator[ServerInThread]:
    with serving({"moment": moment}, header_seconds=1.0, reply_seconds=1.0) as it:
        yield it


def test_a_call_is_served_and_counted(running: ServerInThread):
    assert_serves_the_next_call(running)
    wait_until(lambda: running.server.counters.served == 1)
    assert running.server.counters.accepted == 1
    assert running.server.busy == 0


def test_many_calls_at_once(running: ServerInThread):
    done: list[int] = []

    def call() -> None:
        done.append(len(running.call("moment").converse()))

    threads = [threading.Thread(target=call) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert done == [4] * 100


@dataclass(frozen=True)
class BrokenPeer:
    """Says `first` and, if there is `later`, that after our first question; then nothing more.

    `told` is in the one line of log, `counted` the one counter that rises.
    """

    first: bytes
    told: str
    counted: str = "bad_header"
    later: bytes | None = None


BROKEN_PEERS: dict[str, BrokenPeer] = {
    "says nothing and closes": BrokenPeer(b"", "it closed before the end of its header"),
    "closes before the blank line": BrokenPeer(
        header("moment")[:-1], "it closed before the end of its header"
    ),
    "closes within a line": BrokenPeer(
        b"agi_network: yes\nagi_netw", "it closed before the end of its header"
    ),
    "names no script": BrokenPeer(b"agi_network: yes\n\n", "names no script"),
    "asks for a script that is not there": BrokenPeer(
        header("../../etc/passwd"), "no script '../../etc/passwd'"
    ),
    "speaks HTTP": BrokenPeer(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", "names no script"),
    "speaks TLS": BrokenPeer(
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) + b"\n\n", "names no script"
    ),
    "sends a line of a megabyte": BrokenPeer(
        b"agi_callerid: " + b"9" * 1_000_000, "a header line of more than 8192 bytes"
    ),
    "sends a header without end": BrokenPeer(b"agi_arg_1: x\n" * 20_000, "a header of more than"),
    "sends only blanks": BrokenPeer(b"\n" * 1000, "names no script"),
    "forges an early end in his name": BrokenPeer(
        header("moment", name=b"x\n\n200 result=1 (forged)"), "ReplyGarbled", "failed"
    ),
    "forges an early end with CR LF": BrokenPeer(
        header("moment", name=b"x\r\n\r\nagi_network_script: other"), "ReplyGarbled", "failed"
    ),
    "answers before it is asked": BrokenPeer(
        header("moment") + b"200 result=1\n200 result=1\n", "ReplyGarbled", "failed"
    ),
    "answers with garbage": BrokenPeer(header("moment"), "ReplyGarbled", "failed", b"garbage\n"),
    "answers with a line of a megabyte": BrokenPeer(
        header("moment"), "ReplyGarbled", "failed", b"200 result=1 (" + b"9" * 1_000_000
    ),
    "answers twice": BrokenPeer(
        header("moment"), "ReplyGarbled", "failed", b"200 result=1\n200 result=1\ngarbage\n"
    ),
    "does not know the command": BrokenPeer(
        header("moment"), "CommandRefused", "failed", b"510 Invalid or unknown command\n"
    ),
    "closes within its answer": BrokenPeer(
        header("moment"), "closed without a hang-up", "served", b"200 resu"
    ),
    "closes within a usage answer": BrokenPeer(
        header("moment"), "closed without a hang-up", "served", b"520-Invalid command syntax.\n"
    ),
    "closes instead of an answer": BrokenPeer(header("moment"), "closed without a hang-up", "served", b""),
}


@pytest.mark.parametrize("what", BROKEN_PEERS)
def test_a_broken_peer_leaves_one_line_and_a_closed_socket_and_the_next_call_is_served(
    running: ServerInThread, what: str, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO, logger="ivr.telephony")
    broken = BROKEN_PEERS[what]
    peer = AgiPeer.connected(running.server.port)
    if broken.later is None:
        peer.say_and_end(broken.first)
    else:
        peer.say(broken.first)
        assert peer.next_line() == 'SET VARIABLE "TIMEOUT(absolute)" "30"'
        peer.say_and_end(broken.later)
    asked = [line for line in peer.rest() if line != "failure"]
    assert len(asked) <= 1, "question and answer no longer match: nothing more may be asked"
    wait_until(lambda: running.server.busy == 0 and running.server.open_headers == 0)
    counters = vars(running.server.counters)
    assert {name: count for name, count in counters.items() if count} == {"accepted": 1, broken.counted: 1}
    [line] = [record.getMessage() for record in caplog.records]
    assert broken.told in line
    assert "\n" not in line
    assert_serves_the_next_call(running)


def test_a_hang_up_at_once_is_no_broken_peer(running: ServerInThread, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, logger="ivr.telephony")
    peer = AgiPeer.connected(running.server.port)
    peer.say_and_end(header("moment") + b"HANGUP\n")
    peer.rest()
    wait_until(lambda: running.server.counters.served == 1 and running.server.busy == 0)
    assert not caplog.records
    assert_serves_the_next_call(running)


@pytest.mark.parametrize(
    "name",
    [
        "王小明".encode("gb18030"),
        "王小明".encode(),
        b'"; DROP TABLE calls',
        b"a|b|ENTERQUEUE||110|1",
        b"%0d%0aAction: Command",
        b"\xff\xfe\x00\x1b[2J",
        b'\\\\\\"',
    ],
)
def test_no_name_of_a_caller_breaks_the_call(running: ServerInThread, name: bytes):
    commands = running.call("moment", name=name, number=name).converse({"GET FULL": "200 result=1 (x)"})
    assert len(commands) == 4


def test_a_gb18030_name_arrives_whole():
    heard: list[str] = []
    with serving({"moment": lambda session: heard.append(session.env["agi_calleridname"])}) as running:
        assert running.call("moment", name="欧阳小明".encode("gb18030")).rest() == []
    assert heard == ["欧阳小明"]


def test_a_failing_script_is_one_masked_line_and_tells_the_dialplan(caplog: pytest.LogCaptureFixture):
    def broken(session: AgiSession) -> None:
        raise RuntimeError("no such citizen:\n13800138000")

    with serving({"moment": broken}) as running:
        peer = running.call("moment")
        assert peer.rest() == ["failure"], "Asterisk reads this as AGISTATUS=FAILURE"
        wait_until(lambda: running.server.counters.failed == 1)
        assert running.server.busy == 0
    told = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(told) == 1
    assert told[0].startswith(
        "call test-1795397954.12: moment failed: RuntimeError: no such citizen: 138****00 at "
    )


def test_a_script_that_ends_by_system_exit_frees_its_thread():
    def leaving(session: AgiSession) -> None:
        raise SystemExit(1)

    with serving({"moment": leaving}, threads=1) as running:
        for _ in range(3):
            running.call("moment").rest()
            wait_until(lambda: running.server.busy == 0)


def test_a_hang_up_is_no_failure(running: ServerInThread, caplog: pytest.LogCaptureFixture):
    peer = running.call("moment")
    peer.next_line()
    peer.say(b"HANGUP\n200 result=1\n")
    assert peer.rest() == []
    wait_until(lambda: running.server.counters.served == 1)
    assert not caplog.records


def test_a_peer_that_is_not_on_the_list_is_closed():
    with serving({"moment": moment}, allowed_peers=["192.0.2.0/24"]) as running:
        peer = AgiPeer.connected(running.server.port)
        peer.say_and_end(header("moment"))
        assert peer.rest() == []
        wait_until(lambda: running.server.counters.refused_peer == 1)
        assert running.server.counters.served == 0


@pytest.mark.parametrize("peers", [["127.0.0.1"], ["::1", "127.0.0.0/8"], ["0.0.0.0/0"]])
def test_a_peer_on_the_list_is_served(peers: list[str]):
    with serving({"moment": moment}, allowed_peers=peers) as running:
        assert_serves_the_next_call(running)


def test_a_full_pool_refuses_at_once_and_recovers():
    gate = threading.Event()
    with serving({"moment": moment, "stay": lambda session: gate.wait(30) and None}, threads=2) as running:
        staying = [running.call("stay") for _ in range(2)]
        wait_until(lambda: running.server.busy == 2)
        began = time.monotonic()
        assert running.call("moment").rest() == ["failure"]
        assert time.monotonic() - began < 5.0, "told only when a place was free again"
        assert running.server.counters.refused_full == 1
        gate.set()
        for peer in staying:
            assert peer.rest() == []
        wait_until(lambda: running.server.busy == 0)
        assert_serves_the_next_call(running)


def test_a_slow_sender_is_closed_in_time_and_starves_nobody(running: ServerInThread):
    """He would need well over half a minute for his header; one second is allowed."""
    slow = AgiPeer.connected(running.server.port)
    began = time.monotonic()
    closed = threading.Event()

    def drip() -> None:
        with contextlib.suppress(OSError):
            for byte in header("moment"):
                slow.say(bytes([byte]))
                if closed.wait(0.2):
                    return

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    assert_serves_the_next_call(running)
    slow.rest()
    closed.set()
    thread.join(5)
    assert time.monotonic() - began < 15
    wait_until(lambda: running.server.counters.silent == 1)


def test_a_header_in_many_pieces_is_one_header(running: ServerInThread):
    peer = AgiPeer.connected(running.server.port)
    raw = header("moment")
    for start in range(0, len(raw), 7):
        peer.say(raw[start : start + 7])
    assert len(peer.converse()) == 4


@pytest.fixture
def most_silent() -> Iterator[int]:
    """How many connections this test may hold: 3,000, or what the machine's limit of open files allows (two for each)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 8192), hard), hard))
    room = (min(max(soft, 8192), hard) - 500) // 2
    if room < 3000:
        print(f"only {room} silent connections are tried: the hard limit of open files is {hard}")
    assert room >= 1000, f"the hard limit of open files is {hard}; this test needs 2,500 (ulimit -Hn)"
    yield min(3000, room)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_three_thousand_silent_connections_starve_nobody(most_silent: int, caplog: pytest.LogCaptureFixture):
    most_open = most_silent * 2 // 3
    with serving({"moment": moment}, header_seconds=2.0, most_open_headers=most_open) as running:
        silent: list[socket.socket] = []
        for n in range(most_silent):
            silent.append(socket.create_connection(("127.0.0.1", running.server.port), timeout=10))
            if n % 300 == 299:
                assert_serves_the_next_call(running)
        assert running.server.open_headers <= most_open
        wait_until(lambda: running.server.counters.silent >= most_silent - most_open)  # the oldest had to go
        wait_until(lambda: running.server.open_headers == 0, 30)
        wait_until(lambda: running.server.counters.silent == most_silent, 30)
        assert_serves_the_next_call(running)
        for connection in silent:
            connection.close()
    assert 0 < len(caplog.records) < 20, "told in few lines, not in thousands"


def test_when_files_run_out_the_oldest_silent_one_goes():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with serving({"moment": moment}, header_seconds=30.0) as running:
        assert_serves_the_next_call(running)
        silent = [socket.create_connection(("127.0.0.1", running.server.port)) for _ in range(50)]
        wait_until(lambda: running.server.open_headers == 50)
        ours = [socket.socket() for _ in range(1)]
        lowest_free = ours[0].fileno()
        for one in ours:
            one.close()
        # Room for the client's end and the server's of one more call, not for a second.
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free + 1, hard))
        try:
            peer = running.call("moment")
            wait_until(lambda: running.server.counters.silent >= 1)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert len(peer.converse()) == 4
        for connection in silent:
            connection.close()


def test_stop_lets_a_short_session_finish_and_cuts_a_long_one(caplog: pytest.LogCaptureFixture):
    with serving({"moment": moment}, reply_seconds=60.0) as running:
        short, long = running.call("moment"), running.call("moment")
        assert short.next_line()
        assert long.next_line()
        ending = threading.Thread(target=lambda: running.run(running.server.stop(grace_seconds=0.5)))
        port = running.server.port
        ending.start()
        short.say(b"200 result=1\n")
        assert len(short.converse()) == 3
        assert long.rest() == []
        ending.join(10)
        assert running.server.busy == 0
        assert running.server.counters.served == 2
        with pytest.raises(ConnectionRefusedError):
            AgiPeer.connected(port)
    assert any("is cut" in record.getMessage() for record in caplog.records)


def test_stop_closes_those_who_have_not_spoken_yet(running: ServerInThread):
    peer = AgiPeer.connected(running.server.port)
    wait_until(lambda: running.server.open_headers == 1)
    running.run(running.server.stop())
    assert peer.rest() == []


def test_a_server_can_start_again_after_stop(running: ServerInThread):
    for _ in range(2):
        assert_serves_the_next_call(running)
        running.run(running.server.stop())
        running.run(running.server.start())
    assert_serves_the_next_call(running)


def test_a_port_that_is_taken_is_an_oserror(running: ServerInThread):
    second = AgiServer({}, port=running.server.port)
    with pytest.raises(OSError, match="in use"):
        asyncio.run(second.start())


@pytest.fixture(scope="module")
def fuzzed() -> Iterator[ServerInThread]:
    with serving({"moment": moment}, header_seconds=0.5, reply_seconds=0.5) as it:
        yield it


REPLIES = [b"HANGUP\n", b"200 result=1\n", b"520-x\n", b"\n", b"\0", b"100 x\n"]


@settings(max_examples=60, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=4000),
        st.binary(max_size=400).map(lambda name: header("moment", name=name)),
        st.binary(max_size=400).map(lambda reply: header("moment") + reply),
        st.lists(st.sampled_from(REPLIES), max_size=9)
        .map(b"".join)
        .map(lambda replies: header("moment") + replies),
    )
)  # fmt: skip
def test_any_bytes_leave_the_server_serving(fuzzed: ServerInThread, raw: bytes):
    peer = AgiPeer.connected(fuzzed.server.port)
    peer.say_and_end(raw)
    peer.rest()
    assert_serves_the_next_call(fuzzed)
