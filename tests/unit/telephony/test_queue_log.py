"""Every line of queue_log that says something about a call, and everything else it can hold."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.telephony.queue_log import LogLine, for_call, parse_line, to_events
from tickets.call_events import EventKind, EventSource

CALL = "hot-1795397954.12"


def events(rest: str, call: str = CALL) -> list[tuple[str, dict[str, str]]]:
    line = LogLine("f1", 40, f"1795397954|{call}|{rest}")
    return [(event.kind.value, dict(event.data)) for event in to_events(line)]


@pytest.mark.parametrize(
    ("rest", "kind", "data"),
    [
        (
            "NONE|NONE|HOTLINE_ARRIVED|13800138000|12345|city|1969024046",
            "arrived",
            {"caller": "13800138000", "number_called": "12345", "trunk": "city", "prio": "1969024046"},
        ),
        ("main|NONE|ENTERQUEUE||138|2", "queued", {"queue": "main", "caller": "138", "position": "2"}),
        ("main|1001|CONNECT|12|hot-1795397960.13|4", "connected", {"agent": "1001", "hold": "12"}),
        ("main|1001|COMPLETECALLER|12|95|1", "completed", {"agent": "1001", "talk": "95", "by": "citizen"}),
        ("main|1001|COMPLETEAGENT|12|95|1", "completed", {"agent": "1001", "talk": "95", "by": "agent"}),
        ("main|NONE|ABANDON|1|3|44", "abandoned", {"position": "1", "wait": "44"}),
        ("main|1001|RINGNOANSWER|15000", "ring_missed", {"agent": "1001", "ring_ms": "15000"}),
        ("main|1001|RINGCANCELED|3000", "ring_cancelled", {"agent": "1001"}),
        ("main|NONE|EXITWITHTIMEOUT|1|3|120", "timed_out", {"wait": "120"}),
        ("main|NONE|EXITEMPTY|1|1|3", "left_empty", {}),
        ("main|NONE|EXITWITHKEY|0|1|1|3", "key_exit", {}),
        ("main|NONE|WITHDRAW|1|1|3|", "withdrawn", {}),
        ("main|1001|BLINDTRANSFER|8002|agents|12|30|1", "transferred", {"kind": "blind", "to": "8002"}),
        ("main|1001|ATTENDEDTRANSFER|BRIDGE|b-1|12|30|1", "transferred", {"kind": "attended", "to": "b-1"}),
        (
            "main|NONE|HOTLINE_END|TIMEOUT|TRUE|1001|16|citizen",
            "ended",
            {
                "status": "TIMEOUT", "abandoned": "TRUE", "agent": "1001", "cause": "16", "by": "citizen",
                "queue": "main",
            },
        ),
        (
            "NONE|NONE|HOTLINE_END||||16|",
            "ended",
            {"status": "", "abandoned": "", "agent": "", "cause": "16", "by": ""},
        ),
        (
            "NONE|NONE|HOTLINE_TRANSFERRING|police|city",
            "transfer_dialled",
            {"transfer": "police", "trunk": "city"},
        ),
        (
            "NONE|NONE|HOTLINE_TRANSFERRED|police|city",
            "transfer_answered",
            {"transfer": "police", "trunk": "city"},
        ),
        (
            "NONE|NONE|HOTLINE_TRANSFER_OVER|police|city|busy|BUSY|17|0|300|SIP 486 Busy Here",
            "transfer_over",
            {
                "transfer": "police", "trunk": "city", "result": "busy", "dial_status": "BUSY", "cause": "17", "talk": "0",
                "ring_ms": "300", "sip": "SIP 486 Busy Here",
            },
        ),
        ("NONE|NONE|HOTLINE_DIALLING|a0123456789ab", "dialling", {"attempt": "a0123456789ab"}),
        (
            "NONE|NONE|HOTLINE_DIALLED|a1|NOANSWER|19|0|480 Temporarily | Unavailable|9000",
            "dialled",
            {
                "attempt": "a1", "dial_status": "NOANSWER", "cause": "19", "talk": "0",
                "sip": "480 Temporarily | Unavailable", "ring_ms": "9000",
            },
        ),
        (
            "NONE|NONE|HOTLINE_DIALLED|a1|ANSWER|16|61|200 OK",
            "dialled",
            {
                "attempt": "a1", "dial_status": "ANSWER", "cause": "16", "talk": "61", "sip": "200 OK",
                "ring_ms": "",
            },
        ),
        (
            "NONE|NONE|HOTLINE_DIALLED|a1|BUSY",
            "dialled",
            {"attempt": "a1", "dial_status": "BUSY", "cause": "", "talk": "", "sip": "", "ring_ms": ""},
        ),
    ],
)  # fmt: skip
def test_what_a_line_says(rest: str, kind: str, data: dict[str, str]):
    assert events(rest) == [(kind, data)]


def test_the_last_line_also_tells_of_the_menu():
    line = LogLine(
        "f1",
        40,
        f"1795397954|{CALL}|main|NONE|HOTLINE_END||TRUE||16|citizen|main/choose/heating|v1|heating|heat|1795397950.000123",
    )
    ended, walked, greeted = to_events(line)
    assert (ended.kind, ended.key) == (EventKind.ENDED, "ql:f1:40")
    assert (walked.kind, walked.key) == (EventKind.MENU_WALKED, "ql:f1:40:menu_walked")
    assert walked.data == {
        "path": "main/choose/heating", "version": "v1", "queue": "heating", "category": "heat",
    }  # fmt: skip
    assert (greeted.kind, greeted.key) == (EventKind.GREETED, "ql:f1:40:greeted")
    assert (greeted.at.timestamp(), greeted.at.microsecond) == (1795397950.000123, 123)


@pytest.mark.parametrize("greeted", ["", "x", "1795397950", "99999999999.000001", "1795397950.1"])
def test_a_menu_left_before_its_greeting_was_over(greeted: str):
    assert events(f"NONE|NONE|HOTLINE_END||||16|citizen|main/greeting|v1|||{greeted}") == [
        ("ended", {"status": "", "abandoned": "", "agent": "", "cause": "16", "by": "citizen"}),
        ("menu_walked", {"path": "main/greeting", "version": "v1"}),
    ]


def test_an_event_knows_its_call_its_time_and_its_place():
    [event] = to_events(LogLine("f1", 4096, f"1795397954|{CALL}|main|NONE|ABANDON|1|1|30"))
    assert event.call_id == CALL
    assert event.source is EventSource.QUEUE_LOG
    assert event.at == datetime.fromtimestamp(1795397954, UTC)
    assert (event.seq, event.key) == (4096, "ql:f1:4096")


@pytest.mark.parametrize(
    "text",
    [
        f"1795397954|{CALL}|main|1001|ADDMEMBER|",
        f"1795397954|{CALL}|main|1001|PAUSE|lunch",
        "1795397954|NONE|NONE|1001|UNPAUSEALL|",
        "1795397954|MANAGER|main|1001|REMOVEMEMBER|",
        "1795397954|NONE|NONE|NONE|CONFIGRELOAD|",
        f"1795397954|{CALL}|NONE|NONE|HOTLINE_ACCEPTED|a1",
        "1795397954|NONE|main|NONE|ABANDON|1|1|3",
        "",
        "|||||",
        "not a line",
        "1795397954|x|y",
        "99999999999999999999|x|q|NONE|ABANDON|1|1|1",
        f"-1|{CALL}|q|NONE|ABANDON|1|1|1",
        "\0\0\0\0",
    ],
)
def test_what_says_nothing_of_a_call_is_no_event(text: str):
    assert to_events(LogLine("f1", 0, text)) == []


def test_a_line_with_fewer_fields_than_usual_is_read_as_far_as_it_goes():
    assert events("main|NONE|ABANDON|1") == [("abandoned", {"position": "1", "wait": ""})]
    assert events("main|NONE|ENTERQUEUE") == [("queued", {"queue": "main", "caller": "", "position": ""})]


def test_placeholders_keep_their_own_id_or_are_left_out():
    rest = "main|NONE|ENTERQUEUE|attempt/a1||1"
    assert events(rest, "cb-a1-1") == [("queued", {"queue": "main", "caller": "", "position": "1"})]
    assert events(rest, "hot-1795397954.99") == []


@pytest.mark.parametrize(
    "text",
    [
        "1795397999|NONE|NONE|NONE|QUEUESTART|",
        f"1795397954|{CALL}|main|1001|CONN1795397999|NONE|NONE|NONE|QUEUESTART|",
    ],
)
def test_a_restart_concerns_every_call_even_glued_to_a_half_line(text: str):
    [event] = to_events(LogLine("f1", 7, text))
    assert event.kind is EventKind.SWITCH_RESTARTED
    assert event.call_id == ""
    assert event.at.timestamp() == 1795397999
    one = for_call(event, CALL)
    assert (one.call_id, one.key) == (CALL, f"ql:f1:7:{CALL}")


@given(st.text())
def test_any_text_is_a_line_or_nothing(text: str):
    for event in to_events(LogLine("f1", 0, text)):
        assert all(isinstance(value, str) for value in event.data.values())


@given(st.from_regex(r"\A1795397954\|[^|]{0,9}\|[^|]{0,9}\|[^|]{0,9}\|[A-Z]{3,12}\|[^\n]{0,40}\Z"))
def test_every_line_of_the_right_shape_parses(text: str):
    entry = parse_line(text)
    assert entry is not None
    assert entry.epoch == 1795397954
