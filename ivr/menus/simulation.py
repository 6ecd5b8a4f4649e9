"""One walk through a menu without a phone: which steps a caller meets who presses these keys, and when.

Pure. He hears every prompt out and presses when he is waited for, unless he is `hasty`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ivr.menus.steps import Play, Result, Step, Transfer, WaitKey
from ivr.menus.walker import PromptSeconds, Walker, is_asking, lasting


@dataclass(frozen=True)
class Met:
    """A step of the walk: when it began, in seconds since the answer, how long it took and what was pressed."""

    step: Step
    began: float
    seconds: float
    key: str | None


@dataclass(frozen=True)
class Simulated:
    """`keys_left`: pressed after the walk was over, so that they meant nothing to it."""

    met: tuple[Met, ...]
    keys_left: tuple[str | None, ...]

    @property
    def end(self) -> Step:
        return self.met[-1].step

    @property
    def seconds(self) -> float:
        """From the answer to the end: the queue entered, or the last word spoken."""
        return self.met[-1].began + self.met[-1].seconds


def simulate(
    walker: Walker,
    keys: Sequence[str | None],
    seconds: PromptSeconds,
    *,
    is_hasty: bool = False,
    transfer: Result = "answered",
) -> Simulated:
    """`keys`: one for each time the caller is asked; None: he lets it pass; afterwards he presses nothing more.

    Hasty: each key is pressed in the first second of what may be interrupted, None lets that step pass alone.
    `transfer`: what comes of each transfer.
    """
    left = list(keys)
    met: list[Met] = []
    now = 0.0
    step = walker.start()
    while is_asking(step):
        if isinstance(step, Transfer):
            met.append(Met(step, now, lasting(step, seconds), transfer))
            step = walker.after(step, transfer)
            continue
        listens = isinstance(step, WaitKey) or (is_hasty and isinstance(step, Play) and bool(step.keys))
        key = left.pop(0) if listens and left else None
        took = lasting(step, seconds) if key is None else 0.0
        met.append(Met(step, now, took, key))
        now += took
        step = walker.after(step, key)
    met.append(Met(step, now, lasting(step, seconds), None))
    return Simulated(tuple(met), tuple(left))
