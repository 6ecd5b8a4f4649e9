"""Two menus side by side: every press that leads elsewhere is named, the shortest way to it, and nothing else."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from ivr.lines import Lines
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
        "when answered: hears choose_matter, then waits 5 s for a key at choose; before: hears greeting"
    )
    assert f"key 2: {PERSON}; before: {HEATING}" in told


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        ("nodes.choose.wait_seconds", 9, "9 s for a key at choose; before:"),
        ("nodes.choose.interruptible", False, " (no key cuts greeting, choose_matter short)"),
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


def told(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    old, new = (
        {name: MenuFile.model_validate(one) for name, one in files.items()} for files in (before, after)
    )
    found = compare(Door(old, "m", "general"), Door(new, "m", "general"))
    assert found.is_whole
    return [in_words(path) for path in found.changed]


def branching(*cases: tuple[dict[str, Any], str]) -> dict[str, Any]:
    nodes = {
        "b": {"kind": "branch", "cases": [{"when": when, "then": to} for when, to in cases], "else": "person"}
    }
    nodes |= {name: {"kind": "queue", "queue": name} for name in ("enterprise", "heating", "person")}
    return {"m": {"start": "b", "nodes": nodes}}


def test_each_way_of_a_branch_is_followed() -> None:
    before = branching(({"hours": "office"}, "enterprise"), ({"withheld": True}, "heating"))
    after = branching(({"hours": "office"}, "heating"), ({"repeat_caller": True}, "heating"))
    assert told(before, before) == []
    assert told(before, after) == [
        'if hours: office: queue "heating"; before: queue "enterprise"',
        'if repeat_caller: true: queue "heating"; before: queue "person"',
        'if withheld: true: queue "person"; before: queue "heating"',
    ]
    assert told(before, {"m": {"start": "person", "nodes": after["m"]["nodes"]}}) == [
        'when answered: queue "person"; before: a branch at b'
    ]


def test_another_language_is_a_change() -> None:
    def speaking(language: str) -> dict[str, Any]:
        nodes: dict[str, Any] = {
            "speak": {"kind": "language", "language": language, "next": "hello"},
            "hello": {"kind": "say", "prompts": ["greeting"], "next": "bye"},
            "bye": {"kind": "hang_up", "prompts": ["goodbye"]},
        }
        return {"m": {"start": "speak", "nodes": nodes}}

    [line] = told(speaking("zh"), speaking("en"))
    assert line.startswith(
        "when answered: hears greeting in en, then hears goodbye in en and is hung up; before:"
    )


def test_typed_digits_are_compared_by_their_number_alone() -> None:
    def typing(most: int) -> dict[str, Any]:
        number = {
            "kind": "collect",
            "prompts": ["choose_matter"],
            "length": {"at_least": 1, "at_most": most},
            "keep": "HOTLINE_INPUT_IT",
            "then": "known",
            "failed": {"replays": 0, "then": "person"},
        }
        nodes = {"n": number, "known": {"kind": "queue", "queue": "known"}, "person": {"kind": "queue"}}
        return {"m": {"start": "n", "nodes": nodes}}

    assert told(typing(30), typing(30)) == []
    assert any("any key of 0123456789, any key of 0123456789" in line for line in told(typing(2), typing(3)))


def test_another_node_that_does_the_same_is_told_since_records_and_rules_name_nodes() -> None:
    def leading_to(node: str) -> dict[str, Any]:
        return {"m": {"start": node, "nodes": {"east": {"kind": "queue"}, "west": {"kind": "queue"}}}}

    assert told(leading_to("east"), leading_to("west")) == [
        'when answered: queue "general", by node west; before: by node east'
    ]


def test_the_same_menu_in_a_file_of_its_own_is_no_change_but_for_its_place() -> None:
    one = {
        "start": "hello",
        "nodes": {"hello": {"kind": "say", "prompts": ["a"], "next": "p"}, "p": {"kind": "queue"}},
    }
    go = {"start": "on", "nodes": {"on": {"kind": "goto", "menu": "other"}}}
    assert told({"m": one}, {"m": go, "other": one}) == []
    other = {**one, "nodes": {**one["nodes"], "p": {"kind": "hang_up"}}}
    assert told({"m": go, "other": one}, {"m": go, "other": other}) == [
        'when answered: hears a, then is hung up; before: hears a, then queue "general"'
    ]


PLACED = """
start: greeting
nodes:
  greeting: {kind: say, prompts: [greeting], next: tongue}
  tongue: {kind: menu, prompts: [for_english], keys: {0: person}, no_key: {then: news}, wrong_key: {then: person}}
  news: {kind: broadcast, next: choose}
  choose: {kind: menu, prompts: [choose_matter], keys: {0: person}, no_key: {then: person}, wrong_key: {then: person}}
  person: {kind: queue}
"""


def test_a_place_for_emergency_messages_that_is_passed_by_is_a_change() -> None:
    """Heard only while one is on, so both are walked as if one were."""
    placed = MenuFile.model_validate(yaml.safe_load(PLACED.replace("0:", "'0':")))
    passed_by = PLACED.replace("0:", "'0':").replace("{then: news}", "{then: choose}")
    without = MenuFile.model_validate(yaml.safe_load(passed_by))
    found = compare(Door({"m": placed}, "m", "general"), Door({"m": without}, "m", "general"))
    told = [in_words(path) for path in found.changed]
    wait = "(no key cuts greeting short), then waits 5 s for a key at"
    assert told[0] == (
        f"when answered: hears greeting, an emergency message, for_english {wait} tongue; "
        f"before: hears greeting, for_english {wait} tongue"
    ), "nobody comes by the place any more, so it is heard behind what is said first"
    assert any("hears choose_matter" in one for one in told[1:])
    same = compare(Door({"m": placed}, "m", "general"), Door({"m": placed}, "m", "general"))
    assert same.changed == ()


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"priority": "disabled"}, 'class "disabled"'),
        ({"language": "en"}, "agents who speak en"),
        ({"skill": "tax"}, 'skill "tax"'),
        ({"announcements": "off"}, "announcements off"),
        ({"longest_wait": 60}, "for 60 s"),
        ({"longest_wait": 60, "then": "person"}, "for 60 s and then on"),
    ],
)
def test_how_a_caller_waits_is_told(how: dict[str, Any], told: str) -> None:
    heating = {"kind": "queue", "queue": "heating", "category": "heating"}
    assert changes(("nodes.heating", {**heating, **how})) == [f"key 2: {HEATING}, {told}; before: {HEATING}"]


def test_where_he_goes_on_who_waited_in_vain_is_a_path() -> None:
    waiting = {"kind": "queue", "queue": "heating", "longest_wait": 60, "then": "person"}
    before = example()
    before["nodes"]["heating"] = waiting
    after = {**before, "nodes": {**before["nodes"], "heating": {**waiting, "then": "enterprise"}}}
    menus = [{"m": MenuFile.model_validate(one)} for one in (before, after)]
    found = compare(*(Door(one, "m", "general") for one in menus))
    assert [in_words(path) for path in found.changed] == [
        f'key 2, waiting in vain: queue "enterprise", category "enterprise"; before: {PERSON}'
    ]


def test_a_queue_that_has_another_part_now_is_told() -> None:
    """Of who chose English before; its menu is the same."""
    nodes = {
        "english": {"kind": "language", "language": "en", "next": "person"},
        "person": {"kind": "queue"},
    }
    menus = {"m": MenuFile.model_validate({"start": "english", "nodes": nodes})}

    def lines(**of_part: Any) -> Lines:
        written: dict[str, Any] = {
            "site": {"name": "x", "area_code": "0355", "area6": "140400"},
            "numbers": [{"number": "12345", "label": "x", "menu": "m", "queue": "general"}],
            "trunks": [],
            "queues": [{"name": "general", "label": "x"}, {"name": "english", "label": "x", **of_part}],
        }
        return Lines.model_validate(written)

    before = Door(menus, "m", "general", lines=lines(languages=["en"]))
    after = Door(menus, "m", "general", lines=lines(languages=["en"], part_of="general"))
    [told] = [in_words(path) for path in compare(before, after).changed]
    assert told == 'when answered: queue "english"; before: queue "general"'
