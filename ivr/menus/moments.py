"""Everything that can happen to a caller in one menu, as a finite map: the steps that may come, and which follows which.

Found by trying every answer to every step; the way that led to a step is left out of it, so that the map stays small.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import Final

from ivr.menus.navigation import LONGEST_WALK
from ivr.menus.steps import PlayRecorded, Record, Step, WaitKey
from ivr.menus.walker import (
    PromptSeconds,
    Walker,
    answers,
    is_asking,
    is_his_choice,
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
    to: Step


@dataclass(frozen=True)
class Moments:
    """`is_whole` False: the menu has more than MOST_TRIED answers, and the map ends somewhere.

    Equal steps are one object in here, so that the walks over the map may tell them apart by `id`: a step's hash is slow.
    """

    first: Step
    ways: Mapping[Step, tuple[Way, ...]]
    is_whole: bool

    def entries(self) -> Iterator[tuple[Step, int]]:
        """Where a node is entered, and the least number of nodes that were entered until then; nearest first."""
        order = count()
        ahead = [(1, next(order), self.first, True)]
        done: set[tuple[int, bool]] = set()
        while ahead:
            nodes, _, step, is_entry = heappop(ahead)
            if (id(step), is_entry) in done:
                continue
            done.add((id(step), is_entry))
            if is_entry:
                yield step, nodes
            for way in self.ways.get(step, ()):
                if (id(way.to), bool(way.entered)) not in done:
                    heappush(ahead, (nodes + len(way.entered), next(order), way.to, bool(way.entered)))


def bare(step: Step) -> Step:
    """The step without the way that led to it."""
    return replace(step, place=step.place.bare)


def moments(walker: Walker, most_tried: int = MOST_TRIED) -> Moments:
    first = bare(walker.start())
    ways: dict[Step, tuple[Way, ...]] = {}
    without_way: dict[Step, Step] = {}
    one_of = {first: first}
    ahead, tried = [first], 0
    while ahead and tried < most_tried:
        step = ahead.pop()
        if step in ways or not is_asking(step):
            continue
        found: dict[Step, list[str | None]] = {}
        for answer in answers(step):
            found.setdefault(walker.after(step, answer), []).append(answer)
            tried += 1
        for following in found:
            if following not in without_way:  # most answers of most steps enter the same few nodes
                found_bare = bare(following)
                without_way[following] = one_of.setdefault(found_bare, found_bare)
        ways[step] = tuple(
            # the way of a bare step is its own node
            Way(tuple(given), following.place.nodes_walked[1:], without_way[following])
            for following, given in found.items()
        )
        ahead.extend(way.to for way in ways[step])
    return Moments(first, ways, all(step in ways or not is_asking(step) for step in ahead))


@dataclass(frozen=True)
class Soonest:
    """How soon a person can be reached from a step, and by which way first; None: he is reached already."""

    seconds: float
    way: Way | None


def soonest(known: Moments, seconds: PromptSeconds) -> dict[Step, Soonest]:
    """For every step from which a person can be reached: by a caller who hears each prompt out, since he must know
    which key it is, and presses the best one at once, or lets it pass where that is quicker."""
    back: dict[int, list[tuple[Step, Way]]] = {}
    ends = {id(known.first): known.first} if leads_to_a_person(known.first) else {}
    for step, ways in known.ways.items():
        for one in filter(_is_his, ways):
            back.setdefault(id(one.to), []).append((step, one))
            if leads_to_a_person(one.to):
                ends[id(one.to)] = one.to
    found: dict[int, tuple[Step, Soonest]] = {}
    order = count()
    ahead: list[tuple[float, int, Step, Way | None]] = [
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
    return any(is_his_choice(answer) for answer in way.answers)


def _heard(step: Step, way: Way, seconds: PromptSeconds) -> float:
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
    whole = _longest(known, seconds, stays=False)
    if whole is not None:
        return whole[known.first]
    within = _longest(known, seconds, stays=True)
    return inf if within is None else LONGEST_WALK * max(within.values())


def _longest(known: Moments, seconds: PromptSeconds, *, stays: bool) -> dict[Step, float] | None:
    """The longest time from each step on; None if it may come again. `stays`: counted until another node is entered."""
    longest: dict[Step, float] = {}
    open_steps: set[Step] = set()
    for first in (known.first, *known.ways):
        ahead = [(first, False)]
        while ahead:
            step, is_left = ahead.pop()
            following = [way.to for way in known.ways.get(step, ()) if not (stays and way.entered)]
            if is_left:
                open_steps.discard(step)
                rest = max((longest[to] for to in following), default=0.0)
                longest[step] = lasting(step, seconds) + rest
            elif step in open_steps:
                return None
            elif step not in longest:
                open_steps.add(step)
                ahead.append((step, True))
                ahead.extend((to, False) for to in following)
    return longest
