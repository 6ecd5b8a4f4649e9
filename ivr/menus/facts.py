"""What a walk through a menu may ask of the world. Decided in ivr.menus, looked up in ivr.calls or by a simulation.

None means: not known. No condition fits what is not known, so a walk that knows nothing takes every branch's `else`.
"""

from dataclasses import dataclass
from typing import Final, Protocol

from ivr.lines import Lines


@dataclass(frozen=True)
class OnAir:
    """An emergency message that is switched on: the name by which calls are tagged, and the prompts that say it."""

    name: str
    prompts: tuple[str, ...]


@dataclass(frozen=True)
class Emergencies:
    """What the site has marked with is_emergency, as it concerns one number called. `queues`: None among them if the default
    queue of that number is."""

    queues: frozenset[str | None] = frozenset()
    is_number: bool = False


def emergencies_of(lines: Lines, number_called: str, default_queue: str) -> Emergencies:
    queues: set[str | None] = {queue.name for queue in lines.queues if queue.is_emergency}
    if default_queue in queues:
        queues.add(None)
    number = lines.number(number_called)
    return Emergencies(frozenset(queues), number is not None and number.is_emergency)


class Facts(Protocol):
    """`queue` None: the default queue of the number called. Nothing here raises because a look failed; a live look may
    raise that the caller has hung up."""

    def is_open(self, calendar: str) -> bool | None:
        """Now, by config/calendar/<calendar>.yaml."""

    def is_public_holiday(self) -> bool | None:
        """Today, adjusted days off among them, make-up workdays not."""

    def is_withheld(self) -> bool | None:
        """The caller shows no number."""

    def is_caller_on(self, list_name: str) -> bool | None:
        """The caller's number is on config/lists/<list_name>.yaml, by an entry that is in force now. A withheld number is on
        no list."""

    def is_repeat_caller(self) -> bool | None:
        """The same number called within the time that the site calls a repeat."""

    def callers_waiting(self, queue: str | None) -> int | None:
        """People on the line, placeholders of callbacks not counted."""

    def agents_ready(self, queue: str | None) -> int | None:
        """Signed in, not paused, and not on a call."""

    def estimated_wait(self, queue: str | None) -> float | None:
        """Seconds, by routing.estimated_wait; infinite if nobody serves the queue."""

    def value(self, name: str) -> str | None:
        """A channel variable whose name begins with HOTLINE_; "" if it is not set."""

    def broadcast(self) -> OnAir | None:
        """On for the number called when the call came in, the same for the whole walk; None: nothing was."""

    def emergencies(self) -> Emergencies:
        """Which callers no broadcast may hold up. Asks nobody: it stands in the files."""


@dataclass(frozen=True)
class _Nothing:
    on: OnAir | None = None

    def is_open(self, calendar: str) -> bool | None:
        return None

    def is_public_holiday(self) -> bool | None:
        return None

    def is_withheld(self) -> bool | None:
        return None

    def is_caller_on(self, list_name: str) -> bool | None:
        return None

    def is_repeat_caller(self) -> bool | None:
        return None

    def callers_waiting(self, queue: str | None) -> int | None:
        return None

    def agents_ready(self, queue: str | None) -> int | None:
        return None

    def estimated_wait(self, queue: str | None) -> float | None:
        return None

    def value(self, name: str) -> str | None:
        return None

    def broadcast(self) -> OnAir | None:
        return self.on

    def emergencies(self) -> Emergencies:
        return Emergencies()


NO_FACTS: Final[Facts] = _Nothing()
"""Knows nothing."""


def nothing_but(on: OnAir) -> Facts:
    """Knows of that message alone."""
    return _Nothing(on)
