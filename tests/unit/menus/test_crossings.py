"""Menus that lead into each other: what is wrong with them together, and how a walk crosses from one to another."""

from typing import Any

from ivr.menus.crossings import faults_across
from ivr.menus.graph import faults
from ivr.menus.menu_file import MenuFile
from ivr.menus.navigation import LONGEST_WALK, next_step, start
from ivr.menus.steps import Play, Step, ToQueue, WaitKey

QUEUE = {"kind": "queue"}
HANG_UP = {"kind": "hang_up"}


def goto(menu: str) -> dict[str, Any]:
    return {"kind": "goto", "menu": menu}


def say(following: str) -> dict[str, Any]:
    return {"kind": "say", "prompts": ["greeting"], "interruptible": True, "next": following}


def choose(one: str, otherwise: str) -> dict[str, Any]:
    then = {"then": otherwise}
    return {"kind": "menu", "prompts": ["choose"], "keys": {"1": one}, "no_key": then, "wrong_key": then}


def menus(**files: dict[str, Any]) -> dict[str, MenuFile]:
    """Each file starts at its node a."""
    return {name: MenuFile.model_validate({"start": "a", "nodes": nodes}) for name, nodes in files.items()}


def told(**files: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(menu, fault.path[-1], fault.fault) for menu, fault in faults_across(menus(**files))]


def walk(files: dict[str, MenuFile], *heard: str | None) -> Step:
    step, answers = start(files, "main"), list(heard)
    while isinstance(step, Play | WaitKey):
        step = next_step(files, step, answers.pop(0) if answers else None)
    return step


def test_a_walk_goes_on_in_the_other_file_with_the_key_that_was_pressed() -> None:
    files = menus(
        main={"a": say("tax"), "tax": goto("tax")}, tax={"a": choose("b", "p"), "b": QUEUE, "p": HANG_UP}
    )
    step = walk(files, "1")
    assert isinstance(step, ToQueue)
    assert step.place.path == "main/a/tax//tax/a/b"
    assert (step.place.menu, step.place.node) == ("tax", "b")


def test_back_to_the_start_of_the_same_file_is_no_other_file() -> None:
    files = menus(main={"a": choose("again", "q"), "again": goto("main"), "q": QUEUE})
    assert walk(files, "1").place.path == "main/a/again/a/q"
    assert told(main={"a": choose("again", "q"), "again": goto("main"), "q": QUEUE}) == []


def test_a_walk_over_files_ends_however_the_keys_lead_back() -> None:
    files = menus(
        main={"a": choose("b", "q"), "b": goto("tax"), "q": QUEUE},
        tax={"a": choose("b", "q"), "b": goto("main"), "q": QUEUE},
    )
    step = walk(files, *["1"] * 500)
    assert isinstance(step, ToQueue)
    assert step.queue is None
    assert len(step.place.nodes_walked) == step.place.length == LONGEST_WALK + 1


def test_a_menu_that_is_not_there_is_a_person_of_the_number_called() -> None:
    step = walk(menus(main={"a": goto("gone")}))
    assert isinstance(step, ToQueue)
    assert (step.queue, step.place.path) == (None, "main/a")


def test_a_circle_over_files_without_a_key_is_found() -> None:
    found = told(
        main={"a": say("b"), "b": goto("tax"), "q": QUEUE},
        tax={"a": choose("q", "b"), "b": goto("main"), "q": QUEUE},
    )
    circle = "main/b → tax/a → tax/b → main/a → main/b"
    assert found == [("main", "b", f"without the right key the caller goes in circles: {circle}")]


def test_a_menu_that_goes_to_itself_is_a_circle() -> None:
    found = told(main={"a": goto("main")})
    assert ("main", "a", "without the right key the caller goes in circles: main/a → main/a") in found
    assert ("main", "start", "no way leads to a person") in found


def test_a_circle_that_a_key_closes_is_none() -> None:
    assert told(main={"a": goto("tax")}, tax={"a": choose("b", "q"), "b": goto("main"), "q": QUEUE}) == []


def test_a_person_behind_another_file_counts_and_a_missing_one_is_told() -> None:
    main = menus(main={"a": goto("tax")})["main"]
    assert faults(main) == []
    assert told(main={"a": goto("tax")}, tax={"a": QUEUE}) == []
    assert told(main={"a": goto("tax")}, tax={"a": HANG_UP}) == [
        ("main", "start", "no way leads to a person")
    ]
    assert told(main={"a": goto("has_faults_of_its_own")}) == []
