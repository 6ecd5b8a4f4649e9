"""Hours of the day, also over midnight."""

from datetime import time

import pytest

from vocabulary.day_hours import BadDayHours, DayHours


@pytest.mark.parametrize(
    ("hours", "moment", "is_within"),
    [
        ("18:00-08:00", time(18), True),
        ("18:00-08:00", time(7, 59, 59), True),
        ("18:00-08:00", time(8), False),
        ("08:30-17:30", time(8, 29), False),
        ("08:30-17:30", time(12), True),
        ("00:00-24:00", time(23, 59), True),
    ],
)
def test_hours(hours: str, moment: time, is_within: bool):
    assert DayHours.parse(hours).covers(moment) is is_within
    assert str(DayHours.parse(hours)) == hours


@pytest.mark.parametrize(
    "text", ["", "8:00-9:00", "18:00", "25:00-08:00", "08:00-08:00", "08:00-24:30", "８:00-9:00"]
)
def test_what_is_no_stretch_of_the_day(text: str):
    with pytest.raises(BadDayHours):
        DayHours.parse(text)
