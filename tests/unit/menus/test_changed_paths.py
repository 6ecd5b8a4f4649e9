"""Two menus side by side: every press that leads elsewhere is named, the shortest way to it, and nothing else."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from ivr.menus.changed_paths import Door, compare, in_words
from ivr.menus.menu_file import MenuFile

EXAMPLE = Path(__file__).parents[3] / "config" / "menus" / "examples" / "with_keys.yaml"


def example() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text("utf-8"))
    choose = found["nodes"]["choose"]
    choose["keys"] = {str(key): node for key, node in choose["keys"].items()}
    return found


def changes(*edits: tuple[str, Any], queues: tuple[str, str] = ("general", "general")) -> list[str]:
    """What is told when the values at these dotted places become these; None deletes."""
    written = example()
    for place, value in edits:
        *way, last = place.split(".")
        found = written
        for step in way:
            found = found[step]
        if value is None:
            del found[last]
        else:
            found[last] = value
    old, new = MenuFile.model_validate(example()), MenuFile.model_validate(written)
    found = compare(Door({"m": old}, "m", queues[0]), Door({"m": new}, "m", queues[1]))
    assert found.is_whole
    return [in_words(path) for path in found.changed]


HEATING, PERSON = 'queue "heating", category "heating"', 'queue "general"'


def test_the_same_menu_has_no_changed_path() -> None:
    assert changes() == []


def test_a_key_that_leads_elsewhere_is_named_with_before_and_after() -> None:
    """Once, by the shortest way: that a wrong key before it changes nothing goes without saying."""
    assert changes(("nodes.choose.keys.2", "person")) == [f"key 2: {PERSON}; before: {HEATING}"]


def test_swapped_keys_are_two_changes() -> None:
    told = changes(("nodes.choose.keys.2", "person"), ("nodes.choose.keys.0", "heating"))
    assert told[:2] == [f"key 0: {HEATING}; before: {PERSON}", f"key 2: {PERSON}; before: {HEATING}"]


def test_who_presses_nothing_is_followed_too() -> None:
    [told] = changes(("nodes.choose.no_key", {"then": "heating"}))[:1]
    assert told == f"no key: {HEATING}; before: {PERSON}"


def test_a_deeper_difference_is_found_behind_equal_turns() -> None:
    told = changes(("nodes.choose.wrong_key.then", "heating"))
    assert told == [f"any key of 3456789*#, any key of 3456789*#: {HEATING}; before: {PERSON}"]


def test_other_prompts_at_the_same_place_are_one_change_and_the_walk_goes_on() -> None:
    told = changes(("nodes.choose.prompts", ["choose_matter"]), ("nodes.choose.keys.2", "person"))
    assert told[0].startswith(
        "when answered: hears choose_matter, then 5 s for a key at choose; before: hears greeting"
    )
    assert f"key 2: {PERSON}; before: {HEATING}" in told


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        ("nodes.choose.wait_seconds", 9, "9 s for a key at choose; before:"),
        ("nodes.choose.interruptible", False, "no key cuts greeting, choose_matter short"),
        ("nodes.choose.wrong_key.prompts", None, "any key of 3456789*#: hears greeting, choose_matter"),
        ("nodes.choose.wrong_key.replays", 0, f"any key of 3456789*#: {PERSON}; before: hears wrong_key"),
        ("nodes.heating.category", "enterprise", 'key 2: queue "heating", category "enterprise"'),
        ("nodes.heating", {"kind": "hang_up"}, f"key 2: is hung up; before: {HEATING}"),
    ],
)
def test_whatever_a_caller_notices_is_told(place: str, value: object, words: str) -> None:
    assert any(words in line for line in changes((place, value)))


def targets() -> list[tuple[str, str]]:
    """Every place in the example that names a node, with each other node that could stand there."""
    places = {f"nodes.choose.keys.{key}": node for key, node in example()["nodes"]["choose"]["keys"].items()}
    places |= {f"nodes.choose.{rule}.then": "person" for rule in ("no_key", "wrong_key")}
    nodes = list(example()["nodes"])
    return [(place, node) for place, now in places.items() for node in nodes if node != now]


@pytest.mark.parametrize(("place", "node"), targets())
def test_every_way_that_leads_to_another_node_is_a_changed_path(place: str, node: str) -> None:
    assert len(targets()) == 15
    assert changes((place, node)) != []


def test_a_node_by_another_name_is_no_change_for_callers() -> None:
    renamed = {"kind": "queue", "queue": "heating", "category": "heating"}
    assert changes(("nodes.heating", None), ("nodes.warm", renamed), ("nodes.choose.keys.2", "warm")) == []


def test_another_default_queue_changes_the_paths_that_name_none() -> None:
    told = changes(queues=("general", "night"))
    assert told[0] == 'key 0: queue "night"; before: queue "general"'
    assert not any("heating" in line for line in told)


def test_two_say_nodes_are_the_same_as_one_with_both_prompts() -> None:
    def menu(*says: list[str]) -> MenuFile:
        nodes: dict[str, Any] = {
            f"s{n}": {"kind": "say", "prompts": prompts, "next": f"s{n + 1}"}
            for n, prompts in enumerate(says)
        }
        nodes[f"s{len(says)}"] = {"kind": "queue"}
        return MenuFile.model_validate({"start": "s0", "nodes": nodes})

    assert (
        compare(Door({"m": menu(["a", "b"])}, "m", "q"), Door({"m": menu(["a"], ["b"])}, "m", "q")).changed
        == ()
    )


def test_a_menu_beyond_all_bounds_ends_and_says_so() -> None:
    count = 500
    keys = {
        f"m{n}": {
            "kind": "menu",
            "prompts": ["p"],
            "keys": {key: f"m{(n * 7 + int(key) + 1) % count}" for key in "0123456789"},
            "no_key": {"replays": 5, "then": "person"},
            "wrong_key": {"replays": 5, "then": "person"},
        }
        for n in range(count)
    }
    menu = MenuFile.model_validate({"start": "m0", "nodes": {**keys, "person": {"kind": "queue"}}})
    found = compare(Door({"m": menu}, "m", "q"), Door({"m": menu}, "m", "q"), most=300)
    assert not found.is_whole
    assert found.changed == ()
