"""A stretch of the day on the wall clock, such as `18:00-08:00`: rules and quiet hours are written so.

Which clock is meant (local time) is the caller's business.
"""

import re
from dataclasses import dataclass
from datetime import time
from typing import Self

from vocabulary.errors import HotlineError

_WRITTEN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]|24):([0-5]\d)")
_WHOLE_DAY = 24 * 60


class BadDayHours(HotlineError):
    """Not hours of a day; `text` is what was written."""

    def __init__(self, text: str) -> None:
        super().__init__(f'"{text}" is not a stretch of the day such as "18:00-08:00"')
        self.text = text


@dataclass(frozen=True, slots=True)
class DayHours:
    """From `start` (included) to `end` (excluded), minutes after midnight; an earlier end is on the next
    day."""

    start: int
    end: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises BadDayHours. `00:00-24:00` is the whole day; equal ends are refused: all, or none?"""
        found = _WRITTEN.fullmatch(text)
        if found is None:
            raise BadDayHours(text)
        start_hour, start_minute, end_hour, end_minute = (int(part) for part in found.groups())
        start, end = start_hour * 60 + start_minute, end_hour * 60 + end_minute
        if start == end or end > _WHOLE_DAY:
            raise BadDayHours(text)
        return cls(start, end)

    def covers(self, moment: time) -> bool:
        """Whether the wall-clock time lies within."""
        minute = moment.hour * 60 + moment.minute
        if self.start < self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end

    def __str__(self) -> str:
        return f"{self.start // 60:02}:{self.start % 60:02}-{self.end // 60:02}:{self.end % 60:02}"
