"""Which step follows in a menu, given the key pressed: pure, the same on the phone and in a simulation.

The caller of this module plays and listens; nothing here does. A walk always ends: after `LONGEST_WALK` nodes
the caller goes to the default queue of the number called.
"""

from typing import Final

from ivr.menus.menu_file import MenuFile
from ivr.menus.steps import Asking, GoOn, Place, Step, ToQueue

LONGEST_WALK: Final = 100


def start(menu: MenuFile) -> Step:
    return _on(menu, Place(menu.start, ()), GoOn(menu.start))


def next_step(menu: MenuFile, step: Asking, key: str | None) -> Step:
    """What follows after `step` was carried out and brought `key`."""
    return _on(menu, step.place, menu.nodes[step.place.node].answered(step, key))


def _on(menu: MenuFile, at: Place, following: Step | GoOn) -> Step:
    while isinstance(following, GoOn):
        at = Place(following.node, (*at.nodes_walked, following.node))
        if len(at.nodes_walked) > LONGEST_WALK:
            return ToQueue(at, None)
        following = menu.nodes[following.node].enter(at, following.key)
    return following
