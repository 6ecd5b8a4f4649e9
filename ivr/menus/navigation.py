"""Which step follows in a menu, given the key pressed: pure, the same on the phone and in a simulation.

The caller of this module plays and listens; nothing here does. A walk always ends: after `LONGEST_WALK` nodes,
whatever files they stand in, the caller goes to the default queue of the number called; after `MOST_LINES` lines he waits.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, TypeAlias

from ivr.menus.crossings import following as places_behind
from ivr.menus.facts import NO_FACTS, Facts
from ivr.menus.graph import nodes_ahead
from ivr.menus.menu_file import MenuFile
from ivr.menus.steps import (
    ALL_KEYS,
    Ask,
    Asking,
    Following,
    Fork,
    GoOn,
    GoTo,
    Moment,
    Owed,
    Place,
    Play,
    Step,
    ToQueue,
)
from vocabulary.hotline_names import MOST_LINES

LONGEST_WALK: Final = 100

Menus: TypeAlias = Mapping[str, MenuFile]
"""All menus that may be walked, by name."""
_Way: TypeAlias = GoOn | GoTo | None


def start(menus: Menus, name: str, facts: Facts = NO_FACTS) -> Step:
    """The first step of the menu of that name, which must be among them."""
    return _on(menus, _first_place(menus, name, facts), GoTo(name), facts, has_heard=False)


def next_step(menus: Menus, step: Asking, key: str | None, facts: Facts = NO_FACTS) -> Step:
    """What follows after `step` was carried out and brought `key`."""
    return _on(menus, step.place, _answered(menus, step, key), facts, has_heard=True)


def _answered(menus: Menus, step: Asking, key: str | None) -> Following:
    place = step.place
    node = menus[place.menu].nodes[place.node]
    if place.is_told_before:
        return node.enter(replace(place, is_told_before=False, pressed=""), key or place.pressed or None)
    return node.answered(step, key)


def _on(menus: Menus, at: Place, following: Following, facts: Facts, *, has_heard: bool) -> Step:
    way: _Way = None
    while True:
        at, reached, last = _in(menus, at, following, facts)
        way = last or way
        if not isinstance(reached, Ask):
            return _behind_a_broadcast(menus, at, reached, way, facts, has_heard=has_heard)
        following = reached.answer(facts)


def _in(menus: Menus, at: Place, following: Following, facts: Facts) -> tuple[Place, Step | Ask, _Way]:
    """To where something is asked, of the caller or of the world; with the last way by which a node was entered."""
    way: _Way = None
    while isinstance(following, GoOn | GoTo):
        if isinstance(following, GoTo):
            menu = menus.get(following.menu)
            if (
                menu is None
            ):  # the checker lets no such set through; were one there, the caller still reaches a person
                return at, ToQueue(at, None), None
            at = at.crossed(following.menu, menu.start)
        else:
            at = at.told(following).entered(following.node)
        if at.length > LONGEST_WALK:
            return at, ToQueue(at, None), None
        node = menus[at.menu].nodes[at.node]
        if node.PLAYS_BROADCASTS and _is_urgent(menus, at, facts):
            at = replace(at, owed=Owed.NOTHING)
        way, following = following, node.enter(at, following.key)
    if isinstance(following, ToQueue) and _lines_before(menus, following.place) >= MOST_LINES:
        as_the_queue_has_it = replace(following.wanted, longest_wait=None)
        following = ToQueue(following.place, following.queue, following.category, as_the_queue_has_it)
    return at, following, way


def _lines_before(menus: Menus, at: Place) -> int:
    """In how many he has stood. Of nodes in a set that is known no more nothing can be said."""
    *before, _ = [menus[part[0]].nodes.get(name) for part in at.walked for name in part[1:]] or [None]
    return sum(node is not None and node.IS_GONE_ON_ANEW for node in before)


# --- what is heard of a broadcast where the menu has no place for it ---


def _first_place(menus: Menus, name: str, facts: Facts) -> Place:
    return Place((), owed=_owed(menus, name, facts))


def _owed(menus: Menus, name: str, facts: Facts) -> Owed:
    """What may be heard is asked once, so that a broadcast switched on meanwhile disturbs no walk."""
    if facts.broadcast() is None or facts.emergencies().is_number:
        return Owed.NOTHING
    has_place = any(node.PLAYS_BROADCASTS for node in nodes_ahead(menus, name))
    return Owed.IN_ITS_PLACE if has_place else Owed.SOON


def _behind_a_broadcast(
    menus: Menus, at: Place, step: Step, way: _Way, facts: Facts, *, has_heard: bool
) -> Step:
    """The message in place of the first step of a node that was just entered, if it is due there: then the node follows."""
    if way is None or at.length > LONGEST_WALK:
        return step
    if _is_due(menus, step.place, facts, has_heard):
        on = facts.broadcast()
        if on is not None:
            return Play(replace(at.hearing(way.key), is_told_before=True), on.prompts, ALL_KEYS)
    return step


def _is_due(menus: Menus, at: Place, facts: Facts, has_heard: bool) -> bool:
    """Before this node: what was said first (the notice that the call is recorded) is over, or a person would be next."""
    if at.owed is Owed.NOTHING or _is_urgent(menus, at, facts):
        return False
    return menus[at.menu].nodes[at.node].REACHES_A_PERSON or (has_heard and at.owed is Owed.SOON)


def _is_urgent(menus: Menus, at: Place, facts: Facts) -> bool:
    """Whoever stands before this node comes to an emergency, or to whom he asked to be put through, with no more choice."""
    marked, comes_to_one = facts.emergencies(), False
    ahead = [(at.menu, at.node)]
    for place in ahead:
        node = menus[place[0]].nodes[place[1]]
        if node.REACHES_A_PERSON:
            if node.may_be_held_up(marked):
                return False
            comes_to_one = True
            continue
        behind = list(places_behind(menus, place, by_key=False))
        if node.TAKES_A_KEY or not behind:
            return False
        ahead += [one for one in dict.fromkeys(behind) if one not in ahead]
    return comes_to_one


# --- for those who try every way out ---


def start_of_all(menus: Menus, name: str, facts: Facts = NO_FACTS) -> Moment:
    """The first moment of a walk that may take any way that the facts leave open."""
    return _to_a_moment(menus, _first_place(menus, name, facts), GoTo(name), facts, has_heard=False)


def after_all(menus: Menus, moment: Asking | Fork, answer: str | None, facts: Facts = NO_FACTS) -> Moment:
    """What follows after `answer`: a key, or the words of a way of a fork.

    What was typed is not kept, so that a branch by it may go any way: a few digits stand for all that can be typed.
    """
    return after_any(menus, moment, way_after(menus, moment, answer), facts)


def way_after(menus: Menus, moment: Asking | Fork, answer: str | None) -> Following:
    """What the node says to that answer; `after_any` says where it leads."""
    return moment.way(answer or "") if isinstance(moment, Fork) else _answered(menus, moment, answer)


def after_any(menus: Menus, moment: Asking | Fork, way: Following, facts: Facts = NO_FACTS) -> Moment:
    has_heard = moment.has_heard if isinstance(moment, Fork) else True
    return _to_a_moment(menus, moment.place, way, facts, has_heard=has_heard)


def _to_a_moment(menus: Menus, at: Place, following: Following, facts: Facts, *, has_heard: bool) -> Moment:
    way: _Way = None
    while True:
        if isinstance(following, GoOn) and following.kept:
            following = replace(following, kept=None)
        at, reached, last = _in(menus, at, following, facts)
        way = last or way
        if not isinstance(reached, Ask):
            step = _behind_a_broadcast(menus, at, reached, way, facts, has_heard=has_heard)
            return _one_for_all_digits(step)
        ways = reached.ways(facts) if reached.ways else ()
        if len(ways) > 1:
            return Fork(at, ways, has_heard)
        following = reached.answer(facts)


def _one_for_all_digits(step: Step) -> Step:
    digits = step.place.digits
    if not digits.strip("0"):
        return step
    return replace(step, place=replace(step.place, digits="0" * len(digits)))
