"""When a service is open: by the week, over midnight, on holidays, on days of its own."""

from datetime import date, datetime
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from hotline import defaults_door
from ivr.menus.calendar import Calendars, OpeningHours, PublicHolidays, gaps

NINE_TO_FIVE = "09:00-17:00"
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def shipped() -> PublicHolidays:
    text = (defaults_door.shipped() / "calendar" / "public_holidays.yaml").read_text("utf-8")
    return PublicHolidays.model_validate(yaml.load(text, Loader=yaml.BaseLoader) | {})


HOLIDAYS = shipped()


def week(**days: object) -> dict[str, object]:
    """Nine to five from Monday to Friday where nothing else is said."""
    usual = {day: NINE_TO_FIVE if day not in ("saturday", "sunday") else "closed" for day in DAYS}
    return usual | days


def is_open(at: str, **hours: Any) -> bool | None:
    calendars = Calendars({"x": OpeningHours.model_validate(hours)}, HOLIDAYS)
    return calendars.is_open("x", datetime.fromisoformat(at))


def test_without_hours_it_is_open_day_and_night() -> None:
    assert is_open("2026-02-17T03:00")
    assert is_open("2027-11-23T23:59")


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-11-23T09:00", True),  # a Monday
        ("2026-11-23T08:59", False),
        ("2026-11-23T16:59", True),
        ("2026-11-23T17:00", False),
        ("2026-11-22T12:00", False),
    ],
)
def test_hours_begin_with_their_first_minute_and_end_before_their_last(at: str, expected: bool) -> None:
    assert is_open(at, week=week()) is expected


def test_hours_over_midnight_belong_to_the_day_on_which_they_begin() -> None:
    late = week(friday="22:00-06:00")
    assert is_open("2026-11-27T23:00", week=late)  # Friday
    assert is_open("2026-11-28T05:59", week=late)
    assert not is_open("2026-11-28T06:00", week=late)
    assert not is_open("2026-11-27T05:00", week=late)


def test_the_end_of_the_day_is_part_of_it() -> None:
    assert is_open("2026-11-23T23:59", week=week(monday="18:00-24:00"))
    assert not is_open("2026-11-24T00:00", week=week(monday="18:00-24:00"))


def test_holidays_and_make_up_workdays() -> None:
    hours = {"week": week(), "on_public_holidays": "closed"}
    assert not is_open("2026-10-05T12:00", **hours)  # a Monday of the national holiday
    assert is_open("2026-10-10T12:00", **hours)  # the Saturday worked for it: as on a Monday
    assert not is_open("2026-10-17T12:00", **hours)
    assert is_open("2026-10-10T20:00", **hours, on_makeup_workdays="18:00-21:00")
    assert is_open("2026-10-05T12:00", week=week())  # nothing said of holidays


def test_a_day_of_its_own_goes_before_all_else() -> None:
    hours = {
        "week": week(),
        "on_public_holidays": "closed",
        "exceptions": {"2026-10-05": "10:00-11:00", "2026-11-23": "closed"},
    }
    assert is_open("2026-10-05T10:30", **hours)
    assert not is_open("2026-11-23T12:00", **hours)


def test_an_unknown_calendar_is_not_known() -> None:
    assert Calendars().is_open("x", datetime(2026, 11, 23)) is None


def test_a_year_that_is_not_listed_has_its_fixed_days() -> None:
    assert HOLIDAYS.is_off(date(2031, 10, 2))
    assert not HOLIDAYS.is_off(date(2031, 10, 4))
    assert not HOLIDAYS.is_worked(date(2031, 10, 10))


def test_the_shipped_years() -> None:
    assert HOLIDAYS.is_off(date(2026, 2, 23))
    assert HOLIDAYS.is_worked(date(2026, 2, 28))
    assert sum(1 for year in HOLIDAYS.years["2026"].days_off for _ in year.days()) == 33
    assert len(HOLIDAYS.years["2026"].makeup_workdays) == 6
    assert all(date.fromisoformat(day).weekday() >= 5 for day in HOLIDAYS.years["2026"].makeup_workdays)
    # the statutory days of a year are thirteen
    assert sum(1 for year in HOLIDAYS.years["2027"].days_off for _ in year.days()) == 13
    assert HOLIDAYS.years["2027"].is_provisional


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ({"monday": "09:00-23:59", "tuesday": "00:00-12:00"}, [("monday", "23:59 to 00:00")]),
        ({"monday": ["09:00-11:59", "12:00-17:00"]}, [("monday", "11:59 to 12:00")]),
        ({"sunday": "20:00-23:50", "monday": "00:00-17:00"}, [("sunday", "23:50 to 00:00")]),
        ({"monday": ["09:00-12:00", "14:00-17:00"]}, []),
        ({"monday": "09:00-24:00", "tuesday": "00:00-12:00"}, []),
        (dict.fromkeys(DAYS, "closed"), []),
    ],
)
def test_gaps_of_a_few_minutes_are_found(days: dict[str, object], expected: list[tuple[str, str]]) -> None:
    hours = OpeningHours.model_validate({"week": week(**days)})
    assert hours.week is not None
    assert list(gaps(hours.week)) == expected


@pytest.mark.parametrize(
    "written",
    [
        {"week": {"monday": "09:00-17:00"}},
        {"week": week(monday="9-17")},
        {"week": week(monday=["09:00-12:00", "11:00-17:00"])},
        {"week": week(monday=["22:00-06:00", "23:00-24:00"])},
        {"exceptions": {"2026-02-30": "closed"}},
        {"exceptions": {"20260501": "closed"}},
    ],
)
def test_what_cannot_be_meant_is_refused(written: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        OpeningHours.model_validate(written)


@pytest.mark.parametrize("written_in", ["2026", "2027"])
@pytest.mark.parametrize("other_is_listed", [False, True])
def test_a_holiday_over_new_year_counts_in_both_years(written_in: str, other_is_listed: bool) -> None:
    new_year = {"days_off": [{"name": "New Year", "first": "2026-12-31", "last": "2027-01-02"}]}
    years: dict[str, object] = {"2026": {}, "2027": {}} if other_is_listed else {}
    holidays = PublicHolidays.model_validate({"years": years | {written_in: new_year}})
    off = [
        day
        for day in range(29, 35)
        if holidays.is_off(date.fromordinal(date(2026, 11, 30).toordinal() + day))
    ]
    assert off == [31, 32, 33]
