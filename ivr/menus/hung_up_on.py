"""Ways on which a caller is hung up on before he met a person, a key to one, or could leave a message.

Pure. Out of hours that may be all a desk can do, so it is a warning; on an emergency number it is an error. Of who is on a
blocklist ivr.menus.turning_away speaks; menus without a key to a person are told in ivr.menus.keys_to_a_person.
"""

from collections.abc import Iterator, Mapping, Set
from typing import Final

from ivr.lines import Lines
from ivr.menus.certainty import Grounds
from ivr.menus.crossings import At
from ivr.menus.graph import MenuFault, menus_led_to, spread, ways
from ivr.menus.menu_file import MenuFile
from ivr.menus.turning_away import blocklist_ways

_BEFORE: Final = "before a person or a key to one"
_REMEDY: Final = "Lead him to a queue, or to a menu with a key to a person."


def hung_up_on(
    menus: Mapping[str, MenuFile], lines: Lines, blocklists: Set[str]
) -> Iterator[tuple[str, MenuFault]]:
    """With the menu that each is told at: where one of several ways of a node leads to nothing but a hang-up."""
    led_to = {menu for one in menus.values() for node in one.nodes.values() for menu in menus_led_to(node)}
    of_numbers = {number.menu for number in lines.numbers}
    starts: list[tuple[str, str | None]] = [
        *((one.menu, one.number) for one in lines.numbers if one.is_emergency),
        *((name, None) for name in menus if name in of_numbers or name not in led_to),
    ]
    lost = _Lost(menus)
    told = set(blocklist_ways(menus, blocklists)) if lost.ends else set()
    for menu, emergency in starts if lost.ends else ():
        for at in sorted(lost.met(menu, beyond_keys=emergency is not None)):
            for way in ways(menus[at[0]].nodes[at[1]]):
                then = (at[0], str(way.name))
                steps = lost.steps_to_the_end(then)
                if steps and (at, then) not in told:
                    yield at[0], _fault(("nodes", at[1], *way.path), " → ".join(steps), emergency)
            told |= {(at, (at[0], str(way.name))) for way in ways(menus[at[0]].nodes[at[1]])}


def _fault(path: tuple[str | int, ...], way: str, emergency: str | None) -> MenuFault:
    if emergency is None:
        return MenuFault(path, f"who is led here is hung up on {_BEFORE}: {way}", _REMEDY, "warning")
    fault = f"callers of the emergency number {emergency} are hung up on here {_BEFORE}: {way}"
    return MenuFault(path, fault, _REMEDY)


class _Lost:
    """`ends`: from where a caller may be hung up on so, and where he goes next on that way."""

    def __init__(self, menus: Mapping[str, MenuFile]) -> None:
        self._menus: Final = menus
        self._grounds: Final = Grounds(menus)
        self.ends: Final = self._grounds.cut_off()

    def met(self, menu: str, *, beyond_keys: bool) -> set[At]:
        """The forks that he comes by who begins there and met nobody yet: where he may be hung up on one way, and not on
        every way. `beyond_keys`: behind a menu that has no sure key to a person too."""
        first = (menu, self._menus[menu].start) if menu in self._menus else None

        def onward(at: At) -> set[At]:
            node = self._grounds.nodes[at]
            is_end = at not in self.ends or node.TAKES_MESSAGES or (node.TAKES_A_KEY and not beyond_keys)
            return set() if is_end else self._grounds.behind(at)

        met = spread([first] if first else [], onward)
        return {at for at in met if len(onward(at)) > 1 and not self._grounds.nodes[at].TAKES_A_KEY}

    def steps_to_the_end(self, at: At) -> list[str]:
        """The only way on from there, to the hang-up; [] if there are several, or he may choose or speak before it."""
        steps: list[str] = []
        while at in self.ends and len(self._grounds.behind(at)) < 2:
            node = self._grounds.nodes[at]
            if node.TAKES_A_KEY or node.TAKES_MESSAGES:
                return []
            steps.append(at[1])
            following = self.ends[at]
            if following is None:
                return steps
            at = following
        return []
