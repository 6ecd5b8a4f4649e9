"""Where a caller stands who waits in line while the menu may go on behind it: written on his channel, and read from it.

Pure. From it and the way that he has come the walk goes on as if nobody had ever left it.
"""

from collections.abc import Mapping
from dataclasses import replace

from ivr.lines import LANGUAGES
from ivr.menus.menu_file import MenuFile
from ivr.menus.steps import Place, ToQueue, WaitInLine


def standing_in_words(step: ToQueue) -> str:
    """Menu, node and the language that he chose, such as main|person|en; "" where nothing goes on behind the queue."""
    at = step.place
    return "|".join((at.menu, at.node, at.language or "")) if isinstance(step, WaitInLine) else ""


def standing(menus: Mapping[str, MenuFile], told: str, path: str) -> WaitInLine | None:
    """Where he stands of whom `standing_in_words` wrote this, who came by that path; None where these menus have no such
    queue. A path that was cut, or that ends before a transfer, has its end in `told`."""
    menu, node, language = (*told.split("|"), "", "")[:3]
    if menu not in menus or node not in menus[menu].nodes:
        return None
    walked = tuple(_parts(menus, path))
    at = Place(walked, language=LANGUAGES.get(language))
    if not walked or (at.menu, at.node) != (menu, node):
        at = at.crossed(menu, node)
    entered = menus[menu].nodes[node].enter(at, None)
    return replace(entered, place=at) if isinstance(entered, WaitInLine) else None


def _parts(menus: Mapping[str, MenuFile], path: str) -> list[tuple[str, ...]]:
    """As in Place.walked; of a part in an unknown menu nothing."""
    found: list[tuple[str, ...]] = []
    longest_first = sorted(menus, key=len, reverse=True)
    for part in path.split("//"):
        name = next((menu for menu in longest_first if part.startswith(f"{menu}/")), None)
        if name is not None:
            found.append((name, *part.removeprefix(f"{name}/").split("/")))
    return found
