"""`transfer`: puts the caller through to somebody outside, an emergency number or a unit; whom nobody answers goes on."""

from collections.abc import Collection
from dataclasses import replace
from functools import cached_property
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from ivr.menus.facts import Emergencies
from ivr.menus.node import Node
from ivr.menus.nodes.say import Prompts
from ivr.menus.references import (
    NodeName,
    OtherwiseNode,
    PromptName,
    Reference,
    TransferName,
    references,
)
from ivr.menus.steps import Asking, EndCall, Following, GoOn, Owed, Place, Play, ToQueue, Transfer
from ivr.plain_text import Written, refusal


class NotReached(Written):
    """What the caller is told, and where he goes on; without `then`, in the default queue of the number called."""

    prompts: Prompts
    then: OtherwiseNode | None = None


class PutThrough(Node):
    """Puts the caller through to a destination of `transfers` in config/hotline.yaml.

    While it rings there he hears it ring; where nobody answers he is told so and goes on, at the place in line that he has
    had since his call came in. Counts as a way to a person; whether somebody sits there at any hour is for the site to know.

    Nothing behind this node may ask for a key: say, branch, language, queue and hang_up may follow. A branch behind it is
    asked before anybody is dialled. Whom nobody answers is not hung up on: every way behind `no_answer`, `busy` and `failed`
    leads to a person; where a branch may lead to a hang-up, as out of hours, a check warns. Whose line to there is cut in the
    talk, by nobody's hand, is told so and stands in the line that `failed` leads to, whatever `after` says."""

    EXAMPLE: ClassVar[str] = """
kind: transfer
to: police               # a name under `transfers` in hotline.yaml: no other number can be dialled from a menu
prompts: [connecting]    # heard before it rings there
no_answer:               # it rang out
  prompts: [nobody_answers_there]
  then: person           # left out: the default queue of the number called
busy: {prompts: [busy_there]}   # busy, or the call was refused; left out: as no_answer
failed:                  # no trunk could carry it
  prompts: [not_reached]
after: person            # the other side hung up first; left out: `goodbye` and hang-up
"""
    REACHES_A_PERSON: ClassVar[bool] = True
    kind: Literal["transfer"]
    to: TransferName
    prompts: list[PromptName] = Field(default_factory=list)
    no_answer: NotReached
    busy: NotReached | None = None
    failed: NotReached
    after: NodeName | None = None
    goodbye: list[PromptName] = Field(default=["goodbye"])
    """Said before the hang-up where `after` is left out."""

    @model_validator(mode="after")
    def _says_goodbye_or_goes_on(self) -> Self:
        if self.after is not None and "goodbye" in self.model_fields_set:
            raise refusal(
                "goodbye is said to nobody, since after leads on", "Leave out one of them.", "goodbye"
            )
        return self

    @cached_property
    def named(self) -> tuple[Reference, ...]:
        """Without a goodbye that is never said."""
        every = references(type(self), self)
        return tuple(one for one in every if self.after is None or one.path[0] != "goodbye")

    def may_be_held_up(self, marked: Emergencies) -> bool:
        return False

    def emergency_led_to(self, queues: Collection[str | None], transfers: Collection[str]) -> str | None:
        return f'the transfer "{self.to}"' if self.to in transfers else None

    def enter(self, at: Place, key: str | None) -> Following:
        at = replace(at, owed=Owed.NOTHING)  # who asked for 119 hears no broadcast, nor behind it
        return Play(at, tuple(self.prompts), "") if self.prompts else Transfer(at, self.to)

    def answered(self, step: Asking, key: str | None) -> Following:
        at = step.place
        if isinstance(step, Transfer):
            if key == "answered":
                return EndCall(at, tuple(self.goodbye)) if self.after is None else GoOn(self.after)
            told = self._told(key)
            return Play(replace(at, came_of_it=key or ""), tuple(told.prompts), "")
        if not at.came_of_it:
            return Transfer(at, self.to)
        then = self._told(at.came_of_it).then
        return ToQueue(at, None) if then is None else GoOn(then)

    def _told(self, result: str | None) -> NotReached:
        if result == "busy":
            return self.busy or self.no_answer
        return self.failed if result == "failed" else self.no_answer
