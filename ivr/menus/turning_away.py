"""Nobody is cut off by a blocklist: who is led away by one still comes to a person, and loses no way to an emergency.

Pure. Expects menus whose nodes all exist; a menu that is not there, or has faults of its own, is taken for good.
Of the way that a caller loses everything counts that may happen on it, of the way that he is given what surely does.
"""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from ivr.lines import Lines
from ivr.menus.certainty import Grounds
from ivr.menus.crossings import At
from ivr.menus.graph import MenuFault
from ivr.menus.menu_file import MenuFile
from ivr.menus.node import Node
from ivr.menus.references import Path
from vocabulary.phone_numbers import is_emergency

_MOST_STEPS: Final = 12


@dataclass(frozen=True)
class _Fork:
    """A node that leads only callers on a blocklist some way: for each list the path to its name, and where they are led;
    and where all others may be led."""

    at: At
    turned_away: tuple[tuple[Path, At], ...]
    others: frozenset[At]


def faults_of_blocklists(
    menus: Mapping[str, MenuFile], lines: Lines, blocklists: Set[str]
) -> Iterator[tuple[str, MenuFault]]:
    """With the menu that each is told at."""
    forks = list(_forks(menus, blocklists)) if blocklists else []
    if not forks:
        return
    grounds = Grounds(menus)
    emergencies = _Emergencies(grounds, lines)
    lost = grounds.cut_off()
    for fork in forks:
        menu_name, node_name = fork.at
        for path, then in fork.turned_away:
            for fault, remedy in (*emergencies.faults(fork, then), *_hung_up_on(lost, then)):
                yield menu_name, MenuFault(("nodes", node_name, *path), fault, remedy)


def blocklist_ways(menus: Mapping[str, MenuFile], blocklists: Set[str]) -> Iterator[tuple[At, At]]:
    """From where callers on a blocklist are led, and to where."""
    return ((fork.at, then) for fork in _forks(menus, blocklists) for _, then in fork.turned_away)


def was_turned_away(path: str, menus: Mapping[str, MenuFile], blocklists: Set[str]) -> bool:
    """Whether a call with that path (main/greeting/who/refusal) was led somewhere that only a blocklist leads to."""
    for part in path.split("//"):
        name = next(
            (menu for menu in sorted(menus, key=len, reverse=True) if part.startswith(f"{menu}/")), None
        )
        if name is None:
            continue
        nodes, menu = part.removeprefix(f"{name}/").split("/"), menus[name]
        for node_name, following in pairwise(nodes):
            node, to = menu.nodes.get(node_name), (name, following)
            fork = _fork((name, node_name), node, blocklists) if node is not None else None
            if fork is not None and to not in fork.others and any(to == then for _, then in fork.turned_away):
                return True
    return False


def _forks(menus: Mapping[str, MenuFile], blocklists: Set[str]) -> Iterator[_Fork]:
    for menu_name, menu in menus.items():
        for node_name, node in menu.nodes.items():
            fork = _fork((menu_name, node_name), node, blocklists)
            if fork is not None:
                yield fork


def _fork(at: At, node: Node, blocklists: Set[str]) -> _Fork | None:
    """Whatever the node's type is: beside the group that names a list stands the node that its callers are led to."""
    lists = {
        one.path[:-2]: one.path for one in node.named if one.refers.to == "list" and one.name in blocklists
    }
    if not lists:
        return None
    ways = [(one.path[:-1], (at[0], str(one.name))) for one in node.named if one.refers.to == "node"]
    return _Fork(
        at,
        tuple((lists[group], to) for group, to in ways if group in lists),
        frozenset(to for group, to in ways if group not in lists),
    )


def _hung_up_on(lost: Mapping[At, At | None], then: At) -> Iterator[tuple[str, str]]:
    if then not in lost:
        return
    steps: list[str] = []
    at: At | None = then
    while at is not None and len(steps) < _MOST_STEPS:
        steps.append(at[1])
        at = lost[at]
    way = " → ".join(steps if at is None else [*steps, "…"])
    fault = f"who is turned away may be hung up on before any key to a person: {way}"
    yield fault, "Lead him to a queue, or to a menu with a key to a person."


class _Emergencies:
    """What the site has marked with is_emergency, transfers to 110 and the like, and which places of the menus lead there."""

    def __init__(self, grounds: Grounds, lines: Lines) -> None:
        self._grounds = grounds
        transfers = {one.name for one in lines.transfers if is_emergency(one.number)}
        queues: set[str | None] = {queue.name for queue in lines.queues if queue.is_emergency}
        self._numbers: dict[At, str] = {}
        by_default: set[At] = set()
        for number in lines.numbers:
            reached = grounds.reached(number.menu) if number.is_emergency or number.queue in queues else ()
            if number.is_emergency:
                self._numbers |= {at: number.number for at in reached if at not in self._numbers}
            if number.queue in queues:
                by_default.update(reached)
        ends: dict[str, set[At]] = {}
        for at, node in grounds.nodes.items():
            told = node.emergency_led_to(queues | {None} if at in by_default else queues, transfers)
            if told is not None:
                ends.setdefault(told, set()).add(at)
        self._ways = [
            (told, by_key, *grounds.leading_to(places, by_key=by_key))
            for told, places in ends.items()
            for by_key in (False, True)
        ]

    def faults(self, fork: _Fork, then: At) -> Iterator[tuple[str, str]]:
        if fork.at in self._numbers:
            number = self._numbers[fork.at]
            fault = f"the emergency number {number} leads here, where nobody may be turned away"
            yield fault, "Give that number a menu without blocklists."
            return
        for told, by_key, may, surely in self._ways:
            if then in surely or fork.others.isdisjoint(may):
                continue
            if by_key:
                fault = f"who is turned away can no more come to {told}, which is for emergencies"
                yield fault, "Give a key to it there too, or ask for the list behind that key's menu."
            else:
                fault = f"stands on the way to {told}, which is for emergencies"
                yield fault, "Ask for the list elsewhere: nobody is turned away from there."
            return
