"""`say`: plays prompts and goes on."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ivr.menus.node import Node
from ivr.menus.references import NodeName, PromptName
from ivr.menus.steps import ALL_KEYS, Asking, Following, GoOn, Place, Play

Prompts = Annotated[list[PromptName], Field(min_length=1, max_length=10)]


class Say(Node):
    """Plays prompts and goes on. A key pressed meanwhile counts in the menu that follows."""

    EXAMPLE: ClassVar[str] = """
kind: say
prompts: [greeting]
interruptible: false   # true: a key ends it, and counts in the menu that follows
next: choose
"""
    STANDS_BEHIND_A_TRANSFER: ClassVar[bool] = True
    kind: Literal["say"]
    prompts: Prompts
    interruptible: bool = False
    next: NodeName

    def enter(self, at: Place, key: str | None) -> Following:
        return Play(at, tuple(self.prompts), ALL_KEYS if self.interruptible else "")

    def answered(self, step: Asking, key: str | None) -> Following:
        return GoOn(self.next, key)
