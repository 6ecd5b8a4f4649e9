"""`goto`: on in another menu file."""

from typing import ClassVar, Literal

from ivr.menus.node import Node
from ivr.menus.references import OtherMenu
from ivr.menus.steps import Following, GoTo, Place


class Goto(Node):
    """Goes on where another menu file starts. A key pressed before counts there."""

    EXAMPLE: ClassVar[str] = """
kind: goto
menu: examples/with_keys   # menus/examples/with_keys.yaml
"""
    kind: Literal["goto"]
    menu: OtherMenu

    def enter(self, at: Place, key: str | None) -> Following:
        return GoTo(self.menu, key)
