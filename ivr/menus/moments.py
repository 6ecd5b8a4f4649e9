"""Everything that can happen to a caller in one menu, as a finite map: the steps that may come, and which follows which.

Found by trying every answer to every step; the way that led to a step is left out of it, so that the map stays small.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import Final

from ivr.menus.navigation import LONGEST_WALK
from ivr.menus.steps import Fork, Moment, Place, PlayRecorded, Record, WaitKey
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
        return lambda prompt: max(seconds(one) for one in self.said_alike.get(prompt, (prompt,)))

    def entries(self) -> Iterator[tuple[Moment, int]]:
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


def bare(step: Moment) -> Moment:
    """The step without the way that led to it."""
    return replace(step, place=step.place.bare)


def moments(walker: Walker, most_tried: int = MOST_TRIED) -> Moments:
    first = bare(walker.first())
    ways: dict[Moment, tuple[Way, ...]] = {}
    without_way: dict[Moment, Moment] = {}
    by_key: dict[tuple[Place, str | None], Moment] = {}
    one_of = {first: first}
    ahead, tried = [first], 0
    while ahead and tried < most_tried:
        step = ahead.pop()
        if step in ways or not is_open(step):
            continue
        found: dict[Moment, list[str | None]] = {}
        for alike in walker.answers(step):
            is_key = alike[0] is not None and not isinstance(
                step, Fork
            )  # a fork goes on with the key pressed before it
            pressed = (step.place, alike[0])
            following = by_key.get(pressed) if is_key else None
            if following is None:
                following = walker.following(step, alike[0])
                if is_key:
                    by_key[pressed] = following  # a key means the same during the prompts and after them
            found.setdefault(following, []).extend(alike)
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
    is_whole = all(step in ways or not is_open(step) for step in ahead)
    return Moments(first, ways, is_whole, _said_alike(walker))


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
    return any(is_his_choice(answer) for answer in way.answers)


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


def _longest(known: Moments, seconds: PromptSeconds, *, stays: bool) -> dict[Moment, float] | None:
    """The longest time from each step on; None if it may come again. `stays`: counted until another node is entered."""
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
                rest = max((longest[to] for to in following), default=0.0)
                longest[step] = lasting(step, seconds) + rest
            elif step in open_steps:
                return None
            elif step not in longest:
                open_steps.add(step)
                ahead.append((step, True))
                ahead.extend((to, False) for to in following)
    return longest
