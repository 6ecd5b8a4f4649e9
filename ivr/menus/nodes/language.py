"""`language`: what the caller hears from here on is in another language."""

from typing import ClassVar, Literal

from ivr.lines import Language
from ivr.menus.node import Node
from ivr.menus.references import NodeName
from ivr.menus.steps import Following, GoOn, Place


class Speak(Node):
    """All prompts behind it are said in that language, in other files too, and so is what the caller
    hears when the menu is behind him: his place in the queue, the words in the music, apologies, goodbye. Lead on to
    a queue that has the language among its `languages` in config/hotline.yaml: of any other a check warns."""

    EXAMPLE: ClassVar[str] = """
kind: language
language: en             # zh or en; each prompt behind it needs a text in it
next: choose
"""
    STANDS_BEHIND_A_TRANSFER: ClassVar[bool] = True
    kind: Literal["language"]
    language: Language
    next: NodeName

    @property
    def spoken_behind(self) -> Language | None:
        return self.language

    def enter(self, at: Place, key: str | None) -> Following:
        return GoOn(self.next, key, language=self.language)
