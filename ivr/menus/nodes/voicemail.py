"""`voicemail`: takes a spoken message, lets the caller listen to it, and keeps it with the call."""

from dataclasses import replace
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import Field, model_validator

from ivr.menus.node import Node
from ivr.menus.nodes.menu import Key, WrongKey
from ivr.menus.nodes.say import Prompts
from ivr.menus.references import ChosenNode, NodeName, OtherwiseNode, PromptName
from ivr.menus.steps import (
    ALL_KEYS,
    NOT_RECORDED,
    TOO_SHORT,
    Asking,
    Following,
    GoOn,
    Place,
    Play,
    PlayRecorded,
    Record,
    ToQueue,
    WaitKey,
)
from ivr.plain_text import Written, refusal, refusals

_MOST_TURNS: Final = 5
"""Listening again, recording anew and wrong keys together; then the message is kept as it is, so that the walk ends."""


class ListenAgain(Written):
    """`prompts` tell the three keys. Who presses nothing, or hangs up, has left his message as it is."""

    prompts: Prompts
    again_key: Key = "1"
    anew_key: Key = "2"
    keep_key: Key = "#"
    wait_seconds: Annotated[int, Field(ge=1, le=30)] = 5

    @model_validator(mode="after")
    def _keys_differ(self) -> Self:
        keys = (self.again_key, self.anew_key, self.keep_key)
        if len(set(keys)) < len(keys):
            raise refusal("one key for two things", "Give again_key, anew_key and keep_key a key each.")
        return self


class TooShort(WrongKey):
    """What happens when nothing was said, or less than `shortest_seconds`."""


class Failed(Written):
    """What happens when nothing can be recorded (a full disk); without `then`, the default queue of the number called."""

    prompts: list[PromptName] = Field(default=["technical_fault"])
    then: OtherwiseNode | None = None


class Voicemail(Node):
    """Records a message after a tone. It ends by the end key, silence, the longest time or by hanging up, as most callers do; it
    stays with the call's record, and a rule (routing_rules.yaml, outcome voicemail) makes the ticket."""

    EXAMPLE: ClassVar[str] = """
kind: voicemail
prompts: [leave_message]
longest_seconds: 120
shortest_seconds: 3      # what is shorter is no message
silence_seconds: 5       # so much of it ends the message
end_key: "#"             # left out: no key ends it
keys: {0: person}        # pressed before the tone; left out: nothing
listen_again:            # left out: not offered
  prompts: [message_keys]
  again_key: 1           # hears it
  anew_key: 2            # says it anew; the old one counts until the new one is long enough
  keep_key: "#"
then: thanks
too_short: {replays: 1, prompts: [message_too_short], then: person}
failed: {prompts: [technical_fault], then: person}   # nothing can be recorded; left out: the default queue
"""
    TAKES_MESSAGES: ClassVar[bool] = True

    kind: Literal["voicemail"]
    prompts: Prompts
    longest_seconds: Annotated[int, Field(ge=10, le=600)] = 120
    shortest_seconds: Annotated[int, Field(ge=2, le=30)] = 3
    silence_seconds: Annotated[int, Field(ge=2, le=30)] = 5
    end_key: Key | None = None
    keys: dict[Key, ChosenNode] = Field(default_factory=dict)
    listen_again: ListenAgain | None = None
    then: NodeName
    too_short: TooShort
    failed: Failed = Failed()

    @model_validator(mode="after")
    def _limits_fit(self) -> Self:
        found = []
        for name in ("shortest_seconds", "silence_seconds"):
            if getattr(self, name) >= self.longest_seconds:
                fault = f"{getattr(self, name)} is not less than longest_seconds ({self.longest_seconds})"
                found.append(refusal(fault, "Lower it.", name))
        if self.end_key in self.keys:
            found.append(refusal("the end key leads elsewhere", "Choose another key.", "keys"))
        if found:
            raise refusals(found)
        return self

    def enter(self, at: Place, key: str | None) -> Following:
        return self._asked(at)

    def answered(self, step: Asking, key: str | None) -> Following:
        at = step.place
        if isinstance(step, Record):
            return self._recorded(at, key)
        if at.has_failed:
            return ToQueue(at, None) if self.failed.then is None else GoOn(self.failed.then)
        if not at.is_read_back or self.listen_again is None:
            return GoOn(self.keys[key]) if key in self.keys else self._record(at)
        if key is not None:
            return self._chosen(at, key, self.listen_again)
        if isinstance(step, Play):
            return WaitKey(at, self.listen_again.wait_seconds)
        return GoOn(self.then) if isinstance(step, WaitKey) else self._offered(at, self.listen_again)

    def _asked(self, at: Place, before: tuple[str, ...] = ()) -> Play:
        """The end key cuts it short."""
        return Play(at, (*before, *self.prompts), (self.end_key or "") + "".join(self.keys))

    def _record(self, at: Place) -> Record:
        return Record(
            at, self.shortest_seconds, self.longest_seconds, self.silence_seconds, self.end_key or ""
        )

    def _recorded(self, at: Place, answer: str | None) -> Following:
        if answer == NOT_RECORDED:
            return Play(replace(at, has_failed=True), tuple(self.failed.prompts), "")
        if answer == TOO_SHORT:
            return self._nothing_said(at)
        if self.listen_again is None:
            return GoOn(self.then)
        return self._offered(replace(at, is_read_back=True), self.listen_again)

    def _nothing_said(self, at: Place) -> Following:
        before = tuple(self.too_short.prompts)
        if at.is_read_back and self.listen_again is not None:  # the message before counts
            return self._offered(at, self.listen_again, before)
        silences = at.silences + 1
        if silences > self.too_short.replays:
            return GoOn(self.too_short.then)
        return self._asked(replace(at, silences=silences), before)

    def _offered(self, at: Place, listen: ListenAgain, before: tuple[str, ...] = ()) -> Play:
        return Play(at, (*before, *listen.prompts), ALL_KEYS)

    def _chosen(self, at: Place, key: str, listen: ListenAgain) -> Following:
        turned = replace(at, turns=at.turns + 1)
        if key == listen.keep_key or turned.turns > _MOST_TURNS:
            return GoOn(self.then)
        if key == listen.again_key:
            keys = listen.again_key + listen.anew_key + listen.keep_key
            return PlayRecorded(turned, self.longest_seconds, keys)
        if key == listen.anew_key:
            return self._record(turned)
        return self._offered(turned, listen)
