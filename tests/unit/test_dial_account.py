"""The soak's own account can fail: it sees a citizen who is rung again after he was served."""

from support.dial_account import dials, invites, rung_after_a_talk

CITIZEN_OF = {"a1": "13900000001", "a2": "13900000001", "b1": "13900000002"}


def rows(*events: str) -> list[list[str]]:
    """`"DIALLING a1"` and the like, as lines of queue_log; a line of Asterisk's own between them."""
    found = []
    for event in events:
        word, who = event.split()
        found += [["1", "x", "NONE", "NONE", f"HOTLINE_{word}", who], ["1", "y", "q", "NONE", "CONNECT"]]
    return found


def test_who_was_reached_and_is_dialled_again_is_found():
    log = rows("ARRIVED 13900000001", "DIALLING a1", "REACHED a1", "DIALLING b1", "DIALLING a2")
    assert rung_after_a_talk(log, CITIZEN_OF) == ["a2"]
    assert dials(log, CITIZEN_OF) == {"13900000001": 2, "13900000002": 1}


def test_who_was_not_reached_or_called_again_may_be_dialled():
    assert rung_after_a_talk(rows("DIALLING a1", "DIALLING a2", "REACHED a2"), CITIZEN_OF) == []
    called_again = rows("DIALLING a1", "REACHED a1", "ARRIVED 13900000001", "DIALLING a2")
    assert rung_after_a_talk(called_again, CITIZEN_OF) == []


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
