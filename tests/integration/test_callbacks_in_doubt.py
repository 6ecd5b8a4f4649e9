"""What is heard late, in part or not at all must neither lose a citizen nor ring one twice."""

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlmodel import Session, select
from support.claiming import claim_first
from support.fake_dialer import FakeDialer
from support.lost_calls import CITIZEN, MORNING, SHANGHAI, a_policy, a_record, digest_of, missed

from hotline.listener import Listener
from hotline.rounds import has_debts
from ivr.telephony.queue_log_file import QueueLogFile
from missed_call_redial.attempts import (
    attempt_accepted,
    on_dialled,
    on_dialling,
    on_placeholder_left,
    on_reached,
    recover,
    refuse_dial,
)
from missed_call_redial.callbacks import Attempt, Callback, CallbackCall
from missed_call_redial.claims import mark_placed
from missed_call_redial.dispatcher import Dispatcher
from missed_call_redial.owing import cancel, close_by_inbound, owe
from missed_call_redial.queue_line import OnDuty
from missed_call_redial.ringers import ringer_of
from tickets.outcome import Outcome

POLICY = a_policy()
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
NOON = MORNING + timedelta(hours=2)
RINGS = ("NOANSWER", 16, "SIP 180 Ringing")
WRONG = ("CHANUNAVAIL", 1, "SIP 404 Not Found")


def lose(session: Session, call_id: str, after: timedelta = timedelta(0), **changes: Any) -> object:
    policy = changes.pop("policy", POLICY)
    return owe(session, missed(call_id, after=after, **changes), policy, SHANGHAI, MORNING + after + MINUTE)


def place(session: Session, at: datetime = NOON) -> str:
    (claim,) = claim_first(session, "w", at, POLICY, 1)
    mark_placed(session, claim.attempt_id, at)
    return claim.attempt_id


def accept(session: Session, attempt_id: str, at: datetime = NOON) -> bool:
    return attempt_accepted(session, attempt_id, "1001", at, policy=POLICY, zone=SHANGHAI).dial


def end(session: Session, attempt_id: str, report: tuple[str, int, str], at: datetime) -> None:
    on_dialled(session, attempt_id, *report, 0.0, at, policy=POLICY, zone=SHANGHAI, now=at)


def silence(session: Session, at: datetime) -> list[str]:
    return recover(
        session,
        live_attempts=set(),
        seen_at=at,
        log_read_until=at + SECOND,
        policy=POLICY,
        zone=SHANGHAI,
        now=at,
    )


def debts(session: Session) -> list[Callback]:
    return list(session.exec(select(Callback).order_by(Callback.id)))


class TestTheCallThatClosedTheDebtWasLostAfterAll:
    def test_the_debt_is_open_again_with_one_miss_more(self, database):
        with database.writing() as session:
            lose(session, "c1")
            close_by_inbound(session, digest_of(CITIZEN), "c2", MORNING + 11 * MINUTE)
        for _ in range(2):
            with database.writing() as session:
                lose(session, "c2", 10 * MINUTE, outcome=Outcome.ANSWERED_NO_TALK)
        with database.reading() as session:
            (debt,) = debts(session)
            assert (debt.state, debt.missed_count, debt.first_call_id) == ("owed", 2, "c1")
            assert (debt.closing_code, debt.closed_at, debt.closing_call_id) == (None, None, None)
            assert debt.due_at == MORNING + 11 * MINUTE
            assert debt.deadline_at == MORNING + 10 * MINUTE + timedelta(hours=24)

    def test_even_if_the_policy_rings_nobody_back_for_such_a_call(self, database):
        policy = a_policy(kinds=["queue_abandon"])
        with database.writing() as session:
            lose(session, "c1")
            close_by_inbound(session, digest_of(CITIZEN), "c2", MORNING + 11 * MINUTE)
            lose(session, "c2", 10 * MINUTE, outcome=Outcome.ANSWERED_NO_TALK, policy=policy)
            (debt,) = debts(session)
            assert (debt.state, debt.missed_count) == ("owed", 1)

    def test_a_call_that_was_its_own_debt(self, database):
        with database.writing() as session:
            lose(session, "c1")
            close_by_inbound(session, digest_of(CITIZEN), "c1", MORNING + MINUTE)
            lose(session, "c1", outcome=Outcome.ANSWERED_NO_TALK)
            (debt,) = debts(session)
            assert (debt.state, debt.missed_count, debt.closing_code) == ("owed", 1, None)

    def test_but_another_call_was_answered_since(self, database):
        with database.writing() as session:
            lose(session, "c1")
            close_by_inbound(session, digest_of(CITIZEN), "c2", MORNING + 11 * MINUTE)
            session.add(
                a_record("c3", after=20 * MINUTE, outcome=Outcome.ANSWERED, answered_after=21 * MINUTE)
            )
            session.flush()
            lose(session, "c2", 10 * MINUTE, outcome=Outcome.ANSWERED_NO_TALK)
            (debt,) = debts(session)
            assert debt.closing_code == "resolved_by_inbound"

    def test_a_newer_debt_takes_its_place_in_line(self, database):
        with database.writing() as session:
            lose(session, "c1")
            close_by_inbound(session, digest_of(CITIZEN), "c2", MORNING + 11 * MINUTE)
            lose(session, "c3", 20 * MINUTE)
            lose(session, "c2", 10 * MINUTE, outcome=Outcome.ANSWERED_NO_TALK)
            old, new = debts(session)
            assert (old.state, old.closing_code) == ("closed", "merged")
            assert (new.state, new.first_call_id, new.prio) == ("owed", "c1", old.prio)
            assert (old.missed_count, new.missed_count) == (0, 3)
            assert old.remark == f"callback {new.id} stands for it"
            assert {link.callback_id for link in session.exec(select(CallbackCall))} == {new.id}

    def test_what_was_settled_by_a_talk_is_not_handed_on(self, database):
        with database.writing() as session:
            lose(session, "c1")
            attempt_id = place(session)
            accept(session, attempt_id)
            close_by_inbound(session, digest_of(CITIZEN), "c2", NOON + MINUTE)
            on_dialled(
                session, attempt_id, "ANSWER", 16, "", 30, NOON + 2 * MINUTE,
                policy=POLICY, zone=SHANGHAI, now=NOON + 2 * MINUTE,
            )  # fmt: skip
            lose(session, "c3", NOON - MORNING + 20 * MINUTE)
            lose(session, "c2", NOON - MORNING, outcome=Outcome.ANSWERED_NO_TALK)
            old, new = debts(session)
            assert (old.closing_code, old.agent_no, old.missed_count) == ("connected", "1001", 2)
            assert (new.state, new.first_call_id, new.missed_count, old.remark) == ("owed", "c3", 1, None)

    @pytest.mark.parametrize("is_silent_first", [False, True], ids=["still dialling", "taken for vanished"])
    def test_a_talk_that_is_told_after_it_settles_the_debt_that_stands(self, database, is_silent_first):
        with database.writing() as session:
            lose(session, "c1")
            attempt_id = place(session)
            accept(session, attempt_id)
            on_dialling(session, attempt_id, NOON)
            close_by_inbound(session, digest_of(CITIZEN), "c2", NOON + SECOND)
            if is_silent_first:
                assert silence(session, NOON + 10 * MINUTE) == [attempt_id]
            lose(session, "c3", NOON - MORNING + 10 * SECOND)
            lose(session, "c2", NOON - MORNING, outcome=Outcome.ANSWERED_NO_TALK)
            old, new = debts(session)
            assert (old.closing_code, new.state, new.missed_count) == (
                "merged", "owed" if is_silent_first else "in_progress", 3,
            )  # fmt: skip
            spoken_at = NOON + 2 * MINUTE
            on_dialled(
                session, attempt_id, "ANSWER", 16, "", 30, spoken_at,
                policy=POLICY, zone=SHANGHAI, now=NOON + 12 * MINUTE,
            )  # fmt: skip
            assert (new.closing_code, new.agent_no, new.closed_at) == ("connected", "1001", spoken_at)
            ringer = ringer_of(session, "c1")
            assert ringer is not None
            assert (ringer.agent_no, ringer.has_citizen) == ("1001", True)

    def test_but_who_missed_us_after_that_talk_is(self, database):
        with database.writing() as session:
            lose(session, "c1")
            attempt_id = place(session)
            accept(session, attempt_id)
            lose(session, "c4", NOON - MORNING + 3 * MINUTE)
            close_by_inbound(session, digest_of(CITIZEN), "c2", NOON + 5 * MINUTE)
            on_dialled(
                session, attempt_id, "ANSWER", 16, "", 30, NOON + 2 * MINUTE,
                policy=POLICY, zone=SHANGHAI, now=NOON + 6 * MINUTE,
            )  # fmt: skip
            lose(session, "c3", NOON - MORNING + 20 * MINUTE)
            lose(session, "c2", NOON - MORNING + 4 * MINUTE, outcome=Outcome.ANSWERED_NO_TALK)
            old, new = debts(session)
            assert (old.closing_code, old.closed_at, old.missed_count) == ("connected", NOON + 2 * MINUTE, 1)
            assert (new.state, new.first_call_id, new.missed_count) == ("owed", "c4", 3)

    def test_while_its_placeholder_still_stands(self, database):
        with database.writing() as session:
            lose(session, "c1")
            attempt_id = place(session)
            close_by_inbound(session, digest_of(CITIZEN), "c2", NOON)
            lose(session, "c2", NOON - MORNING - MINUTE, outcome=Outcome.ANSWERED_NO_TALK)
            assert debts(session)[0].state == "in_progress"
            assert accept(session, attempt_id, NOON + MINUTE)

    def test_the_attempt_ended_meanwhile(self, database):
        with database.writing() as session:
            lose(session, "c1")
            attempt_id = place(session)
            accept(session, attempt_id)
            close_by_inbound(session, digest_of(CITIZEN), "c2", NOON)
            end(session, attempt_id, RINGS, NOON + MINUTE)
            lose(session, "c2", NOON - MORNING - MINUTE, outcome=Outcome.ANSWERED_NO_TALK)
            (debt,) = debts(session)
            assert (debt.state, debt.attempts, debt.due_at) == ("owed", 1, NOON)


class TestTheCitizenPickedUp:
    def test_and_then_nothing_was_heard(self, database):
        with database.writing() as session:
            lose(session, "c1")
            attempt_id = place(session)
            accept(session, attempt_id)
            on_dialling(session, attempt_id, NOON)
            assert on_reached(session, attempt_id, NOON + 9 * SECOND)
            assert not on_reached(session, attempt_id, NOON + 9 * SECOND)
            lose(session, "c2", NOON - MORNING + 5 * MINUTE)
            assert silence(session, NOON + 10 * MINUTE) == [attempt_id]
            first, second = debts(session)
            assert (first.closing_code, first.closed_at) == ("connected", NOON + 9 * SECOND)
            assert (second.state, second.first_call_id) == ("owed", "c2")  # he called again after it
            attempt = session.get_one(Attempt, attempt_id)
            assert (attempt.outcome, attempt.answered_at) == ("connected", NOON + 9 * SECOND)

    def test_the_result_has_the_last_word(self, database):
        with database.writing() as session:
            lose(session, "c1")
            attempt_id = place(session)
            accept(session, attempt_id)
            assert on_reached(session, attempt_id, NOON + 9 * SECOND)
            assert not on_dialling(session, attempt_id, NOON)
            end(session, attempt_id, ("ANSWER", 16, ""), NOON + 10 * SECOND)
            assert not on_reached(session, attempt_id, NOON + 9 * SECOND)
            assert session.get_one(Attempt, attempt_id).outcome == "no_talk"
            assert not on_reached(session, "a000000000000", NOON)

    def test_the_listener_reads_it(self, database, tmp_path):
        with database.writing() as session:
            lose(session, "c1")
            attempt_id = place(session)
            accept(session, attempt_id)
        epoch = int(NOON.timestamp())
        log = tmp_path / "queue_log"
        log.write_text(f"{epoch}|NONE|NONE|NONE|QUEUESTART|\n", encoding="utf-8")
        running = SimpleNamespace(
            configuration=SimpleNamespace(
                callbacks=POLICY, lines=SimpleNamespace(queue=lambda _name: None, queues=[])
            )
        )
        hotline = SimpleNamespace(database=database, now=lambda: NOON + MINUTE, running=running, switch=None)
        ledger = SimpleNamespace(zone=SHANGHAI, hear=lambda *_: None)
        with log.open("a", encoding="utf-8") as more:
            more.write(f"{epoch}|cb-{attempt_id}-1|NONE|NONE|HOTLINE_DIALLING|{attempt_id}\n")
            more.write(f"{epoch + 5}|cb-{attempt_id}-1|NONE|NONE|HOTLINE_REACHED|{attempt_id}\n")
        listener = Listener(cast(Any, hotline), cast(Any, ledger), QueueLogFile(log), "w")
        listener.tick()
        with database.reading() as session:
            attempt = session.get_one(Attempt, attempt_id)
            assert attempt.answered_at == datetime.fromtimestamp(epoch + 5, UTC)
            assert attempt.state == "dialling"


@pytest.mark.parametrize("last", [RINGS, WRONG])
def test_who_misses_us_while_the_last_try_rings_is_owed_anew(database, last):
    with database.writing() as session:
        lose(session, "c1")
        at = NOON
        for report in [RINGS, RINGS, last]:
            attempt_id = place(session, at)
            accept(session, attempt_id, at)
            on_dialling(session, attempt_id, at)
            if debts(session)[0].attempts == 2:
                lose(session, "c2", at - MORNING + 30 * SECOND)
            end(session, attempt_id, report, at + MINUTE)
            ended, at = at + MINUTE, debts(session)[0].due_at
        (debt,) = debts(session)
        assert (debt.state, debt.attempts, debt.due_at) == ("owed", 0, ended + MINUTE)
        for n in range(3):
            assert debts(session)[0].attempts == n
            attempt_id = place(session, at)
            accept(session, attempt_id, at)
            on_dialling(session, attempt_id, at)
            end(session, attempt_id, RINGS, at + MINUTE)
            at = debts(session)[0].due_at
        assert (debts(session)[0].closing_code, debts(session)[0].attempts) == ("unreachable_after_n", 3)


def test_an_attempt_told_to_dial_and_then_silent_counts(database):
    with database.writing() as session:
        lose(session, "c1")
        attempt_id = place(session)
        accept(session, attempt_id)
        assert silence(session, NOON + 10 * MINUTE) == [attempt_id]
        attempt, (debt,) = session.get_one(Attempt, attempt_id), debts(session)
        assert (attempt.outcome, attempt.counts, debt.attempts) == ("unknown", True, 1)


def test_an_attempt_told_to_dial_that_left_undialled_does_not_count(database):
    with database.writing() as session:
        lose(session, "c1")
        attempt_id = place(session)
        accept(session, attempt_id)
        why = "accepted, not dialled"
        at = NOON + MINUTE
        assert on_placeholder_left(session, attempt_id, why, at, policy=POLICY, zone=SHANGHAI, now=at)
        assert debts(session)[0].attempts == 0


class TestAfterTheYesItCannotBeDialled:
    def refuse(self, session: Session, attempt_id: str, why: str) -> bool:
        return refuse_dial(session, attempt_id, why, NOON + SECOND, policy=POLICY, zone=SHANGHAI)

    def test_no_trunk_may_dial_it(self, database):
        with database.writing() as session:
            lose(session, "c1")
            attempt_id = place(session)
            assert not self.refuse(session, attempt_id, "no_trunk_allows")  # nobody said yes
            accept(session, attempt_id)
            assert self.refuse(session, attempt_id, "no_trunk_allows")
            assert not self.refuse(session, attempt_id, "no_trunk_allows")
            (debt,), attempt = debts(session), session.get_one(Attempt, attempt_id)
            assert (debt.state, debt.closing_code, debt.remark) == ("owed", None, None)  # plans come back
            assert (attempt.outcome, attempt.remark, debt.attempts) == ("not_dialled", "no_trunk_allows", 0)

    def test_another_reason_leaves_it_owed(self, database):
        with database.writing() as session:
            lose(session, "c1")
            attempt_id = place(session)
            accept(session, attempt_id)
            assert self.refuse(session, attempt_id, "no_trunk_is_up")
            assert (debts(session)[0].state, debts(session)[0].attempts) == ("owed", 0)

    def test_an_attempt_that_rings_is_not_refused(self, database):
        with database.writing() as session:
            lose(session, "c1")
            attempt_id = place(session)
            accept(session, attempt_id)
            on_dialling(session, attempt_id, NOON)
            assert not self.refuse(session, attempt_id, "no_trunk_allows")
            assert not self.refuse(session, "a000000000000", "no_trunk_allows")


def test_a_debt_of_a_queue_that_is_gone_stands_in_the_one_that_took_its_place(database):
    dialer = FakeDialer()
    dispatcher = Dispatcher(
        database,
        dialer,
        policy=lambda: POLICY,
        zone=SHANGHAI,
        open_number=lambda sealed: sealed.removeprefix("sealed:+86"),
        log_read_until=lambda: None,
        is_log_read=lambda _session, _now: True,
        owner="w",
        on_duty=lambda _session: [OnDuty(str(1001 + n), frozenset({"general"})) for n in range(9)],
        live_queue=lambda queue: "general" if queue == "gone" else queue,
    )
    with database.writing() as session:
        for n, queue in enumerate(["general", "gone"] * 3):
            lose(session, f"c{n}", number=f"+86139{n:08}", queue=queue)
    assert asyncio.run(dispatcher.tick(NOON)).placed == POLICY.most_placeholders  # one room for both
    dialer.placed.clear()
    with database.writing() as session:
        for attempt in session.exec(select(Attempt)):
            accept(session, attempt.id)
    assert asyncio.run(dispatcher.tick(NOON + SECOND)).placed == 3
    assert {request.queue for request in dialer.placed} == {"general"}


def test_the_round_is_left_out_only_while_nothing_is_owed_and_nothing_runs(database):
    def is_asked() -> bool:
        with database.reading() as session:
            return has_debts(session)

    assert not is_asked()
    with database.writing() as session:
        lose(session, "c1")
    assert is_asked()
    with database.writing() as session:
        attempt_id = place(session)
        accept(session, attempt_id)
    assert is_asked()
    with database.writing() as session:
        cancel(session, debts(session)[0].id or 0, "settled elsewhere", NOON)
    assert is_asked(), "its attempt still runs"
    with database.writing() as session:
        end(session, attempt_id, ("ANSWER", 16, ""), NOON + MINUTE)
    assert not is_asked()
