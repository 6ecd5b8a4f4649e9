"""Waiting for a condition with a limit, instead of sleeping and hoping."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(what: Callable[[], T], seconds: float = 15, why: str | Callable[[], str] = "") -> T:
    """The first true value that `what` gives; fails after `seconds` with the last one and `why` (asked then, where it can be)."""
    until = time.monotonic() + seconds
    while True:
        found = what()
        if found:
            return found
        if time.monotonic() > until:
            told = why() if callable(why) else why
            raise AssertionError(
                f"waited {seconds:g} s in vain{': ' + told if told else ''}; last: {found!r}"
            )
        time.sleep(0.05)
