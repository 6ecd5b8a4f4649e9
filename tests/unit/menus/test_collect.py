"""Digits typed by a caller: their end, too few, too many, read back, and where they are kept."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ivr.menus.menu_file import MenuFile
from ivr.menus.navigation import next_step, start
from ivr.menus.steps import ALL_KEYS, Play, Step, ToQueue, WaitKey

READ_BACK = {"before": ["you"], "digits": [f"d{n}" for n in range(10)], "after": ["right"]}


def menu(**more: Any) -> MenuFile:
    number = {
        "kind": "collect",
        "prompts": ["number"],
        "length": {"at_least": 3, "at_most": 5},
        "end_key": "#",
        "keep": "HOTLINE_INPUT_IT",
        "then": "known",
        "failed": {"replays": 1, "prompts": ["wrong"], "then": "person"},
    }
    by_value = {"name": "HOTLINE_INPUT_IT", "one_of": ["123"]}
    nodes = {
        "number": number | more,
        "known": {
            "kind": "branch",
            "cases": [{"when": {"value": by_value}, "then": "ours"}],
            "else": "other",
        },
        "ours": {"kind": "queue", "queue": "ours"},
        "other": {"kind": "queue", "queue": "other"},
        "person": {"kind": "queue"},
    }
    written = {name: value for name, value in nodes["number"].items() if value is not None}
    return MenuFile.model_validate({"start": "number", "nodes": nodes | {"number": written}})


def walk(made: MenuFile, keys: str) -> tuple[Step, list[str]]:
    """Each character is a key, `.` a pause until the step is over; behind them only pauses."""
    menus, played, answers = {"m": made}, list[str](), list(keys)
    step = start(menus, "m")
    for _ in range(200):
        if not isinstance(step, Play | WaitKey):
            return step, played
        if isinstance(step, Play):
            played += step.prompts
        key = answers.pop(0) if answers else "."
        may_be_heard = key != "." and (isinstance(step, WaitKey) or key in step.keys)
        step = next_step(menus, step, key if may_be_heard else None)
    raise AssertionError("the walk does not end")


def led_to(made: MenuFile, keys: str) -> tuple[str | None, tuple[tuple[str, str], ...]]:
    step, _ = walk(made, keys)
    assert isinstance(step, ToQueue)
    return step.queue, step.place.kept


def kept(digits: str) -> tuple[tuple[str, str], ...]:
    return (("HOTLINE_INPUT_IT", digits),)


@pytest.mark.parametrize(
    ("keys", "digits"),
    [
        ("123#", "123"),
        (".123#", "123"),  # after the prompt
        ("123.", "123"),  # a pause ends it
        ("12345#", "12345"),
        ("12345.", "12345"),
        ("12#123#", "123"),  # too few, then right
        ("123456#" + "777#", "777"),  # too many, then right
        ("12345678901#" + "777#", "777"),
        ("123456." + "777#", "777"),  # a pause ends what is too long
        ("1" * 26 + "#" + "777#", "777"),  # nobody goes on for ever, and the end key comes late
        ("1*" + "777#", "777"),
    ],
)
def test_digits_end_by_the_key_a_pause_or_their_number(keys: str, digits: str) -> None:
    assert led_to(menu(), keys) == ("ours" if digits == "123" else "other", kept(digits))


def test_without_an_end_key_the_last_digit_ends_it() -> None:
    assert led_to(menu(end_key=None), "12345") == ("other", kept("12345"))


@pytest.mark.parametrize(
    "keys", ["", "..", "12#.", "12#12#", "#" * 9, "*" * 9, "1234567" * 2, "1234567#" * 2]
)
def test_who_cannot_type_it_reaches_a_person_and_nothing_is_kept(keys: str) -> None:
    assert led_to(menu(), keys) == (None, ())


def test_it_is_asked_for_again_as_often_as_the_file_says() -> None:
    _, played = walk(menu(), "1#")
    assert played == ["number", "wrong", "number"]


def test_a_number_that_is_too_long_costs_one_try() -> None:
    _, played = walk(menu(), "123456789#" + "123#")
    assert played == ["number", "wrong", "number"]
    assert led_to(menu(), "1234567#" + "1234567#") == (None, ())


@pytest.mark.parametrize(("many", "pause"), [(4, 5), (5, 1), (6, 2), (25, 2)])
def test_how_long_the_next_digit_may_take(many: int, pause: int) -> None:
    """5 is the most; who goes on beyond it types on, and is told in the end."""
    menus, step = {"m": menu()}, start({"m": menu()}, "m")
    for _ in range(many):
        assert isinstance(step, Play | WaitKey)
        step = next_step(menus, step, "1")
    assert isinstance(step, WaitKey)
    assert (step.seconds, len(step.place.digits)) == (pause, many)
    following = next_step(menus, step, "1")
    assert isinstance(following, Play) == (many == 25)


def test_the_digits_are_read_back_and_kept_when_they_are_right() -> None:
    step, played = walk(menu(read_back=READ_BACK), "123#.1")
    assert isinstance(step, ToQueue)
    assert (step.queue, step.place.kept) == ("ours", kept("123"))
    assert played == ["number", "you", "d1", "d2", "d3", "right"]


def test_what_is_said_to_be_wrong_is_typed_again() -> None:
    made = menu(read_back=READ_BACK)
    assert led_to(made, "999#2" + "123#1") == ("ours", kept("123"))
    assert led_to(made, "999#2" + "999#2") == (None, ())
    assert led_to(made, "999#" + "....") == (None, ())  # no answer


def test_an_end_key_that_comes_late_is_no_answer() -> None:
    assert led_to(menu(read_back=READ_BACK), "123#" + "##1") == ("ours", kept("123"))


def test_a_walk_begins_anew_at_the_next_node() -> None:
    step, _ = walk(menu(), "1#123#")
    assert (step.place.digits, step.place.wrong_keys) == ("", 0)
    assert "123" not in step.place.path


@given(keys=st.text(alphabet=ALL_KEYS + ".", max_size=150), is_read_back=st.booleans())
def test_whatever_is_typed_it_ends_and_keeps_only_what_fits(keys: str, is_read_back: bool) -> None:
    _, typed = led_to(menu(read_back=READ_BACK if is_read_back else None), keys)
    assert all(3 <= len(digits) <= 5 and digits.isdecimal() for _, digits in typed)


@pytest.mark.parametrize(
    "more",
    [
        {"end_key": "5"},
        {"length": {"at_least": 5, "at_most": 4}},
        {"keep": "HOTLINE_QUEUE"},
        {"read_back": READ_BACK | {"right_key": "#"}},
        {"read_back": READ_BACK | {"digits": ["d0"]}},
    ],
)
def test_what_cannot_be_meant_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        menu(**more)
