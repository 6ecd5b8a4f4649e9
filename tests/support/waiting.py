"""Waiting for a condition with a limit, instead of sleeping and hoping."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(what: Callable[[], T], seconds: float = 15, why: str = "") -> T:
    """The first true value that `what` gives; fails with the last one after `seconds`."""
    until = time.monotonic() + seconds
    while True:
        found = what()
        if found:
            return found
        if time.monotonic() > until:
            raise AssertionError(f"waited {seconds:g} s in vain{': ' + why if why else ''}; last: {found!r}")
        time.sleep(0.05)
