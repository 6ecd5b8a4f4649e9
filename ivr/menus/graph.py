"""What is wrong with a menu as a whole: nodes nobody reaches, walks in circles, no way to a person.

Pure. Expects a menu whose nodes all exist.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ivr.menus.schema import KeyMenu, MenuFile, Node, Queue, Say


@dataclass(frozen=True)
class MenuFault:
    path: tuple[str, ...]
    fault: str
    remedy: str
    severity: Literal["error", "warning"] = "error"


def targets(node: Node) -> Iterator[tuple[tuple[str, ...], str]]:
    """Where a node leads: the path of each target within the node, and the node it names."""
    if isinstance(node, Say):
        yield ("next",), node.next
    elif isinstance(node, KeyMenu):
        yield from ((("keys", key), target) for key, target in node.keys.items())
        yield ("no_key", "then"), node.no_key.then
        yield ("wrong_key", "then"), node.wrong_key.then


def faults(menu: MenuFile) -> list[MenuFault]:
    reached = _reached(menu)
    found = [
        MenuFault(
            ("nodes", name), "no way leads here", "Point a key or `next` at it, or delete it.", "warning"
        )
        for name in menu.nodes
        if name not in reached
    ]
    if not any(isinstance(menu.nodes[name], Queue) for name in reached):
        remedy = "Add a node of kind queue and a way to it."
        found.append(MenuFault(("start",), "no way leads to a person", remedy))
    circle = _circle(menu, reached)
    if circle:
        way = " → ".join((*circle, circle[0]))
        remedy = "Let one of these ways end in a queue."
        found.append(
            MenuFault(
                ("nodes", circle[0]), f"without the right key the caller goes in circles: {way}", remedy
            )
        )
    return found


def _reached(menu: MenuFile) -> set[str]:
    reached: set[str] = set()
    ahead = [menu.start]
    while ahead:
        name = ahead.pop()
        if name not in reached:
            reached.add(name)
            ahead.extend(target for _, target in targets(menu.nodes[name]))
    return reached


def _circle(menu: MenuFile, reached: set[str]) -> list[str]:
    """A circle that needs no key the menu knows; [] if there is none."""
    done: set[str] = set()
    for first in sorted(reached, key=list(menu.nodes).index):
        done |= (walked := _without_keys(menu, first, done))[1]
        if walked[0]:
            return walked[0]
    return []


def _without_keys(menu: MenuFile, first: str, done: set[str]) -> tuple[list[str], set[str]]:
    """Follows every way that the caller goes by doing nothing or pressing a wrong key, depth first."""
    way: list[str] = []
    ahead: list[tuple[str, int]] = [(first, 0)]
    finished: set[str] = set()
    while ahead:
        name, depth = ahead.pop()
        while len(way) > depth:
            finished.add(way.pop())
        if name in way:
            return way[way.index(name) :], finished
        if name in finished or name in done:
            continue
        way.append(name)
        following = [t for path, t in targets(menu.nodes[name]) if path[0] != "keys"]
        ahead.extend((target, depth + 1) for target in following)
    return [], finished | set(way)
