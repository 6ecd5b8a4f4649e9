"""From the agent's acceptance to the end of the debt, whatever order the news comes in."""

import itertools
from datetime import timedelta

import pytest
from sqlmodel import Session, select
from support.claiming import claim_first
from support.lost_calls import MORNING, SHANGHAI, a_policy, a_record, digest_of, missed

from missed_call_redial.attempts import attempt_accepted, on_dialled, on_dialling, on_placeholder_left
from missed_call_redial.callbacks import Attempt, Callback, attempt_channels, attempt_of_channel
from missed_call_redial.claims import mark_placed
from missed_call_redial.owing import close_by_inbound, owe
from tickets.outcome import Outcome

POLICY = a_policy()
MINUTE = timedelta(minutes=1)
NOON = MORNING + timedelta(hours=2)


def placed(session: Session, *, at=NOON, **changes: object) -> str:
    """One callback, claimed and standing in its queue."""
    owe(session, missed("c1", **changes), POLICY, SHANGHAI, MORNING)  # type: ignore[arg-type]
    (claim,) = claim_first(session, "w", at, POLICY, 1)
    mark_placed(session, claim.attempt_id, at)
    return claim.attempt_id


def accept(session: Session, attempt_id: str, at=NOON):
    return attempt_accepted(session, attempt_id, "1001", at, policy=POLICY, zone=SHANGHAI)


def dialled(session: Session, attempt_id: str, status: str, cause=None, sip="", talk=0.0, at=NOON + MINUTE):
    return on_dialled(session, attempt_id, status, cause, sip, talk, at, policy=POLICY, zone=SHANGHAI, now=at)


def left(session: Session, attempt_id: str, how="timeout", at=NOON + MINUTE) -> bool:
    return on_placeholder_left(session, attempt_id, how, at, policy=POLICY, zone=SHANGHAI, now=at)


def the_callback(session: Session) -> Callback:
    return session.exec(select(Callback)).one()


def the_attempt(session: Session) -> Attempt:
    return session.exec(select(Attempt)).one()


def test_they_talk(database):
    with database.writing() as session:
        attempt_id = placed(session)
        assert the_callback(session).state == "in_progress"
    with database.writing() as session:
        decision = accept(session, attempt_id)
        assert (decision.dial, decision.why) == (True, "owed")
        assert (decision.number_sealed, decision.first_call_id) == ("sealed:+8613800138000", "c1")
    with database.writing() as session:
        assert on_dialling(session, attempt_id, NOON)
        assert dialled(session, attempt_id, "ANSWER", 16, "SIP 200 OK", 42) == "connected"
    with database.reading() as session:
        callback, attempt = the_callback(session), the_attempt(session)
        assert (callback.state, callback.closing_code, callback.agent_no) == ("closed", "connected", "1001")
        assert (callback.attempts, callback.closed_at) == (1, NOON + MINUTE)
        assert (attempt.state, attempt.outcome, attempt.cause) == ("done", "connected", 16)
        assert attempt.answered_at == NOON + MINUTE - timedelta(seconds=42)


def test_an_answer_without_talk_is_no_end(database):
    with database.writing() as session:
        attempt_id = placed(session)
        accept(session, attempt_id)
        on_dialling(session, attempt_id, NOON)
        assert dialled(session, attempt_id, "ANSWER", 16, "", 0) == "no_talk"
        assert (the_callback(session).state, the_callback(session).attempts) == ("owed", 1)


@pytest.mark.parametrize(
    ("report", "outcome", "counted", "gap"),
    [
        (("BUSY", 17, "SIP 486 Busy Here"), "busy", 1, timedelta(minutes=10)),
        (("NOANSWER", 16, "SIP 180 Ringing"), "no_answer", 1, timedelta(minutes=30)),
        (("NOANSWER", 19, "SIP 480 Temporarily Unavailable"), "unreachable", 1, timedelta(hours=1)),
        (("CHANUNAVAIL", 21, "SIP 603 Decline"), "refused", 1, timedelta(hours=2)),
        (("CANCEL", 16, "SIP 180 Ringing"), "dropped_by_us", 1, timedelta(minutes=1)),
        (("CANCEL", 16, ""), "agent_declined", 0, timedelta(minutes=2)),
        (("NOANSWER", 16, ""), "trunk_fault", 0, timedelta(minutes=2)),
        (("CONGESTION", 34, "SIP 503 Service Unavailable"), "trunk_fault", 0, timedelta(minutes=2)),
    ],
)
def test_each_result_decides_whether_it_counts_and_when_the_next_try_is_due(
    database, report, outcome, counted, gap
):
    with database.writing() as session:
        attempt_id = placed(session)
        accept(session, attempt_id)
        on_dialling(session, attempt_id, NOON)
        assert dialled(session, attempt_id, *report) == outcome
        callback = the_callback(session)
        assert (callback.state, callback.attempts) == ("owed", counted)
        assert callback.due_at == NOON + MINUTE + gap


NO_SUCH_NUMBER = ("CHANUNAVAIL", 1, "SIP 404 Not Found")
RINGS_OUT = ("NOANSWER", 16, "SIP 180 Ringing")
NO_TRUNK = ("CONGESTION", 34, "SIP 503 Service Unavailable")
LEFT_ALONE = ("owed", None)
IS_INVALID = ("closed", "invalid_number")


@pytest.mark.parametrize(
    ("results", "most", "ends"),
    [
        ([NO_SUCH_NUMBER], 3, LEFT_ALONE),  # he has just called us from it
        ([NO_SUCH_NUMBER] * 2, 3, IS_INVALID),
        ([NO_SUCH_NUMBER, NO_TRUNK, NO_SUCH_NUMBER], 3, IS_INVALID),  # nobody's phone was asked between them
        ([NO_SUCH_NUMBER, RINGS_OUT, NO_SUCH_NUMBER], 4, LEFT_ALONE),
        ([NO_SUCH_NUMBER, RINGS_OUT, NO_SUCH_NUMBER], 3, ("closed", "unreachable_after_n")),
        ([NO_SUCH_NUMBER], 1, IS_INVALID),
    ],
)
def test_only_the_second_no_such_number_in_a_row_is_believed(database, results, most, ends):
    policy = POLICY.model_copy(update={"max_attempts": most})
    with database.writing() as session:
        owe(session, missed("c1"), policy, SHANGHAI, MORNING)
        at = NOON
        for result in results:
            (claim,) = claim_first(session, "w", at, policy, 1)
            assert accept(session, claim.attempt_id, at).dial
            on_dialled(session, claim.attempt_id, *result, 0, at, policy=policy, zone=SHANGHAI, now=at)
            at = max(at, the_callback(session).due_at)
        callback = the_callback(session)
        assert (callback.state, callback.closing_code) == ends


def test_after_no_such_number_he_is_left_alone_like_one_who_is_out_of_reach(database):
    with database.writing() as session:
        attempt_id = placed(session)
        accept(session, attempt_id)
        dialled(session, attempt_id, *NO_SUCH_NUMBER)
        assert the_callback(session).due_at == NOON + MINUTE + POLICY.gaps.unreachable


def test_three_tries_and_no_more(database):
    with database.writing() as session:
        owe(session, missed("c1"), POLICY, SHANGHAI, MORNING)
        at = NOON
        for _ in range(3):
            (claim,) = claim_first(session, "w", at, POLICY, 1)
            assert accept(session, claim.attempt_id, at).dial
            on_dialling(session, claim.attempt_id, at)
            dialled(session, claim.attempt_id, "NOANSWER", 16, "SIP 180 Ringing", at=at + MINUTE)
            at = the_callback(session).due_at
        callback = the_callback(session)
        assert (callback.state, callback.closing_code) == ("closed", "unreachable_after_n")
        assert callback.attempts == 3
        assert claim_first(session, "w", NOON + timedelta(hours=12), POLICY, 1) == []


@pytest.mark.parametrize("how", ["timeout", "withdrawn", "abandoned"])
def test_no_agent_took_it(database, how):
    with database.writing() as session:
        attempt_id = placed(session)
        assert left(session, attempt_id, how)
        assert not left(session, attempt_id, how)
        callback, attempt = the_callback(session), the_attempt(session)
        assert (attempt.outcome, attempt.remark, attempt.counts) == ("agent_declined", how, False)
        assert (callback.state, callback.attempts) == ("owed", 0)
        assert callback.due_at == NOON + MINUTE + timedelta(minutes=2)


def test_the_placeholders_end_says_nothing_once_the_citizen_was_dialled(database):
    with database.writing() as session:
        attempt_id = placed(session)
        accept(session, attempt_id)
        on_dialling(session, attempt_id, NOON)
        assert not left(session, attempt_id)
        assert the_attempt(session).state == "dialling"


def test_the_news_of_a_dial_may_come_in_any_order_and_twice(database):
    def said(session: Session, attempt_id: str, word: str) -> None:
        if word == "dialling":
            on_dialling(session, attempt_id, NOON + timedelta(seconds=5))
        elif word == "dialled":
            dialled(session, attempt_id, "BUSY", 17, "SIP 486 Busy Here")
        else:
            left(session, attempt_id, "abandoned")

    ends = set()
    words = ["dialling", "dialled", "left", "dialling", "dialled"]
    for n, order in enumerate(sorted(set(itertools.permutations(words)))):
        with database.writing() as session:
            number = f"+861380014{n:04}"
            owe(session, missed(f"c{n}", number=number), POLICY, SHANGHAI, MORNING)
            (claim,) = claim_first(session, "w", NOON, POLICY, 1)
            accept(session, claim.attempt_id)
            for word in order:
                said(session, claim.attempt_id, word)
            callback = session.exec(select(Callback).where(Callback.number_digest == digest_of(number))).one()
            attempt = session.get_one(Attempt, claim.attempt_id)
            ends.add((callback.state, callback.attempts, callback.due_at, attempt.outcome, attempt.state))
    assert ends == {("owed", 1, NOON + 11 * MINUTE, "busy", "done")}


class TestTheLastLookBeforeDialling:
    def test_yes_is_given_once(self, database):
        with database.writing() as session:
            attempt_id = placed(session)
            assert accept(session, attempt_id).dial
            again = accept(session, attempt_id)
            assert (again.dial, again.why, again.number_sealed) == (False, "not_this_attempt_again", None)

    def test_an_attempt_that_nobody_knows(self, database):
        with database.writing() as session:
            assert accept(session, "a000000000000").why == "no_such_attempt"

    def test_quiet_hours_began_while_it_stood_in_the_queue(self, database):
        evening = MORNING + timedelta(hours=11, minutes=29)
        with database.writing() as session:
            attempt_id = placed(session, at=evening)
            decision = accept(session, attempt_id, evening + MINUTE)
            assert (decision.dial, decision.why) == (False, "quiet_hours")
            callback, attempt = the_callback(session), the_attempt(session)
            assert (callback.state, callback.attempts) == ("owed", 0)
            assert callback.due_at == MORNING + timedelta(hours=22)  # 08:00
            assert (attempt.outcome, attempt.remark) == ("not_dialled", "quiet_hours")

    def test_the_deadline_passed_while_it_stood_in_the_queue(self, database):
        late = MORNING + timedelta(hours=23, minutes=59)
        with database.writing() as session:
            attempt_id = placed(session, at=late)
            assert accept(session, attempt_id, late + 2 * MINUTE).why == "expired"
            assert the_callback(session).closing_code == "expired"

    def test_the_citizen_is_on_the_line_just_now(self, database):
        with database.writing() as session:
            attempt_id = placed(session)
            session.add(a_record("c2", after=timedelta(hours=2), outcome=Outcome.IN_PROGRESS))
            assert accept(session, attempt_id).why == "citizen_is_calling"
            assert the_callback(session).state == "owed"

    def test_the_citizen_called_and_was_answered_meanwhile(self, database):
        with database.writing() as session:
            attempt_id = placed(session)
            assert close_by_inbound(session, digest_of("+8613800138000"), "c2", NOON)
            decision = accept(session, attempt_id)
            assert (decision.dial, decision.why) == (False, "closed")
            assert the_callback(session).closing_code == "resolved_by_inbound"


def test_a_new_debt_waits_while_the_phone_still_rings_for_the_old_one(database):
    with database.writing() as session:
        attempt_id = placed(session)
        accept(session, attempt_id)
        on_dialling(session, attempt_id, NOON)
        close_by_inbound(session, digest_of("+8613800138000"), "c2", NOON)
        owe(session, missed("c3", after=timedelta(hours=2, seconds=10)), POLICY, SHANGHAI, NOON)
        (claim,) = claim_first(session, "w", NOON + 2 * MINUTE, POLICY, 1)
        decision = accept(session, claim.attempt_id, NOON + 2 * MINUTE)
        assert (decision.dial, decision.why) == (False, "citizen_is_being_dialled")


def test_answered_inbound_while_being_dialled_stays_closed_and_keeps_the_result(database):
    with database.writing() as session:
        attempt_id = placed(session)
        accept(session, attempt_id)
        on_dialling(session, attempt_id, NOON)
        assert close_by_inbound(session, digest_of("+8613800138000"), "c2", NOON)
        assert dialled(session, attempt_id, "BUSY", 17, "SIP 486 Busy Here") == "busy"
        assert the_callback(session).closing_code == "resolved_by_inbound"
        assert the_attempt(session).outcome == "busy"


def test_a_miss_after_the_talk_whose_end_is_told_later_is_a_debt_of_its_own(database):
    with database.writing() as session:
        attempt_id = placed(session)
        accept(session, attempt_id)
        on_dialling(session, attempt_id, NOON)
        owe(session, missed("c2", after=timedelta(hours=2, minutes=5)), POLICY, SHANGHAI, NOON + 5 * MINUTE)
        dialled(session, attempt_id, "ANSWER", 16, "", 30, at=NOON + 2 * MINUTE)
        first, second = session.exec(select(Callback).order_by(Callback.id)).all()
        assert (first.closing_code, first.missed_count) == ("connected", 1)
        assert (second.state, second.first_call_id, second.missed_count) == ("owed", "c2", 1)
        assert second.prio < first.prio


def test_a_new_miss_brings_the_next_try_forward(database):
    with database.writing() as session:
        attempt_id = placed(session)
        accept(session, attempt_id)
        dialled(session, attempt_id, "NOANSWER", 16, "SIP 180 Ringing")
        owe(session, missed("c2", after=timedelta(hours=2, minutes=5)), POLICY, SHANGHAI, NOON + 5 * MINUTE)
        assert the_callback(session).due_at == NOON + 6 * MINUTE


def test_a_result_told_twice_does_not_push_back_what_a_new_miss_brought_forward(database):
    with database.writing() as session:
        attempt_id = placed(session)
        accept(session, attempt_id)
        dialled(session, attempt_id, "NOANSWER", 16, "SIP 180 Ringing")
        owe(session, missed("c2", after=timedelta(hours=2, minutes=5)), POLICY, SHANGHAI, NOON + 5 * MINUTE)
        assert dialled(session, attempt_id, "NOANSWER", 16, "SIP 180 Ringing") is None
        assert the_callback(session).due_at == NOON + 6 * MINUTE


def test_a_channel_tells_its_attempt():
    for channel in attempt_channels("a0123456789ab"):
        assert attempt_of_channel(channel) == "a0123456789ab"
    for other in ("pbx-1700000000.12", "cb-", "cb-a1", "cb-a1-3", "cb--1", ""):
        assert attempt_of_channel(other) is None
