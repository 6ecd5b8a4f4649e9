"""What a menu's branches ask of the database, on both kinds of it: who called before, and how long a caller would wait."""

from dataclasses import replace
from datetime import timedelta

import pytest
from support.fake_channel import FakeChannel
from support.ringing_back import RingingBack, answered_story, lost_story
from support.web_hotline import CITIZEN, MORNING, WebHotline

from ivr.agents import states
from ivr.calls.live_facts import LiveFacts
from ivr.calls.looks import BoundedLooks
from vocabulary.phone_numbers import NumberKind, PhoneNumber

BY_CALLS = {"QUEUE_WAITING_COUNT(q-general)": "6", "QUEUE_WAITING_COUNT(q-heating)": "6"}
SOMEBODY = PhoneNumber("+8613911112222", NumberKind.MOBILE)


@pytest.fixture
def back(web: WebHotline) -> RingingBack:
    return RingingBack(web)


def facts_of(back: RingingBack, caller: PhoneNumber, later: float) -> LiveFacts:
    hotline = back.web.hotline
    return LiveFacts(
        FakeChannel(variables=BY_CALLS),
        caller,
        hotline.sealer.digest,
        "general",
        hotline.running.configuration,
        back.zone,
        lambda: MORNING + timedelta(seconds=later),
        BoundedLooks(hotline.database.reading),
    )


def test_who_called_within_the_hours_of_the_site_is_a_repeat_caller(back: RingingBack) -> None:
    back.hear(lost_story())
    citizen = back.web.hotline.running.number_of(CITIZEN, None)
    assert facts_of(back, citizen, 3600).is_repeat_caller() is True
    assert facts_of(back, citizen, 25 * 3600).is_repeat_caller() is False
    assert facts_of(back, SOMEBODY, 3600).is_repeat_caller() is False


def test_the_wait_rests_on_the_talks_of_the_last_half_hour_and_the_agents_at_work(back: RingingBack) -> None:
    back.hear(answered_story("hl1-1795397954.21", "1001", talk=100))
    back.hear(answered_story("hl1-1795397954.22", "1002", talk=200, after=60))
    with back.web.database.writing() as session:
        states.sign_in(session, "1001", "test", MORNING)
        states.sign_in(session, "1002", "test", MORNING)
    at_noon = facts_of(back, SOMEBODY, 600)
    assert at_noon.estimated_wait(None) == 6 * (150 + 30) / 2
    assert at_noon.estimated_wait("heating") is None  # no call there
    assert facts_of(back, SOMEBODY, 3600).estimated_wait(None) is None  # no call lately

    with back.web.database.writing() as session:
        states.pause(session, "1001", "rest", {"rest"}, "test", MORNING)
        states.begin_wrap_up(session, "1002", 30, MORNING)
    assert replace(at_noon).estimated_wait(None) == 6 * (150 + 30)  # wrap-up is work, a rest is not
    assert replace(at_noon).estimated_wait("heating") == float("inf")
