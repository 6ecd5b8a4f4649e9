"""Plain shapes that every room of the API uses: what may stand in a request, what an answer looks like."""

from collections import Counter
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

MOST_ITEMS = 200
LARGEST_ID = 2**31 - 1

_NO_NUL = r"^[^\x00]*$"
Word = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=_NO_NUL)]
Prose = Annotated[str, StringConstraints(max_length=20_000, pattern=_NO_NUL)]
Reason = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=2, max_length=500, pattern=r"^[^\x00-\x1f]*$")
]
Id = Annotated[int, Field(ge=1, le=LARGEST_ID)]
CallId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,100}$")]
WrittenNumber = Annotated[str, StringConstraints(pattern=r"^[ +0-9][0-9 ()-]{2,39}$")]
"""A phone number as a person writes it; a leading + may arrive as a blank."""
AgentNo = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,10}$")]


def _to_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("lies outside the calendar") from error


Moment = Annotated[AwareDatetime, AfterValidator(_to_utc)]
"""With its offset from UTC; a time without one would mean another moment in another place."""


class Asked(BaseModel):
    """What a client sends: an unknown name is refused, so that a slip is never silently ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


MAY_REPEAT = frozenset({"closing_code", "outcome", "state", "urgency"})
"""Names in a query that may stand there more than once, meaning any of the values."""


def refuse_repeats(request: Request) -> None:
    """Any other name that stands twice is a slip, and one of its values would be ignored in silence."""
    count = Counter(name for name, _ in request.query_params.multi_items())
    repeated = [name for name in count if count[name] > 1 and name not in MAY_REPEAT]
    if repeated:
        raise RequestValidationError(
            [
                {"loc": ("query", name), "msg": "Stands more than once", "type": "repeated"}
                for name in repeated
            ]
        )


class Shown(BaseModel):
    """What we answer; made from a row or a dataclass by its attributes."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class Paging(Asked):
    limit: int = Field(50, ge=1, le=MOST_ITEMS, description="Most items of one page.")
    cursor: str | None = Field(
        None,
        max_length=500,
        pattern=r"^[A-Za-z0-9_-]*$",
        description="next_cursor of the page before; opaque. Keep the filters the same.",
    )


class Period(Paging):
    since: Moment | None = Field(None, description="Not before this moment (with its offset from UTC).")
    until: Moment | None = Field(None, description="Before this moment.")


class Page(Shown):
    next_cursor: str | None = Field(description="Ask for the next page with it; null at the end.")
