"""What is wrong with several menu files together, where one leads into another: circles, and no way to a person.

Pure. Expects menus whose nodes all exist; a menu that is not there, or has faults of its own, is taken for good.
"""

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from ivr.menus.graph import MenuFault, menus_led_to, out_of_a_circle, spread, ways
from ivr.menus.menu_file import MenuFile
from ivr.menus.node import Node

At: TypeAlias = tuple[str, str]
"""A menu and a node of it."""


def faults_across(menus: Mapping[str, MenuFile]) -> Iterator[tuple[str, MenuFault]]:
    """With the menu that each is told at."""
    if not any(True for menu in menus.values() for node in menu.nodes.values() for _ in menus_led_to(node)):
        return
    with_person = leading_to_a_person(menus)
    for name, menu in menus.items():
        leads_on = any(True for node in menu.nodes.values() for _ in menus_led_to(node))
        if leads_on and (name, menu.start) not in with_person:
            remedy = "Add a node of kind queue and a way to it, here or in a menu that this one goes to."
            yield name, MenuFault(("start",), "no way leads to a person", remedy)
    circle = _circle(menus)
    if circle:
        steps = " → ".join("/".join(at) for at in (*circle, circle[0]))
        menu_name, node = circle[0]
        fault = f"without the right key the caller goes in circles: {steps}"
        yield (
            menu_name,
            MenuFault(("nodes", node), fault, out_of_a_circle(nodes_of(menus)[at] for at in circle)),
        )


def nodes_of(menus: Mapping[str, MenuFile]) -> dict[At, Node]:
    """Every node of every menu by its place."""
    return {(name, node_name): node for name, menu in menus.items() for node_name, node in menu.nodes.items()}


def leading_out(menus: Mapping[str, MenuFile]) -> set[At]:
    """From where the walk goes on in a menu that is not known."""
    return {
        at for at, node in nodes_of(menus).items() if any(menu not in menus for menu in menus_led_to(node))
    }


def leading_to_a_person(menus: Mapping[str, MenuFile]) -> set[At]:
    """Every place from which some key or none leads to a person, or out of the menus that are known."""
    before: dict[At, list[At]] = {}
    nodes = nodes_of(menus)
    for at in nodes:
        for behind in following(menus, at):
            before.setdefault(behind, []).append(at)
    persons = (at for at, node in nodes.items() if node.REACHES_A_PERSON)
    return spread([*persons, *leading_out(menus)], lambda at: before.get(at, ()))


def following(menus: Mapping[str, MenuFile], at: At, *, by_key: bool = True) -> Iterator[At]:
    """Where the walk may be after this node; without `by_key` only where it goes with no key or a wrong one."""
    node = menus[at[0]].nodes[at[1]]
    for way in ways(node):
        if by_key or not way.refers.by_key:
            yield at[0], str(way.name)
    for menu in menus_led_to(node):
        if menu in menus:
            yield menu, menus[menu].start


def _circle(menus: Mapping[str, MenuFile]) -> list[At]:
    """A circle, told from a `goto` on, that needs no key that is known there; [] if there is none."""
    for first, node in nodes_of(menus).items():
        for start in menus_led_to(node):
            if start in menus and (way := _way(menus, (start, menus[start].start), first)):
                return [first, *way[:-1]]
    return []


def _way(menus: Mapping[str, MenuFile], start: At, end: At) -> list[At]:
    """The shortest way between two places without a key; [] if there is none."""
    came_from: dict[At, At | None] = {start: None}
    ahead = [start]
    for at in ahead:
        if at == end:
            break
        for behind in following(menus, at, by_key=False):
            if behind not in came_from:
                came_from[behind] = at
                ahead.append(behind)
    way: list[At] = []
    step = end if end in came_from else None
    while step is not None:
        way.append(step)
        step = came_from[step]
    return way[::-1]
