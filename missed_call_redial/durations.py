"""Lengths of time and hours of the day as people write them in YAML: "90s", "30m", "21:30-08:00"."""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, time, timedelta, tzinfo
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer
from pydantic_core import PydanticCustomError

from vocabulary.day_hours import BadDayHours, DayHours

_MINUTES_PER_DAY = 24 * 60
_SECONDS_PER_UNIT = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_LENGTH = re.compile(r"([0-9]{1,7})([smhd]?)", re.ASCII)


def read_seconds(written: object) -> int:
    """Seconds of "90s", "30m", "2h", "1d" or a bare number of seconds."""
    if isinstance(written, int | str) and not isinstance(written, bool):
        found = _LENGTH.fullmatch(str(written).strip())
        if found:
            return int(found[1]) * _SECONDS_PER_UNIT[found[2]]
    raise PydanticCustomError(
        "length_of_time",
        'not a length of time: {written}. Write seconds, or a number with a unit: "90s", "30m", "2h", "1d"',
        {"written": str(written)},
    )


def _read_length(written: object) -> timedelta:
    return written if isinstance(written, timedelta) else timedelta(seconds=read_seconds(written))


def _within(least: int, most: int) -> Callable[[int], int]:
    def check(seconds: int) -> int:
        if least <= seconds <= most:
            return seconds
        raise PydanticCustomError(
            "length_out_of_range",
            "{seconds} seconds is out of range. Write between {least} and {most} seconds",
            {"seconds": seconds, "least": least, "most": most},
        )

    return check


def seconds_between(least: int, most: int) -> BeforeValidator:
    """A validator for fields named …_seconds."""
    check = _within(least, most)
    return BeforeValidator(lambda written: check(read_seconds(written)))


Length = Annotated[
    timedelta,
    BeforeValidator(_read_length),
    PlainSerializer(lambda length: f"{int(length.total_seconds())}s", return_type=str, when_used="json"),
]


def quiet_length(hours: DayHours) -> timedelta:
    return timedelta(minutes=(hours.end - hours.start) % _MINUTES_PER_DAY)


def end_of_quiet(hours: DayHours, moment: datetime, zone: tzinfo) -> datetime:
    """The moment itself when it is not quiet, else the end of that quiet stretch, itself not quiet."""
    local = moment.astimezone(zone)
    if not hours.covers(local.time()):
        return moment
    is_next_day = local.hour * 60 + local.minute >= hours.end
    day = local.date() + timedelta(days=1 if is_next_day else 0)
    end = time(hours.end % _MINUTES_PER_DAY // 60, hours.end % 60)
    if hours.end == _MINUTES_PER_DAY:
        day = local.date() + timedelta(days=1)
    return datetime.combine(day, end, tzinfo=zone).astimezone(moment.tzinfo)


def _read_quiet_hours(written: object) -> DayHours | None:
    if written is None or written == "none":
        return None
    if isinstance(written, DayHours):
        return written
    with suppress(BadDayHours):
        hours = DayHours.parse(str(written))
        if quiet_length(hours):
            return hours
    raise PydanticCustomError(
        "quiet_hours",
        'not a part of the day: {written}. Write it as "21:30-08:00" (24 hours, local time), or "none"',
        {"written": str(written)},
    )


QuietHours = Annotated[
    DayHours | None,
    BeforeValidator(_read_quiet_hours),
    PlainSerializer(lambda hours: str(hours) if hours else "none", return_type=str, when_used="json"),
]
