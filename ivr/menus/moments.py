"""Everything that can happen to a caller in one menu, as a finite map: the steps that may come, and which follows which.

Found by trying every answer to every step; the way that led to a step is left out of it, so that the map stays small.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import Final

from ivr.menus.navigation import LONGEST_WALK
from ivr.menus.steps import (
    Asking,
    Following,
    Fork,
    GoOn,
    Moment,
    Place,
    PlayRecorded,
    Record,
    WaitInLine,
    WaitKey,
)
from ivr.menus.walker import (
    PromptSeconds,
    Walker,
    is_his_choice,
    is_open,
    lasting,
    leads_to_a_person,
)

MOST_TRIED: Final = 100_000
"""Answers tried for one menu; a menu of 1,000 nodes with nine keys each needs about half of it."""


@dataclass(frozen=True)
class Way:
    """The answers of one step that lead to the same; `entered`: the nodes on the way, none while he stays."""

    answers: tuple[str | None, ...]
    entered: tuple[str, ...]
    to: Moment


@dataclass(frozen=True)
class Moments:
    """`is_whole` False: the menu has more than MOST_TRIED answers, and the map ends somewhere.

    Equal steps are one object in here, so that the walks over the map may tell them apart by `id`: a step's hash is slow.
    """

    first: Moment
    ways: Mapping[Moment, tuple[Way, ...]]
    is_whole: bool
    said_alike: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By the prompt that was tried: all that may be said in its place."""

    def longest(self, seconds: PromptSeconds) -> PromptSeconds:
        """The lengths with which no walk lasts longer than its walk over the map."""
        return lambda prompt, language: max(
            seconds(one, language) for one in self.said_alike.get(prompt, (prompt,))
        )

    def entries(self) -> Iterator[tuple[Moment, int]]:
        """Where a node is entered, and the least number of nodes that were entered until then; nearest first."""
        return self._entries(1, lambda _, way: len(way.entered))

    def entries_by_lines(self) -> Iterator[tuple[Moment, int]]:
        """The same by the least number of lines in which the caller has stood until then."""
        return self._entries(0, lambda step, _: int(isinstance(step, WaitInLine)))

    def _entries(self, first: int, more: Callable[[Moment, Way], int]) -> Iterator[tuple[Moment, int]]:
        order = count()
        ahead = [(first, next(order), self.first, True)]
        done: set[tuple[int, bool]] = set()
        while ahead:
            far, _, step, is_entry = heappop(ahead)
            if (id(step), is_entry) in done:
                continue
            done.add((id(step), is_entry))
            if is_entry:
                yield step, far
            for way in self.ways.get(step, ()):
                if (id(way.to), bool(way.entered)) not in done:
                    heappush(ahead, (far + more(step, way), next(order), way.to, bool(way.entered)))


def bare(step: Moment) -> Moment:
    """The step without the way that led to it."""
    place = step.place.bare
    return step if place is step.place else replace(step, place=place)


def moments(walker: Walker, most_tried: int = MOST_TRIED) -> Moments:
    bare_ways = _BareWays(walker)
    first = bare_ways.one(bare(walker.first()))
    ways: dict[Moment, tuple[Way, ...]] = {}
    by_key: dict[Place, dict[str, _Led]] = {}
    ahead, done, tried = [first], set[int](), 0
    while ahead and tried < most_tried:
        step = ahead.pop()
        if id(step) in done or not is_open(step):
            continue
        done.add(id(step))
        found: dict[_Led, list[str | None]] = {}
        of_keys = by_key.setdefault(step.place, {})
        for alike in walker.answers(step):
            key = alike[0] if not isinstance(step, Fork) else None  # a fork's ways carry a key pressed before
            led = of_keys.get(key) if key is not None else None
            if led is None:
                led = bare_ways.led(step, alike[0])
                if key is not None:
                    of_keys[key] = led  # a key means the same during the prompts and after them
            found.setdefault(led, []).extend(alike)
            tried += 1
        ways[step] = tuple(Way(tuple(given), led.entered, led.to) for led, given in found.items())
        ahead.extend(way.to for way in ways[step])
    is_whole = all(id(step) in done or not is_open(step) for step in ahead)
    return Moments(first, ways, is_whole, _said_alike(walker))


@dataclass(frozen=True, eq=False)
class _Led:
    """Where an answer leads: to which bare moment, by way of which nodes."""

    to: Moment
    entered: tuple[str, ...]


class _BareWays:
    """Where bare moments lead. Equal ones are one object, and so are ways to them by the same nodes; and the same node
    entered alike from many is entered once, since most answers of most steps enter the same few nodes."""

    def __init__(self, walker: Walker) -> None:
        self._walker = walker
        self._one_of: dict[Moment, Moment] = {}
        self._led: dict[tuple[int, tuple[tuple[str, ...], ...]], _Led] = {}
        self._entered: dict[tuple[object, ...], _Led] = {}

    def one(self, moment: Moment) -> Moment:
        return self._one_of.setdefault(moment, moment)

    def led(self, step: Asking | Fork, answer: str | None) -> _Led:
        way = self._walker.way_after(step, answer)
        if not isinstance(way, GoOn):
            return self._to(step, way)
        place = step.place
        has_heard = step.has_heard if isinstance(step, Fork) else True
        # all that a node entered by a GoOn can know of where the caller comes from, but for the way
        alike = way.node, way.key, way.language, place.menu, place.language, place.kept, place.owed, has_heard
        if alike not in self._entered:
            self._entered[alike] = self._to(step, way)
        return self._entered[alike]

    def _to(self, step: Asking | Fork, way: Following) -> _Led:
        to = self._walker.after_any(step, way)
        one, walked = self.one(bare(to)), to.place.walked
        # the step is bare, so what was walked begins with its own menu and node
        by_way_of = (walked[0][2:], *walked[1:])
        return self._led.setdefault((id(one), by_way_of), _Led(one, to.place.nodes_walked[1:]))


def _said_alike(walker: Walker) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for menu in walker.menus.values():
        for node in menu.nodes.values():
            for alike in node.said_alike:
                found |= {prompt: (*found.get(prompt, ()), *alike) for prompt in alike}
    return found


@dataclass(frozen=True)
class Soonest:
    """How soon a person can be reached from a step, and by which way first; None: he is reached already."""

    seconds: float
    way: Way | None


def soonest(known: Moments, seconds: PromptSeconds) -> dict[Moment, Soonest]:
    """For every step from which a person can be reached: by a caller who hears each prompt out, since he must know
    which key it is, and presses the best one at once, or lets it pass where that is quicker."""
    back: dict[int, list[tuple[Moment, Way]]] = {}
    ends = {id(known.first): known.first} if leads_to_a_person(known.first) else {}
    for step, ways in known.ways.items():
        for one in filter(_is_his, ways):
            back.setdefault(id(one.to), []).append((step, one))
            if leads_to_a_person(one.to):
                ends[id(one.to)] = one.to
    found: dict[int, tuple[Moment, Soonest]] = {}
    order = count()
    ahead: list[tuple[float, int, Moment, Way | None]] = [
        (0.0, next(order), end, None) for end in ends.values()
    ]
    while ahead:
        needed, _, step, way = heappop(ahead)
        if id(step) in found:
            continue
        found[id(step)] = step, Soonest(needed, way)
        for before, leading in back.get(id(step), ()):
            if id(before) not in found:
                more = _heard(before, leading, seconds)
                heappush(ahead, (needed + more, next(order), before, leading))
    return dict(found.values())


def _is_his(way: Way) -> bool:
    return is_his_choice(way.answers[0]) or any(map(is_his_choice, way.answers))


def _heard(step: Moment, way: Way, seconds: PromptSeconds) -> float:
    """Prompts are heard out; nobody waits who knows his key, nor speaks longer than he must."""
    if isinstance(step, Record):
        return float(step.shortest)
    is_pressed = isinstance(step, WaitKey | PlayRecorded) and way.answers != (None,)
    return 0.0 if is_pressed else lasting(step, seconds)


def longest_walk(known: Moments, seconds: PromptSeconds) -> float:
    """Seconds that no walk exceeds, whatever is pressed: exact where no key leads back, else a bound by the number
    of nodes after which every walk is ended; infinite where the map is not whole."""
    if not known.is_whole:
        return inf
    seconds = known.longest(seconds)
    whole = _longest(known, seconds, stays=False)
    if whole is not None:
        return whole[known.first]
    within = _longest(known, seconds, stays=True)
    return inf if within is None else LONGEST_WALK * max(within.values())


def latest_person(known: Moments, seconds: PromptSeconds) -> float | None:
    """Seconds after which a person is reached at the latest, by who reaches one; None where no way leads to one. Infinite
    where a key leads back, so that a caller may come by again, and where the map is not whole."""
    if not known.is_whole:
        return inf
    longest = _longest(known, known.longest(seconds), stays=False, is_end=leads_to_a_person)
    if longest is None:
        return inf
    return None if longest[known.first] == -inf else longest[known.first]


def _longest(
    known: Moments, seconds: PromptSeconds, *, stays: bool, is_end: Callable[[Moment], bool] | None = None
) -> dict[Moment, float] | None:
    """The longest time from each step on; None if it may come again. `stays`: counted until another node is entered.
    `is_end`: counted until such a step begins, -inf where none follows; one may follow on another."""
    longest: dict[Moment, float] = {}
    open_steps: set[Moment] = set()
    ends = (way.to for ways in known.ways.values() for way in ways if way.to not in known.ways)
    for first in (known.first, *known.ways, *ends):
        ahead = [(first, False)]
        while ahead:
            step, is_left = ahead.pop()
            following = [way.to for way in known.ways.get(step, ()) if not (stays and way.entered)]
            if is_left:
                open_steps.discard(step)
                rest = max((longest[to] for to in following), default=-inf if is_end else 0.0)
                longest[step] = lasting(step, seconds) + rest
                if is_end and is_end(step):
                    longest[step] = max(longest[step], 0.0)
            elif step in open_steps:
                return None
            elif step not in longest:
                open_steps.add(step)
                ahead.append((step, True))
                ahead.extend((to, False) for to in following)
    return longest
