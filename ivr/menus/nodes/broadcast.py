"""`broadcast`: the place in a menu where an emergency message is heard while one is switched on."""

from typing import ClassVar, Literal

from ivr.menus.facts import Facts
from ivr.menus.node import Node
from ivr.menus.references import NodeName
from ivr.menus.steps import ALL_KEYS, Ask, Asking, Following, GoOn, Owed, Place, Play


class Broadcast(Node):
    """Plays the emergency message that is on for the number called (`hotline broadcast on`, broadcasts.yaml), once in a
    call; goes on at once if none is. A key ends it, and counts in the menu that follows. A menu without this node has the
    message behind what is said first. Not heard by callers of a number with `is_emergency`, nor by who comes from here to a
    queue with `is_emergency`, or to a transfer, with no more key to press."""

    EXAMPLE: ClassVar[str] = """
kind: broadcast
next: choose
"""
    PLAYS_BROADCASTS: ClassVar[bool] = True

    kind: Literal["broadcast"]
    next: NodeName

    def enter(self, at: Place, key: str | None) -> Following:
        return Ask(lambda facts: self._played(at, key, facts))

    def _played(self, at: Place, key: str | None, facts: Facts) -> Following:
        on = facts.broadcast()
        if on is None or at.owed is Owed.NOTHING:
            return GoOn(self.next, key)
        return Play(at.hearing(key), on.prompts, ALL_KEYS)

    def answered(self, step: Asking, key: str | None) -> Following:
        return GoOn(self.next, key or step.place.pressed or None)
