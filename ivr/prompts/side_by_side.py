"""Several sounds at once: each is two small programs one after the other, and few machines have a single processor."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from ivr.prompts.programs import all_stopped

_MOST_AT_ONCE: Final = 4
"""A publish while calls are up must not take a whole machine."""
_One = TypeVar("_One")
_Made = TypeVar("_Made")


def side_by_side(make: Callable[[_One], _Made], ones: Iterable[_One]) -> list[_Made]:
    """What `make` gives for each, in their order. The first fault in that order is raised.

    After a fault nothing more is begun, and what was begun is waited for; when the caller is broken off by a signal, it is
    ended.
    """
    pool = ThreadPoolExecutor(min(_MOST_AT_ONCE, os.cpu_count() or 1), "sounds")
    try:
        return list(pool.map(make, ones))
    except BaseException as broken_off:  # whoever stops us (Ctrl-C) waits for no voice that hangs
        if not isinstance(
            broken_off, Exception
        ):  # a fault of one sound: what else was begun comes to its end
            with all_stopped():
                pool.shutdown(wait=True, cancel_futures=True)
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
