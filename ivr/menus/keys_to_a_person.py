"""From every menu keys lead to a person, at once or through further menus; silence and wrong keys do not count.

Pure. Expects menus whose nodes all exist; a menu that is not there, or has faults of its own, is taken for good.
Where a branch led the caller to a menu, as in hours in which nobody is there, a message may stand in for the person.
"""

from collections.abc import Collection, Iterator, Mapping, Set
from typing import Final

from ivr.menus.crossings import At, leading_out, leading_to_a_person, nodes_of
from ivr.menus.graph import MenuFault, menus_led_to, spread, ways
from ivr.menus.menu_file import MenuFile
from ivr.menus.node import Node

_NO_KEY: Final = "no keys lead from here to a person; silence and wrong keys do not count"


def menus_without_a_key(
    menus: Mapping[str, MenuFile], of_numbers: Collection[str]
) -> Iterator[tuple[str, MenuFault]]:
    """With the menu file that each is told at. `of_numbers`: menus at which calls begin."""
    grounds = _Asked(menus)
    may = grounds.may_come_to(at for at, node in grounds.nodes.items() if node.REACHES_A_PERSON)
    sure = grounds.surely_come_to_a_person()
    message = grounds.may_come_to(at for at, node in grounds.nodes.items() if node.TAKES_MESSAGES)
    starts = grounds.starts(of_numbers)
    forks = {
        at
        for at, node in grounds.nodes.items()
        if node.LEADS_BY_WHAT_IS_KNOWN and not may.isdisjoint(to for to, _ in grounds.after[at])
    }
    not_behind_a_branch = grounds.reached(starts, forks)
    with_person = leading_to_a_person(menus)
    met = grounds.reached(starts, ())
    for at in grounds.nodes:
        name, node = at
        if at not in met or not grounds.nodes[at].TAKES_A_KEY or (name, menus[name].start) not in with_person:
            continue  # a file from which nothing leads to a person is told as that
        path = ("nodes", node)
        if at not in may and at in message and at not in not_behind_a_branch:
            remedy = "Give one key to a person, such as 0, unless nobody is there at that hour."
            fault = "no keys lead from here to a person, only to a message"
            yield name, MenuFault(path, fault, remedy, "warning")
        elif at not in may:
            yield name, MenuFault(path, _NO_KEY, "Give one key to a person, such as 0.")
        elif at not in sure:
            fault = (
                f'whether keys lead from here to a person is decided at "{grounds.decided_at(at, may, sure)}"'
            )
            yield name, MenuFault(path, fault, "Give one key straight to a person, such as 0.", "warning")


class _Asked:
    """Where callers come to who do what they are asked for. `after`: by place, what is behind it and whether only a key
    leads there."""

    def __init__(self, menus: Mapping[str, MenuFile]) -> None:
        self.nodes: Final = nodes_of(menus)
        self._menus: Final = menus
        self._all: Final = {at: self._behind(at, node) for at, node in self.nodes.items()}
        self.after: Final = {
            at: [(to, by_key) for to, by_key, is_asked in behind if is_asked]
            for at, behind in self._all.items()
        }
        self._before: Final[dict[At, list[At]]] = {at: [] for at in self.nodes}
        for at, behind in self.after.items():
            for to, _ in behind:
                self._before[to].append(at)
        self._unknown: Final = leading_out(menus)

    def _behind(self, at: At, node: Node) -> list[tuple[At, bool, bool]]:
        own = [((at[0], str(way.name)), way.refers.by_key, not way.refers.otherwise) for way in ways(node)]
        led = [menu for menu in menus_led_to(node) if menu in self._menus]
        return [*own, *(((menu, self._menus[menu].start), False, True) for menu in led)]

    def starts(self, of_numbers: Collection[str]) -> list[At]:
        """Menus of numbers, and menus that no other leads to: somebody may yet let a number begin there."""
        led_to = {menu for node in self.nodes.values() for menu in menus_led_to(node)}
        return [
            (name, menu.start)
            for name, menu in self._menus.items()
            if name in of_numbers or name not in led_to
        ]

    def reached(self, starts: Collection[At], not_beyond: Collection[At]) -> set[At]:
        """By whatever way, silence among them."""
        return spread(starts, lambda at: (to for to, _, _ in self._all[at] if at not in not_beyond))

    def may_come_to(self, ends: Iterator[At]) -> set[At]:
        return spread([*ends, *self._unknown], self._before.__getitem__)

    def surely_come_to_a_person(self) -> set[At]:
        """Whatever is known of the caller: where he has a key, by one of them, elsewhere by every way."""
        left = {at: len(after) for at, after in self.after.items()}
        found: set[At] = set()
        ahead = [at for at, node in self.nodes.items() if node.REACHES_A_PERSON] + list(self._unknown)
        while ahead:
            at = ahead.pop()
            if at in found:
                continue
            found.add(at)
            for before in self._before[at]:
                left[before] -= 1
                if left[before] == 0 or (at, True) in self.after[before]:
                    ahead.append(before)
        return found

    def decided_at(self, menu: At, may: Set[At], sure: Set[At]) -> str:
        """The nearest node where it is no more the caller who chooses."""
        ahead = [menu]
        for at in ahead:
            if at in may and at not in sure and self.nodes[at].LEADS_BY_WHAT_IS_KNOWN:
                return at[1]
            ahead += [to for to, _ in self.after[at] if to not in ahead]
        return menu[1]
