"""A caller's words are recorded over AGI: what is said to Asterisk, and what its answers mean."""

import socket
import threading
from collections.abc import Iterator, Mapping

import pytest
from support.agi_peer import AgiPeer, header

from ivr.calls.channel import CallerHungUp
from ivr.telephony.agi_channel import AgiChannel
from ivr.telephony.agi_errors import UnsafeText
from ivr.telephony.agi_header import parse_header
from ivr.telephony.agi_session import AgiSession


class Peer:
    """Asterisk's part, and all that it was told."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self.session = AgiSession(ours, parse_header(header("moment")), reply_seconds=1.0)
        self.channel = AgiChannel(self.session)
        self._peer = AgiPeer(theirs, seconds=5.0)
        self.told: list[str] = []

    def answers(self, replies: Mapping[str, str]) -> None:
        def converse() -> None:
            self.told += self._peer.converse(replies)

        self._thread = threading.Thread(target=converse, daemon=True)
        self._thread.start()

    def end(self) -> None:
        self.session.close()
        self._thread.join(5)


@pytest.fixture
def peer() -> Iterator[Peer]:
    made = Peer()
    yield made
    made.end()


def record(peer: Peer, reply: str, keys: str = "#") -> float | None:
    peer.answers({"RECORD FILE": reply})
    return peer.channel.record("/var/lib/hotline/recordings/voicemail/ab/cd/1-3", keys, 120, 5)


def test_a_tone_is_made_and_then_it_is_recorded(peer: Peer) -> None:
    assert record(peer, "200 result=35 (dtmf) endpos=52000") == 6.5
    peer.end()
    assert peer.told == [
        'EXEC Playtones "!1000/300"',
        "WAIT FOR DIGIT 350",
        "EXEC StopPlaytones",
        'RECORD FILE "/var/lib/hotline/recordings/voicemail/ab/cd/1-3" wav "#" 120000 s=5',
    ]


@pytest.mark.parametrize(
    ("reply", "seconds"),
    [
        ("200 result=0 (timeout) endpos=8000", 1.0),
        ("200 result=0 (timeout) endpos=0", 0.0),
        ("200 result=-1 (writefile)", None),
        ("200 result=-1 (randomerror) endpos=800", None),
    ],
)
def test_how_it_ended(peer: Peer, reply: str, seconds: float | None) -> None:
    assert record(peer, reply) == seconds


@pytest.mark.parametrize(
    "reply", ["200 result=0 (hangup) endpos=16000", "HANGUP\n200 result=-1 (waitfor) endpos=1"]
)
def test_who_hangs_up_meanwhile_is_gone(peer: Peer, reply: str) -> None:
    with pytest.raises(CallerHungUp):
        record(peer, reply)


def test_only_keys_of_a_telephone_end_it(peer: Peer) -> None:
    with pytest.raises(UnsafeText):
        record(peer, "200 result=0", keys='" wav "')
