"""What a call's events amount to: one test for each ending, and that order and repetition do not matter."""

from dataclasses import fields, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.call_stories import STORIES
from support.call_teller import START, Story, Teller

from tickets.call_events import EventKind, EventSource
from tickets.outcome import LOST, CallFacts, Outcome, fold

K = EventKind


def facts_of(story: Story) -> CallFacts:
    return fold(story.events, quick_hangup_seconds=5)


@pytest.mark.parametrize("story", STORIES, ids=str)
def test_ending(story: Story):
    facts = facts_of(story)
    assert facts.outcome is story.outcome
    assert facts.agent_no == story.agent_no
    assert facts.number_called == "12345"
    assert facts.caller_raw == "13800138000"


@pytest.mark.parametrize("story", [s for s in STORIES if s.wait is not None], ids=str)
def test_wait_and_talk(story: Story):
    facts = facts_of(story)
    assert facts.wait_seconds == pytest.approx(story.wait, abs=1.1)  # queue_log cuts to whole seconds
    assert facts.talk_seconds == (None if story.talk is None else pytest.approx(story.talk, abs=1.1))


def test_there_is_a_story_for_every_outcome():
    assert {story.outcome for story in STORIES} == set(Outcome)
    assert set(Outcome) - LOST == {
        Outcome.ANSWERED,
        Outcome.IN_PROGRESS,
        Outcome.IVR_SERVED,
        Outcome.VOICEMAIL,
        Outcome.TRANSFERRED,
    }


LONG = "main/" + "/".join(f"a_node_with_quite_a_long_name_{n}" for n in range(90))
CUT = LONG[:1500].rpartition("/")[0]
"""So much of it stood on the channel when he was led on."""


@pytest.mark.parametrize(
    ("led_on", "last_line", "known"),
    [
        (f"{CUT}//tax/choose", CUT, f"{CUT}//tax/choose"),
        (None, CUT, LONG),  # our server was cut while it led him on
    ],
)
def test_of_a_walk_too_long_for_the_channel_our_last_account_counts(led_on, last_line, known):
    told = Teller().arrives().agi(3.3, K.MENU_WALKED, path=LONG, version="v1").queues(3.5)
    told.log(43, K.TIMED_OUT, wait="40")
    if led_on is not None:
        told.agi(43.2, K.MENU_WALKED, path=led_on, version="v1")
    told.log(60, K.MENU_WALKED, path=last_line, version="v1").ends(60, status="TIMEOUT", abandoned="TRUE")
    assert fold(told.events, quick_hangup_seconds=5).menu_path == known


def test_queue_logs_account_counts_where_our_server_was_cut_on_the_way():
    told = Teller().arrives().queues(3.5).log(43, K.TIMED_OUT, wait="40")
    told.log(60, K.MENU_WALKED, path="main/person/choose", version="v1").ends(60, status="TIMEOUT")
    assert fold(told.events, quick_hangup_seconds=5).menu_path == "main/person/choose"


@given(data=st.data())
@settings(max_examples=400, deadline=None)
def test_order_and_repetition_do_not_matter(data: st.DataObject):
    story = data.draw(st.sampled_from(STORIES))
    again = data.draw(st.lists(st.sampled_from(story.events), max_size=6))
    told = data.draw(st.permutations([*story.events, *again]))
    assert fold(told, quick_hangup_seconds=5) == facts_of(story)


@given(data=st.data())
@settings(max_examples=400, deadline=None)
def test_whatever_is_missing_or_mixed_up_in_time_no_duration_is_negative(data: st.DataObject):
    story = data.draw(st.sampled_from(STORIES))
    some = data.draw(st.lists(st.sampled_from(story.events), min_size=1, unique_by=lambda event: event.key))
    shifted = [replace(e, at=e.at + timedelta(seconds=data.draw(st.integers(-90, 90)))) for e in some]
    facts = fold(shifted, quick_hangup_seconds=5)
    moments = [
        getattr(facts, field.name)
        for field in fields(facts)
        if isinstance(getattr(facts, field.name), datetime) and field.name != "voicemail_at"
    ]
    assert moments == sorted(moments)
    assert (facts.wait_seconds or 0) >= 0
    assert (facts.talk_seconds or 0) >= 0
    assert fold(reversed(shifted), quick_hangup_seconds=5) == facts


@pytest.mark.parametrize("story", STORIES, ids=str)
def test_ami_alone_never_ends_a_call(story: Story):
    hints = [event for event in story.events if event.source is EventSource.AMI]
    if hints:
        assert fold(hints, quick_hangup_seconds=5).outcome is Outcome.IN_PROGRESS


@pytest.mark.parametrize("story", [s for s in STORIES if s.outcome is not Outcome.IN_PROGRESS], ids=str)
def test_a_forged_ami_event_changes_no_outcome(story: Story):
    forged = Teller().ami(1, K.ABANDONED, position="1", wait="1").ami(2, K.CONNECTED, agent="6666")
    forged.ami(2, K.ENDED, abandoned="TRUE", agent="6666", cause="16").ami(
        2, K.COMPLETED, agent="6666", talk="9"
    )
    forged.ami(0, K.ARRIVED, caller="110", number_called="110", prio="1")
    events = [replace(event, key=f"forged-{event.key}") for event in forged.events]
    facts = fold([*story.events, *events], quick_hangup_seconds=5)
    assert (facts.outcome, facts.agent_no) == (story.outcome, story.agent_no)
    assert facts.caller_raw == "13800138000"


def test_ami_gives_live_state_and_exact_times():
    facts = fold(Teller().arrives().queues(3.5).connects(8, "1001").events, quick_hangup_seconds=5)
    assert facts.queued_at == START + timedelta(seconds=3.51)
    assert facts.answered_at == START + timedelta(seconds=8.01)
    assert facts.first_ring_at == START + timedelta(seconds=6)
    only_hinted = Teller().arrives().ami(3.5, K.QUEUED, queue="general").ami(8, K.CONNECTED, agent="1001")
    assert fold(only_hinted.events, quick_hangup_seconds=5).agent_no == "1001"


def test_what_was_said_is_known_whatever_became_of_the_call():
    for story in STORIES:
        has_spoken = any(event.data.get("sha256") for event in story.events)
        facts = facts_of(story)
        assert (facts.voicemail_seconds is not None) == has_spoken, story.name
        assert (facts.voicemail_name is not None) == (facts.voicemail_at is not None) == has_spoken


def test_whom_the_last_queue_did_not_take_is_owed_by_that_queue_though_he_waited_in_another():
    told = Teller().arrives().queues(3.5, "heating").log(43, K.TIMED_OUT, wait="40")
    told.log(44, K.NOT_TAKEN, status="FULL", queue="general").ends(50, status="FULL", queue="general")
    facts = fold(told.events, quick_hangup_seconds=5)
    assert (facts.queue, facts.outcome) == ("general", Outcome.QUEUE_FULL)
    assert facts.wait_seconds == pytest.approx(39.59, abs=1.1)


def test_a_ring_is_known_from_queue_log_alone():
    told = Teller().log(0, K.ARRIVED).log(4, K.QUEUED, queue="general")
    told.log(30, K.RING_MISSED, agent="1001", ring_ms="20000").log(43, K.TIMED_OUT)
    facts = fold(told.events, quick_hangup_seconds=5)
    assert facts.first_ring_at == START.replace(microsecond=0) + timedelta(seconds=10)


def test_hangup_leg_tells_of_an_answer_before_queue_log_is_read():
    told = Teller().arrives().queues(3.5).agi(60, K.ENDED, status="", abandoned="", agent="1001", cause="16")
    assert fold(told.events, quick_hangup_seconds=5).outcome is Outcome.ANSWERED


def test_status_is_believed_before_abandoned():
    told = Teller().arrives().agi(60, K.ENDED, status="TIMEOUT", abandoned="TRUE", agent="")
    assert fold(told.events, quick_hangup_seconds=5).outcome is Outcome.QUEUE_TIMEOUT


def test_a_restart_before_the_call_is_not_its_end():
    told = Teller().log(-5, K.SWITCH_RESTARTED).arrives().queues(3.5)
    assert fold(told.events, quick_hangup_seconds=5).outcome is Outcome.IN_PROGRESS


def test_nothing_known_is_an_error():
    with pytest.raises(ValueError, match="nothing is known"):
        fold([], quick_hangup_seconds=5)
