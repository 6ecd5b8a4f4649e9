"""One walk through a menu without a phone: which steps a caller meets who presses these keys, and when.

Pure. He hears every prompt out and presses when he is waited for, unless he is `hasty`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ivr.menus.steps import (
    NOT_SERVED,
    RECORDED,
    TOO_SHORT,
    Asking,
    PlayRecorded,
    Record,
    Result,
    Step,
    Transfer,
    WaitInLine,
    WaitKey,
)
from ivr.menus.walker import PromptSeconds, Walker, is_asking, lasting

SUPPOSED_MESSAGE: Final = 10
"""Seconds that a caller speaks where a message is recorded, if nothing else is said."""


@dataclass(frozen=True)
class Met:
    """A step of the walk: when it began, in seconds since the answer, how long it took and what was pressed."""

    step: Step
    began: float
    seconds: float
    key: str | None

    @property
    def spoken(self) -> float:
        """Seconds of the message that is recorded in this step, the silence that ended it left out."""
        step = self.step
        assert isinstance(step, Record)
        is_ended_by_key = self.key is not None and self.key in step.end_keys
        return (
            self.seconds if is_ended_by_key or self.seconds >= step.longest else self.seconds - step.silence
        )


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
    speaks: int = SUPPOSED_MESSAGE,
    transfer: Result = "answered",
    is_served: bool = True,
) -> Simulated:
    """`keys`: one for each time the caller is asked; None: he lets it pass; afterwards he presses nothing more.

    Hasty: each key is pressed in the first second of what may be interrupted, None lets that step pass alone.
    `speaks`: where a message is recorded he speaks for so many seconds, then presses his key or is silent.
    `transfer`: what comes of each transfer. Not `is_served`: he waits in vain in each queue behind which the menu goes on.
    """
    left = list(keys)
    met: list[Met] = []
    now = 0.0
    step = walker.start()
    while is_asking(step):
        if isinstance(step, Record):
            key = left.pop(0) if step.end_keys and left else None
            said = _said(step, key, speaks)
            met.append(Met(step, now, said.took, key))
            now += said.took
            step = walker.after(step, said.answer)
            continue
        if isinstance(step, Transfer):
            met.append(Met(step, now, lasting(step, seconds), transfer))
            step = walker.after(step, transfer)
            continue
        if isinstance(step, WaitInLine):
            if is_served:
                break
            met.append(Met(step, now, lasting(step, seconds), NOT_SERVED))
            now += lasting(step, seconds)
            step = walker.after(step, NOT_SERVED)
            continue
        listens = isinstance(step, WaitKey) or (is_hasty and bool(step.keys))
        key = left.pop(0) if listens and left else None
        lasted = _took(step, seconds, speaks) if key is None else 0.0
        met.append(Met(step, now, lasted, key))
        now += lasted
        step = walker.after(step, key)
    # how soon he is served is not supposed
    took = 0.0 if isinstance(step, WaitInLine) else lasting(step, seconds)
    met.append(Met(step, now, took, None))
    return Simulated(tuple(met), tuple(left))


def _took(step: Asking, seconds: PromptSeconds, speaks: int) -> float:
    return float(min(speaks, step.longest)) if isinstance(step, PlayRecorded) else lasting(step, seconds)


@dataclass(frozen=True)
class _Said:
    answer: str
    took: float


def _said(step: Record, key: str | None, speaks: int) -> _Said:
    """A key that does not end it is spoken over."""
    is_ended_by_key = key is not None and key in step.end_keys
    took = min(speaks if is_ended_by_key else speaks + step.silence, step.longest)
    return _Said(RECORDED if min(speaks, step.longest) >= step.shortest else TOO_SHORT, float(took))
