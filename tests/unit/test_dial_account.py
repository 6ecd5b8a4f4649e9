"""The soak's own account can fail: it sees a citizen who is rung again after he was served."""

import pytest
from support.dial_account import dials, invites, rung_after_a_talk

CITIZEN_OF = {"a1": "13900000001", "a2": "13900000001", "b1": "13900000002"}


TALK = "ANSWER|16|4|SIP 200 OK|300"


def rows(*events: str) -> list[list[str]]:
    """`"DIALLING a1"` and the like, as lines of queue_log; a line of Asterisk's own between them."""
    found = []
    for event in events:
        word, _, what = event.partition(" ")
        name = word if word.startswith("QUEUE") else f"HOTLINE_{word}"
        found += [["1", "x", "NONE", "NONE", name, *what.split("|")], ["1", "y", "q", "NONE", "CONNECT"]]
    return found


def test_who_has_talked_and_is_dialled_again_is_found():
    log = rows(
        "ARRIVED 13900000001", "DIALLING a1", "REACHED a1", f"DIALLED a1|{TALK}", "DIALLING b1", "DIALLING a2"
    )
    assert rung_after_a_talk(log, CITIZEN_OF) == ["a2"]
    assert dials(log, CITIZEN_OF) == {"13900000001": 2, "13900000002": 1}


def test_who_is_dialled_while_he_talks_is_found():
    log = rows("DIALLING a1", "REACHED a1", "DIALLING a2", f"DIALLED a1|{TALK}")
    assert rung_after_a_talk(log, CITIZEN_OF) == ["a2"]


@pytest.mark.parametrize(
    "before",
    [
        (),
        ("REACHED a1", f"DIALLED a1|{TALK}", "ARRIVED 13900000001"),
        ("REACHED a1", "DIALLED a1|ANSWER|16|0|SIP 200 OK|300"),
        ("REACHED a1", "DIALLED a1|LOST_AGENT|16|4|SIP 200 OK|300"),
        ("DIALLED a1|BUSY|17|0|SIP 486 Busy Here|",),
        ("REACHED a1", "QUEUESTART "),
    ],
    ids=[
        "not reached",
        "called again",
        "joined, no talk",
        "the agent's phone died",
        "busy",
        "Asterisk killed",
    ],
)
def test_who_has_not_talked_or_called_again_may_be_dialled(before: tuple[str, ...]):
    assert rung_after_a_talk(rows("DIALLING a1", *before, "DIALLING a2"), CITIZEN_OF) == []


def test_a_repeated_invite_is_one_call():
    def message(number: str, call_id: str) -> str:
        return (
            "----------------------------------------------- 2026-11-23\t10:00:00.000000\nUDP message received "
            f"[900] bytes :\n\nINVITE sip:{number}@127.0.0.1:1 SIP/2.0\nVia: x\nFrom: <sip:12345@h>\n"
            f"Call-ID: {call_id}\nCSeq: 1 INVITE\n\n"
        )

    answer = "SIP/2.0 200 OK\nCall-ID: one\nCSeq: 1 INVITE\n\n"
    first, again = message("13900000001", "one"), message("13900000001", "two")
    trace = first + answer + first + again + message("13900000002", "three")
    assert invites(trace) == {"13900000001": 2, "13900000002": 1}
