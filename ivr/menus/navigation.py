"""Which step follows in a menu, given the key pressed: pure, the same on the phone and in a simulation.

The caller of this module plays and listens; nothing here does. A walk always ends: after `LONGEST_WALK` nodes,
whatever files they stand in, the caller goes to the default queue of the number called.
"""

from collections.abc import Mapping
from typing import Final, TypeAlias

from ivr.menus.facts import NO_FACTS, Facts
from ivr.menus.menu_file import MenuFile
from ivr.menus.steps import Ask, Asking, Following, GoOn, GoTo, Place, Step, ToQueue

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
    while isinstance(following, GoOn | GoTo | Ask):
        if isinstance(following, Ask):
            following = following.answer(facts)
        if isinstance(following, GoTo):
            menu = menus.get(following.menu)
            if (
                menu is None
            ):  # the checker lets no such set through; were one there, the caller still reaches a person
                return ToQueue(at, None)
            at = at.crossed(following.menu, menu.start)
        else:
            at = at.told(following).entered(following.node)
        if at.length > LONGEST_WALK:
            return ToQueue(at, None)
        following = menus[at.menu].nodes[at.node].enter(at, following.key)
    return following
