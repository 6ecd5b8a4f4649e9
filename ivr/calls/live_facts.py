"""What a menu's branches ask of the world, looked up for one live call: the clock, its channel, the database.

A look that fails or takes too long is a thing not known, and the branch takes its `else`.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from time import monotonic
from typing import Final, TypeVar

from sqlmodel import Session

from ivr.agents.states import WRAP_UP, all_seats
from ivr.calls.channel import CallerHungUp, Channel
from ivr.calls.looks import Look
from ivr.config_files.checker import Configuration
from ivr.menus.facts import Emergencies, OnAir, emergencies_of
from routing.estimated_wait import MEASURED_OVER, estimated_wait
from tickets.earlier_calls import has_called_before
from tickets.handling_time import mean_talk_seconds
from vocabulary.errors import HotlineError
from vocabulary.hotline_names import PLACEHOLDER_GROUP, QUEUE_PREFIX
from vocabulary.phone_numbers import NumberKind, PhoneNumber, mask

_log = logging.getLogger(__name__)
T = TypeVar("T")
LONGEST_LOOK: Final = 1.0
LOOKS_OF_A_WALK: Final = 2.0
"""Seconds that all looks of one walk may take together; less than the margin of a step, after which the dialplan goes on
without us."""


@dataclass
class LiveFacts:
    """Keeps ivr.menus.facts.Facts. `digest_of`: a number as records keep it."""

    channel: Channel
    caller: PhoneNumber
    digest_of: Callable[[str], str]
    default_queue: str
    configuration: Configuration
    zone: tzinfo
    now: Callable[[], datetime]
    look: Look
    on_air: OnAir | None = None
    number_called: str = ""
    _looked: float = field(default=0.0)

    def is_open(self, calendar: str) -> bool | None:
        return self.configuration.calendars.is_open(calendar, self.now().astimezone(self.zone))

    def is_public_holiday(self) -> bool | None:
        holidays = self.configuration.calendars.holidays
        return None if holidays is None else holidays.is_off(self.now().astimezone(self.zone).date())

    def is_withheld(self) -> bool | None:
        return self.caller.kind is NumberKind.WITHHELD

    def is_caller_on(self, list_name: str) -> bool | None:
        local = self.now().astimezone(self.zone)
        is_on = self.configuration.lists.is_on(list_name, self.caller, local)
        if is_on:
            _log.info("call %s: %s is on the list %s", self.channel.call_id, mask(self.caller), list_name)
        return is_on

    def is_repeat_caller(self) -> bool | None:
        if not self.caller.digits:
            return False
        digest = self.digest_of(self.caller.digits)
        now, hours = self.now(), self.configuration.lines.repeat_caller_hours
        this, since = self.channel.call_id, now - timedelta(hours=hours)
        return self._seen(lambda session: has_called_before(session, digest, this, since, now))

    def callers_waiting(self, queue: str | None) -> int | None:
        all_parties = self._parties(queue)
        placeholders = self._count(f"GROUP_COUNT({queue or self.default_queue}@{PLACEHOLDER_GROUP})")
        if all_parties is None or placeholders is None:
            return None
        return max(0, all_parties - placeholders)

    def agents_ready(self, queue: str | None) -> int | None:
        return self._count(f"QUEUE_MEMBER({QUEUE_PREFIX}{queue or self.default_queue},ready)")

    def estimated_wait(self, queue: str | None) -> float | None:
        name, parties = queue or self.default_queue, self._parties(queue)
        if parties is None:
            return None
        since = self.now() - MEASURED_OVER
        seen = self._seen(lambda session: (mean_talk_seconds(session, name, since), _working(session, name)))
        if seen is None:
            return None
        talk, agents = seen
        described = self.configuration.lines.queue(name)
        wrap_up = described.wrap_up_seconds if described else 0
        return estimated_wait(parties, None if talk is None else talk + wrap_up, agents)

    def value(self, name: str) -> str | None:
        try:
            return self.channel.variable(name)
        except CallerHungUp:
            raise
        except HotlineError as fault:
            _log.warning("call %s: %s is not known: %s", self.channel.call_id, name, fault)
            return None

    def broadcast(self) -> OnAir | None:
        return self.on_air

    def emergencies(self) -> Emergencies:
        return emergencies_of(self.configuration.lines, self.number_called, self.default_queue)

    def _parties(self, queue: str | None) -> int | None:
        """Callers, and placeholders of callbacks: each takes an agent."""
        return self._count(f"QUEUE_WAITING_COUNT({QUEUE_PREFIX}{queue or self.default_queue})")

    def _count(self, function: str) -> int | None:
        written = self.value(function)
        return int(written) if written and written.isdecimal() else None

    def _seen(self, work: Callable[[Session], T]) -> T | None:
        left = LOOKS_OF_A_WALK - self._looked
        if left <= 0:
            return None
        began = monotonic()
        try:
            return self.look(work, min(LONGEST_LOOK, left))
        finally:
            self._looked += monotonic() - began


def _working(session: Session, queue: str) -> int:
    """Signed in to that queue and not paused; wrap-up is work."""
    return sum(
        seat.is_signed_in and seat.pause_reason in (None, WRAP_UP) and queue in dict(seat.queues)
        for seat in all_seats(session)
    )
