"""Nobody is hung up on before he met a person, a key to one or could leave a message without the check saying so."""

import pytest
from support.menu_nodes import choose

from hotline import defaults_door
from ivr.config_files.checker import check
from ivr.lines import Lines
from ivr.menus.hung_up_on import hung_up_on
from ivr.menus.menu_file import MenuFile

BYE = {"kind": "hang_up"}
PERSON = {"kind": "queue"}
MESSAGE = {
    "kind": "voicemail",
    "prompts": ["a"],
    "then": "bye",
    "too_short": {"then": "bye"},
    "failed": {"then": "person"},
}


@pytest.fixture(scope="module", name="lines")
def shipped_lines() -> Lines:
    found, problems = check(defaults_door.shipped())
    assert found is not None, problems
    return found.lines


def branch(then, otherwise, **when):
    return {"kind": "branch", "cases": [{"when": when or {"holiday": True}, "then": then}], "else": otherwise}


def file(**nodes):
    return MenuFile.model_validate(
        {"start": next(iter(nodes)), "nodes": nodes | {"person": PERSON, "bye": BYE}}
    )


def told(lines, *, is_emergency=False, **menus):
    number = lines.numbers[0].model_copy(update={"menu": next(iter(menus)), "is_emergency": is_emergency})
    site = lines.model_copy(update={"numbers": [number]})
    return [
        (menu, ".".join(map(str, fault.path[1:])), fault.fault.split(": ")[-1], fault.severity)
        for menu, fault in hung_up_on(menus, site, {"block"})
    ]


@pytest.mark.parametrize(
    "nodes",
    [
        {"a": branch("person", "m"), "m": choose({"0": "person", "1": "b"}), "b": branch("bye", "person")},
        {"a": branch("person", "v"), "v": MESSAGE},  # he may speak
        {"a": branch("person", "q"), "q": {**PERSON, "longest_wait": 30, "then": "bye"}},
        {"a": branch("bye", "person", caller_on="block")},  # told as that
        {"a": branch("person", "g"), "g": {"kind": "goto", "menu": "no_such"}},
    ],
)
@pytest.mark.parametrize("is_emergency", [False, True])
def test_who_meets_somebody_is_not_told(lines, nodes, is_emergency):
    assert told(lines, is_emergency=is_emergency, x=file(**nodes)) == []


def test_each_way_is_told_once_and_where_it_is_chosen(lines):
    say = {"kind": "say", "prompts": ["a"], "next": "bye"}
    nodes = {
        "a": branch("b", "c", caller_on="firms"),
        "b": branch("s", "person"),
        "c": branch("b", "bye"),
        "s": say,
    }
    ways = [("b.cases.0.then", "s → bye"), ("c.else", "bye")]
    assert told(lines, x=file(**nodes)) == [("x", at, way, "warning") for at, way in ways]
    assert told(lines, is_emergency=True, x=file(**nodes)) == [("x", at, way, "error") for at, way in ways]


def test_a_menu_of_another_file_counts_with_the_number_that_leads_there(lines):
    menus = {
        "x": file(a={"kind": "goto", "menu": "y"}),
        "y": file(a=branch("person", "bye")),
        "z": file(a=branch("person", "bye")),  # no number begins there yet
    }
    found = told(lines, is_emergency=True, **menus)
    assert found == [("y", "a.else", "bye", "error"), ("z", "a.else", "bye", "warning")]


def test_a_key_that_may_lead_to_nobody_is_none_on_an_emergency_number(lines):
    nodes = {"a": choose({"0": "b"}), "b": branch("person", "bye")}
    assert told(lines, x=file(**nodes)) == []  # a warning at the menu
    assert told(lines, is_emergency=True, x=file(**nodes)) == [("x", "b.else", "bye", "error")]
