"""Pays what is owed: takes what is due and fits into the line, has it placed, clears up what vanished.

Who wakes it, and how often, is the program's business; any number of workers may run one each.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence, Set
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final, Protocol

from sqlmodel import Session

from missed_call_redial.attempts import recover, runs_any
from missed_call_redial.claims import (
    Claim,
    Due,
    claim_due,
    close_undiallable,
    due_in_line,
    expire_overdue,
    mark_placed,
    placing_failed,
    standing_placeholders,
    surplus_of,
)
from missed_call_redial.dialer import Dialer, DialerIsDown, NotPlaced, PlaceRequest
from missed_call_redial.policy import CallbackPolicies, may_dial_now
from missed_call_redial.queue_line import Floor, OnDuty, as_named, hold_placing, queues_with_due, read_floor
from missed_call_redial.reach import Can, Reach
from vocabulary.errors import HotlineError

log = logging.getLogger(__name__)
_ASK_AGAIN: Final = timedelta(seconds=5)
"""A placeholder for which a phone rings leaves only after the ring; asking each second would not hasten it."""


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
    was read *and handed on*, or None when nobody reads it; `live_queue` names the queue in which debts of this queue
    are placed, another one when theirs is configured no more; `on_duty` tells who is signed in now.
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
        owner: str,
        on_duty: Callable[[Session], Sequence[OnDuty]],
        live_queue: Callable[[str], str] = as_named,
    ) -> None:
        self._database = database
        self._dialer = dialer
        self._policy = policy
        self._zone = zone
        self._open_number = open_number
        self._log_read_until = log_read_until
        self._owner = owner
        self._on_duty = on_duty
        self._live_queue = live_queue
        self._reach = Reach(open_number)
        self._withdrawing: dict[str, datetime] = {}
        self._sighting: _Sighting | None = None

    async def tick(self, now: datetime) -> TickReport:
        """One round at the moment `now`; never raises for what the switch does."""
        recovered = await self._recover(now)
        expired = await asyncio.to_thread(self._expire, now)
        await self._withdraw(now)
        claims: list[Claim] = []
        if may_dial_now(self._policy(), now, self._zone) and await self._dialer.is_ready():
            claims = await asyncio.to_thread(self._claim, now)
        placed = [await self._place(claim, now) for claim in claims]
        return TickReport(placed.count(True), placed.count(False), recovered, expired)

    async def _recover(self, now: datetime) -> int:
        """Judges by what was seen at the tick before, when queue_log has been read past that moment."""
        sighting, read_until = self._sighting, self._log_read_until()
        recovered: list[str] = []
        if sighting is not None and read_until is not None:
            recovered = await asyncio.to_thread(self._end_silent, sighting, read_until, now)
        if not await asyncio.to_thread(self._runs_any):
            self._sighting = None  # nothing to be looked for: the list of all channels is long
            return len(recovered)
        try:
            self._sighting = _Sighting(await self._dialer.live_attempts(), now)
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

    def _expire(self, now: datetime) -> int:
        with self._database.writing() as session:
            return expire_overdue(session, now)

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
        policy = self._policy()
        with self._database.writing() as session:
            settled, standing = standing_placeholders(session)
            if not standing:
                return settled
            floor = read_floor(session, policy, now, self._on_duty(session), self._live_queue)
            return settled + surplus_of(standing, floor, policy, self._live_queue)

    def _claim(self, now: datetime) -> list[Claim]:
        """One by one, whoever of all queues is first in line: queues that share agents share their room as well. Who cannot
        be dialled now is passed over."""
        policy = self._policy()
        claims: list[Claim] = []
        with self._database.writing() as session:
            hold_placing(session)
            queues = set(queues_with_due(session, now))
            if not queues:
                return []
            floor = read_floor(session, policy, now, self._on_duty(session), self._live_queue)
            queues = self._with_room(queues, floor, policy)
            if not queues:
                return []
            self._reach.begin_round(self._dialer.ways())
            for due in due_in_line(session, now, policy, frozenset(queues)):
                if due.queue not in queues or not self._can_be_dialled(session, due, policy, now):
                    continue
                got = claim_due(session, self._owner, now, policy, 1, callback_id=due.callback_id)
                if got:
                    claims += got
                    floor = floor.with_placeholders(self._live_queue(due.queue), 1)
                    queues = self._with_room(queues, floor, policy)
                if not queues:
                    break
        return claims

    def _with_room(self, queues: Set[str], floor: Floor, policy: CallbackPolicies) -> set[str]:
        return {queue for queue in queues if floor.has_room(self._live_queue(queue), policy)}

    def _can_be_dialled(self, session: Session, due: Due, policy: CallbackPolicies, now: datetime) -> bool:
        can = self._reach.of(due)
        if can is Can.NEVER and close_undiallable(session, due.callback_id, now, policy):
            log.warning("callback %d is closed: no trunk's plan allows its number any more", due.callback_id)
        return can is Can.BE_DIALLED

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
            queue=self._live_queue(claim.queue),
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
