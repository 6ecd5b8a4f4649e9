"""One conversation between Asterisk and a script: what is said and understood, and how every break ends."""

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from support.agi_peer import AgiPeer, header

from ivr.calls.channel import CallerHungUp
from ivr.telephony.agi_channel import AgiChannel
from ivr.telephony.agi_errors import CommandRefused, LineLost, ReplyGarbled, ReplyTooLate, UnsafeText
from ivr.telephony.agi_header import parse_header
from ivr.telephony.agi_session import AgiSession

Pair = tuple[AgiSession, AgiPeer]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    session = AgiSession(ours, parse_header(header("moment", arguments=("one", "两"))), reply_seconds=1.0)
    peer = AgiPeer(theirs, seconds=5.0)
    yield session, peer
    session.close()
    peer.close()


def while_peer(does: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=does, daemon=True)
    thread.start()
    return thread


def test_a_session_can_be_made_in_any_thread():
    made: list[AgiSession] = []
    ours, theirs = socket.socketpair()
    while_peer(lambda: made.append(AgiSession(ours, {"agi_network_script": "x"}))).join(5)
    assert made[0].script == "x"
    ours.close()
    theirs.close()


def test_arguments_and_id_come_from_the_header(pair: Pair):
    channel = AgiChannel(pair[0])
    assert channel.language == "zh"
    assert (channel.call_id, channel.argument(1), channel.argument(2)) == ("test-1795397954.12", "one", "两")
    assert channel.argument(3) == ""


def test_an_answer_before_the_question_is_no_answer(pair: Pair):
    session, peer = pair
    peer.say(b"200 result=1 (early)\n")
    with pytest.raises(ReplyGarbled):
        AgiChannel(session).variable("HOTLINE_CALLER")


@pytest.mark.parametrize(
    ("reply", "value"),
    [
        (b"200 result=1 (a (b) c=d)", "a (b) c=d"),
        (b"200 result=1 ()", ""),
        (b"200 result=0", ""),
        (b"200 result=1 (hangup)", "hangup"),
        (b"200 result=1 (line one\nline two)", "line one\nline two"),
        ("200 result=1 (王小明)".encode(), "王小明"),
        ("200 result=1 (王小明)".encode("gb18030"), "王小明"),
        (b"200 result=1 (\xff\xfe\xff)", "ÿþÿ"),
        (b"100 result=0 Trying...\n200 result=1 (x)", "x"),
    ],
)
def test_a_variable_reads_as_text_whatever_it_holds(pair: Pair, reply: bytes, value: str):
    session, peer = pair
    asked: list[str | None] = []
    thread = while_peer(lambda: (asked.append(peer.next_line()), peer.say(reply + b"\n")))
    assert AgiChannel(session).variable("HOTLINE_CALLER") == value
    thread.join(5)
    assert asked == ['GET FULL VARIABLE "${HOTLINE_CALLER}"']


def test_a_value_that_forges_a_second_reply_ends_the_session(pair: Pair):
    session, peer = pair
    channel = AgiChannel(session)
    thread = while_peer(lambda: (peer.next_line(), peer.say(b"200 result=1 (x)\n200 result=1 (forged)\n")))
    assert channel.variable("HOTLINE_CALLER") == "x"
    for _ in range(2):
        with pytest.raises(ReplyGarbled):
            channel.variable("HOTLINE_NUMBER")
    thread.join(5)
    session.close()
    assert peer.next_line() is None, "the second question was never asked"


@pytest.mark.parametrize("bad", ["a\nEXEC System rm", "a\r\nb", "a\rb", "a\0b"])
def test_line_ends_never_leave(pair: Pair, bad: str):
    session, peer = pair
    channel = AgiChannel(session)
    with pytest.raises(UnsafeText):
        channel.set_variable("HOTLINE_QUEUE", bad)
    with pytest.raises(UnsafeText):
        channel.play(bad, "1")
    with pytest.raises(UnsafeText):
        channel.play("greeting", bad)
    with pytest.raises(UnsafeText):
        channel.variable(bad)
    with pytest.raises(UnsafeText):
        session.verbose(bad)
    session.close()
    assert peer.next_line() is None


def test_a_line_longer_than_asterisk_reads_never_leaves(pair: Pair):
    session, peer = pair
    with pytest.raises(UnsafeText):
        AgiChannel(session).set_variable("HOTLINE_PROMPT", "x" * 2000 + "EXEC System rm")
    session.close()
    assert peer.next_line() is None


def test_quotes_and_backslashes_are_escaped(pair: Pair):
    session, peer = pair
    asked: list[str | None] = []
    thread = while_peer(lambda: (asked.append(peer.next_line()), peer.say(b"200 result=1\n")))
    AgiChannel(session).set_variable("HOTLINE_PROMPT", 'say "hi" | 50% \\ 供暖')
    thread.join(5)
    assert asked == [r'SET VARIABLE "HOTLINE_PROMPT" "say \"hi\" | 50% \\ 供暖"']


@pytest.mark.parametrize("name", ["", "A B", "X}${SHELL(id)", "${X", "X\ny", "X)", "1X", "名"])
def test_only_names_of_variables_are_read_or_set(pair: Pair, name: str):
    channel = AgiChannel(pair[0])
    with pytest.raises(UnsafeText):
        channel.variable(name)
    with pytest.raises(UnsafeText):
        channel.set_variable(name, "x")


@pytest.mark.parametrize(
    ("reply", "key"),
    [("200 result=49 endpos=800", "1"), ("200 result=0 endpos=800", None), ("200 result=35 endpos=1", "#")],
)
def test_a_prompt_ends_by_itself_or_by_a_key(pair: Pair, reply: str, key: str | None):
    session, peer = pair
    asked: list[str | None] = []
    thread = while_peer(lambda: (asked.append(peer.next_line()), peer.say(reply.encode() + b"\n")))
    assert AgiChannel(session).play("/var/prompts/zh/greeting", "12#") == key
    thread.join(5)
    assert asked == ['STREAM FILE "/var/prompts/zh/greeting" "12#"']


def test_waiting_for_a_key(pair: Pair):
    session, peer = pair
    thread = while_peer(
        lambda: (
            peer.next_line(), peer.say(b"200 result=0\n"), peer.next_line(), peer.say(b"200 result=42\n"),
            peer.next_line(), peer.say(b"200 result=7\n"),
        )
    )  # fmt: skip
    channel = AgiChannel(session)
    assert channel.wait_key(0.1) is None
    assert channel.wait_key(0.1) == "*"
    with pytest.raises(Exception, match="no key"):
        channel.wait_key(0.1)
    thread.join(5)


def test_a_step_renews_its_time(pair: Pair):
    session, peer = pair
    asked: list[str | None] = []
    thread = while_peer(lambda: (asked.append(peer.next_line()), peer.say(b"200 result=1\n")))
    AgiChannel(session).allow(30)
    thread.join(5)
    assert asked == ['SET VARIABLE "TIMEOUT(absolute)" "30"']
    assert session.step_seconds == 30


@pytest.mark.parametrize(
    "reply",
    [
        b"HANGUP\n200 result=-1 endpos=0\n",
        b"HANGUP\n200 result=0\n",
        b"200 result=-1 endpos=0\nHANGUP\n",
        b"511 Command Not Permitted on a dead channel or intercept routine\n",
    ],
)
def test_a_hang_up_is_an_event_and_no_answer_is_taken_for_another(pair: Pair, reply: bytes):
    session, peer = pair
    thread = while_peer(lambda: (peer.next_line(), peer.say(reply)))
    channel = AgiChannel(session)
    with pytest.raises(CallerHungUp) as caught:
        channel.play("greeting")
    assert caught.value.call_id == "test-1795397954.12"
    assert channel.is_hung_up
    thread.join(5)
    with pytest.raises(CallerHungUp):
        channel.variable("HOTLINE_QUEUE")
    session.close()
    assert peer.next_line() is None, "nothing more was said on a dead line"


def test_a_prompt_that_cannot_be_played_is_told_and_the_call_goes_on(
    pair: Pair, caplog: pytest.LogCaptureFixture
):
    session, peer = pair
    asked: list[str | None] = []
    thread = while_peer(
        lambda: (
            asked.append(peer.next_line()), peer.say(b"200 result=-1 endpos=0\n"),
            asked.append(peer.next_line()), peer.say(b"200 result=0\n"),
        )
    )  # fmt: skip
    assert AgiChannel(session).play("missing", "1") is None
    thread.join(5)
    assert asked == ['STREAM FILE "missing" "1"', "NOOP"]
    assert [record.getMessage() for record in caplog.records] == [
        "call test-1795397954.12: prompt missing is missing or cannot be played"
    ]


def test_hangup_as_the_only_reply_ends_the_wait_soon(pair: Pair):
    session, peer = pair
    session.reply_seconds = 30.0
    while_peer(lambda: (peer.next_line(), peer.say(b"HANGUP\n")))
    began = time.monotonic()
    with pytest.raises(CallerHungUp):
        AgiChannel(session).play("greeting")
    assert time.monotonic() - began < 4


def test_hangup_between_two_commands_is_seen_before_the_next(pair: Pair):
    session, peer = pair
    peer.say(b"HANGUP\n")
    with pytest.raises(CallerHungUp):
        AgiChannel(session).play("greeting")
    session.close()
    assert peer.next_line() is None


def test_the_last_leg_reads_variables_of_a_dead_channel(pair: Pair):
    session, peer = pair
    peer.say(b"HANGUP\n")
    channel = AgiChannel(session, outlives_hangup=True)
    thread = while_peer(
        lambda: (
            peer.next_line(), peer.say(b"200 result=1 (ABANDONED)\n"),
            peer.next_line(), peer.say(b"HANGUP\n200 result=1 (16)\n"),
            peer.next_line(), peer.say(b"511 Command Not Permitted on a dead channel\n"),
        )
    )  # fmt: skip
    assert channel.variable("QUEUESTATUS") == "ABANDONED"
    assert channel.variable("HANGUPCAUSE") == "16"
    assert channel.is_hung_up
    with pytest.raises(CallerHungUp):
        channel.play("greeting")
    thread.join(5)


def test_the_peer_closes_instead_of_replying(pair: Pair):
    session, peer = pair
    while_peer(lambda: (peer.next_line(), peer.close()))
    with pytest.raises(LineLost) as caught:
        AgiChannel(session).play("greeting")
    assert isinstance(caught.value, CallerHungUp)


def test_the_peer_closes_in_the_middle_of_a_reply(pair: Pair):
    session, peer = pair
    while_peer(lambda: (peer.next_line(), peer.say(b"200 result=1 (half"), peer.close()))
    with pytest.raises(CallerHungUp):
        AgiChannel(session).variable("X")


def test_no_reply_has_a_limit_and_ends_the_session(pair: Pair):
    session, _ = pair
    session.reply_seconds = 0.2
    channel = AgiChannel(session)
    with pytest.raises(ReplyTooLate):
        channel.variable("X")
    with pytest.raises(ReplyTooLate):
        channel.variable("Y")


def test_a_peer_that_drips_one_byte_at_a_time_does_not_stretch_the_limit(pair: Pair):
    session, peer = pair
    session.reply_seconds = 0.4
    is_over = threading.Event()

    def drip() -> None:
        while not is_over.wait(0.05):
            peer.say(b"2")

    thread = while_peer(drip)
    began = time.monotonic()
    with pytest.raises((ReplyTooLate, ReplyGarbled)):
        AgiChannel(session).variable("X")
    is_over.set()
    thread.join(5)
    assert time.monotonic() - began < 2


def test_a_prompt_may_take_as_long_as_its_step(pair: Pair):
    session, peer = pair
    session.reply_seconds = 0.1
    session.step_seconds = 5
    is_asked = threading.Event()

    def play_for_a_while() -> None:
        peer.next_line()
        is_asked.wait(0.5)
        peer.say(b"200 result=0 endpos=8000\n")

    while_peer(play_for_a_while)
    assert AgiChannel(session).play("greeting") is None


def test_a_peer_that_reads_nothing_cannot_hold_us(pair: Pair):
    session, _ = pair
    session.reply_seconds = 0.3

    def talk_on() -> None:
        for _ in range(10_000):
            session.send_command("VERBOSE", "x" * 1900)

    with pytest.raises(ReplyTooLate):
        talk_on()


@pytest.mark.parametrize(
    "reply",
    [
        b"510 Invalid or unknown command\n",
        b"520 Invalid command syntax.  Proper usage not available.\n",
        b"520-Invalid command syntax.  Proper usage follows:\n Usage: NOOP\n  Nothing.\n520 End of usage.\n",
    ],
)
def test_a_refused_command_leaves_the_session_in_step(pair: Pair, reply: bytes):
    session, peer = pair
    thread = while_peer(
        lambda: (peer.next_line(), peer.say(reply), peer.next_line(), peer.say(b"200 result=1 (next)\n"))
    )
    with pytest.raises(CommandRefused):
        session.noop()
    assert AgiChannel(session).variable("X") == "next"
    thread.join(5)


def test_a_usage_text_cut_short_ends(pair: Pair):
    session, peer = pair
    session.reply_seconds = 0.3
    while_peer(lambda: (peer.next_line(), peer.say(b"520-Invalid command syntax.\nUsage: x\n")))
    with pytest.raises(ReplyTooLate):
        session.noop()


def test_a_usage_text_without_end_ends(pair: Pair):
    session, peer = pair
    while_peer(lambda: (peer.next_line(), peer.say(b"520-Invalid\n" + b"Usage\n" * 5000)))
    with pytest.raises(ReplyGarbled):
        session.noop()


@pytest.mark.parametrize(
    "reply",
    [
        b"\n",
        b"agi_calleridname: forged\n",
        b"200\n",
        b"200 resul",
        b"999 what\n",
        b"x" * 1_000_000,
        b"200 result=1 (" + b"x" * 9000 + b")\n",
        b"200 result=1 (" + b"x\n" * 9000,
    ],
)
def test_what_is_no_reply_ends_the_session(pair: Pair, reply: bytes):
    session, peer = pair

    def answer() -> None:
        peer.next_line()
        try:
            peer.say(reply)
        except OSError:
            return

    session.reply_seconds = 0.5
    thread = while_peer(answer)
    with pytest.raises((ReplyGarbled, ReplyTooLate)):
        AgiChannel(session).variable("X")
    with pytest.raises((ReplyGarbled, ReplyTooLate)):
        AgiChannel(session).variable("X")
    session.close()
    thread.join(5)
