"""Any life of a few callbacks that hypothesis can think of keeps the promises."""

import sqlite3
import tempfile
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import event
from sqlmodel import Session, SQLModel, func, select
from support.lost_calls import MORNING, SHANGHAI, a_policy, digest_of, missed

from hotline.database import Database, make_engine
from missed_call_redial.attempts import (
    attempt_accepted,
    on_dialled,
    on_dialling,
    on_placeholder_left,
    recover,
)
from missed_call_redial.callbacks import Attempt, AttemptState, Callback, CallbackCall, CallbackRefusal
from missed_call_redial.claims import claim_due, expire_overdue, mark_placed, placing_failed
from missed_call_redial.owing import close_by_inbound, owe
from missed_call_redial.policy import may_dial_now

POLICY = a_policy()
NUMBERS = [f"+861380000000{n}" for n in range(2)]
RESULTS = [
    ("ANSWER", 16, "SIP 200 OK", 30.0),
    ("ANSWER", 16, "SIP 200 OK", 0.0),
    ("BUSY", 17, "SIP 486 Busy Here", 0.0),
    ("NOANSWER", 16, "SIP 180 Ringing", 0.0),
    ("NOANSWER", 16, "", 0.0),
    ("CANCEL", 16, "SIP 180 Ringing", 0.0),
    ("CHANUNAVAIL", 1, "SIP 404 Not Found", 0.0),
    ("CONGESTION", 34, "SIP 503 Service Unavailable", 0.0),
]
TALKED = RESULTS[0]
FATES = ["placed", "placed", "placed", "dies", "dies after placing", "refused"]


def _hurry(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")


class CallbackLife(RuleBasedStateMachine):
    """The switch is real in what matters: a channel lives or not, and what happened to it stands in a log
    that is read in its order, late, and sometimes twice.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.database = Database(make_engine(f"sqlite:///{Path(self.folder.name)}/hotline.db"))
        event.listen(self.database.engine, "connect", _hurry)
        SQLModel.metadata.create_all(self.database.engine)
        self.now = MORNING
        self.calls = 0
        self.number_of: dict[str, str] = {}
        self.standing: set[str] = set()
        self.told_to_dial: set[str] = set()
        self.ringing: set[str] = set()
        self.dials: Counter[str] = Counter()
        self.log: list[tuple[str, str, datetime, tuple[str, int, str, float] | str | None]] = []
        self.log_read = 0

    def teardown(self) -> None:
        self.database.engine.dispose()
        self.folder.cleanup()

    @initialize(number=st.sampled_from(NUMBERS))
    def somebody_was_lost(self, number: str) -> None:
        self.a_call_is_lost(number)

    @rule(seconds=st.sampled_from([5, 70, 130, 700, 1900]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def the_next_debt_falls_due(self) -> None:
        with self.database.reading() as session:
            due_at = session.exec(select(func.min(Callback.due_at)).where(Callback.state == "owed")).one()
        self.now = max(self.now, due_at or self.now)

    @precondition(lambda self: not self.standing and not self.ringing)
    @rule(hours=st.integers(8, 23))
    def a_long_time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule(number=st.sampled_from(NUMBERS))
    def a_call_is_lost(self, number: str) -> None:
        self.calls += 1
        call = missed(f"c{self.calls}", number=number, after=self.now - MORNING)
        with self.database.writing() as session:
            owe(session, call, POLICY, SHANGHAI, self.now)

    @rule(number=st.sampled_from(NUMBERS))
    def a_call_is_answered(self, number: str) -> None:
        self.calls += 1
        with self.database.writing() as session:
            close_by_inbound(session, digest_of(number), f"c{self.calls}", self.now)

    @rule(limit=st.integers(1, 2), fate=st.sampled_from(FATES))
    def a_dispatcher_works(self, limit: int, fate: str) -> None:
        with self.database.writing() as session:
            expire_overdue(session, self.now)
            claims = claim_due(session, "w", self.now, POLICY, limit)
        for claim in claims:
            self.number_of[claim.attempt_id] = claim.number_sealed
            if fate in {"placed", "dies after placing"}:
                self.standing.add(claim.attempt_id)
            with self.database.writing() as session:
                if fate == "placed":
                    mark_placed(session, claim.attempt_id, self.now)
                elif fate == "refused":
                    placing_failed(session, claim.attempt_id, "no", self.now, policy=POLICY, zone=SHANGHAI)

    @precondition(lambda self: self.standing)
    @rule(
        data=st.data(),
        how_far=st.sampled_from(["accepted", "rings", "ends"]),
        result=st.sampled_from(RESULTS),
    )
    def an_agent_accepts(
        self, data: st.DataObject, how_far: str, result: tuple[str, int, str, float]
    ) -> None:
        attempt_id = data.draw(st.sampled_from(sorted(self.standing)))
        self.standing.remove(attempt_id)
        if not self._is_told_to_dial(attempt_id):
            self.log.append((attempt_id, "left", self.now, "completed"))
            return
        self.told_to_dial.add(attempt_id)
        if how_far != "accepted":
            self._ring(attempt_id)
        if how_far == "ends":
            self._end(attempt_id, result)

    def _is_told_to_dial(self, attempt_id: str) -> bool:
        with self.database.writing() as session:
            decision = attempt_accepted(session, attempt_id, "1001", self.now, policy=POLICY, zone=SHANGHAI)
        assert not decision.dial or may_dial_now(POLICY, self.now, SHANGHAI)
        return decision.dial

    def _ring(self, attempt_id: str) -> None:
        self.told_to_dial.remove(attempt_id)
        self.dials[attempt_id] += 1
        self.ringing.add(attempt_id)
        self.log.append((attempt_id, "dialling", self.now, None))

    def _end(self, attempt_id: str, result: tuple[str, int, str, float]) -> None:
        self.ringing.remove(attempt_id)
        self.log.append((attempt_id, "dialled", self.now, result))
        self.log.append((attempt_id, "left", self.now, "completed"))

    @precondition(lambda self: self.told_to_dial | self.ringing)
    @rule(data=st.data())
    def the_same_channel_asks_again(self, data: st.DataObject) -> None:
        assert not self._is_told_to_dial(data.draw(st.sampled_from(sorted(self.told_to_dial | self.ringing))))

    @precondition(lambda self: self.standing)
    @rule(data=st.data(), how=st.sampled_from(["timeout", "withdrawn", "abandoned"]))
    def no_agent_takes_it(self, data: st.DataObject, how: str) -> None:
        attempt_id = data.draw(st.sampled_from(sorted(self.standing)))
        self.standing.remove(attempt_id)
        self.log.append((attempt_id, "left", self.now, how))

    @precondition(lambda self: self.told_to_dial)
    @rule(data=st.data())
    def the_phone_rings(self, data: st.DataObject) -> None:
        self._ring(data.draw(st.sampled_from(sorted(self.told_to_dial))))

    @precondition(lambda self: self.ringing)
    @rule(data=st.data(), result=st.sampled_from(RESULTS))
    def the_dial_ends(self, data: st.DataObject, result: tuple[str, int, str, float]) -> None:
        self._end(data.draw(st.sampled_from(sorted(self.ringing))), result)

    @rule()
    def the_switch_is_killed(self) -> None:
        self.standing.clear()
        self.told_to_dial.clear()
        self.ringing.clear()

    @precondition(lambda self: self.log)
    @rule(again=st.integers(0, 3))
    def the_log_is_read(self, again: int) -> None:
        for entry in self.log[max(0, self.log_read - again) :]:
            with self.database.writing() as session:
                self._hand_on(session, *entry)
        self.log_read = len(self.log)

    def _hand_on(self, session: Session, attempt_id: str, word: str, at: datetime, more: object) -> None:
        if word == "dialling":
            on_dialling(session, attempt_id, at)
        elif word == "dialled":
            status, cause, sip, talk = more  # type: ignore[misc]
            on_dialled(
                session, attempt_id, status, cause, sip, talk, at, policy=POLICY, zone=SHANGHAI, now=self.now
            )
        else:
            on_placeholder_left(
                session, attempt_id, str(more), at, policy=POLICY, zone=SHANGHAI, now=self.now
            )

    @rule()
    def what_vanished_is_cleared_up(self) -> None:
        is_read = self.log_read == len(self.log)
        with self.database.writing() as session:
            ended = recover(
                session,
                live_attempts=self.standing | self.told_to_dial | self.ringing,
                seen_at=self.now,
                log_read_until=self.now + timedelta(seconds=1) if is_read else self.now,
                policy=POLICY,
                zone=SHANGHAI,
                now=self.now,
            )
        assert is_read or ended == []

    @invariant()
    def no_number_has_two_open_debts_nor_rings_twice_at_once(self) -> None:
        ringing = Counter(self.number_of[attempt_id] for attempt_id in self.told_to_dial | self.ringing)
        assert all(count == 1 for count in ringing.values())
        with self.database.reading() as session:
            still_open = session.exec(select(Callback.number_digest).where(Callback.state != "closed")).all()
        assert len(still_open) == len(set(still_open))

    @invariant()
    def each_attempt_dials_at_most_once_and_none_beyond_the_limit(self) -> None:
        assert all(count == 1 for count in self.dials.values())
        with self.database.reading() as session:
            for callback in session.exec(select(Callback)):
                attempts = session.exec(select(Attempt).where(Attempt.callback_id == callback.id)).all()
                assert callback.attempts == sum(attempt.counts for attempt in attempts)
                assert callback.attempts <= POLICY.max_attempts
                running = [attempt for attempt in attempts if attempt.state != AttemptState.DONE]
                if callback.state == "owed":
                    assert running == []
                elif callback.state != "closed":
                    assert len(running) == 1

    @invariant()
    def an_end_has_a_code_and_an_owed_debt_a_time(self) -> None:
        with self.database.reading() as session:
            for callback in session.exec(select(Callback)):
                assert (callback.state == "closed") == (callback.closing_code is not None)
                assert (callback.state == "closed") == (callback.closed_at is not None)
                if callback.state == "owed":
                    assert may_dial_now(POLICY, callback.due_at, SHANGHAI)
                    assert callback.attempts < POLICY.max_attempts

    @invariant()
    def no_miss_is_forgotten(self) -> None:
        with self.database.reading() as session:
            links = session.exec(select(CallbackCall)).all()
            refused = session.exec(select(CallbackRefusal.call_id)).all()
            counted = {callback.id: callback.missed_count for callback in session.exec(select(Callback))}
        assert Counter(link.callback_id for link in links) == Counter(counted)
        assert refused == []

    @invariant()
    def a_talk_closes_its_debt_unless_another_end_came_first(self) -> None:
        talked = {entry[0] for entry in self.log[: self.log_read] if entry[3] == TALKED}
        with self.database.reading() as session:
            for attempt_id in talked:
                attempt = session.get_one(Attempt, attempt_id)
                callback = session.get_one(Callback, attempt.callback_id)
                assert attempt.outcome == "connected"
                assert callback.closing_code in {"connected", "resolved_by_inbound"}
                if callback.closing_code == "connected":
                    missed_at = select(CallbackCall.missed_at).where(CallbackCall.callback_id == callback.id)
                    assert callback.closed_at == attempt.ended_at >= max(session.exec(missed_at))


TestCallbackLife = CallbackLife.TestCase
TestCallbackLife.settings = settings(
    max_examples=80,
    stateful_step_count=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
