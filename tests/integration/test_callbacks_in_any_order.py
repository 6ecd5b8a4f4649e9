"""Whatever order things become known in, and whoever else writes at that moment: the same debts, and no deadlock."""

import itertools
import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session, select, text
from support.claiming import claim_first
from support.lost_calls import CITIZEN, MORNING, SHANGHAI, a_policy, a_record, digest_of, missed
from support.waiting import wait_for

from hotline.database import Database
from missed_call_redial.attempts import (
    attempt_accepted,
    on_dialled,
    on_dialling,
    on_placeholder_left,
    recover,
)
from missed_call_redial.callbacks import Callback, CallbackCall, CallbackRefusal
from missed_call_redial.claims import expire_overdue, mark_placed
from missed_call_redial.owing import close_by_inbound, owe
from tickets.outcome import Outcome

POLICY = a_policy()
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
NOON = MORNING + timedelta(hours=2)


def lose(session: Session, call_id: str, after: timedelta = timedelta(0), **changes: Any) -> object:
    return owe(session, missed(call_id, after=after, **changes), POLICY, SHANGHAI, MORNING + after + MINUTE)


def account(session: Session) -> tuple[object, object, object]:
    """All that is owed and refused, but for the times at which we learnt it."""
    names = ("state", "first_call_id", "queue", "prio", "missed_count", "first_missed_at", "last_missed_at")
    debts = [
        [*(getattr(debt, name) for name in names), sorted(debt.queues_wanted), debt.deadline_at]
        for debt in session.exec(select(Callback))
    ]
    links = sorted(session.exec(select(CallbackCall.call_id)))
    refused = sorted((r.call_id, r.outcome, r.reason) for r in session.exec(select(CallbackRefusal)))
    return debts, links, refused


def a_newer_debt_stands_for_both(session: Session, c1: dict[str, Any], c3: dict[str, Any]) -> None:
    """c2 was taken for answered and closed the debt of c1; when it turns out not to be, c3 has opened another."""
    after = c1.pop("after", timedelta(0))
    lose(session, "c1", after, **c1)
    close_by_inbound(session, digest_of(CITIZEN), "c2", MORNING + after + 11 * MINUTE)
    lose(session, "c3", after + 20 * MINUTE, **c3)
    lose(session, "c2", after + 10 * MINUTE, outcome=Outcome.QUICK_HANGUP)
    codes = session.exec(select(Callback.closing_code).order_by(Callback.id)).all()
    assert codes == ["merged", None]


class TestANewerDebtStandsForAnOlderOne:
    """It is what it would be, had all of their misses come to it."""

    NIGHT = timedelta(hours=12)  # 22:00 in Shanghai

    def test_an_emergency_does_not_wait_until_morning(self, database):
        with database.writing() as session:
            first = {"after": self.NIGHT, "is_critical": True, "queue": "heating"}
            a_newer_debt_stands_for_both(session, c1=first, c3={})
            newer = session.exec(select(Callback).where(Callback.state == "owed")).one()
            assert (newer.first_call_id, newer.is_critical) == ("c1", True)
            assert newer.due_at == MORNING + self.NIGHT + MINUTE
            assert (newer.queue, sorted(newer.queues_wanted)) == ("heating", ["general", "heating"])

    def test_nor_one_that_is_rung_for_just_now(self, database):
        with database.writing() as session:
            lose(session, "c1", is_critical=True)
            close_by_inbound(session, digest_of(CITIZEN), "c2", MORNING + 11 * MINUTE)
            lose(session, "c3", 20 * MINUTE)
            (claim,) = claim_first(session, "w", NOON, POLICY, 1)
            lose(session, "c2", 10 * MINUTE, outcome=Outcome.QUICK_HANGUP)
            newer = session.get_one(Callback, claim.callback_id)
            assert (newer.state, newer.is_critical, newer.missed_count) == ("claimed", True, 2)
            assert newer.due_at == MORNING + 21 * MINUTE

    def test_that_it_was_one_may_be_learnt_later(self, database):
        with database.writing() as session:
            a_newer_debt_stands_for_both(session, c1={"after": self.NIGHT}, c3={})
            lose(session, "c1", self.NIGHT, is_critical=True)
            newer = session.exec(select(Callback).where(Callback.state == "owed")).one()
            assert (newer.is_critical, newer.due_at) == (True, MORNING + self.NIGHT + MINUTE)

    def test_also_when_the_open_one_is_the_older(self, database):
        """Both were closed by calls that turn out lost, the older one first: that one is open again when the other asks."""
        with database.writing() as session:
            lose(session, "c1", self.NIGHT, wait_seconds=None)
            close_by_inbound(session, digest_of(CITIZEN), "c2", MORNING + self.NIGHT + 11 * MINUTE)
            lose(session, "c3", self.NIGHT + 20 * MINUTE, is_critical=True, queue="heating")
            close_by_inbound(session, digest_of(CITIZEN), "c4", MORNING + self.NIGHT + 31 * MINUTE)
            for n in (2, 4):
                lose(session, f"c{n}", self.NIGHT + (n - 1) * 10 * MINUTE, outcome=Outcome.QUICK_HANGUP)
            older, younger = session.exec(select(Callback).order_by(Callback.id)).all()
            assert (older.state, younger.closing_code) == ("owed", "merged")
            assert (older.first_call_id, older.is_critical, older.missed_count) == ("c1", True, 2)
            assert (older.queue, older.queues_wanted) == ("general", ["general", "heating"])
            assert older.due_at == MORNING + self.NIGHT + 21 * MINUTE
            assert older.deadline_at == MORNING + self.NIGHT + 20 * MINUTE + POLICY.deadline
            assert lose(session, "c1", self.NIGHT, wait_seconds=3.0) == "waited_too_short"
            assert (older.state, older.first_call_id, older.queue) == ("owed", "c3", "heating")


class TestAWaitThatBecomesKnownLate:
    """The leg that ends a call may be heard before the line of queue_log that says how long it waited."""

    def test_it_was_too_short(self, database):
        with database.writing() as session:
            lose(session, "c1", wait_seconds=None)
            assert lose(session, "c1", wait_seconds=3.0) == "waited_too_short"
        with database.reading() as session:
            assert account(session) == ([], [], [("c1", "queue_abandon", "waited_too_short")])

    def test_it_was_long_enough_after_all(self, database):
        with database.writing() as session:
            for wait in (None, 3.0, 30.0):
                lose(session, "c1", wait_seconds=wait)
            debts, links, refused = account(session)
            assert (len(debts), links, refused) == (1, ["c1"], [])

    def test_what_an_agent_was_rung_for_stays(self, database):
        with database.writing() as session:
            lose(session, "c1", wait_seconds=None)
            (claim,) = claim_first(session, "w", NOON, POLICY, 1)
            assert isinstance(lose(session, "c1", wait_seconds=3.0), Callback)
            mark_placed(session, claim.attempt_id, NOON)
            assert attempt_accepted(
                session, claim.attempt_id, "1001", NOON, policy=POLICY, zone=SHANGHAI
            ).dial

    def test_a_debt_that_stands_for_an_older_one_stays_for_that(self, database):
        with database.writing() as session:
            a_newer_debt_stands_for_both(session, c1={}, c3={"wait_seconds": None})
            assert lose(session, "c3", 20 * MINUTE, wait_seconds=3.0) == "waited_too_short"
            left = session.exec(select(Callback).where(Callback.state == "owed")).one()
            assert (left.first_call_id, left.missed_count, left.last_missed_at) == ("c1", 1, MORNING)

    def test_what_was_merged_long_ago_keeps_no_later_debt(self, database):
        with database.writing() as session:
            a_newer_debt_stands_for_both(session, c1={}, c3={})
            close_by_inbound(session, digest_of(CITIZEN), "c4", MORNING + 30 * MINUTE)
            lose(session, "c5", 40 * MINUTE, wait_seconds=None)
            assert lose(session, "c5", 40 * MINUTE, wait_seconds=3.0) == "waited_too_short"
            assert session.exec(select(Callback).where(Callback.state == "owed")).all() == []

    @pytest.mark.parametrize("late", range(3))
    def test_one_of_several_misses_in_every_order(self, database, late):
        """c0, c1 and c2 are lost; of one of them we learn twice, at last that it was too short to be owed."""
        whole = [
            {"call_id": f"c{n}", "after": n * 10 * MINUTE, "queue": ["general", "heating", "general"][n]}
            for n in range(3)
        ]
        told = [(n, {"wait_seconds": None if n == late else 30.0}) for n in range(3)]
        told.append((late, {"wait_seconds": 3.0}))
        found = []
        for order in itertools.permutations(told):
            if order.index(told[late]) > order.index(told[3]):
                continue  # what is known is not forgotten again
            with database.writing() as session:
                for n, changes in order:
                    lose(session, **whole[n], **changes)
                found.append(account(session))
                session.rollback()
        assert len(found) == 12
        assert all(one == found[0] for one in found)
        debts, links, refused = found[0]
        assert len(debts) == 1
        assert len(links) == 2
        assert refused == [(f"c{late}", "queue_abandon", "waited_too_short")]


RINGS = ("NOANSWER", 16, "SIP 180 Ringing")
FAULT = ("CONGESTION", 34, "SIP 503 Service Unavailable")


class TestTheLastTryWasNoneAfterAll:
    """It was taken for one because nothing was heard; then the line comes, and it was our own trunk."""

    def dial(self, session: Session, at, report=None) -> str:
        (claim,) = claim_first(session, "w", at, POLICY, 1)
        mark_placed(session, claim.attempt_id, at)
        assert attempt_accepted(session, claim.attempt_id, "1001", at, policy=POLICY, zone=SHANGHAI).dial
        on_dialling(session, claim.attempt_id, at)
        if report is not None:
            self.tell(session, claim.attempt_id, report, at + MINUTE, at + MINUTE)
        return claim.attempt_id

    def tell(self, session: Session, attempt_id: str, report, at, now) -> None:
        on_dialled(session, attempt_id, *report, 0.0, at, policy=POLICY, zone=SHANGHAI, now=now)

    def given_up(self, session: Session) -> tuple[Callback, str]:
        lose(session, "c1")
        at = NOON
        for _ in range(2):
            self.dial(session, at, RINGS)
            at = session.exec(select(Callback.due_at)).one()
        self.third_at = at
        attempt_id = self.dial(session, at)
        recover(
            session,
            live_attempts=set(),
            seen_at=at + 10 * MINUTE,
            log_read_until=at + 11 * MINUTE,
            policy=POLICY,
            zone=SHANGHAI,
            now=at + 11 * MINUTE,
        )
        debt = session.exec(select(Callback)).one()
        assert (debt.closing_code, debt.attempts) == ("unreachable_after_n", 3)
        return debt, attempt_id

    def learn(self, session: Session, attempt_id: str, report=FAULT, later=12 * MINUTE) -> None:
        self.tell(session, attempt_id, report, self.third_at + MINUTE, self.third_at + later)

    def test_the_debt_is_open_again(self, database):
        with database.writing() as session:
            debt, attempt_id = self.given_up(session)
            self.learn(session, attempt_id)
            assert (debt.state, debt.attempts, debt.closing_code, debt.closed_at) == ("owed", 2, None, None)
            self.dial(session, debt.due_at, RINGS)
            assert (debt.closing_code, debt.attempts) == ("unreachable_after_n", 3)

    def test_a_result_that_counts_leaves_it_closed(self, database):
        with database.writing() as session:
            debt, attempt_id = self.given_up(session)
            self.learn(session, attempt_id, RINGS)
            assert (debt.closing_code, debt.attempts) == ("unreachable_after_n", 3)

    def test_the_reason_of_its_end_may_be_another(self, database):
        """Two said that the number does not exist; the one between them, which is told last, says that it rang."""
        with database.writing() as session:
            debt, attempt_id = self.given_up(session)
            debt.closing_code = "invalid_number"
            self.learn(session, attempt_id, RINGS)
            assert (debt.closing_code, debt.attempts) == ("unreachable_after_n", 3)

    def test_its_deadline_has_passed(self, database):
        with database.writing() as session:
            debt, attempt_id = self.given_up(session)
            self.learn(session, attempt_id, later=timedelta(hours=25))
            assert (debt.closing_code, debt.attempts) == ("expired", 2)

    def test_a_newer_debt_is_paid_for_both(self, database):
        with database.writing() as session:
            debt, attempt_id = self.given_up(session)
            lose(session, "c2", self.third_at - MORNING + 20 * MINUTE)
            self.learn(session, attempt_id, later=30 * MINUTE)
            newer = session.exec(select(Callback).where(Callback.first_call_id == "c2")).one()
            assert (debt.closing_code, debt.attempts) == ("unreachable_after_n", 2)
            assert debt.remark == f"not reopened: callback {newer.id} is open"
            assert newer.state == "owed"

    def test_he_was_answered_meanwhile(self, database):
        with database.writing() as session:
            debt, attempt_id = self.given_up(session)
            since = self.third_at - MORNING + 11 * MINUTE
            session.add(a_record("c2", after=since, outcome=Outcome.ANSWERED, answered_after=since))
            self.learn(session, attempt_id)
            assert (debt.closing_code, debt.attempts) == ("unreachable_after_n", 2)
            assert debt.remark == "not reopened: spoken with since"

    def test_of_a_switchboard_many_may_be_open(self, database):
        with database.writing() as session:
            debt, attempt_id = self.given_up(session)
            debt.is_switchboard = True
            lose(session, "c2", self.third_at - MORNING + 20 * MINUTE, is_switchboard=True)
            self.learn(session, attempt_id, later=30 * MINUTE)
            assert debt.state == "owed"


class TestNobodyWaitsForAnotherInACircle:
    """The listener carries on attempts in the order of the log, the dispatcher clears up in its own."""

    @pytest.mark.parametrize("other", ["recover", "expire"])
    @pytest.mark.parametrize("is_backwards", [False, True])
    def test_a_batch_of_lines_beside_the_dispatcher(
        self, database: Database, other: str, is_backwards: bool
    ) -> None:
        with database.writing() as session:
            for n in range(2):
                lose(session, f"c{n}", n * SECOND, number=f"+861390000000{n}")
            first, second = (c.attempt_id for c in claim_first(session, "w", NOON, POLICY, 2))
        if is_backwards:
            first, second = second, first
        late = NOON + timedelta(hours=25 if other == "expire" else 1)
        faults: list[BaseException] = []

        def clear_up() -> None:
            try:
                with database.writing() as session:
                    if other == "recover":
                        silent = {"live_attempts": set(), "seen_at": late, "log_read_until": late + SECOND}
                        recover(session, **silent, policy=POLICY, zone=SHANGHAI, now=late)  # type: ignore[arg-type]
                    else:
                        expire_overdue(session, late)
            except BaseException as fault:
                faults.append(fault)

        def left(session: Session, attempt_id: str) -> None:
            on_placeholder_left(session, attempt_id, "timeout", NOON, policy=POLICY, zone=SHANGHAI, now=NOON)

        if other == "expire":
            with database.writing() as session:
                for attempt_id in (first, second):
                    left(session, attempt_id)
        thread = threading.Thread(target=clear_up)
        with database.writing() as session:
            left(session, second)
            thread.start()
            if database.engine.dialect.name == "postgresql":
                wait_for(lambda: self.is_waiting(database), 20)
            left(session, first)
        thread.join(30)
        assert not thread.is_alive()
        assert faults == []

    def is_waiting(self, database: Database) -> bool:
        with database.reading() as session:
            blocked = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
            return session.execute(blocked).scalar_one() > 0
