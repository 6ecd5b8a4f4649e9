"""Lists of callers: enterprises with their names, and numbers that are turned away for a time, each with who decided it.

Pure: the local time is given. Each file config/lists/<name>.yaml is one list. A number is compared as records keep it, so
that it does not matter how it was typed or which way a carrier sends it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, ClassVar, Final, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from ivr.plain_text import Label, Written, refusal
from vocabulary.phone_numbers import NumberKind, PhoneNumber, normalise

LONGEST_USUAL: Final = timedelta(days=366)
"""A number that is turned away for longer was most likely given a wrong year."""
_LONGEST_WORDS: Final = 200
_MOST_ENTRIES: Final = 10_000
_MOMENT: Final = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}( [0-9]{2}:[0-9]{2})?", re.ASCII)
_NO_NUMBER: Final = frozenset({NumberKind.INVALID, NumberKind.WITHHELD})


def _check_words(text: str) -> str:
    if text != text.strip() or not text:
        raise refusal("is empty or has blanks at an end", "Write some words, without blanks before or after.")
    if len(text) > _LONGEST_WORDS:
        raise refusal(f"has {len(text)} characters", f"Keep it to {_LONGEST_WORDS}.")
    return text


def _moment(text: str) -> datetime:
    """Without its zone. Raises ValueError."""
    found = datetime.fromisoformat(text)
    if not _MOMENT.fullmatch(text):
        raise ValueError
    return found


def _check_moment(text: str) -> str:
    try:
        _moment(text)
    except ValueError:
        remedy = "Write a day such as 2026-05-01, or with the time as in 2026-05-01 18:00."
        raise refusal("what is written is no day and no time", remedy) from None
    return text


Words = Annotated[str, AfterValidator(_check_words)]
Moment = Annotated[str, AfterValidator(_check_moment)]
"""A day, or a day and a time; local time of the site."""


class Enterprise(Written):
    number: str
    name: Words

    def is_in_force(self, _local: datetime | None) -> bool:
        return True


class Blocked(Written):
    """One number that is turned away, why, and who decided it."""

    number: str
    reason: Words
    approver: Words
    start: Moment
    """A day alone: from its beginning."""
    expiry: Moment
    """A day alone: to its end."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.ends <= self.begins:
            raise refusal("the expiry is not after the start", "Change their places.", "expiry")
        return self

    @property
    def begins(self) -> datetime:
        """Local time, without its zone."""
        return _moment(self.start)

    @property
    def ends(self) -> datetime:
        """Local time, without its zone; the first moment at which the entry is no more in force."""
        is_a_day = " " not in self.expiry
        return _moment(self.expiry) + timedelta(days=1 if is_a_day else 0)

    def is_in_force(self, local: datetime | None) -> bool:
        if local is None:
            return False
        # compared in UTC, for two moments of one zone are compared by the hands of the clock, which may be set back
        begins, ends = (one.replace(tzinfo=local.tzinfo).astimezone(UTC) for one in (self.begins, self.ends))
        return begins <= local.astimezone(UTC) < ends

    def overlaps(self, other: "Blocked") -> bool:
        return self.begins < other.ends and other.begins < self.ends


Entry: TypeAlias = Enterprise | Blocked


class EnterpriseList(Written):
    """Numbers of enterprises, for a branch to a desk of theirs."""

    TURNS_AWAY: ClassVar[bool] = False

    kind: Literal["enterprise"]
    label: Label | None = None
    entries: Annotated[list[Enterprise], Field(max_length=_MOST_ENTRIES)]


class Blocklist(Written):
    """Numbers that are turned away, each with its reason, who approved it, and from when to when."""

    TURNS_AWAY: ClassVar[bool] = True

    kind: Literal["blocklist"]
    label: Label | None = None
    entries: Annotated[list[Blocked], Field(max_length=_MOST_ENTRIES)]


class ListOfNoKind(Written):
    """What is checked of a list whose kind is not known."""

    model_config = Written.model_config | {"extra": "allow"}

    kind: Literal["enterprise", "blocklist"]


CallerList: TypeAlias = EnterpriseList | Blocklist
LIST_TYPES: Final[Mapping[str, type[EnterpriseList] | type[Blocklist]]] = {
    "enterprise": EnterpriseList,
    "blocklist": Blocklist,
}


@dataclass(frozen=True)
class ListFault:
    path: tuple[str | int, ...]
    fault: str
    remedy: str
    severity: Literal["error", "warning"] = "error"


@dataclass(frozen=True)
class CallerLists:
    """All of config/lists/. `area_code`: of the site, to which numbers of seven or eight digits belong."""

    lists: Mapping[str, CallerList] = field(default_factory=dict)
    area_code: str = ""
    _entries: Mapping[str, Mapping[PhoneNumber, tuple[Entry, ...]]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_entries", {name: self._sorted(one) for name, one in self.lists.items()})

    def _sorted(self, one: CallerList) -> dict[PhoneNumber, tuple[Entry, ...]]:
        found: dict[PhoneNumber, tuple[Entry, ...]] = {}
        entries: Sequence[Entry] = one.entries
        for entry in entries:
            number = normalise(entry.number, area_code=self.area_code)
            if number.kind not in _NO_NUMBER:
                found[number] = (*found.get(number, ()), entry)
        return found

    @property
    def blocklists(self) -> frozenset[str]:
        return frozenset(name for name, one in self.lists.items() if one.TURNS_AWAY)

    def entry(self, name: str, caller: PhoneNumber, local: datetime | None) -> Entry | None:
        """By which the caller is on that list at that time. `local` aware; None: not known, so no blocklist is in force."""
        entries = self._entries.get(name, {}).get(caller, ())
        return next((entry for entry in entries if entry.is_in_force(local)), None)

    def is_on(self, name: str, caller: PhoneNumber, local: datetime | None) -> bool | None:
        """None: there is no such list, or it depends on the time, which is not known."""
        if name not in self.lists:
            return None
        if local is None and name in self.blocklists and caller in self._entries[name]:
            return None
        return self.entry(name, caller, local) is not None


def faults_of(one: CallerList, area_code: str, switchboards: frozenset[PhoneNumber]) -> Iterator[ListFault]:
    """What a list's own model cannot see. No number is repeated in the words: they go to logs.

    `switchboards`: numbers from which many people call.
    """
    seen: dict[PhoneNumber, list[tuple[int, Entry]]] = {}
    entries: Sequence[Entry] = one.entries
    for index, entry in enumerate(entries):
        path = ("entries", index, "number")
        number = normalise(entry.number, area_code=area_code)
        if number.kind in _NO_NUMBER:
            remedy = "Write it as it is dialled, such as 13800138000 or 0355-2021234."
            yield ListFault(path, "is no telephone number", remedy)
            continue
        before = next((nth for nth, other in seen.get(number, ()) if _overlap(entry, other)), None)
        if before is not None:
            when = " for the same time" if one.TURNS_AWAY else ""
            yield ListFault(path, f"the number stands in entry {before} already{when}", "Keep one of them.")
        seen.setdefault(number, []).append((index + 1, entry))
        if one.TURNS_AWAY and number.kind is NumberKind.EMERGENCY:
            yield ListFault(path, "is an emergency service, which nobody may turn away", "Take it out.")
        elif one.TURNS_AWAY and number in switchboards:
            fault = "many people call from this number: it stands under switchboards in hotline.yaml"
            yield ListFault(path, fault, "Take it out.")
        if isinstance(entry, Blocked) and entry.ends - entry.begins > LONGEST_USUAL:
            fault = f"is turned away for {(entry.ends - entry.begins).days} days"
            remedy = "A year is the most that is usual: let it expire earlier, and renew it if need be."
            yield ListFault(("entries", index, "expiry"), fault, remedy, "warning")


def _overlap(one: Entry, other: Entry) -> bool:
    return not (isinstance(one, Blocked) and isinstance(other, Blocked)) or one.overlaps(other)
