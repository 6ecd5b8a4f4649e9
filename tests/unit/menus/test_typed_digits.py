"""Paths that differ only in how many digits are typed are told as one: none is lost, and none lasts longer than is told."""

from pathlib import Path

import pytest

from ivr.config_files.reader import read
from ivr.config_files.schema_words import validated
from ivr.menus.exploration import explore
from ivr.menus.menu_file import MenuFile
from ivr.menus.simulation import simulate
from ivr.menus.walker import Walker

EXAMPLE = Path(__file__).parents[3] / "config" / "menus" / "examples" / "with_a_number.yaml"


def seconds(prompt: str, _language: str | None) -> float:
    return 0.5 if prompt.startswith("digit_") else 2.0


def example() -> Walker:
    menu, problems = validated(MenuFile, read("menus/x.yaml", EXAMPLE.read_bytes()))
    assert menu is not None, problems
    return Walker({"x": menu}, "x")


def test_every_path_of_a_menu_that_takes_a_number_is_listed() -> None:
    found = explore(example(), seconds)
    assert found.is_whole
    assert len(found.paths) < 200
    assert {path.nodes[-1] for path in found.paths} == {"water", "heating", "person"}
    right_at_once = [
        path for path in found.paths if path.pressed[0] == "silence" and path.pressed[2:3] == ("1",)
    ]
    assert [(path.pressed[1], path.nodes[-1]) for path in right_at_once] == [
        ("6-10 digits, then # or silence", "heating"),
        ("6-10 digits, then # or silence", "water"),
    ]
    # nothing at the greeting (2) and at the question (2 + 5), ten waits of 5 s and one of 1 s, the number read back
    assert {path.seconds for path in right_at_once} == {2 + 2 + 10 * 5 + 1 + (2 + 10 * 0.5 + 2) + 5}


WRONG = ["*", "#", "1#", "12345#", "12345*", "1234567890*", "12345678901", "12345678901#", "12345", ""]
RIGHT = ["123456#", "123456", "1234567#", "1234567890#", "1234567890"]


@pytest.mark.parametrize("first", [*WRONG, *(f"{typed}/{key}" for typed in RIGHT for key in "259")])
@pytest.mark.parametrize("second", [*WRONG[:4], *(f"{typed}/1" for typed in RIGHT)])
def test_no_walk_lasts_longer_than_the_path_that_stands_for_it(first: str, second: str) -> None:
    """The caller presses at the last moment: each wait is used up before its key."""
    menu = example()
    told: dict[tuple[str, ...], float] = {}
    for path in explore(menu, seconds).paths:
        told[path.nodes] = max(told.get(path.nodes, 0.0), path.seconds)
    keys: list[str | None] = []
    for typed in (first, second):
        number, _, confirmed = typed.partition("/")
        keys += [*number, *([] if number.endswith(("#", "*")) else [None]), *confirmed]
    done = simulate(menu, keys, seconds)
    waited = sum(getattr(met.step, "seconds", 0) for met in done.met if met.key is not None)
    nodes = done.end.place.nodes_walked
    assert done.seconds + waited <= told[nodes]


def test_too_few_and_too_many_are_one_path_and_what_fits_is_not_among_them() -> None:
    found = explore(example(), seconds)
    typed = {pressed for path in found.paths for pressed in path.pressed if "digits" in pressed}
    assert "0-5 or 11-30 digits, then 0-9 * # or silence" in typed
    assert "6-10 digits, then # or silence" in typed
