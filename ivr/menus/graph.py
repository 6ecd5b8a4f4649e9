"""What is wrong with a menu as a whole: nodes nobody reaches, walks in circles, no way to a person.

Pure. Expects a menu whose nodes all exist.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from ivr.menus.menu_file import MenuFile
from ivr.menus.node import Node
from ivr.menus.references import Path, Reference

_Place = TypeVar("_Place")


@dataclass(frozen=True)
class MenuFault:
    path: Path
    fault: str
    remedy: str
    severity: Literal["error", "warning"] = "error"


def ways(node: Node) -> Iterator[Reference]:
    """Where a node leads."""
    return (found for found in node.named if found.refers.to == "node")


def menus_led_to(node: Node) -> Iterator[str]:
    """Other menu files that the walk goes on in; whether those lead to a person is asked in ivr.menus.crossings."""
    return (str(found.name) for found in node.named if found.refers.to == "menu")


def nodes_ahead(menus: Mapping[str, MenuFile], name: str) -> Iterator[Node]:
    """Every node that a caller may come by from where this menu starts, in other files too."""
    ahead, seen = [name], {name}
    while ahead:
        menu = menus[ahead.pop()]
        for node_name in _reached(menu):
            node = menu.nodes[node_name]
            yield node
            following = [one for one in menus_led_to(node) if one in menus and one not in seen]
            seen.update(following)
            ahead += following


def faults(menu: MenuFile) -> list[MenuFault]:
    reached = _reached(menu)
    found = [
        MenuFault(
            ("nodes", name), "no way leads here", "Point a key or `next` at it, or delete it.", "warning"
        )
        for name in menu.nodes
        if name not in reached
    ]
    may_lead_on = any(True for name in reached for _ in menus_led_to(menu.nodes[name]))
    if not may_lead_on and not any(menu.nodes[name].REACHES_A_PERSON for name in reached):
        remedy = "Add a node of kind queue and a way to it."
        found.append(MenuFault(("start",), "no way leads to a person", remedy))
    circle = _circle(menu, reached)
    if circle:
        way = " → ".join((*circle, circle[0]))
        fault = f"without the right key the caller goes in circles: {way}"
        found.append(
            MenuFault(("nodes", circle[0]), fault, out_of_a_circle(menu.nodes[one] for one in circle))
        )
    return found


def out_of_a_circle(nodes: Iterable[Node]) -> str:
    """A remedy: of queues that lead to one another none is the end."""
    if any(node.REACHES_A_PERSON for node in nodes):
        return "Let one of these be a queue without then."
    return "Let one of these ways end in a queue."


def _reached(menu: MenuFile) -> set[str]:
    return spread([menu.start], lambda name: (str(way.name) for way in ways(menu.nodes[name])))


def spread(first: Iterable[_Place], onward: Callable[[_Place], Iterable[_Place]]) -> set[_Place]:
    """All places to which one comes from the first, themselves among them."""
    found: set[_Place] = set()
    ahead = list(first)
    while ahead:
        place = ahead.pop()
        if place not in found:
            found.add(place)
            ahead.extend(onward(place))
    return found


def _circle(menu: MenuFile, reached: set[str]) -> list[str]:
    """A circle that needs no key the menu knows; [] if there is none."""
    done: set[str] = set()
    for first in (name for name in menu.nodes if name in reached):
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
        following = [str(way.name) for way in ways(menu.nodes[name]) if not way.refers.by_key]
        ahead.extend((target, depth + 1) for target in following)
    return [], finished | set(way)
