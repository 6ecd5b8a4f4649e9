"""Any life of a few callbacks that hypothesis can think of keeps the promises."""

import sqlite3
import tempfile
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import event
from sqlmodel import Session, SQLModel, func, select
from support.claiming import claim_first
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
from missed_call_redial.claims import expire_overdue, mark_placed, placing_failed
from missed_call_redial.owing import close_by_inbound, owe
from missed_call_redial.policy import may_dial_now

Result = tuple[str, int, str, float]

POLICY = a_policy(max_attempts=2)  # few, so that a run often comes to the last one
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
WHAT_HAPPENS = [
    *["lost"] * 2,
    *["lost while rung"] * 2,
    "answered",
    *["dispatched"] * 4,
    *["goes on"] * 6,
    "log",
    *["vanished"] * 2,
]
FATES = [*["placed"] * 6, "dies", "dies after placing", "refused"]


def _hurry(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")


def counted_anew(attempts: Sequence[Attempt], missed_at: Sequence[datetime]) -> int:
    """Tries that count, since the last try that was the last one allowed and during or after which the citizen called us.

    A talk ends its debt, whoever calls meanwhile: nothing begins anew after it.
    """
    ended = sorted((one for one in attempts if one.state == "done"), key=lambda one: (one.ended_at, one.id))
    counted = 0
    for one in ended:
        counted += one.counts
        is_the_end = one.counts and one.outcome != "connected" and counted == POLICY.max_attempts
        dialled_at = one.dialling_at or one.accepted_at or one.claimed_at
        if is_the_end and any(moment > dialled_at for moment in missed_at):
            counted = 0
    return counted


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
        self.standing: list[str] = []
        self.told_to_dial: list[str] = []
        self.ringing: list[str] = []
        self.dials: Counter[str] = Counter()
        self.log: list[tuple[str, str, datetime, Result | str | None]] = []
        self.log_read = 0

    def teardown(self) -> None:
        self.database.engine.dispose()
        self.folder.cleanup()

    @rule(
        what=st.sampled_from(WHAT_HAPPENS),
        number=st.sampled_from(NUMBERS),
        which=st.integers(0, 1),
        fate=st.sampled_from(FATES),
        how_far=st.sampled_from(["left", "accepted", "rings", "ends", "ends", "ends"]),
        result=st.sampled_from(RESULTS),
        seconds=st.sampled_from([1, 70, 600]),
        in_some=st.integers(0, 3),
    )
    def something_happens(
        self,
        what: str,
        number: str,
        which: int,
        fate: str,
        how_far: str,
        result: Result,
        seconds: int,
        in_some: int,
    ) -> None:
        """One rule: of several, hypothesis leaves some out in most of its runs, and no debt is ever paid."""
        match what:
            case "lost":
                self.a_call_is_lost(number, seconds)
            case "lost while rung" if self.ringing:
                sealed = self.number_of[self.ringing[which % len(self.ringing)]]
                self.a_call_is_lost(sealed.removeprefix("sealed:"), 1)
            case "answered" if in_some == 0:
                self.a_call_is_answered(number)
            case "dispatched":
                self.a_dispatcher_works(40_000 if in_some == 0 else None, fate)
            case "goes on":
                self.an_attempt_goes_on(which, how_far, result, is_read=in_some > 0)
            case "log":
                self.the_log_is_read(again=in_some)
            case "vanished":
                self.what_vanished_is_cleared_up(is_killed=in_some < 2, seconds=seconds)

    def a_call_is_lost(self, number: str, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        self.calls += 1
        call = missed(f"c{self.calls}", number=number, after=self.now - MORNING)
        with self.database.writing() as session:
            owe(session, call, POLICY, SHANGHAI, self.now)

    def a_call_is_answered(self, number: str) -> None:
        self.calls += 1
        with self.database.writing() as session:
            close_by_inbound(session, digest_of(number), f"c{self.calls}", self.now)

    def a_dispatcher_works(self, wait: int | None, fate: str) -> None:
        """`wait` None: until the next debt falls due."""
        self.now = self._next_due() if wait is None else self.now + timedelta(seconds=wait)
        with self.database.writing() as session:
            expire_overdue(session, self.now)
            claims = claim_first(session, "w", self.now, POLICY, 2)
        for claim in claims:
            self.number_of[claim.attempt_id] = claim.number_sealed
            if fate in {"placed", "dies after placing"}:
                self.standing.append(claim.attempt_id)
            with self.database.writing() as session:
                if fate == "placed":
                    mark_placed(session, claim.attempt_id, self.now)
                elif fate == "refused":
                    placing_failed(session, claim.attempt_id, "no", self.now, policy=POLICY, zone=SHANGHAI)

    def _next_due(self) -> datetime:
        with self.database.reading() as session:
            due_at = session.exec(select(func.min(Callback.due_at)).where(Callback.state == "owed")).one()
        return max(self.now, due_at or self.now)

    def an_attempt_goes_on(self, which: int, how_far: str, result: Result, is_read: bool) -> None:
        living = self._living()
        if living:
            self.now += timedelta(seconds=20)
            self._go_on(living[which % len(living)], how_far, result)
        if is_read:
            self.the_log_is_read(0)

    def _living(self) -> list[str]:
        return [*self.standing, *self.told_to_dial, *self.ringing]

    def _go_on(self, attempt_id: str, how_far: str, result: Result) -> None:
        if attempt_id in self.standing:
            self.standing.remove(attempt_id)
            if how_far == "left" or not self._is_told_to_dial(attempt_id):
                self.log.append((attempt_id, "left", self.now, "timeout"))
                return
            self.told_to_dial.append(attempt_id)
        if attempt_id in self.told_to_dial and how_far in {"rings", "ends"}:
            assert not self._is_told_to_dial(attempt_id), "told twice"
            self.told_to_dial.remove(attempt_id)
            self.dials[attempt_id] += 1
            self.ringing.append(attempt_id)
            self.log.append((attempt_id, "dialling", self.now, None))
        if attempt_id in self.ringing and how_far == "ends":
            self.ringing.remove(attempt_id)
            self.log.append((attempt_id, "dialled", self.now, result))
            self.log.append((attempt_id, "left", self.now, "completed"))

    def _is_told_to_dial(self, attempt_id: str) -> bool:
        with self.database.writing() as session:
            decision = attempt_accepted(session, attempt_id, "1001", self.now, policy=POLICY, zone=SHANGHAI)
        assert not decision.dial or may_dial_now(POLICY, self.now, SHANGHAI)
        return decision.dial

    def the_log_is_read(self, again: int) -> None:
        for entry in self.log[max(0, self.log_read - again) :]:
            with self.database.writing() as session:
                self._hand_on(session, *entry)
        self.log_read = len(self.log)

    def what_vanished_is_cleared_up(self, is_killed: bool, seconds: int) -> None:
        """Perhaps the switch was killed, with all that stood, rang and talked in it."""
        if is_killed:
            self.standing, self.told_to_dial, self.ringing = [], [], []
        self.now += timedelta(seconds=seconds)
        is_read = self.log_read == len(self.log)
        with self.database.writing() as session:
            ended = recover(
                session,
                live_attempts=set(self._living()),
                seen_at=self.now,
                log_read_until=self.now + timedelta(seconds=1) if is_read else self.now,
                policy=POLICY,
                zone=SHANGHAI,
                now=self.now,
            )
        assert is_read or ended == []

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

    @invariant()
    def no_number_has_two_open_debts_nor_rings_twice_at_once(self) -> None:
        ringing = Counter(self.number_of[attempt_id] for attempt_id in self.told_to_dial + self.ringing)
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
                calls = select(CallbackCall.missed_at).where(CallbackCall.callback_id == callback.id)
                missed_at = session.exec(calls).all()
                assert callback.attempts == counted_anew(attempts, missed_at)
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
    max_examples=40,
    stateful_step_count=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
