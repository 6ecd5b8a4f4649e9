"""What is wrong with a menu as a whole."""

from support.menu_nodes import choose

from ivr.menus.graph import faults
from ivr.menus.menu_file import MenuFile


def told(start, **nodes):
    menu = MenuFile.model_validate({"start": start, "nodes": nodes})
    return [(f.path[-1], f.fault, f.severity) for f in faults(menu)]


def say(following):
    return {"kind": "say", "prompts": ["greeting"], "next": following}


QUEUE = {"kind": "queue"}
HANG_UP = {"kind": "hang_up"}


def test_a_sound_menu_has_no_fault():
    assert told("a", a=say("b"), b=choose({"1": "c", "2": "b"}, "c", "c"), c=QUEUE) == []


def test_a_node_that_nobody_reaches_is_a_warning():
    assert told("a", a=QUEUE, b=QUEUE) == [("b", "no way leads here", "warning")]


def test_a_menu_without_a_person_is_a_fault():
    assert told("a", a=say("b"), b=HANG_UP) == [("start", "no way leads to a person", "error")]


def test_a_circle_is_found_however_long():
    found = told("a", a=say("b"), b=choose({"1": "q"}, "c", "q"), c=say("a"), q=QUEUE)
    assert found == [("a", "without the right key the caller goes in circles: a → b → c → a", "error")]


def test_a_circle_by_wrong_keys_is_found():
    found = told("a", a=choose({"1": "q"}, "q", "b"), b=say("a"), q=QUEUE)
    assert found == [("a", "without the right key the caller goes in circles: a → b → a", "error")]


def test_two_ways_to_one_place_are_no_circle():
    assert told("a", a=choose({"1": "b"}, "b", "c"), b=say("c"), c=QUEUE) == []


def test_a_long_chain_is_followed_to_its_end():
    nodes = {f"n{i}": say(f"n{i + 1}") for i in range(900)}
    assert told("n0", **nodes, n900=QUEUE) == []
    nodes["n899"] = say("n450")
    assert any("circles" in fault for _, fault, _ in told("n0", **nodes, n900=QUEUE))
