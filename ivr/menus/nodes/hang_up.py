"""`hang_up`: ends the call, after its prompts."""

from typing import ClassVar, Literal

from pydantic import Field

from ivr.menus.node import Node
from ivr.menus.references import PromptName
from ivr.menus.steps import EndCall, Following, Place


class HangUp(Node):
    """Ends the call, after its prompts."""

    EXAMPLE: ClassVar[str] = """
kind: hang_up
prompts: [goodbye]
"""
    STANDS_BEHIND_A_TRANSFER: ClassVar[bool] = True
    kind: Literal["hang_up"]
    prompts: list[PromptName] = Field(default_factory=list)

    def enter(self, at: Place, key: str | None) -> Following:
        return EndCall(at, tuple(self.prompts))
