"""A lost call is owed a callback, merged into the one that is open, or has a stated reason."""

import threading
from datetime import timedelta

import pytest
from sqlmodel import Session, select
from support.claiming import claim_first
from support.lost_calls import MORNING, SHANGHAI, a_policy, a_record, missed

from missed_call_redial.callbacks import (
    Callback,
    CallbackCall,
    CallbackIsClosed,
    CallbackRefusal,
    CallbackState,
    ClosingCode,
    NoSuchCallback,
)
from missed_call_redial.missed import missed_from_record, prio_of
from missed_call_redial.owing import (
    cancel,
    close_by_inbound,
    close_by_own_call,
    nothing_forgotten,
    owe,
)
from missed_call_redial.policy import RefusalReason
from missed_call_redial.settling import reopen_later_misses
from tickets.outcome import LOST, Outcome
from vocabulary.phone_numbers import NumberKind

POLICY = a_policy()
MINUTE = timedelta(minutes=1)


def owe_all(session: Session, *calls):
    return [owe(session, call, POLICY, SHANGHAI, MORNING + timedelta(hours=1)) for call in calls]


def test_a_lost_call_is_owed_with_the_place_of_its_arrival(database):
    with database.writing() as session:
        owe_all(session, missed("c1"))
    with database.reading() as session:
        callback = session.exec(select(Callback)).one()
        assert callback.state == CallbackState.OWED
        assert callback.prio == prio_of(MORNING)
        assert callback.first_missed_at == MORNING
        assert callback.due_at == MORNING + MINUTE
        assert callback.deadline_at == MORNING + timedelta(hours=24)
        assert session.exec(select(CallbackCall.call_id)).all() == ["c1"]


def test_three_misses_of_one_number_are_one_callback(database):
    with database.writing() as session:
        owe_all(
            session,
            missed("c2", after=5 * MINUTE, queue="heating"),
            missed("c1", queue="general"),
            missed("c3", after=9 * MINUTE, queue="general"),
        )
    with database.reading() as session:
        callback = session.exec(select(Callback)).one()
        assert callback.missed_count == 3
        assert (callback.first_missed_at, callback.last_missed_at) == (MORNING, MORNING + 9 * MINUTE)
        assert (callback.prio, callback.first_call_id, callback.queue) == (prio_of(MORNING), "c1", "general")
        assert sorted(callback.queues_wanted) == ["general", "heating"]
        assert callback.deadline_at == MORNING + 9 * MINUTE + timedelta(hours=24)
        assert sorted(session.exec(select(CallbackCall.call_id))) == ["c1", "c2", "c3"]


class TestACriticalMatter:
    """The hint of an emergency is worth some seconds of credit on the one number that decides place and order of claims."""

    CREDIT = 1800

    def prios(self, session: Session) -> list[tuple[str, int]]:
        found = session.exec(select(Callback).order_by(Callback.prio.desc()))
        return [(callback.first_call_id, callback.prio) for callback in found]

    def test_it_stands_before_those_who_came_within_the_credit(self, database):
        with database.writing() as session:
            for n, minutes in enumerate((0, 29, 30, 31)):
                owe_all(session, missed(f"c{n}", number=f"+8613900000{n:03}", after=minutes * MINUTE))
            urgent = missed("critical", number="+8613700000000", after=60 * MINUTE, is_critical=True)
            owe_all(session, urgent)
            assert [call for call, _ in self.prios(session)] == ["c0", "c1", "c2", "critical", "c3"]
            claims = claim_first(session, "w", MORNING + timedelta(hours=2), POLICY, 9)
            assert [claim.first_call_id for claim in claims] == ["c0", "c1", "c2", "critical", "c3"]
            assert (
                claims[3].prio == prio_of(MORNING + 60 * MINUTE) + self.CREDIT
            )  # and so in Asterisk's queue

    @pytest.mark.parametrize("order", [(0, 1), (1, 0)])
    def test_one_of_several_misses_is_enough(self, database, order):
        calls = (missed("c1"), missed("c2", after=10 * MINUTE, is_critical=True))
        with database.writing() as session:
            owe_all(session, *(calls[n] for n in order))
            assert self.prios(session) == [("c1", prio_of(MORNING) - 600 + self.CREDIT)]

    def test_a_call_that_turns_out_to_be_critical_gets_the_credit_once(self, database):
        with database.writing() as session:
            owe_all(session, missed("c1"), *[missed("c1", is_critical=True)] * 3)
            assert self.prios(session) == [("c1", prio_of(MORNING) + self.CREDIT)]
            assert session.exec(select(Callback.missed_count)).all() == [1]

    def test_it_can_be_switched_off(self, database):
        with database.writing() as session:
            off = a_policy(critical_credit_seconds=0)
            owe(session, missed("c1", is_critical=True), off, SHANGHAI, MORNING)
            assert self.prios(session) == [("c1", prio_of(MORNING))]

    def test_it_goes_with_the_miss_into_a_debt_of_its_own(self, database):
        """He misses again while he is talked with about the first matter."""
        with database.writing() as session:
            (debt,) = owe_all(session, missed("c1"))
            owe_all(
                session, missed("c2", after=20 * MINUTE), missed("c3", after=21 * MINUTE, is_critical=True)
            )
            spoken_at = MORNING + 5 * MINUTE
            debt.close(ClosingCode.CONNECTED, spoken_at)
            later = reopen_later_misses(session, debt, spoken_at, POLICY, SHANGHAI, MORNING + 30 * MINUTE)
            assert later is not None
            assert (later.first_call_id, later.prio) == ("c2", prio_of(MORNING + 21 * MINUTE) + self.CREDIT)


def test_the_same_call_told_again_changes_nothing(database):
    for _ in range(3):
        with database.writing() as session:
            owe_all(session, missed("c1"), missed("w1", number=None))
    with database.reading() as session:
        assert session.exec(select(Callback.missed_count)).all() == [1]
        assert session.exec(select(CallbackRefusal.reason)).all() == ["withheld_number"]


def test_a_switchboard_is_many_people(database):
    with database.writing() as session:
        owe_all(session, missed("c1", is_switchboard=True), missed("c2", is_switchboard=True))
    with database.reading() as session:
        assert session.exec(select(Callback.missed_count)).all() == [1, 1]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"number": None}, RefusalReason.WITHHELD_NUMBER),
        ({"number": "12315", "number_kind": NumberKind.SHORT}, RefusalReason.SHORT_NUMBER),
        ({"number": "+12025550123", "number_kind": NumberKind.FOREIGN}, RefusalReason.FOREIGN_NUMBER),
        ({"outcome": Outcome.QUICK_HANGUP}, RefusalReason.KIND_NOT_CHOSEN),
        ({"wait_seconds": 2.0}, RefusalReason.WAITED_TOO_SHORT),
    ],
)
def test_what_is_not_owed_has_a_stated_reason(database, changes, reason):
    with database.writing() as session:
        assert owe_all(session, missed("c1", **changes)) == [reason]
    with database.reading() as session:
        assert session.exec(select(Callback)).all() == []
        assert session.exec(select(CallbackRefusal.reason)).one() == reason


def test_a_refusal_is_judged_anew_when_the_call_turns_out_another(database):
    with database.writing() as session:
        owe_all(session, missed("c1", outcome=Outcome.QUICK_HANGUP))
        owe_all(session, missed("c1", outcome=Outcome.SYSTEM_LOSS))
    with database.reading() as session:
        assert session.exec(select(CallbackRefusal)).all() == []
        assert session.exec(select(CallbackCall.call_id)).all() == ["c1"]


def test_a_miss_that_becomes_known_after_the_citizen_was_answered(database):
    with database.writing() as session:
        session.add(a_record("c2", after=10 * MINUTE, outcome=Outcome.ANSWERED, answered_after=11 * MINUTE))
        session.flush()
        before, since = owe_all(session, missed("c1"), missed("c3", after=30 * MINUTE))
        assert before is RefusalReason.ANSWERED_SINCE
        assert isinstance(since, Callback)


class TestTheCitizenCallsAgain:
    def test_and_is_answered(self, database):
        with database.writing() as session:
            (callback,) = owe_all(session, missed("c1"))
            assert close_by_inbound(session, callback.number_digest, "c2", MORNING + 9 * MINUTE)
        with database.reading() as session:
            callback = session.exec(select(Callback)).one()
            assert (callback.state, callback.closing_code) == ("closed", "resolved_by_inbound")
            assert (callback.closing_call_id, callback.closed_at) == ("c2", MORNING + 9 * MINUTE)

    def test_an_answer_from_before_the_last_miss_settles_nothing(self, database):
        with database.writing() as session:
            (callback,) = owe_all(session, missed("c2", after=10 * MINUTE))
            assert not close_by_inbound(session, callback.number_digest, "c1", MORNING + MINUTE)
            assert callback.state == CallbackState.OWED

    def test_with_nothing_owed(self, database):
        with database.writing() as session:
            assert not close_by_inbound(session, "nobody", "c1", MORNING)

    def test_of_a_switchboard_only_the_debt_of_that_very_call(self, database):
        with database.writing() as session:
            own, other = owe_all(
                session, missed("c1", is_switchboard=True), missed("c2", is_switchboard=True)
            )
            assert close_by_own_call(session, "c1", MORNING)
            assert (own.closing_code, own.closing_call_id) == ("resolved_by_inbound", "c1")
            assert other.state == "owed"
            assert not close_by_own_call(session, "c1", MORNING)
            assert not close_by_own_call(session, "c9", MORNING)
            owe_all(session, missed("c1", is_switchboard=True))  # and lost after all
            assert own.state == "owed"

    def test_lost_after_all_although_somebody_else_there_was_answered_since(self, database):
        with database.writing() as session:
            (own,) = owe_all(session, missed("c1", is_switchboard=True))
            assert close_by_own_call(session, "c1", MORNING)
            session.add(a_record("c2", after=MINUTE, outcome=Outcome.ANSWERED, answered_after=MINUTE))
            owe_all(session, missed("c1", is_switchboard=True))
            assert own.state == "owed"

    def test_a_switchboards_debts_stay(self, database):
        with database.writing() as session:
            (callback,) = owe_all(session, missed("c1", is_switchboard=True))
            assert not close_by_inbound(session, callback.number_digest, "c2", MORNING + MINUTE)

    def test_the_next_miss_after_it_is_a_new_debt(self, database):
        with database.writing() as session:
            (callback,) = owe_all(session, missed("c1"))
            close_by_inbound(session, callback.number_digest, "c2", MORNING + 9 * MINUTE)
            (later,) = owe_all(session, missed("c3", after=20 * MINUTE))
            assert later.id != callback.id
            assert later.first_missed_at == MORNING + 20 * MINUTE

    def test_a_miss_from_before_it_that_becomes_known_late_is_settled_with_it(self, database):
        with database.writing() as session:
            (callback,) = owe_all(session, missed("c1"))
            close_by_inbound(session, callback.number_digest, "c3", MORNING + 9 * MINUTE)
            (found,) = owe_all(session, missed("c2", after=5 * MINUTE))
            assert found.id == callback.id
            assert found.state == CallbackState.CLOSED


def test_a_person_may_cancel_with_a_reason_once(database):
    with database.writing() as session:
        (callback,) = owe_all(session, missed("c1"))
        cancel(session, callback.id, "asked not to be called", MORNING, agent_no="1001")
        assert (callback.closing_code, callback.remark) == ("cancelled", "asked not to be called")
    with database.writing() as session:
        with pytest.raises(CallbackIsClosed):
            cancel(session, callback.id, "again", MORNING)
        with pytest.raises(NoSuchCallback):
            cancel(session, 4711, "whom?", MORNING)


class TestNothingForgotten:
    def test_every_lost_call_is_named_until_it_was_judged(self, database):
        outcomes = sorted(LOST)
        with database.writing() as session:
            for n, outcome in enumerate(outcomes):
                session.add(a_record(f"c{n}", number=f"+861380013{n:04}", outcome=outcome))
            session.add(a_record("talk", number="+8613900000001", outcome=Outcome.ANSWERED))
            session.add(a_record("now", number="+8613900000002", outcome=Outcome.IN_PROGRESS))
        period = (MORNING - MINUTE, MORNING + MINUTE)
        with database.writing() as session:
            forgotten = nothing_forgotten(session, *period)
            assert sorted(forgotten) == sorted(f"c{n}" for n in range(len(outcomes)))
            for call_id in forgotten:
                record = session.get_one(type(a_record("x")), call_id)
                owe_all(session, missed_from_record(record, default_queue="general"))
            assert nothing_forgotten(session, *period) == []
            owed = session.exec(select(CallbackCall.call_id)).all()
            refused = session.exec(select(CallbackRefusal.call_id)).all()
            assert len(owed) == len(outcomes) - 2
            assert len(refused) == 2

    def test_only_the_period_is_looked_at(self, database):
        with database.writing() as session:
            session.add(a_record("c1"))
        with database.reading() as session:
            assert nothing_forgotten(session, MORNING + MINUTE, MORNING + 2 * MINUTE) == []


def test_many_workers_that_learn_of_many_misses_at_once_open_one_callback(database):
    start = threading.Barrier(8)
    faults: list[BaseException] = []

    def learn(worker: int) -> None:
        try:
            start.wait()
            for n in range(5):
                with database.writing() as session:
                    owe_all(session, missed(f"c{worker}-{n}", after=(worker * 5 + n) * timedelta(seconds=1)))
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=learn, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert faults == []
    with database.reading() as session:
        callback = session.exec(select(Callback)).one()
        assert callback.missed_count == 40
        assert callback.first_call_id == "c0-0"


@pytest.mark.parametrize("late", ["c1", "c2"])
def test_the_queue_of_a_miss_may_be_learnt_later(database, late):
    """From a line that was set aside, say: the debt is what it would be had it been known at once."""
    queues = {"c1": "heating", "c2": "enterprise"}
    with database.writing() as session:
        for call_id, after in (("c1", 0 * MINUTE), ("c2", MINUTE)):
            owe_all(
                session, missed(call_id, after=after, queue="general" if call_id == late else queues[call_id])
            )
        owe_all(session, missed(late, after=MINUTE * (late == "c2"), queue=queues[late]))
        debt = session.exec(select(Callback)).one()
        assert (debt.queue, debt.queues_wanted) == ("heating", ["heating", "enterprise"])
