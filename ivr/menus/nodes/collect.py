"""`collect`: takes several digits, reads them back, and keeps them for what follows."""

from dataclasses import replace
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import Field, model_validator

from ivr.menus.node import Node
from ivr.menus.nodes.menu import Key, WrongKey
from ivr.menus.nodes.say import Prompts
from ivr.menus.references import ChosenNode, PromptName
from ivr.menus.steps import ALL_KEYS, Asking, Following, GoOn, Place, Play, WaitKey
from ivr.plain_text import InputName, Written, refusal, refusals

_DIGITS: Final = "0123456789"
_AFTER_THE_LAST: Final = 1
"""Seconds in which the end key may still come after the last digit that can be: else it would count in the next node."""
_BEYOND: Final = 2
"""Seconds in which the rest of a number that is too long already may come; the end key ends it sooner."""
_MOST_BEYOND: Final = 20
"""Digits of the rest, so that it ends."""
_MOST_STRAY_KEYS: Final = 3


class Length(Written):
    at_least: Annotated[int, Field(ge=1, le=30)]
    at_most: Annotated[int, Field(ge=1, le=30)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.at_most < self.at_least:
            raise refusal(f"{self.at_most} is less than at_least ({self.at_least})", "Raise it.", "at_most")
        return self


class ReadBack(Written):
    """`before`, the digits, `after`; then `right_key` says that they are right, and any other key that they are not."""

    before: list[PromptName] = Field(default_factory=list)
    digits: Annotated[list[PromptName], Field(min_length=10, max_length=10)]
    """What is said for 0, for 1, and so on to 9."""
    after: Prompts
    right_key: Key = "1"


class WrongNumber(WrongKey):
    """What happens on a number that is too short, too long or said to be wrong."""


class Collect(Node):
    """Takes digits until the end key, the greatest length or a pause; what is too short, too long or said to be wrong is
    asked for again, then the caller goes on by `failed`. With an end key what is too long is taken to its end, by that key or a
    pause of 2 s, and fails once."""

    EXAMPLE: ClassVar[str] = """
kind: collect
prompts: [enter_meter_number]
length: {at_least: 6, at_most: 10}
end_key: "#"             # left out: a pause or the greatest length ends it
wait_seconds: 5          # for the next digit
keep: HOTLINE_INPUT_METER   # the name for `branch`, and on the call's channel; never in logs
read_back:               # left out: not read back
  before: [you_entered]
  digits: [digit_0, digit_1, digit_2, digit_3, digit_4, digit_5, digit_6, digit_7, digit_8, digit_9]
  after: [right_or_again]
  right_key: 1
then: person
failed: {replays: 1, prompts: [wrong_number], then: person}
"""
    kind: Literal["collect"]
    prompts: Prompts
    length: Length
    end_key: Key | None = None
    wait_seconds: Annotated[int, Field(ge=1, le=30)] = 5
    keep: InputName
    read_back: ReadBack | None = None
    then: ChosenNode
    failed: WrongNumber

    @model_validator(mode="after")
    def _end_key_is_no_digit(self) -> Self:
        found = []
        if self.end_key is not None and self.end_key in _DIGITS:
            fault = f"{self.end_key} is a digit of the number itself"
            found.append(refusal(fault, "Write * or #.", "end_key"))
        if self.read_back and self.read_back.right_key == self.end_key:
            at = ("read_back", "right_key")
            found.append(refusal("right_key is the end key too", "Write another, such as 1.", *at))
        if found:
            raise refusals(found)
        return self

    @property
    def said_alike(self) -> tuple[tuple[str, ...], ...]:
        return (tuple(self.read_back.digits),) if self.read_back else ()

    @property
    def beside_the_paths(self) -> tuple[object, ...]:
        return (*self.said_alike, self.keep)

    def alike(self, step: Asking) -> str:
        return "" if step.place.is_read_back else _DIGITS

    def enter(self, at: Place, key: str | None) -> Following:
        return Play(at, tuple(self.prompts), ALL_KEYS) if key is None else self._took(at, key)

    def answered(self, step: Asking, key: str | None) -> Following:
        at = step.place
        if at.is_read_back:
            return self._confirmed(step, key)
        if key is not None:
            return self._took(at, key)
        if isinstance(step, Play):
            return WaitKey(at, self.wait_seconds)
        return self._ended(at)

    def _took(self, at: Place, key: str) -> Following:
        if key == self.end_key:
            return self._ended(at)
        beyond = len(at.digits) + 1 - self.length.at_most
        if key not in _DIGITS or beyond > _MOST_BEYOND:
            return self._failed(at)
        longer = replace(at, digits=at.digits + key)
        if beyond < 0:
            return WaitKey(longer, self.wait_seconds)
        if self.end_key is None:
            return self._ended(longer)
        return WaitKey(longer, _BEYOND if beyond else _AFTER_THE_LAST)

    def _ended(self, at: Place) -> Following:
        """One that is too long fails once, with its end, and not with each digit."""
        if not self.length.at_least <= len(at.digits) <= self.length.at_most:
            return self._failed(at)
        if self.read_back is None:
            return self._done(at)
        said = (self.read_back.digits[int(digit)] for digit in at.digits)
        prompts = (*self.read_back.before, *said, *self.read_back.after)
        return Play(replace(at, is_read_back=True), prompts, self._all_but_the_end_key())

    def _confirmed(self, step: Asking, key: str | None) -> Following:
        at = step.place
        if self.read_back and key == self.read_back.right_key:
            return self._done(at)
        if key is None and isinstance(step, Play):
            return WaitKey(at, self.wait_seconds)
        if key is not None and key == self.end_key and at.silences < _MOST_STRAY_KEYS:
            return WaitKey(replace(at, silences=at.silences + 1), self.wait_seconds)
        return self._failed(at)

    def _done(self, at: Place) -> GoOn:
        return GoOn(self.then, kept=(self.keep, at.digits))

    def _failed(self, at: Place) -> Following:
        failures = at.wrong_keys + 1
        if failures > self.failed.replays:
            return GoOn(self.failed.then)
        again = replace(at, digits="", is_read_back=False, wrong_keys=failures, silences=0)
        return Play(again, (*self.failed.prompts, *self.prompts), self._all_but_the_end_key())

    def _all_but_the_end_key(self) -> str:
        """One that comes late stops nothing."""
        return ALL_KEYS.replace(self.end_key or " ", "")
