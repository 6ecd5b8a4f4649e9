"""What follows a transfer, found before anybody is dialled: from then on the dialplan leads the caller by itself.

Pure. The walk goes on by the same navigation, as if nothing more were pressed; `faults_behind` keeps questions out of it.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ivr.menus.certainty import Grounds
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


def dropped_behind(
    menus: Mapping[str, MenuFile], of_emergencies: Collection[str]
) -> Iterator[tuple[str, MenuFault]]:
    """Ways on which a caller whom nobody answered is hung up on, with the menu that each is told at: a warning where a branch
    decides it, as out of hours, and callers of no number for emergencies come there. `of_emergencies`: menus of those."""
    transfers = [
        (name, at, node)
        for name, menu in menus.items()
        for at, node in menu.nodes.items()
        if any(destinations(node))
    ]
    grounds = Grounds(menus) if transfers else None
    emergencies = {at for menu in of_emergencies if grounds for at in grounds.reached(menu)}
    for name, at, node in transfers:
        for way in ways(node):
            steps, by_branch = (
                _hung_up_behind(menus[name], str(way.name)) if way.refers.otherwise else ([], False)
            )
            if steps:
                may = "may be" if by_branch else "is"
                fault = f"who is not put through {may} hung up on: {' → '.join(steps)}"
                remedy = "Lead him to a queue, or leave it out: then he goes to the default queue of the number called."
                is_warning = by_branch and (name, at) not in emergencies
                path = ("nodes", at, *way.path)
                yield name, MenuFault(path, fault, remedy, "warning" if is_warning else "error")


def _hung_up_behind(menu: MenuFile, first: str) -> tuple[list[str], bool]:
    """The shortest way from there to a hang-up, [] if there is none, and whether a branch stands on it."""
    ahead = [([first], False)]
    seen = {first}
    for steps, by_branch in ahead:
        node = menu.nodes[steps[-1]]
        if node.REACHES_A_PERSON or not node.STANDS_BEHIND_A_TRANSFER:  # that is told by `faults_behind`
            continue
        following = [str(way.name) for way in ways(node)]
        if not following:
            return steps, by_branch
        ahead += [
            ([*steps, to], by_branch or node.LEADS_BY_WHAT_IS_KNOWN) for to in following if to not in seen
        ]
        seen.update(following)
    return [], False


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
