"""What follows a transfer, found before anybody is dialled: from then on the dialplan leads the caller by itself.

Pure. The walk goes on by the same navigation, as if nothing more were pressed; `faults_behind` keeps questions out of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ivr.menus.facts import NO_FACTS, Facts
from ivr.menus.graph import MenuFault, ways
from ivr.menus.menu_file import MenuFile
from ivr.menus.navigation import Menus, next_step
from ivr.menus.node import Node
from ivr.menus.steps import EndCall, Play, Result, ToQueue, Transfer

_ALLOWED: Final = "say, branch, language, queue or hang_up"


@dataclass(frozen=True)
class Onward:
    """Where a caller goes when a transfer is over: what he hears, step by step, and the end of it."""

    heard: tuple[Play | EndCall, ...]
    end: ToQueue | EndCall


def onward(menus: Menus, step: Transfer, result: Result, facts: Facts = NO_FACTS) -> Onward:
    """Whatever cannot follow a transfer is the default queue of the number called."""
    heard: list[Play | EndCall] = []
    following = next_step(menus, step, result, facts)
    while isinstance(following, Play):
        heard.append(following)
        following = next_step(menus, following, None, facts)
    if isinstance(following, EndCall):
        return Onward((*heard, following), following)
    if isinstance(following, ToQueue):
        return Onward(tuple(heard), following)
    return Onward(tuple(heard), ToQueue(step.place, None))


def destinations(node: Node) -> Iterator[str]:
    """To whom it puts callers through."""
    return (str(found.name) for found in node.named if found.refers.to == "transfer")


def faults_behind(menu: MenuFile) -> Iterator[MenuFault]:
    """Nodes behind a transfer that ask the caller something: he may come there with nobody left to hear his key."""
    for name, node in menu.nodes.items():
        for way in ways(node) if any(destinations(node)) else ():
            met = _asking_behind(menu, str(way.name))
            if met is not None:
                kind = menu.nodes[met].kind_of()
                fault = f'behind a transfer, "{met}" of kind {kind} cannot stand'
                remedy = f"Only {_ALLOWED} may follow: the call goes on there without our server. Lead it to a queue."
                yield MenuFault(("nodes", name, *(str(part) for part in way.path)), fault, remedy)


def _asking_behind(menu: MenuFile, first: str) -> str | None:
    ahead, seen = [first], {first}
    while ahead:
        name = ahead.pop(0)
        node = menu.nodes[name]
        if not node.STANDS_BEHIND_A_TRANSFER:
            return name
        if node.IS_GONE_ON_ANEW:
            continue
        following = [str(way.name) for way in ways(node) if str(way.name) not in seen]
        seen.update(following)
        ahead += following
    return None


def branches_on_the_way(menu: MenuFile, emergencies: frozenset[str]) -> Iterator[MenuFault]:
    """A branch between a key and a transfer to one of these: who pressed the key may be led elsewhere by the hour or by
    who he is."""
    for name, node in menu.nodes.items():
        if not node.LEADS_BY_WHAT_IS_KNOWN:
            continue
        led_to = [
            to for to in _without_keys(menu, name) if not emergencies.isdisjoint(destinations(menu.nodes[to]))
        ]
        if led_to:
            fault = f'stands on the way to the emergency transfer "{led_to[0]}"'
            remedy = "No hours and no list of callers may keep anybody from an emergency number: lead the key straight there."
            yield MenuFault(("nodes", name), fault, remedy, "warning")


def _without_keys(menu: MenuFile, first: str) -> list[str]:
    """All nodes to which the walk comes from there with no key pressed."""
    found = [first]
    for name in found:
        following = (str(way.name) for way in ways(menu.nodes[name]) if not way.refers.by_key)
        found += [to for to in dict.fromkeys(following) if to not in found]
    return found[1:]
