"""A due callback is taken by one worker, in the order of arrival, and is never lost when that worker dies."""

import threading
from collections import Counter
from datetime import timedelta

from sqlmodel import Session, select
from support.claiming import claim_first
from support.lost_calls import MORNING, SHANGHAI, a_policy, missed

from missed_call_redial.attempts import on_dialled, on_dialling, recover
from missed_call_redial.callbacks import Attempt, AttemptState, Callback, CallbackState
from missed_call_redial.claims import claim_due, due_in_line, expire_overdue, mark_placed, placing_failed
from missed_call_redial.owing import owe

POLICY = a_policy()
SECOND = timedelta(seconds=1)
NOON = MORNING + timedelta(hours=2)
EVERYBODY = 10_000


def owe_many(session: Session, count: int) -> None:
    for n in range(count):
        owe(session, missed(f"c{n}", number=f"+861390000{n:04}", after=n * SECOND), POLICY, SHANGHAI, MORNING)


def recover_at(session: Session, seen_at, *, live=frozenset(), read_until=None) -> list[str]:
    return recover(
        session,
        live_attempts=live,
        seen_at=seen_at,
        log_read_until=read_until or seen_at + SECOND,
        policy=POLICY,
        zone=SHANGHAI,
        now=seen_at,
    )


def test_eight_workers_take_two_hundred_due_callbacks_once_each(database):
    with database.writing() as session:
        owe_many(session, 200)
    start = threading.Barrier(8)
    taken: list[int] = []
    faults: list[BaseException] = []

    def work(owner: str) -> None:
        try:
            start.wait()
            while True:
                with database.writing() as session:
                    claims = claim_first(session, owner, NOON, POLICY, 7)
                if not claims:
                    return
                taken.extend(claim.callback_id for claim in claims)
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert faults == []
    with database.writing() as session:  # rows that a rival held for a moment were skipped, not lost
        taken.extend(claim.callback_id for claim in claim_first(session, "last", NOON, POLICY, EVERYBODY))
        assert Counter(taken) == Counter(session.exec(select(Callback.id)).all())
        assert Counter(session.exec(select(Attempt.callback_id))) == Counter(taken)


def test_first_arrivals_come_first(database):
    with database.writing() as session:
        owe_many(session, 5)
        claims = claim_first(session, "w", NOON, POLICY, 3)
        assert [claim.first_call_id for claim in claims] == ["c0", "c1", "c2"]


def test_what_is_not_due_expired_or_of_another_queue_is_left(database):
    with database.writing() as session:
        owe_many(session, 1)
        assert claim_first(session, "w", MORNING + 59 * SECOND, POLICY, 9) == []
        assert claim_first(session, "w", MORNING + timedelta(hours=24), POLICY, 9) == []
        assert list(due_in_line(session, NOON, POLICY, {"heating"})) == []
        (due,) = due_in_line(session, NOON, POLICY, {"general"})
        for at in (MORNING + 59 * SECOND, MORNING + timedelta(hours=24)):
            assert claim_due(session, "w", at, POLICY, due.callback_id) is None
        assert claim_due(session, "w", NOON, POLICY, due.callback_id + 1) is None
        assert claim_due(session, "w", NOON, POLICY, due.callback_id) is not None
        assert claim_due(session, "w", NOON, POLICY, due.callback_id) is None


def test_the_line_is_read_page_by_page_in_its_order(database):
    with database.writing() as session:
        owe_many(session, 7)
        for callback in session.exec(select(Callback).where(Callback.id > 3)):
            callback.prio = 1  # the same place: then by the number of the debt
        session.flush()
        for page in (1, 2, 3, 7, 9):
            line = [due.callback_id for due in due_in_line(session, NOON, POLICY, {"general"}, page)]
            assert line == [1, 2, 3, 4, 5, 6, 7]


def test_a_debt_that_nobody_worked_on_until_its_deadline_is_closed_with_that_reason(database):
    with database.writing() as session:
        owe_many(session, 2)
        claim_first(session, "w", NOON, POLICY, 1)
        assert expire_overdue(session, MORNING + timedelta(hours=25)) == 1
    with database.reading() as session:
        states = session.exec(select(Callback.state, Callback.closing_code).order_by(Callback.id)).all()
        assert states == [("claimed", None), ("closed", "expired")]


class TestTheWorkerDies:
    def test_between_claiming_and_placing(self, database):
        with database.writing() as session:
            owe_many(session, 1)
            (claim,) = claim_first(session, "w1", NOON, POLICY, 9)
        with database.writing() as session:
            assert recover_at(session, NOON + 59 * SECOND) == []  # the lease still runs
            assert claim_first(session, "w2", NOON + 59 * SECOND, POLICY, 9) == []
            later = NOON + 61 * SECOND
            assert recover_at(session, later) == [claim.attempt_id]
            callback = session.exec(select(Callback)).one()
            assert (callback.state, callback.attempts, callback.lease_owner) == ("owed", 0, None)
            assert callback.due_at == later + timedelta(minutes=2)
            (again,) = claim_first(session, "w2", later + timedelta(minutes=2), POLICY, 9)
            assert again.attempt_id != claim.attempt_id

    def test_after_placing_while_the_channel_lives(self, database):
        with database.writing() as session:
            owe_many(session, 1)
            (claim,) = claim_first(session, "w1", NOON, POLICY, 9)
        with database.writing() as session:
            assert recover_at(session, NOON + timedelta(hours=1), live={claim.attempt_id}) == []

    def test_nothing_is_concluded_before_queue_log_was_read(self, database):
        with database.writing() as session:
            owe_many(session, 1)
            claim_first(session, "w1", NOON, POLICY, 9)
        seen_at = NOON + timedelta(hours=1)
        with database.writing() as session:
            assert recover_at(session, seen_at, read_until=seen_at) == []
            assert len(recover_at(session, seen_at, read_until=seen_at + SECOND)) == 1

    def test_dialling_was_seen_and_then_nothing(self, database):
        with database.writing() as session:
            owe_many(session, 1)
            (claim,) = claim_first(session, "w1", NOON, POLICY, 9)
            mark_placed(session, claim.attempt_id, NOON)
            on_dialling(session, claim.attempt_id, NOON + 5 * SECOND)
        with database.writing() as session:
            assert claim_first(session, "w2", NOON + timedelta(hours=5), POLICY, 9) == []
            seen_at = NOON + timedelta(minutes=10)
            assert recover_at(session, seen_at) == [claim.attempt_id]
            assert recover_at(session, seen_at) == []
            attempt = session.exec(select(Attempt)).one()
            assert (attempt.state, attempt.outcome, attempt.counts) == ("done", "unknown", True)
            callback = session.exec(select(Callback)).one()
            assert (callback.state, callback.attempts) == ("owed", 1)
            assert callback.due_at == seen_at + timedelta(minutes=30)

    def test_the_result_that_comes_after_all_replaces_the_unknown(self, database):
        with database.writing() as session:
            owe_many(session, 1)
            (claim,) = claim_first(session, "w1", NOON, POLICY, 9)
            on_dialling(session, claim.attempt_id, NOON + 5 * SECOND)
            recover_at(session, NOON + timedelta(minutes=10))
            on_dialled(
                session,
                claim.attempt_id,
                "ANSWER",
                16,
                "",
                42,
                NOON + timedelta(minutes=1),
                policy=POLICY,
                zone=SHANGHAI,
                now=NOON + timedelta(minutes=11),
            )
            callback = session.exec(select(Callback)).one()
            assert (callback.state, callback.closing_code, callback.attempts) == ("closed", "connected", 1)

    def test_dialling_that_is_read_after_the_attempt_was_given_up_is_not_forgotten(self, database):
        with database.writing() as session:
            owe_many(session, 1)
            (claim,) = claim_first(session, "w1", NOON, POLICY, 9)
            recover_at(session, NOON + timedelta(minutes=10))
            on_dialling(session, claim.attempt_id, NOON + 5 * SECOND)
            assert session.exec(select(Callback.state)).one() == CallbackState.IN_PROGRESS
            assert claim_first(session, "w2", NOON + timedelta(hours=5), POLICY, 9) == []


def test_a_placing_that_certainly_failed_is_owed_again_and_not_counted(database):
    with database.writing() as session:
        owe_many(session, 1)
        (claim,) = claim_first(session, "w1", NOON, POLICY, 9)
        assert placing_failed(session, claim.attempt_id, "no trunk", NOON, policy=POLICY, zone=SHANGHAI)
        assert not placing_failed(session, claim.attempt_id, "twice", NOON, policy=POLICY, zone=SHANGHAI)
        attempt = session.exec(select(Attempt)).one()
        assert (attempt.state, attempt.outcome, attempt.remark) == (
            AttemptState.DONE,
            "not_placed",
            "no trunk",
        )
        callback = session.exec(select(Callback)).one()
        assert (callback.state, callback.attempts) == ("owed", 0)
        assert callback.due_at == NOON + timedelta(minutes=2)
