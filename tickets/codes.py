"""The short lists that a ticket chooses from (`config/codes.yaml`) and the form of its number.

Schemas only: the files are read and checked elsewhere, numbers are drawn in `numbering`.
"""

import re
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, StringConstraints, field_validator, model_validator

CodeText = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$")]
NameText = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
Area6 = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]

DEFAULT_TEMPLATE: Final = "{area6}{yyyymmdd}{seq5}{check}"
_FIELD = re.compile(r"\{([^{}]*)\}")
_KNOWN_FIELD = re.compile(r"area6|yyyymmdd|yymmdd|seq[4-8]|check")


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Code(_Strict):
    """One line of a list: what is stored, and what people read."""

    code: CodeText
    name: NameText
    name_en: NameText | None = None


class TicketNumbering(_Strict):
    """`template` may use {area6}, {yyyymmdd} or {yymmdd}, {seq4} … {seq8} and {check}, between them digits,
    letters and hyphens. A sequence and the day are needed, else numbers would come twice."""

    template: str = DEFAULT_TEMPLATE
    area6: Area6

    @field_validator("template")
    @classmethod
    def _is_usable(cls, template: str) -> str:
        return check_template(template)


class Codes(_Strict):
    """config/codes.yaml. A code stands once in its list."""

    areas: tuple[Code, ...] = ()
    categories: tuple[Code, ...] = ()
    units: tuple[Code, ...] = ()
    dispositions: tuple[Code, ...] = ()
    ticket_number: str = DEFAULT_TEMPLATE

    @field_validator("ticket_number")
    @classmethod
    def _is_usable(cls, template: str) -> str:
        return check_template(template)

    @model_validator(mode="after")
    def _each_code_once(self) -> Self:
        for listed in ("areas", "categories", "units", "dispositions"):
            seen: set[str] = set()
            for entry in getattr(self, listed):
                if entry.code in seen:
                    raise ValueError(f'{listed}: the code "{entry.code}" stands twice')
                seen.add(entry.code)
        return self

    def numbering(self, area6: str) -> TicketNumbering:
        """The form of ticket numbers for a site."""
        return TicketNumbering(template=self.ticket_number, area6=area6)

    def codes_of(self, listed: str) -> frozenset[str]:
        """The codes of `areas`, `categories`, `units` or `dispositions`."""
        entries: tuple[Code, ...] = getattr(self, listed)
        return frozenset(entry.code for entry in entries)


def check_template(template: str) -> str:
    """The template itself, or ValueError in words for an admin."""
    fields = _FIELD.findall(template)
    for field in fields:
        if _KNOWN_FIELD.fullmatch(field) is None:
            raise ValueError(f'a ticket number has no field "{{{field}}}"')
    if not any(field.startswith("seq") for field in fields):
        raise ValueError("a ticket number needs a sequence, such as {seq5}")
    if not {"yyyymmdd", "yymmdd"} & set(fields):
        raise ValueError("a ticket number needs {yyyymmdd} or {yymmdd}: the sequence starts anew each day")
    if "check" in fields and not template.endswith("{check}"):
        raise ValueError("{check} must stand at the end of a ticket number")
    if fields.count("check") > 1 or re.fullmatch(r"[A-Za-z0-9-]*", _FIELD.sub("", template)) is None:
        raise ValueError("a ticket number holds only fields, letters, digits and hyphens, and {check} once")
    return template
