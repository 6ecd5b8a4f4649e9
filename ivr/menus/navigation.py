"""Which step follows in a menu, given the key pressed: pure, the same on the phone and in a simulation.

The caller of this module plays and listens; nothing here does. A walk always ends: after `LONGEST_WALK` nodes,
whatever files they stand in, the caller goes to the default queue of the number called.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, TypeAlias

from ivr.menus.facts import NO_FACTS, Facts
from ivr.menus.graph import nodes_ahead
from ivr.menus.menu_file import MenuFile
from ivr.menus.node import Node
from ivr.menus.steps import ALL_KEYS, Ask, Asking, Following, GoOn, GoTo, Owed, Place, Play, Step, ToQueue

LONGEST_WALK: Final = 100

Menus: TypeAlias = Mapping[str, MenuFile]
"""All menus that may be walked, by name."""


def start(menus: Menus, name: str, facts: Facts = NO_FACTS) -> Step:
    """The first step of the menu of that name, which must be among them."""
    return _on(menus, Place((), owed=_owed(menus, name, facts)), GoTo(name), facts, has_heard=False)


def next_step(menus: Menus, step: Asking, key: str | None, facts: Facts = NO_FACTS) -> Step:
    """What follows after `step` was carried out and brought `key`."""
    place = step.place
    node = menus[place.menu].nodes[place.node]
    if place.is_told_before:
        following = node.enter(replace(place, is_told_before=False, digits=""), key or place.digits or None)
    else:
        following = node.answered(step, key)
    return _on(menus, place, following, facts, has_heard=True)


def _on(menus: Menus, at: Place, following: Following, facts: Facts, *, has_heard: bool) -> Step:
    way: GoOn | GoTo | None = None
    while isinstance(following, GoOn | GoTo | Ask):
        if isinstance(following, Ask):
            following = following.answer(facts)
            continue
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
        way, following = following, menus[at.menu].nodes[at.node].enter(at, following.key)
    if way is not None and _is_due(menus[at.menu].nodes[at.node], following.place.owed, has_heard):
        on = facts.broadcast()
        if on is not None:
            return Play(replace(at.hearing(way.key), is_told_before=True), on.prompts, ALL_KEYS)
    return following


def _owed(menus: Menus, name: str, facts: Facts) -> Owed:
    """What may be heard is asked once, so that a broadcast switched on meanwhile disturbs no walk."""
    if facts.broadcast() is None:
        return Owed.NOTHING
    has_place = any(node.PLAYS_BROADCASTS for node in nodes_ahead(menus, name))
    return Owed.IN_ITS_PLACE if has_place else Owed.SOON


def _is_due(node: Node, owed: Owed, has_heard: bool) -> bool:
    """Before this node: what was said first (the notice that the call is recorded) is over, or a person would be next."""
    if owed is Owed.NOTHING or not node.MAY_BE_HELD_UP:
        return False
    return node.REACHES_A_PERSON or (has_heard and owed is Owed.SOON)
