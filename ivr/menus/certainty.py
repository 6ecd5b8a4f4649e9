"""Where callers may come to in the menus, and where they surely come to whatever is known of them: one map of all places.

Pure. A node that takes a key is chosen at by the caller; at any other the world decides, so each of its ways must do.
"""

from collections.abc import Collection, Mapping
from typing import Final

from ivr.menus.crossings import At, leading_out, nodes_of
from ivr.menus.graph import menus_led_to, spread, ways
from ivr.menus.menu_file import MenuFile
from ivr.menus.node import Node


class Grounds:
    """`nodes`: every node of every menu by its place."""

    def __init__(self, menus: Mapping[str, MenuFile]) -> None:
        self._starts: Final = {name: (name, menu.start) for name, menu in menus.items()}
        self.nodes: Final = nodes_of(menus)
        self._after: Final = {at: self._following(at, node) for at, node in self.nodes.items()}
        self._before: Final[dict[At, list[tuple[At, bool]]]] = {at: [] for at in self.nodes}
        for at, following in self._after.items():
            for behind, by_key in following:
                self._before[behind].append((at, by_key))
        self._unknown: Final = leading_out(menus)

    def _following(self, at: At, node: Node) -> list[tuple[At, bool]]:
        """Each place behind a node, and whether only a key leads there."""
        own = [((at[0], str(way.name)), way.refers.by_key) for way in ways(node)]
        crossing = [(self._starts[menu], False) for menu in menus_led_to(node) if menu in self._starts]
        return list(dict.fromkeys(own + crossing))

    def behind(self, at: At) -> set[At]:
        """Every place right behind it."""
        return {behind for behind, _ in self._after[at]}

    def reached(self, menu: str) -> set[At]:
        """Every place that a caller may come to who begins in that menu."""
        first = [self._starts[menu]] if menu in self._starts else []
        return spread(first, lambda at: (behind for behind, _ in self._after[at]))

    def leading_to(self, ends: Collection[At], *, by_key: bool) -> tuple[set[At], set[At]]:
        """From where a caller may come to one of `ends`, and from where he surely can, whatever is known of him; without
        `by_key` of callers who press no key."""
        may = spread(ends, lambda at: (before for before, is_key in self._before[at] if by_key or not is_key))
        return may, self._surely({*ends, *self._unknown}, by_key=by_key)

    def _surely(self, ends: Collection[At], *, by_key: bool) -> set[At]:
        left = {at: sum(by_key or not is_key for _, is_key in after) for at, after in self._after.items()}
        found: set[At] = set()
        ahead = list(ends)
        while ahead:
            at = ahead.pop()
            if at in found:
                continue
            found.add(at)
            for before, is_key in self._before[at]:
                if is_key and not by_key:
                    continue
                if self.nodes[before].REACHES_A_PERSON:
                    continue  # who is served there never comes on
                left[before] -= 1
                if left[before] == 0 or (by_key and self.nodes[before].TAKES_A_KEY):
                    ahead.append(before)
        return found

    def cut_off(self) -> dict[At, At | None]:
        """From where a caller may be hung up on before he met a person or a menu with a key to one, and where he goes
        next on that way; None: there he is hung up on."""
        persons = {at for at, node in self.nodes.items() if node.REACHES_A_PERSON}
        _, sure = self.leading_to(persons, by_key=True)
        safe = persons | {
            at
            for at, node in self.nodes.items()
            if node.TAKES_A_KEY and any(is_key and behind in sure for behind, is_key in self._after[at])
        }
        ahead = [at for at, after in self._after.items() if not after and at not in safe | self._unknown]
        found: dict[At, At | None] = dict.fromkeys(ahead)
        for at in ahead:
            for before, _ in self._before[at]:
                if before not in found and before not in safe:
                    found[before] = at
                    ahead.append(before)
        return found
