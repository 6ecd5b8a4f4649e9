"""Ways to type a number, folded: of those that differ only in how many digits are typed, and how the last one is ended,
the longest stands for all. Pure.

Sound, since only that is folded which the longest way surely exceeds: what comes behind must be the same step by step, with
the same answers, nodes and ends, and must last as long at each step.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from ivr.menus.moments import Moments, Way
from ivr.menus.steps import Asking, Fork, Moment, Place
from ivr.menus.walker import PromptSeconds, Walker, is_asking, is_open, lasting


@dataclass(frozen=True)
class Typing:
    """One way to type a number, from its first digit to the answer that ends it: `answers` of the steps `met`."""

    met: tuple[Asking, ...]
    answers: tuple[str | None, ...]
    end: Way
    seconds: float
    digits: int


@dataclass(frozen=True)
class Folded:
    """`longest` stands for all of `like`, itself among them."""

    longest: Typing
    like: tuple[Typing, ...]


def is_typing(walker: Walker, step: Moment) -> bool:
    """Whether digits are taken here that differ in nothing but what is kept."""
    if isinstance(step, Fork) or not is_asking(step):
        return False
    return bool(walker.menus[step.place.menu].nodes[step.place.node].alike(step))


def folded(
    walker: Walker,
    known: Moments,
    step: Moment,
    told: Callable[[Moment], list[Way]],
    seconds: PromptSeconds,
) -> list[Folded]:
    """`step`: a bare one, at which a number begins; `told`: the ways of a step that are told."""
    groups: list[Folded] = []
    for one in sorted(_typings(walker, step, told, seconds), key=lambda one: -one.seconds):
        for index, group in enumerate(groups):
            first = group.longest.end
            if first.entered == one.end.entered and _exceeds(known, first.to, one.end.to, seconds, set()):
                groups[index] = replace(group, like=(*group.like, one))
                break
        else:
            groups.append(Folded(one, (one,)))
    return groups


def _typings(
    walker: Walker, first: Moment, told: Callable[[Moment], list[Way]], seconds: PromptSeconds
) -> Iterator[Typing]:
    ahead: list[tuple[Moment, tuple[Asking, ...], tuple[str | None, ...], float]] = [(first, (), (), 0.0)]
    while ahead:
        step, met, answers, spent = ahead.pop()
        if isinstance(step, Fork) or not is_asking(step):
            continue
        met, spent = (*met, step), spent + lasting(step, seconds)
        for way in told(step):
            pressed = (*answers, way.answers[0])
            goes_on = not way.entered and is_typing(walker, way.to) and way.to not in met
            if goes_on and _undigited(way.to.place) == _undigited(step.place):
                ahead.append((way.to, met, pressed, spent))
            else:
                yield Typing(met, pressed, way, spent, len(step.place.digits))


def _undigited(place: Place) -> Place:
    return replace(place, digits="")


def _exceeds(
    known: Moments, longer: Moment, other: Moment, seconds: PromptSeconds, taken: set[tuple[Moment, Moment]]
) -> bool:
    """Whether every walk on from `other` has a walk on from `longer` that differs in digits alone and lasts as long."""
    if longer == other or (longer, other) in taken:
        return True
    taken.add((longer, other))
    is_alike = (
        type(longer) is type(other)
        and is_open(longer)
        and _undigited(longer.place) == _undigited(other.place)
        and set(getattr(longer, "prompts", ())) == set(getattr(other, "prompts", ()))
        and lasting(longer, seconds) >= lasting(other, seconds)
    )
    ways, others = known.ways.get(longer, ()), known.ways.get(other, ())
    if not is_alike or not ways or len(ways) != len(others):
        return False
    return all(
        (way.answers, way.entered) == (one.answers, one.entered)
        and _exceeds(known, way.to, one.to, seconds, taken)
        for way, one in zip(ways, others, strict=True)
    )
