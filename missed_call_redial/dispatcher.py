"""Pays what is owed: takes what is due and fits into the line, has it placed, clears up what vanished.

Who wakes it, and how often, is the program's business; any number of workers may run one each.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence, Set
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final, Protocol

from sqlmodel import Session

from missed_call_redial.attempts import recover, runs_any
from missed_call_redial.claims import (
    Claim,
    Standing,
    all_owed,
    claim_due,
    claimed_among,
    expire_overdue,
    mark_placed,
    overdue,
    placing_failed,
    standing_placeholders,
    surplus_of,
)
from missed_call_redial.dialer import Dialer, DialerIsDown, NotPlaced, PlaceRequest
from missed_call_redial.placing import Candidate, Queues, candidates
from missed_call_redial.policy import CallbackPolicies, may_dial_now
from missed_call_redial.queue_line import OnDuty, as_named, has_due, hold_placing, read_floor
from missed_call_redial.reach import Can, Reach
from vocabulary.errors import HotlineError

log = logging.getLogger(__name__)
_ASK_AGAIN: Final = timedelta(seconds=5)
"""A placeholder for which a phone rings leaves only after the ring; asking each second would not hasten it."""

_IN_VAIN: Final = timedelta(seconds=15)
"""So long a placeholder must be one that no trunk can dial: a trunk that misses one question is no reason to lose a place."""
_COUNT_AGAIN: Final = timedelta(seconds=10)


class Database(Protocol):
    """One transaction each, committed at its end."""

    def reading(self) -> AbstractContextManager[Session]: ...

    def writing(self) -> AbstractContextManager[Session]: ...


@dataclass(frozen=True)
class TickReport:
    placed: int = 0
    not_placed: int = 0
    recovered: int = 0
    expired: int = 0


@dataclass(frozen=True)
class _Sighting:
    live_attempts: Set[str]
    seen_at: datetime


class Dispatcher:
    """`policy` is asked at each tick, so that published changes take effect; `open_number` gives the national
    digits behind a sealed number (raising HotlineError); `log_read_until` is the moment up to which queue_log
    was read *and handed on*, or None when nobody reads it; `is_log_read` says whether some worker has read it to its end
    just now: before that nobody is placed; `on_duty` tells who is signed in now. See Queues for the last two.
    """

    def __init__(
        self,
        database: Database,
        dialer: Dialer,
        *,
        policy: Callable[[], CallbackPolicies],
        zone: tzinfo,
        open_number: Callable[[str], str],
        log_read_until: Callable[[], datetime | None],
        is_log_read: Callable[[Session, datetime], bool],
        owner: str,
        on_duty: Callable[[Session], Sequence[OnDuty]],
        live_queue: Callable[[str], str] = as_named,
        default_queue: Callable[[str], str | None] = lambda _number: None,
    ) -> None:
        self._database = database
        self._dialer = dialer
        self._policy = policy
        self._zone = zone
        self._open_number = open_number
        self._log_read_until = log_read_until
        self._is_log_read = is_log_read
        self._owner = owner
        self._on_duty = on_duty
        self._queues = Queues(live_queue, default_queue)
        self._reach = Reach(open_number)
        self._withdrawing: dict[str, datetime] = {}
        self._in_vain_since: dict[str, datetime] = {}
        self._sighting: _Sighting | None = None
        self._counted_at: datetime | None = None
        self.not_by_plan = 0
        """So many debts wait since no trunk's plan allows their numbers."""

    async def tick(self, now: datetime) -> TickReport:
        """One round at the moment `now`; never raises for what the switch does."""
        self._reach.begin_round(self._dialer.ways())
        recovered = await self._recover(now)
        expired = await asyncio.to_thread(self._expire, now)
        await self._withdraw(now)
        claims: list[Claim] = []
        if await self._dialer.is_ready():
            claims = await asyncio.to_thread(self._claim, now)
        placed = [await self._place(claim, now) for claim in claims]
        await asyncio.to_thread(self._count_not_by_plan, now)
        return TickReport(placed.count(True), placed.count(False), recovered, expired)

    def nothing_is_owed(self) -> None:
        """Instead of a tick, when there is no debt."""
        self.not_by_plan, self._counted_at = 0, None

    async def _recover(self, now: datetime) -> int:
        """Judges by what was seen at the tick before, when queue_log has been read past that moment."""
        sighting, read_until = self._sighting, self._log_read_until()
        recovered: list[str] = []
        if sighting is not None and read_until is not None:
            recovered = await asyncio.to_thread(self._end_silent, sighting, read_until, now)
        if not await asyncio.to_thread(self._runs_any):
            self._sighting = None  # nothing to be looked for: the list of all channels is long
            return len(recovered)
        began = time.monotonic()
        try:
            living = await self._dialer.live_attempts()
            # what ended before the answer may be missing from it: judged only when the log was read past the answer
            self._sighting = _Sighting(living, now + timedelta(seconds=time.monotonic() - began))
            await asyncio.to_thread(self._mark_living, living, now)
        except DialerIsDown as down:
            log.warning("attempts cannot be looked for: %s", down)
            self._sighting = None
        return len(recovered)

    def _runs_any(self) -> bool:
        with self._database.reading() as session:
            return runs_any(session)

    def _end_silent(self, sighting: _Sighting, read_until: datetime, now: datetime) -> list[str]:
        with self._database.writing() as session:
            return recover(
                session,
                live_attempts=sighting.live_attempts,
                seen_at=sighting.seen_at,
                log_read_until=read_until,
                policy=self._policy(),
                zone=self._zone,
                now=now,
            )

    def _mark_living(self, living: Set[str], now: datetime) -> None:
        """A placing whose answer never came has come about: it stands, and may be withdrawn like any other."""
        with self._database.reading() as session:
            found = claimed_among(session, living)
        for attempt_id in found:
            with self._database.writing() as session:
                mark_placed(session, attempt_id, now)

    def _expire(self, now: datetime) -> int:
        with self._database.reading() as session:
            found = overdue(session, now)
        if not found:
            return 0
        not_by_plan = [debt.callback_id for debt in found if self._reach.of(debt) is Can.NOT_BY_PLAN]
        with self._database.writing() as session:
            self._counted_at = None
            return expire_overdue(session, now, not_by_plan)

    def _count_not_by_plan(self, now: datetime) -> None:
        """Now and then: it is for those who look after the hotline, and decides nothing."""
        if self._counted_at is not None and now - self._counted_at < _COUNT_AGAIN:
            return
        with self._database.reading() as session:
            owed = all_owed(session)
        before = self.not_by_plan
        self.not_by_plan = sum(self._reach.of(debt) is Can.NOT_BY_PLAN for debt in owed)
        self._counted_at = None if self._reach.is_exhausted else now
        if self.not_by_plan and not before:
            log.error("%d callbacks wait: no trunk's plan (allow_out) allows their numbers", self.not_by_plan)

    async def _withdraw(self, now: datetime) -> None:
        """Takes out of their queues those who need not stand there any more, and those who stand in the way of the living.

        An agent who accepts one first wins: a settled one is told so, the other is dialled.
        """
        wanted = await asyncio.to_thread(self._to_withdraw, now)
        asked = {one: at for one, at in self._withdrawing.items() if one in wanted and at > now - _ASK_AGAIN}
        fresh = [attempt_id for attempt_id in wanted if attempt_id not in asked]
        self._withdrawing = asked | dict.fromkeys(fresh, now)
        if not fresh:
            return
        try:
            await self._dialer.withdraw(fresh)
        except DialerIsDown as down:
            log.warning("attempts %s could not be withdrawn: %s", ", ".join(fresh), down)

    def _to_withdraw(self, now: datetime) -> list[str]:
        policy, live_queue = self._policy(), self._queues.live
        with self._database.reading() as session:
            settled, standing = standing_placeholders(session)
            if not standing:
                self._in_vain_since.clear()
                return settled
            floor = read_floor(session, policy, now, self._on_duty(session), live_queue)
        in_vain = self._standing_in_vain(standing, policy, now)
        for one in standing:
            if one.attempt_id in in_vain:
                floor = floor.with_placeholders(live_queue(one.queue), -1)
        others = [one for one in standing if one.attempt_id not in in_vain]
        return settled + sorted(in_vain) + surplus_of(others, floor, policy, live_queue)

    def _standing_in_vain(
        self, standing: Sequence[Standing], policy: CallbackPolicies, now: datetime
    ) -> set[str]:
        """An agent who accepted one of these would be rung for nothing: quiet hours began, or no trunk can dial it."""
        found = [one.attempt_id for one in standing if self._reach.of(one) is not Can.BE_DIALLED]
        self._in_vain_since = {one: self._in_vain_since.get(one, now) for one in found}
        in_vain = {one for one, since in self._in_vain_since.items() if now - since >= _IN_VAIN}
        return in_vain | {
            one.attempt_id
            for one in standing
            if not may_dial_now(policy, now, self._zone, is_critical=one.is_critical)
        }

    def _claim(self, now: datetime) -> list[Claim]:
        """Chosen without holding anything; then each is taken if it is still there, and its queue has room still."""
        policy = self._policy()
        chosen = self._candidates(policy, now)
        claims: list[Claim] = []
        if not chosen:
            return claims
        with self._database.writing() as session:
            hold_placing(session)
            floor = read_floor(session, policy, now, self._on_duty(session), self._queues.live)
            for one in chosen:
                if not floor.has_room(one.queue, policy):
                    continue
                got = claim_due(session, self._owner, now, policy, one.callback_id, queue=one.queue)
                if got is not None:
                    claims.append(got)
                    floor = floor.with_placeholders(one.queue, 1)
        return claims

    def _candidates(self, policy: CallbackPolicies, now: datetime) -> list[Candidate]:
        is_quiet = not may_dial_now(policy, now, self._zone)
        if is_quiet and not may_dial_now(policy, now, self._zone, is_critical=True):
            return []
        with self._database.reading() as session:
            if not has_due(session, now) or not self._is_log_read(session, now):
                return []
            floor = read_floor(session, policy, now, self._on_duty(session), self._queues.live)
            return list(
                candidates(session, floor, self._queues, self._reach, policy, now, only_critical=is_quiet)
            )

    async def _place(self, claim: Claim, now: datetime) -> bool:
        """Whatever is uncertain stays claimed until recover() knows: better late than twice."""
        policy = self._policy()
        try:
            await self._dialer.place(self._request(claim, policy))
        except DialerIsDown as down:
            log.warning("call %s: attempt %s is in doubt: %s", claim.first_call_id, claim.attempt_id, down)
            return False
        except HotlineError as fault:  # NotPlaced, or a number that cannot be opened: nothing was sent
            log.warning("call %s: %s", claim.first_call_id, fault)
            why = fault.why if isinstance(fault, NotPlaced) else type(fault).__name__
            await asyncio.to_thread(self._give_back, claim, why, now)
            return False
        await asyncio.to_thread(self._mark_placed, claim, now)
        return True

    def _request(self, claim: Claim, policy: CallbackPolicies) -> PlaceRequest:
        return PlaceRequest(
            attempt_id=claim.attempt_id,
            callback_id=claim.callback_id,
            queue=self._queues.live(claim.queue),
            prio=claim.prio,
            citizen=self._open_number(claim.number_sealed),
            first_call_id=claim.first_call_id,
            agent_wait_seconds=policy.agent_wait_seconds,
            ring_seconds=policy.ring_seconds,
        )

    def _give_back(self, claim: Claim, why: str, now: datetime) -> None:
        with self._database.writing() as session:
            placing_failed(session, claim.attempt_id, why, now, policy=self._policy(), zone=self._zone)

    def _mark_placed(self, claim: Claim, now: datetime) -> None:
        with self._database.writing() as session:
            mark_placed(session, claim.attempt_id, now)
