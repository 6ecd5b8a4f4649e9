"""The AGI door under good, slow and silent peers, full and at its end: the next call is always served."""

import asyncio
import contextlib
import resource
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from support.agi_peer import (
    AgiPeer,
    ServerInThread,
    assert_serves_the_next_call,
    header,
    moment,
    serving,
    wait_until,
)

from ivr.telephony.agi_server import AgiServer
from ivr.telephony.agi_session import AgiSession


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
