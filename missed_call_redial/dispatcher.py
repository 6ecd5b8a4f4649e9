"""Pays what is owed: takes what is due and fits into the line, has it placed, clears up what vanished.

Who wakes it, and how often, is the program's business; any number of workers may run one each.
"""

import asyncio
import logging
from collections.abc import Callable, Set
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Protocol

from sqlmodel import Session

from missed_call_redial.attempts import recover
from missed_call_redial.claims import (
    Claim,
    claim_due,
    expire_overdue,
    mark_placed,
    placing_failed,
    settled_placeholders,
)
from missed_call_redial.dialer import Dialer, DialerIsDown, NotPlaced, PlaceRequest
from missed_call_redial.policy import CallbackPolicies, may_dial_now
from missed_call_redial.queue_line import as_named, hold_placing, queues_with_due, read_line
from vocabulary.errors import HotlineError

log = logging.getLogger(__name__)


class Database(Protocol):
    """One transaction each, committed at its end."""

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
    are placed, another one when theirs is configured no more.
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
        live_queue: Callable[[str], str] = as_named,
    ) -> None:
        self._database = database
        self._dialer = dialer
        self._policy = policy
        self._zone = zone
        self._open_number = open_number
        self._log_read_until = log_read_until
        self._owner = owner
        self._live_queue = live_queue
        self._sighting: _Sighting | None = None

    async def tick(self, now: datetime) -> TickReport:
        """One round at the moment `now`; never raises for what the switch does."""
        recovered = await self._recover(now)
        expired = await asyncio.to_thread(self._expire, now)
        await self._withdraw_settled()
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
        try:
            self._sighting = _Sighting(await self._dialer.live_attempts(), now)
        except DialerIsDown as down:
            log.warning("attempts cannot be looked for: %s", down)
            self._sighting = None
        return len(recovered)

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

    async def _withdraw_settled(self) -> None:
        """An agent who accepts one first is told so; taking them out early spares agents and waiting citizens that."""
        for attempt_id in await asyncio.to_thread(self._settled):
            try:
                await self._dialer.withdraw(attempt_id)
            except DialerIsDown as down:
                log.warning("attempt %s could not be withdrawn: %s", attempt_id, down)

    def _settled(self) -> list[str]:
        with self._database.writing() as session:
            return settled_placeholders(session)

    def _claim(self, now: datetime) -> list[Claim]:
        policy = self._policy()
        claims: list[Claim] = []
        with self._database.writing() as session:
            hold_placing(session)
            for queue in queues_with_due(session, now):
                line = read_line(session, self._live_queue(queue), policy, now, self._live_queue)
                room = line.room(policy)
                if room:
                    claims += claim_due(session, self._owner, now, policy, room, queue=queue)
        return claims

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
