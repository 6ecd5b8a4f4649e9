"""When a service is open: weekly hours, public holidays with their make-up workdays, and local exceptions.

Pure: the local time is given. Each file config/calendar/<name>.yaml is the hours of one service;
public_holidays.yaml beside them is the State Council's yearly arrangement.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from ivr.plain_text import Label, Written, refusal, refusals, shown
from vocabulary.day_hours import BadDayHours, DayHours

PUBLIC_HOLIDAYS: Final = "public_holidays"
WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SMALLEST_GAP: Final = 15
"""Minutes. Nobody closes for less: such a gap is a slip (23:59 for 24:00)."""
_DAY: Final = 24 * 60


def _as_list(written: object) -> object:
    """`closed`, one stretch, or a list of them."""
    if written == "closed":
        return []
    return [written] if isinstance(written, str) else written


def _check_spans(spans: list[str]) -> list[str]:
    found = []
    before: tuple[str, DayHours] | None = None
    for index, text in enumerate(spans):
        try:
            one = DayHours.parse(text)
        except BadDayHours:
            remedy = "Write hours such as 09:00-17:30, a list of them in [ ], or closed."
            found.append(refusal(f"{shown(text)} is not a stretch of the day", remedy, index))
            continue
        if before and (one.start < before[1].end or before[1].end < before[1].start):
            found.append(
                refusal(f"{text} begins before {before[0]} ends", "Write them in order, apart.", index)
            )
        before = text, one
    if found:
        raise refusals(found)
    return spans


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _check_day(text: str) -> str:
    if not _is_day(text):
        raise refusal(f"{shown(text)} is not a day", "Write year, month and day, such as 2026-05-01.")
    return text


def _check_day_of_year(text: str) -> str:
    if not _is_day(f"2024-{text}"):
        raise refusal(f"{shown(text)} is not a day of every year", "Write month and day, such as 05-01.")
    return text


Spans = Annotated[
    list[str],
    BeforeValidator(_as_list, json_schema_input_type=str | list[str]),
    AfterValidator(_check_spans),
    Field(max_length=10),
]
Day = Annotated[str, AfterValidator(_check_day)]
DayOfYear = Annotated[str, AfterValidator(_check_day_of_year)]
YearNumber = Annotated[str, Field(pattern=r"^20[0-9]{2}$")]


class Week(Written):
    """Every day is said, so that none is forgotten."""

    monday: Spans
    tuesday: Spans
    wednesday: Spans
    thursday: Spans
    friday: Spans
    saturday: Spans
    sunday: Spans

    def on(self, weekday: int) -> list[str]:
        """0 is Monday."""
        spans: list[str] = getattr(self, WEEKDAYS[weekday])
        return spans


class OpeningHours(Written):
    """The hours of one service. A stretch over midnight belongs to the day on which it begins."""

    label: Label | None = None
    week: Week | None = None
    """Left out: day and night, every day."""
    on_public_holidays: Spans | None = None
    """Left out: as on any such weekday."""
    on_makeup_workdays: Spans | None = None
    """Left out: as on a Monday."""
    exceptions: dict[Day, Spans] = Field(default_factory=dict)
    """Days that have hours of their own, whatever else is said."""


class DaysOff(Written):
    name: Label
    first: Day
    last: Day

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last < self.first:
            raise refusal("the last day is before the first", "Change their places.", "last")
        if (date.fromisoformat(self.last) - date.fromisoformat(self.first)).days > 14:
            raise refusal("more than two weeks off", "Correct the first or the last day.", "last")
        return self

    def days(self) -> Iterator[str]:
        day, last = date.fromisoformat(self.first), date.fromisoformat(self.last)
        while day <= last:
            yield day.isoformat()
            day += timedelta(days=1)


class Year(Written):
    is_provisional: bool = False
    """Not announced yet: statutory days alone."""
    days_off: list[DaysOff] = Field(default_factory=list)
    makeup_workdays: list[Day] = Field(default_factory=list)
    """Days of a weekend that are worked."""


class PublicHolidays(Written):
    """config/calendar/public_holidays.yaml."""

    every_year: list[DayOfYear] = Field(default_factory=list)
    """Month and day of what is off every year: all that is known of a year that is not listed."""
    years: dict[YearNumber, Year]

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        found = [
            refusal(fault, "Correct one of them.", "years", name, *at)
            for name, year in self.years.items()
            for fault, at in self._faults_of(name, year)
        ]
        if found:
            raise refusals(found)
        return self

    def _faults_of(self, name: str, year: Year) -> Iterator[tuple[str, tuple[str | int, ...]]]:
        """A stretch over New Year has days of its own year too, in whichever year it is written."""
        for index, stretch in enumerate(year.days_off):
            if not any(day.startswith(name) for day in stretch.days()):
                yield f"{stretch.first} is not in {name}", ("days_off", index, "first")
        for index, text in enumerate(year.makeup_workdays):
            at = ("makeup_workdays", index)
            if self._is_in_a_stretch(text):
                yield f"{text} is a day off too", at
            elif not text.startswith(name):
                yield f"{text} is not in {name}", at

    def _is_in_a_stretch(self, day: str) -> bool:
        stretches = (stretch for year in self.years.values() for stretch in year.days_off)
        return any(stretch.first <= day <= stretch.last for stretch in stretches)

    def is_off(self, day: date) -> bool:
        if self._is_in_a_stretch(day.isoformat()):
            return True
        return f"{day.year}" not in self.years and f"{day:%m-%d}" in self.every_year

    def is_worked(self, day: date) -> bool:
        """A make-up workday."""
        year = self.years.get(f"{day.year}")
        return year is not None and day.isoformat() in year.makeup_workdays


@dataclass(frozen=True)
class Calendars:
    """All of config/calendar/."""

    services: Mapping[str, OpeningHours] = field(default_factory=dict)
    holidays: PublicHolidays | None = None

    def is_open(self, name: str, local: datetime) -> bool | None:
        """None: there is no such calendar."""
        hours = self.services.get(name)
        if hours is None:
            return None
        minute, today = local.hour * 60 + local.minute, local.date()
        for text in self._spans(hours, today):
            span = DayHours.parse(text)
            if span.start <= minute and (minute < span.end or span.end < span.start):
                return True
        before = (DayHours.parse(text) for text in self._spans(hours, today - timedelta(days=1)))
        return any(span.end < span.start and minute < span.end for span in before)

    def _spans(self, hours: OpeningHours, day: date) -> list[str]:
        exception = hours.exceptions.get(day.isoformat())
        if exception is not None:
            return exception
        if self.holidays is not None and self.holidays.is_off(day) and hours.on_public_holidays is not None:
            return hours.on_public_holidays
        is_worked = self.holidays is not None and self.holidays.is_worked(day)
        if is_worked and hours.on_makeup_workdays is not None:
            return hours.on_makeup_workdays
        return ["00:00-24:00"] if hours.week is None else hours.week.on(0 if is_worked else day.weekday())


def gaps(week: Week) -> Iterator[tuple[str, str]]:
    """Gaps too small to be meant: the weekday after whose hours each begins, and the gap in words."""
    spans = sorted(
        (day * _DAY + span.start, day * _DAY + span.end + (_DAY if span.end < span.start else 0))
        for day in range(7)
        for span in map(DayHours.parse, week.on(day))
    )
    if not spans:
        return
    following = [*spans[1:], (spans[0][0] + 7 * _DAY, 0)]
    for (_, end), (start, _) in zip(spans, following, strict=True):
        if 0 < start - end < SMALLEST_GAP:
            day = WEEKDAYS[(end - 1) // _DAY % 7]
            yield day, f"{_clock(end)} to {_clock(start)}"


def gaps_of_a_day(spans: list[str]) -> Iterator[str]:
    """The same for hours of which nobody knows the next day: within them, and at an end of the day."""
    parsed = [DayHours.parse(text) for text in spans]
    edges = [(0, one.start) for one in parsed[:1]]
    edges += [(one.end, following.start) for one, following in pairwise(parsed)]
    edges += [(one.end, _DAY) for one in parsed[-1:] if one.end > one.start]
    for end, start in edges:
        if 0 < start - end < SMALLEST_GAP:
            yield f"{_clock(end)} to {_clock(start)}"


def _clock(minute: int) -> str:
    return f"{minute % _DAY // 60:02}:{minute % 60:02}"
