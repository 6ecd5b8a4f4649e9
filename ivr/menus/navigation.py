"""Which step follows in a menu, given the key pressed: pure, the same on the phone and in a simulation.

The caller of this module plays and listens; nothing here does. A walk always ends: after `LONGEST_WALK` nodes,
whatever files they stand in, the caller goes to the default queue of the number called.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, TypeAlias

from ivr.menus.facts import NO_FACTS, Facts
from ivr.menus.menu_file import MenuFile
from ivr.menus.steps import Ask, Asking, Following, Fork, GoOn, GoTo, Moment, Place, Step, ToQueue

LONGEST_WALK: Final = 100

Menus: TypeAlias = Mapping[str, MenuFile]
"""All menus that may be walked, by name."""


def start(menus: Menus, name: str, facts: Facts = NO_FACTS) -> Step:
    """The first step of the menu of that name, which must be among them."""
    return _on(menus, Place(()), GoTo(name), facts)


def next_step(menus: Menus, step: Asking, key: str | None, facts: Facts = NO_FACTS) -> Step:
    """What follows after `step` was carried out and brought `key`."""
    place = step.place
    return _on(menus, place, menus[place.menu].nodes[place.node].answered(step, key), facts)


def _on(menus: Menus, at: Place, following: Following, facts: Facts) -> Step:
    while True:
        at, reached = _in(menus, at, following)
        if not isinstance(reached, Ask):
            return reached
        following = reached.answer(facts)


def _in(menus: Menus, at: Place, following: Following) -> tuple[Place, Step | Ask]:
    """To where something is asked, of the caller or of the world."""
    while isinstance(following, GoOn | GoTo):
        if isinstance(following, GoTo):
            menu = menus.get(following.menu)
            if (
                menu is None
            ):  # the checker lets no such set through; were one there, the caller still reaches a person
                return at, ToQueue(at, None)
            at = at.crossed(following.menu, menu.start)
        else:
            at = at.told(following).entered(following.node)
        if at.length > LONGEST_WALK:
            return at, ToQueue(at, None)
        following = menus[at.menu].nodes[at.node].enter(at, following.key)
    return at, following


# --- for those who try every way out ---


def start_of_all(menus: Menus, name: str, facts: Facts = NO_FACTS) -> Moment:
    """The first moment of a walk that may take any way that the facts leave open."""
    return _to_a_moment(menus, Place(()), GoTo(name), facts)


def after_all(menus: Menus, moment: Asking | Fork, answer: str | None, facts: Facts = NO_FACTS) -> Moment:
    """What follows after `answer`: a key, or the words of a way of a fork.

    What was typed is not kept, so that a branch by it may go any way: a few digits stand for all that can be typed.
    """
    place = moment.place
    if isinstance(moment, Fork):
        return _to_a_moment(menus, place, moment.way(answer or ""), facts)
    return _to_a_moment(menus, place, menus[place.menu].nodes[place.node].answered(moment, answer), facts)


def _to_a_moment(menus: Menus, at: Place, following: Following, facts: Facts) -> Moment:
    while True:
        if isinstance(following, GoOn) and following.kept:
            following = replace(following, kept=None)
        at, reached = _in(menus, at, following)
        if not isinstance(reached, Ask):
            return _one_for_all_digits(reached)
        ways = reached.ways(facts) if reached.ways else ()
        if len(ways) > 1:
            return Fork(at, ways)
        following = reached.answer(facts)


def _one_for_all_digits(step: Step) -> Step:
    digits = step.place.digits
    if not digits.strip("0"):
        return step
    return replace(step, place=replace(step.place, digits="0" * len(digits)))
