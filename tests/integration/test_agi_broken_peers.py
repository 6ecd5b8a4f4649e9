"""Broken and hostile peers of the AGI door: one line of log, a closed socket, and the next call is served."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.agi_peer import (
    AgiPeer,
    ServerInThread,
    assert_serves_the_next_call,
    header,
    moment,
    serving,
    wait_until,
)

from ivr.telephony.agi_session import AgiSession


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
