"""Looks at the database while a caller listens: each bounded in time, and none after one that failed."""

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from time import monotonic
from typing import Final, Generic, Protocol, TypeVar

from sqlmodel import Session

_log = logging.getLogger(__name__)
T = TypeVar("T")
QUIET_SECONDS: Final = 10.0
"""For so long after a look that failed nobody looks: the next caller need not wait to learn the same."""
_MOST_AT_ONCE: Final = 16


class Look(Protocol):
    def __call__(self, work: Callable[[Session], T], seconds: float, /) -> T | None:
        """What `work` found; None if it failed, or has nothing after `seconds`."""


def no_look(_work: Callable[[Session], T], _seconds: float) -> T | None:
    """Sees nothing."""
    return None


@dataclass
class _Found(Generic[T]):
    is_there: threading.Event = field(default_factory=threading.Event)
    value: T | None = None


@dataclass
class BoundedLooks:
    """Implements Look. A thread for each: one that hangs in the database is left behind, and no thread of a call with it."""

    reading: Callable[[], AbstractContextManager[Session]]
    clock: Callable[[], float] = monotonic
    _room: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(_MOST_AT_ONCE)
    )
    _quiet_until: float = -1.0

    def __call__(self, work: Callable[[Session], T], seconds: float) -> T | None:
        if self.clock() < self._quiet_until or not self._room.acquire(blocking=False):
            return None
        found: _Found[T] = _Found()
        threading.Thread(target=self._look, args=(work, found), name="look", daemon=True).start()
        if not found.is_there.wait(seconds):
            self._be_quiet(f"nothing was found within {seconds:g} s")
            return None
        return found.value

    def _look(self, work: Callable[[Session], T], found: _Found[T]) -> None:
        try:
            with self.reading() as session:
                found.value = work(session)
        except Exception as fault:  # a thread of its own: whatever it is, the caller goes on by `else`
            self._be_quiet(type(fault).__name__)  # the error's own words may hold a row
        finally:
            self._room.release()
            found.is_there.set()

    def _be_quiet(self, why: str) -> None:
        self._quiet_until = self.clock() + QUIET_SECONDS
        _log.warning("menus do without the database for %g s: %s", QUIET_SECONDS, why)
