"""From every menu keys lead to a person: what counts as a way by keys, and where a message may stand in for the person."""

import pytest
from support.menu_nodes import choose

from ivr.menus.keys_to_a_person import menus_without_a_key
from ivr.menus.menu_file import MenuFile

BYE = {"kind": "hang_up"}
PERSON = {"kind": "queue"}
NO_KEY = "no keys lead from here to a person; silence and wrong keys do not count"
MESSAGE_ALONE = "no keys lead from here to a person, only to a message"


def branch(then, otherwise):
    return {"kind": "branch", "cases": [{"when": {"holiday": True}, "then": then}], "else": otherwise}


def voicemail(then="bye", failed="person", keys=None):
    return {
        "kind": "voicemail",
        "prompts": ["a"],
        "keys": keys or {},
        "then": then,
        "too_short": {"then": "person"},
        "failed": {"then": failed},
    }


def file(start, **nodes):
    known = {"person": PERSON, "bye": BYE} | nodes
    return MenuFile.model_validate({"start": start, "nodes": known})


def told(of_numbers=(), **files):
    found = menus_without_a_key(files, of_numbers)
    return [(menu, fault.path[-1], fault.fault, fault.severity) for menu, fault in found]


def one(**nodes):
    return [(node, fault, severity) for _, node, fault, severity in told(x=file("m", **nodes))]


@pytest.mark.parametrize(
    "more",
    [
        {"m": choose({"0": "person"})},
        {"m": choose({"1": "n", "2": "bye"}), "n": choose({"9": "m", "0": "person"})},
        {"m": choose({"0": "person", "1": "n"}), "n": choose({"9": "m"})},
        {"m": choose({"1": "s"}), "s": {"kind": "say", "prompts": ["a"], "next": "person"}},
        {"m": choose({"1": "l"}), "l": {"kind": "language", "language": "en", "next": "person"}},
        {"m": choose({"1": "b"}), "b": branch("person", "n"), "n": choose({"1": "person"})},
        {"m": choose({"1": "v"}), "v": voicemail(keys={"0": "person"})},
        {"m": choose({"1": "v"}), "v": voicemail(then="person")},
        # a yes or no, and whatever is said goes on to a person
        {"m": choose({"1": "b", "2": "person"}), "b": {"kind": "broadcast", "next": "person"}},
    ],
)
def test_a_key_to_a_person_is_found_through_whatever_stands_between(more):
    assert one(**more) == []


@pytest.mark.parametrize(
    "more",
    [
        {"m": choose({"1": "bye"})},
        {"m": choose({"1": "m"})},
        {"m": choose({"1": "n"}), "n": choose({"1": "m"})},
        {"m": choose({"1": "v"}), "v": voicemail()},
        {"m": choose({"1": "b"}), "b": branch("bye", "v"), "v": voicemail(then="m")},
    ],
)
def test_silence_and_wrong_keys_are_no_way_to_a_person(more):
    assert ("m", NO_KEY, "error") in one(**more)
    assert {fault for _, fault, _ in one(**more)} == {NO_KEY}


def test_what_a_caller_types_wrongly_is_no_way_either():
    collect = {
        "kind": "collect",
        "prompts": ["a"],
        "length": {"at_least": 1, "at_most": 4},
        "keep": "HOTLINE_INPUT_A",
        "then": "bye",
        "failed": {"then": "person"},
    }
    assert one(m=choose({"1": "c"}), c=collect) == [("m", NO_KEY, "error")]
    assert one(m=choose({"1": "c"}), c=collect | {"then": "person"}) == []


def test_where_a_branch_decides_it_is_warned_of_with_the_branch():
    words = 'whether keys lead from here to a person is decided at "b"'
    assert one(m=choose({"1": "b"}), b=branch("bye", "person")) == [("m", words, "warning")]
    assert one(m=choose({"1": "s"}), s=choose({"1": "b"}), b=branch("bye", "person")) == [
        ("m", words, "warning"),
        ("s", words, "warning"),
    ]


def test_behind_a_branch_a_message_may_stand_in_for_a_person():
    night = {"n": choose({"1": "v"}, "v", "v"), "v": voicemail("bye", "bye")}
    assert one(m=branch("person", "n"), **night) == [("n", MESSAGE_ALONE, "warning")]
    # no message; a branch that leads nobody to a person; another way there
    assert one(m=branch("person", "n"), n=choose({"1": "bye"}, "v", "v"), v=voicemail()) == [
        ("n", NO_KEY, "error")
    ]
    greeted = {"g": {"kind": "say", "prompts": ["a"], "next": "m"}, "m": branch("person", "n")}
    assert told(x=file("g", **greeted, **night))[0][2:] == (MESSAGE_ALONE, "warning")
    assert one(m=choose({"1": "b", "0": "person", "2": "n"}), b=branch("person", "n"), **night) == [
        ("n", NO_KEY, "error")
    ]


def test_a_branch_in_another_file_counts_unless_a_number_begins_behind_it():
    day = file("b", b=branch("person", "go"), go={"kind": "goto", "menu": "night"})
    night = file("n", n=choose({"1": "v"}), v=voicemail())
    assert told(day=day, night=night) == [("night", "n", MESSAGE_ALONE, "warning")]
    assert told(("night",), day=day, night=night) == [("night", "n", NO_KEY, "error")]


def test_a_key_may_lead_to_another_file():
    away = {"kind": "goto", "menu": "y"}
    there = file("m", m=choose({"0": "person"}))
    assert told(x=file("m", m=choose({"1": "away"}), away=away), y=there) == []
    assert told(x=file("m", m=choose({"1": "away"}), away=away)) == [], "what is not there is told as that"
    nobody = file("m", m=choose({"1": "bye"}))
    assert [found[:2] for found in told(x=file("m", m=choose({"1": "away"}), away=away), y=nobody)] == [
        ("x", "m"),
        ("y", "m"),
    ]


def test_what_is_told_otherwise_is_not_told_again():
    assert one(m=choose({"1": "bye"}, "bye", "bye")) == [], "no way leads to a person: told at `start`"
    assert one(m=PERSON, lost=choose({"1": "bye"})) == [], "no way leads there: told as that"
