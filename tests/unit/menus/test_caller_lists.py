"""Lists of callers: whose number is on one, by which entry, at which moment, however it was typed."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ivr.menus.caller_lists import Blocked, Blocklist, CallerLists, Enterprise, EnterpriseList, faults_of
from vocabulary.phone_numbers import WITHHELD_NUMBER, NumberKind, PhoneNumber, normalise

SHANGHAI = timezone(timedelta(hours=8))
CALLER = normalise("13800138000", area_code="0355")


def blocked(
    start: str = "2026-11-10", expiry: str = "2026-11-20", number: str = "13800138000"
) -> dict[str, Any]:
    return {"number": number, "reason": "多次骚扰", "approver": "值班长", "start": start, "expiry": expiry}


def lists(*entries: dict[str, Any]) -> CallerLists:
    """`block`: these; `firms`: one enterprise."""
    firm = {"number": "0355-2021234", "name": "机械厂"}
    return CallerLists(
        {
            "block": Blocklist.model_validate({"kind": "blocklist", "entries": list(entries)}),
            "firms": EnterpriseList.model_validate({"kind": "enterprise", "entries": [firm]}),
        },
        "0355",
    )


def at(written: str, zone: tzinfo = SHANGHAI, fold: int = 0) -> datetime:
    """As the hotline knows the moment: in UTC, then as the site's clocks show it."""
    return datetime.fromisoformat(written).replace(tzinfo=zone, fold=fold).astimezone(UTC).astimezone(zone)


@pytest.mark.parametrize(
    ("start", "expiry", "moment", "is_on"),
    [
        ("2026-11-10", "2026-11-20", "2026-11-09 23:59:59.999999", False),
        ("2026-11-10", "2026-11-20", "2026-11-10 00:00", True),
        ("2026-11-10", "2026-11-20", "2026-11-20 23:59:59.999999", True),
        ("2026-11-10", "2026-11-20", "2026-11-21 00:00", False),
        ("2026-11-10", "2026-11-10", "2026-11-10 12:00", True),  # one day alone
        ("2026-11-10 09:30", "2026-11-10 18:00", "2026-11-10 09:29:59", False),
        ("2026-11-10 09:30", "2026-11-10 18:00", "2026-11-10 09:30", True),
        ("2026-11-10 09:30", "2026-11-10 18:00", "2026-11-10 17:59:59", True),
        ("2026-11-10 09:30", "2026-11-10 18:00", "2026-11-10 18:00", False),
        ("2026-11-10 18:00", "2026-11-10", "2026-11-10 23:00", True),
        ("2028-02-28", "2028-02-29", "2028-02-29 23:59", True),  # a leap year
        ("2028-02-28", "2028-02-29", "2028-03-01 00:00", False),
        ("2026-12-31", "2027-01-01", "2027-01-01 23:59", True),
        ("2026-12-31", "2027-01-01", "2027-01-02 00:00", False),
        ("2099-12-31", "2099-12-31", "2099-12-31 23:59", True),
    ],
)
def test_an_entry_is_in_force_from_its_start_to_its_expiry_by_the_sites_clock(
    start: str, expiry: str, moment: str, is_on: bool
) -> None:
    assert lists(blocked(start, expiry)).is_on("block", CALLER, at(moment)) is is_on


def test_the_day_is_the_sites_and_not_that_of_utc() -> None:
    found = lists(blocked("2026-11-10", "2026-11-10"))
    eve = datetime(2026, 11, 9, 16, tzinfo=UTC)  # midnight in Shanghai
    assert found.is_on("block", CALLER, eve.astimezone(SHANGHAI)) is True
    assert found.is_on("block", CALLER, eve.astimezone(UTC)) is False
    assert found.is_on("block", CALLER, (eve + timedelta(hours=24)).astimezone(SHANGHAI)) is False


def test_an_hour_that_comes_twice_expires_once() -> None:
    berlin = ZoneInfo("Europe/Berlin")  # 2026-10-25: 03:00 is 02:00 again
    found = lists(blocked("2026-10-25 00:00", "2026-10-25 02:30"))
    seen = [
        found.is_on("block", CALLER, at(f"2026-10-25 {clock}", berlin, fold))
        for clock, fold in (("01:59", 0), ("02:29", 0), ("02:31", 0), ("02:00", 1), ("02:29", 1))
    ]
    assert seen == [True, True, False, False, False]


def test_who_calls_over_the_expiry_is_judged_by_the_moment_of_the_branch() -> None:
    found, arrived = lists(blocked("2026-11-10", "2026-11-10 18:00")), at("2026-11-10 17:59:50")
    assert found.is_on("block", CALLER, arrived) is True
    assert found.is_on("block", CALLER, arrived + timedelta(seconds=10)) is False


def test_a_number_may_be_turned_away_again_later_and_the_entry_in_force_is_told() -> None:
    found = lists(blocked("2026-11-10", "2026-11-12"), blocked("2026-11-14 08:00", "2026-11-15"))
    assert found.is_on("block", CALLER, at("2026-11-13 12:00")) is False
    entry = found.entry("block", CALLER, at("2026-11-14 12:00"))
    assert entry == Blocked.model_validate(blocked("2026-11-14 08:00", "2026-11-15"))


def test_an_enterprise_is_on_its_list_at_any_time_and_on_no_other() -> None:
    found, firm = lists(), normalise("+863552021234", area_code="010")
    assert found.is_on("firms", firm, None) is True
    assert found.is_on("block", firm, at("2026-11-13 12:00")) is False
    entry = found.entry("firms", firm, None)
    assert isinstance(entry, Enterprise)
    assert entry.name == "机械厂"


def test_what_is_not_known() -> None:
    found = lists(blocked())
    assert found.is_on("no_such", CALLER, at("2026-11-13 12:00")) is None
    assert found.is_on("block", CALLER, None) is None  # it depends on the time
    assert found.is_on("block", WITHHELD_NUMBER, None) is False


@pytest.mark.parametrize("raw", ["", "anonymous", None, "Unavailable"])
def test_a_withheld_number_is_on_no_list(raw: str | None) -> None:
    found = lists(blocked(), blocked(number="anonymous"), blocked(number=""), blocked(number="12"))
    caller = normalise(raw, area_code="0355")
    assert found.is_on("block", caller, at("2026-11-13 12:00")) is False
    rubbish = PhoneNumber("12", NumberKind.INVALID)
    assert found.is_on("block", rubbish, at("2026-11-13 12:00")) is False


mobiles = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)
areas = st.sampled_from(["10", "21", "355", "531", "755", "898", "991"])
local_numbers = st.from_regex(r"[2-8][0-9]{7}", fullmatch=True)
typed = st.sampled_from(
    ["{n}", "0{n}", "+86{n}", "+86 {n}", "86{n}", "0086{n}", "+86-{n}", " {n} ", "({n})", "+86 0{n}"]
)
written = st.sampled_from(["plain", "spaced", "dashed", "wide"])


def in_form(number: str, form: str, look: str) -> str:
    match look:
        case "spaced":
            number = f"{number[:3]} {number[3:7]} {number[7:]}"
        case "dashed":
            number = f"{number[:3]}-{number[3:7]}-{number[7:]}"
        case "wide":
            number = number.translate({ord("0") + n: ord("０") + n for n in range(10)})
    return form.format(n=number)


@settings(deadline=None)
@given(number=mobiles, as_typed=typed, look=written, as_sent=typed)
def test_a_mobile_is_found_however_it_was_typed_and_sent(
    number: str, as_typed: str, look: str, as_sent: str
) -> None:
    found = lists(blocked(number=in_form(number, as_typed, look)))
    caller = normalise(as_sent.format(n=number), area_code="0351")
    assert found.is_on("block", caller, at("2026-11-13 12:00")) is True
    other = normalise(number[:-1] + str((int(number[-1]) + 1) % 10), area_code="0351")
    assert found.is_on("block", other, at("2026-11-13 12:00")) is False


@settings(deadline=None)
@given(
    area=areas,
    local=local_numbers,
    look=written,
    form=typed.filter(lambda form: "0{" in form or "86" in form),
)
def test_a_landline_is_found_with_and_without_its_area_code(
    area: str, local: str, look: str, form: str
) -> None:
    for number in (in_form(area + local, form, look), local):
        model = Blocklist.model_validate({"kind": "blocklist", "entries": [blocked(number=number)]})
        found = CallerLists({"block": model}, f"0{area}")
        for sent in (f"0{area}{local}", f"+86{area}{local}", local):
            caller = normalise(sent, area_code=f"0{area}")
            assert found.is_on("block", caller, at("2026-11-13 12:00")) is True


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ({"expiry": "2026-11-09"}, "the expiry is not after the start"),
        ({"start": "2026-11-20 00:00", "expiry": "2026-11-20 00:00"}, "the expiry is not after the start"),
        ({"start": "2026-02-30"}, "no day and no time"),
        ({"start": "2026-11-10 24:00"}, "no day and no time"),
        ({"start": "2026-11-10T10:00"}, "no day and no time"),
        ({"start": "20261110"}, "no day and no time"),
        ({"expiry": "9999-12-31"}, "no day and no time"),
        ({"start": "２０２６-11-10"}, "no day and no time"),
        ({"reason": ""}, "is empty or has blanks at an end"),
        ({"approver": " 李"}, "is empty or has blanks at an end"),
        ({"reason": "长" * 201}, "has 201 characters"),
        ({"name": "x"}, "Extra inputs"),
    ],
)
def test_what_an_entry_may_not_say(wrong: dict[str, str], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        Blocked.model_validate(blocked() | wrong)


@pytest.mark.parametrize("key", ["number", "reason", "approver", "start", "expiry"])
def test_every_field_of_a_blocked_number_is_required(key: str) -> None:
    with pytest.raises(ValidationError, match="Field required"):
        Blocked.model_validate({name: value for name, value in blocked().items() if name != key})


def faults(*entries: dict[str, Any], switchboards: frozenset[PhoneNumber] = frozenset()) -> list[str]:
    model = Blocklist.model_validate({"kind": "blocklist", "entries": list(entries)})
    return [f"{one.severity}: {one.fault}" for one in faults_of(model, "0355", switchboards)]


def test_the_longest_time_that_is_usual_is_a_year() -> None:
    assert faults(blocked("2027-11-10", "2028-11-09")) == []  # with a day in February
    assert faults(blocked("2027-11-10", "2028-11-10")) == ["warning: is turned away for 367 days"]


def test_nobody_turns_away_an_emergency_service_or_a_switchboard() -> None:
    (told,) = faults(blocked(number="110"))
    assert told == "error: is an emergency service, which nobody may turn away"
    many = frozenset({normalise("2025000", area_code="0355")})
    (told,) = faults(blocked(number="+86 355 202 5000"), switchboards=many)
    assert told.startswith("error: many people call from this number")


def test_times_of_one_number_may_follow_each_other_but_not_overlap() -> None:
    first, second = blocked("2026-11-10", "2026-11-12 18:00"), blocked("2026-11-12 18:00", "2026-11-13")
    assert faults(first, second) == []
    again = blocked("2026-11-12 17:59", "2026-11-13", number="+86 138-0013-8000")
    assert faults(first, again) == ["error: the number stands in entry 1 already for the same time"]


def test_no_fault_repeats_a_number() -> None:
    told = faults(blocked(), blocked(), blocked(number="1380013"), blocked(number="138001380001380"))
    assert len(told) == 3
    assert not any("1380013" in one for one in told)
