"""What config/broadcasts.yaml may say: emergency messages prepared in quiet times, and how long one may be on.

Who switches them on, and what is on now, is ivr.calls.broadcasts.
"""

from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from ivr.menus.facts import OnAir
from ivr.menus.references import PromptName
from ivr.plain_text import Label, Name, Written, refusal

SPOKEN: Final = "spoken"
"""The name of a message that is only said when it is switched on; no prepared one may have it."""
Minutes = Annotated[int, Field(ge=1, le=10_080)]
"""At most a week: longer news belongs into the menu."""


class Prepared(Written):
    """One message. Callers hear what is known, then what to do, then they go on to their queue."""

    name: Name
    label: Label
    what_is_known: Annotated[list[PromptName], Field(min_length=1, max_length=5)]
    what_to_do: Annotated[list[PromptName], Field(min_length=1, max_length=5)]
    minutes: Minutes | None = None
    """How long it is on unless whoever switches it on says so; without it, default_minutes of the file."""

    @model_validator(mode="after")
    def _is_not_ours(self) -> Self:
        if self.name == SPOKEN:
            fault = f'"{SPOKEN}" is the name of what is said when it is switched on'
            raise refusal(fault, "Choose another name.", "name")
        return self

    @property
    def prompts(self) -> tuple[str, ...]:
        return (*self.what_is_known, *self.what_to_do)

    @property
    def on_air(self) -> OnAir:
        return OnAir(self.name, self.prompts)


class Broadcasts(Written):
    """The whole file. A site without it can still say a text by `hotline broadcast on --say`."""

    default_minutes: Minutes = 120
    longest_minutes: Minutes = 1440
    """Nobody can switch one on for longer: it would still be heard when the matter is long over."""
    broadcasts: Annotated[list[Prepared], Field(max_length=100)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _within_the_longest(self) -> Self:
        given = [(("broadcasts", place, "minutes"), one.minutes) for place, one in enumerate(self.broadcasts)]
        for path, minutes in [(("default_minutes",), self.default_minutes), *given]:
            if minutes is not None and minutes > self.longest_minutes:
                fault = f"{minutes} is longer than longest_minutes ({self.longest_minutes})"
                raise refusal(fault, "Shorten it, or raise longest_minutes.", *path)
        return self

    def named(self, name: str) -> Prepared | None:
        return next((one for one in self.broadcasts if one.name == name), None)

    def minutes_of(self, name: str) -> int:
        """How long it is on if nobody says how long; also for what is only spoken."""
        prepared = self.named(name)
        return (prepared and prepared.minutes) or self.default_minutes
