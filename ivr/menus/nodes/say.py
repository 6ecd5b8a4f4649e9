"""`say`: plays prompts and goes on."""

from dataclasses import replace
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ivr.menus.node import Node
from ivr.menus.references import NodeName, PromptName
from ivr.menus.steps import ALL_KEYS, Asking, Following, GoOn, Place, Play

Prompts = Annotated[list[PromptName], Field(min_length=1, max_length=10)]


class Say(Node):
    """Plays prompts and goes on. A key pressed meanwhile counts in the menu that follows; so does one pressed before, by which
    words that may be interrupted are skipped."""

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
        if key is not None and self.interruptible:
            return GoOn(self.next, key)
        return Play(
            replace(at, pressed=key or ""), tuple(self.prompts), ALL_KEYS if self.interruptible else ""
        )

    def answered(self, step: Asking, key: str | None) -> Following:
        return GoOn(self.next, key or step.place.pressed or None)
