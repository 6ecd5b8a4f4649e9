"""Every path through a menu, each with the seconds that it takes at worst: all prompts heard out, each wait used up.

Pure and bounded. Where a key leads back to where the caller has been, the path is told until there and not again. Where a
number is typed, paths that differ only in how many digits it has are one, with the seconds of the longest.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from math import inf
from typing import Final

from ivr.menus.moments import Moments, Way, bare, latest_person, longest_walk, moments
from ivr.menus.steps import ALL_KEYS, Fork, Moment, Transfer, WaitInLine
from ivr.menus.typed_digits import Folded, folded, is_typing
from ivr.menus.walker import PromptSeconds, Walker, is_open, lasting, leads_to_a_person

MOST_PATHS: Final = 1000


@dataclass(frozen=True)
class Explored:
    """One path. `pressed`: what the caller answers where it matters, such as 1, silence or 3-9*#, and
    what a branch finds; `prompts` heard."""

    pressed: tuple[str, ...]
    nodes: tuple[str, ...]
    prompts: tuple[str, ...]
    end: Moment
    seconds: float
    goes_back: bool = False

    @property
    def reaches_a_person(self) -> bool:
        return not self.goes_back and leads_to_a_person(self.end)


@dataclass(frozen=True)
class Exploration:
    """`is_whole` False: there are more paths than MOST_PATHS (or the menu is too large to try every answer).
    `longest`: seconds that no walk exceeds, also one that goes back again and again. `worst_to_a_person`: seconds until
    a caller who reaches a person has him; None if nobody does, or if it cannot be said. `may_go_back`: without those who
    go back to where they have been, who may take longer."""

    paths: tuple[Explored, ...]
    is_whole: bool
    longest: float
    worst_to_a_person: float | None
    may_go_back: bool


def explore(walker: Walker, seconds: PromptSeconds, most_paths: int = MOST_PATHS) -> Exploration:
    """Paths in the order of the keys."""
    known = moments(walker)
    found = list(islice(_paths(walker, known, known.longest(seconds)), most_paths + 1))
    is_whole = known.is_whole and len(found) <= most_paths
    worst = latest_person(known, seconds)
    may_go_back = worst == inf
    if may_go_back:  # told for all others, where all of them are known
        reaching = (path.seconds for path in found if path.reaches_a_person)
        worst = max(reaching, default=None) if is_whole else None
    return Exploration(tuple(found[:most_paths]), is_whole, longest_walk(known, seconds), worst, may_go_back)


@dataclass(frozen=True)
class _Standing:
    """Where one of the paths being followed stands. `step` as it comes on the phone, with the way there."""

    step: Moment
    pressed: tuple[str, ...]
    prompts: tuple[str, ...]
    seconds: float
    been: frozenset[Moment]


def _paths(walker: Walker, known: Moments, seconds: PromptSeconds) -> Iterator[Explored]:
    ahead = [_Standing(walker.first(), (), (), 0.0, frozenset())]
    while ahead:
        at = ahead.pop()
        step, here, nodes = at.step, bare(at.step), at.step.place.nodes_walked
        counted = replace(here, place=replace(here.place, turns=0))
        if counted in at.been or (is_open(step) and here not in known.ways):
            yield Explored(at.pressed, nodes, at.prompts, step, at.seconds, goes_back=True)
            continue
        heard = (*at.prompts, *getattr(step, "prompts", ()))
        now = at.seconds + lasting(step, seconds)
        if not is_open(step):
            yield Explored(at.pressed, nodes, heard, step, now)
            continue
        if isinstance(step, Transfer | WaitInLine):  # he has a person here, unless nobody answers
            yield Explored(at.pressed, nodes, heard, step, at.seconds)
        if is_typing(walker, here):
            # the last one comes first, as below
            ahead.extend(_typed(walker, at, one) for one in reversed(_folded(walker, known, here, seconds)))
            continue
        told = _told(known, here)
        for way in reversed(told):
            pressed = (
                (*at.pressed, _words(step, way))
                if len(told) > 1 or isinstance(step, WaitInLine)
                else at.pressed
            )
            following = walker.following(step, way.answers[0])
            ahead.append(_Standing(following, pressed, heard, now, at.been | {counted}))


def _folded(walker: Walker, known: Moments, here: Moment, seconds: PromptSeconds) -> list[Folded]:
    return folded(walker, known, here, lambda step: _told(known, step), seconds)


def _typed(walker: Walker, at: _Standing, fold: Folded) -> _Standing:
    """Behind a number that was typed."""
    step, been, prompts = at.step, set(at.been), at.prompts
    for met, answer in zip(fold.longest.met, fold.longest.answers, strict=True):
        been.add(replace(met, place=replace(met.place, turns=0)))
        prompts = (*prompts, *getattr(met, "prompts", ()))
        assert is_open(step)
        step = walker.following(step, answer)
    pressed = {answer: None for one in fold.like for answer in one.end.answers}
    ends = _words(fold.longest.met[-1], replace(fold.longest.end, answers=tuple(pressed)))
    words = f"{' or '.join(_runs({one.digits for one in fold.like}))} digits, then {ends}"
    return _Standing(step, (*at.pressed, words), prompts, at.seconds + fold.longest.seconds, frozenset(been))


def _runs(counts: set[int]) -> Iterator[str]:
    """0-5, 11-30: those that fit lie between."""
    for first in sorted(one for one in counts if one - 1 not in counts):
        last = first
        while last + 1 in counts:
            last += 1
        yield str(first) if first == last else f"{first}-{last}"


def _told(known: Moments, step: Moment) -> list[Way]:
    ways = known.ways.get(step, ())
    return [way for way in ways if not _comes_later(way, ways, known)]


def _comes_later(way: Way, ways: tuple[Way, ...], known: Moments) -> bool:
    """A key pressed during the prompts which does the same as after them: told once, with the longer time."""
    later = next((one for one in ways if None in one.answers), None)
    if later is None or way is later or later.entered:
        return False
    return any((way.entered, way.to) == (one.entered, one.to) for one in known.ways.get(later.to, ()))


def _words(step: Moment, way: Way) -> str:
    """The keys of a way, runs of digits as 3-9; `silence` where nothing is pressed; of a fork what is so there."""
    if isinstance(step, Fork):
        return f"{step.place.node}: {' or '.join(filter(None, way.answers))}"
    if None in way.answers:
        return "silence" if way.answers == (None,) else f"{_keys(way)} or silence"
    return _keys(way)


def _keys(way: Way) -> str:
    keys = "".join(key for key in ALL_KEYS if key in way.answers)
    if not keys:  # what came of a recording, a transfer or a wait
        return " or ".join(answer.replace("_", " ") for answer in way.answers if answer)
    runs: list[str] = []
    for key in keys:
        if runs and key.isdigit() and runs[-1][-1].isdigit() and int(key) == int(runs[-1][-1]) + 1:
            runs[-1] = f"{runs[-1][0]}-{key}"
        else:
            runs.append(key)
    return " ".join(runs)
