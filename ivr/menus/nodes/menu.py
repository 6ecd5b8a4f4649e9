"""`menu`: plays prompts and waits for one key."""

from dataclasses import replace
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ivr.menus.node import Node
from ivr.menus.nodes.say import Prompts
from ivr.menus.references import ChosenNode, OtherwiseNode, PromptName
from ivr.menus.steps import ALL_KEYS, Asking, Following, GoOn, Place, Play, WaitKey
from ivr.plain_text import Written

Key = Annotated[str, Field(pattern=r"^[0-9*#]$")]


class NoKey(Written):
    """What happens if the caller presses nothing: the menu again so often, then on."""

    replays: Annotated[int, Field(ge=0, le=5)] = 0
    then: OtherwiseNode


class WrongKey(NoKey):
    """What happens on a key that the menu does not know."""

    replays: Annotated[int, Field(ge=0, le=5)] = 1
    prompts: list[PromptName] = Field(default_factory=list)
    """Played before the menu is played again, and not when it goes on."""


class KeyMenu(Node):
    """Plays prompts and waits for one key.

    From every menu keys must lead to a person, at once or through further menus;
    silence and wrong keys do not count. Where that is so only by what a branch decides, and where a branch led callers to a
    menu from which keys lead to a message alone, as in hours in which nobody is there, a check warns."""

    EXAMPLE: ClassVar[str] = """
kind: menu
prompts: [choose_matter]
wait_seconds: 5          # after the last prompt
keys: {1: enterprise, 2: heating, 0: person}
no_key: {then: person}
wrong_key: {replays: 1, prompts: [wrong_key], then: person}
"""
    TAKES_A_KEY: ClassVar[bool] = True

    kind: Literal["menu"]
    prompts: Prompts
    interruptible: bool = True
    wait_seconds: Annotated[int, Field(ge=1, le=30)] = 5
    keys: Annotated[dict[Key, ChosenNode], Field(min_length=1)]
    no_key: NoKey
    wrong_key: WrongKey

    def enter(self, at: Place, key: str | None) -> Following:
        return self._play(at) if key is None else self._chosen(at, key)

    def answered(self, step: Asking, key: str | None) -> Following:
        if key is not None:
            return self._chosen(step.place, key)
        if isinstance(step, Play):
            return WaitKey(step.place, self.wait_seconds)
        silences = step.place.silences + 1
        return self._again_or_on(replace(step.place, silences=silences), self.no_key, silences)

    def _chosen(self, at: Place, key: str) -> Following:
        if key in self.keys:
            return GoOn(self.keys[key])
        wrong = at.wrong_keys + 1
        return self._again_or_on(
            replace(at, wrong_keys=wrong), self.wrong_key, wrong, tuple(self.wrong_key.prompts)
        )

    def _again_or_on(self, at: Place, rule: NoKey, times: int, before: tuple[str, ...] = ()) -> Following:
        return GoOn(rule.then) if times > rule.replays else self._play(at, before)

    def _play(self, at: Place, before: tuple[str, ...] = ()) -> Play:
        return Play(at, (*before, *self.prompts), ALL_KEYS if self.interruptible else "")
