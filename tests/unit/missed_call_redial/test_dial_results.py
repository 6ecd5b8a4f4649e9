"""What dialling led to: Asterisk's causes and SIP replies, and what must hold for every input."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from missed_call_redial.dial_results import AttemptOutcome, attempt_result, sip_reply


@pytest.mark.parametrize(
    ("status", "cause", "sip", "rang", "outcome"),
    [
        ("BUSY", 17, "SIP 486 Busy Here", None, "busy"),
        ("BUSY", 17, "SIP 600 Busy Everywhere", None, "busy"),
        ("BUSY", 17, "", None, "busy"),
        ("NOANSWER", 16, "SIP 180 Ringing", None, "no_answer"),
        ("NOANSWER", 16, "SIP 183 Session Progress", None, "no_answer"),
        ("NOANSWER", 16, "SIP 487 Request Terminated", True, "no_answer"),
        ("NOANSWER", 16, "", True, "no_answer"),
        ("NOANSWER", 16, "", False, "trunk_fault"),  # nobody listening looks like ringing out
        ("NOANSWER", 16, "", None, "trunk_fault"),
        ("NOANSWER", 19, "SIP 480 Temporarily Unavailable", None, "unreachable"),
        ("NOANSWER", 19, "", None, "unreachable"),
        ("CHANUNAVAIL", 1, "SIP 404 Not Found", None, "invalid_number"),
        ("CHANUNAVAIL", 1, "", None, "invalid_number"),
        ("CHANUNAVAIL", 28, "SIP 484 Address Incomplete", None, "invalid_number"),
        ("CHANUNAVAIL", 21, "SIP 603 Decline", None, "refused"),
        (
            "CHANUNAVAIL",
            21,
            "SIP 403 Forbidden",
            None,
            "trunk_fault",
        ),  # the carrier refuses us, not the citizen
        ("CHANUNAVAIL", 20, "", None, "trunk_fault"),
        ("CHANUNAVAIL", None, "", None, "trunk_fault"),
        ("CONGESTION", 34, "SIP 503 Service Unavailable", None, "trunk_fault"),
        ("CONGESTION", 34, "", None, "trunk_fault"),
        ("CONGESTION", 19, "SIP 480 Temporarily Unavailable", None, "unreachable"),
        ("CANCEL", 16, "SIP 180 Ringing", None, "dropped_by_us"),
        ("CANCEL", 16, "SIP 487 Request Terminated", True, "dropped_by_us"),
        ("CANCEL", 16, "", None, "agent_declined"),
        ("AGENT_LEFT", 16, "SIP 200 OK", True, "dropped_by_us"),
        ("INVALIDARGS", None, "", None, "trunk_fault"),
        ("", None, "", None, "unknown"),
        ("ANSWER", 16, "SIP 200 OK", None, "no_talk"),
    ],
)
def test_the_table(status, cause, sip, rang, outcome):
    assert attempt_result(status, cause, sip, rang) == outcome


def test_a_talk_that_the_agents_phone_cut_is_none():
    """However long they had talked: he was cut, and nobody hung up."""
    assert attempt_result("LOST_AGENT", 44, "SIP 200 OK", True, talk_seconds=600) == "dropped_by_us"
    assert attempt_result("ANSWER", 16, "SIP 200 OK", True, talk_seconds=600) == "connected"


def test_connected_needs_talk():
    assert attempt_result("ANSWER", 16, "SIP 200 OK", talk_seconds=1) is AttemptOutcome.CONNECTED
    assert attempt_result("ANSWER", 16, "SIP 200 OK", talk_seconds=0) is AttemptOutcome.NO_TALK


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("SIP 486 Busy Here", 486),
        ("SIP/2.0 603 Decline", 603),
        ("180", 180),
        ("", None),
        ("SIP 1234567", None),
    ],
)
def test_the_reply_in_a_text(text, reply):
    assert sip_reply(text) == reply


STATUSES = st.sampled_from(["ANSWER", "BUSY", "NOANSWER", "CANCEL", "CONGESTION", "CHANUNAVAIL"]) | st.text(
    max_size=20
)


@given(
    STATUSES,
    st.none() | st.integers(-1, 200),
    st.text(max_size=40),
    st.none() | st.booleans(),
    st.integers(0, 9),
)
def test_any_line_has_a_meaning_and_only_talk_is_a_connection(status, cause, sip, rang, talk):
    outcome = attempt_result(status, cause, sip, rang, talk_seconds=talk)
    assert (outcome is AttemptOutcome.CONNECTED) == (status.strip().upper() == "ANSWER" and talk > 0)


def test_what_does_not_count_as_an_attempt():
    assert {str(outcome) for outcome in AttemptOutcome if not outcome.counts} == {
        "trunk_fault",
        "agent_declined",
        "not_placed",
        "not_dialled",
    }
