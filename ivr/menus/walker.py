"""A menu walked without a phone, by the very code that walks it on the phone: the one place that calls navigation for
simulation, exploration and the checker's times."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeGuard, get_args

from ivr.lines import Language
from ivr.menus.facts import NO_FACTS, Facts
from ivr.menus.menu_file import MenuFile
from ivr.menus.navigation import after_all, after_any, next_step, start, start_of_all, way_after
from ivr.menus.steps import (
    ALL_KEYS,
    NOT_RECORDED,
    NOT_SERVED,
    RECORDED,
    RESULTS,
    TOO_SHORT,
    Asking,
    EndCall,
    Following,
    Fork,
    Moment,
    Play,
    PlayRecorded,
    Record,
    Step,
    ToQueue,
    Transfer,
    WaitInLine,
    WaitKey,
)

PromptSeconds: TypeAlias = Callable[[str, Language | None], float]
"""How long a prompt lasts, by its name and the language that was chosen, None: the site's; 0 for one that is not there:
silence is skipped on the phone too."""


@dataclass(frozen=True)
class Walker:
    """`facts`: what the walk supposes of the world; without any each branch goes the way of its `else`."""

    menus: Mapping[str, MenuFile]
    name: str
    facts: Facts = NO_FACTS

    def start(self) -> Step:
        return start(self.menus, self.name, self.facts)

    def first(self) -> Moment:
        """As `start`, and `following` as `after`, for who tries every way that the facts leave open."""
        return start_of_all(self.menus, self.name, self.facts)

    def following(self, moment: Asking | Fork, answer: str | None) -> Moment:
        return after_all(self.menus, moment, answer, self.facts)

    def way_after(self, moment: Asking | Fork, answer: str | None) -> Following:
        """What the node says to that answer; `after_any` leads on from there, and both together are `following`."""
        return way_after(self.menus, moment, answer)

    def after_any(self, moment: Asking | Fork, way: Following) -> Moment:
        return after_any(self.menus, moment, way, self.facts)

    def answers(self, moment: Asking | Fork) -> Iterator[tuple[str | None, ...]]:
        """Everything that may be answered; of each group only the first need be tried."""
        if isinstance(moment, Fork):
            yield from ((words,) for words, _ in moment.ways)
            return
        alike = self.menus[moment.place.menu].nodes[moment.place.node].alike(moment)
        all_answers = answers(moment)
        for answer in all_answers:
            if not answer or answer not in alike:
                yield (answer,)
        if grouped := tuple(answer for answer in all_answers if answer and answer in alike):
            yield grouped

    def after(self, step: Asking, answer: str | None) -> Step:
        return next_step(self.menus, step, answer, self.facts)


def is_open(moment: Moment) -> TypeGuard[Asking | Fork]:
    """Whether there is anything to try here."""
    return isinstance(moment, Fork) or is_asking(moment)


_ASKING: Final[tuple[type, ...]] = get_args(Asking)


def is_asking(step: Step) -> TypeGuard[Asking]:
    """Whether the walk goes on after this step."""
    return isinstance(step, _ASKING)


def answers(step: Asking) -> tuple[str | None, ...]:
    """Everything that may come of a step; None: nothing pressed."""
    match step:
        case Play() | PlayRecorded():
            return (None, *step.keys)
        case WaitKey():
            return (None, *ALL_KEYS)
        case Record():
            return (RECORDED, TOO_SHORT, NOT_RECORDED)
        case Transfer():
            return RESULTS
        case WaitInLine():
            return (NOT_SERVED,)


def is_his_choice(answer: str | None) -> bool:
    """Whether the caller can bring it about: a fault of ours is no way to a person."""
    return answer != NOT_RECORDED


def leads_to_a_person(step: Moment) -> bool:
    return isinstance(step, ToQueue | Transfer)


def lasting(step: Moment, seconds: PromptSeconds) -> float:
    """Seconds that a step lasts for a caller who hears everything and waits to the end. How long it rings elsewhere, and how
    long they talk, is no time spent in the menu; a wait in line is, where the menu goes on behind it."""
    match step:
        case Play() | EndCall():
            return sum(seconds(name, step.place.language) for name in step.prompts)
        case WaitKey():
            return float(step.seconds)
        case Record() | PlayRecorded():
            return float(step.longest)
        case WaitInLine():
            return float(step.wanted.longest_wait or 0)
        case ToQueue() | Transfer() | Fork():
            return 0.0
