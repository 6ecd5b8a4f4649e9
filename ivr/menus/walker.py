"""A menu walked without a phone, by the very code that walks it on the phone: the one place that calls navigation for
simulation, exploration and the checker's times."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeGuard, get_args

from ivr.menus.facts import NO_FACTS, Facts
from ivr.menus.menu_file import MenuFile
from ivr.menus.navigation import next_step, start
from ivr.menus.steps import ALL_KEYS, RESULTS, Asking, EndCall, Play, Step, ToQueue, Transfer, WaitKey

PromptSeconds: TypeAlias = Callable[[str], float]
"""How long a prompt lasts, by its name; 0 for one that is not there: silence is skipped on the phone too."""


@dataclass(frozen=True)
class Walker:
    """`facts`: what the walk supposes of the world; without any each branch goes the way of its `else`."""

    menus: Mapping[str, MenuFile]
    name: str
    facts: Facts = NO_FACTS

    def start(self) -> Step:
        return start(self.menus, self.name, self.facts)

    def after(self, step: Asking, answer: str | None) -> Step:
        return next_step(self.menus, step, answer, self.facts)


_ASKING: Final[tuple[type, ...]] = get_args(Asking)


def is_asking(step: Step) -> TypeGuard[Asking]:
    """Whether the walk goes on after this step."""
    return isinstance(step, _ASKING)


def answers(step: Asking) -> tuple[str | None, ...]:
    """Everything that a caller may answer to a step, None: nothing pressed; or that may come of it, for a transfer."""
    if isinstance(step, Transfer):
        return RESULTS
    keys = step.keys if isinstance(step, Play) else ALL_KEYS
    return (None, *keys)


def leads_to_a_person(step: Step) -> bool:
    return isinstance(step, ToQueue | Transfer)


def lasting(step: Step, seconds: PromptSeconds) -> float:
    """Seconds that a step lasts for a caller who hears everything and waits to the end. How long it rings elsewhere, and how
    long they talk, is no time spent in the menu."""
    match step:
        case Play() | EndCall():
            return sum(seconds(name) for name in step.prompts)
        case WaitKey():
            return float(step.seconds)
        case ToQueue() | Transfer():
            return 0.0
