"""Each node type by itself: its example is good, and what it refers to is found by its fields' types alone."""

import ast
from textwrap import indent

import pytest
import yaml
from support.repository import ROOT, tracked_files

from ivr.config_files.checker import Model
from ivr.config_files.reader import read
from ivr.config_files.schema_words import validated
from ivr.menus.graph import faults
from ivr.menus.menu_file import MenuFile
from ivr.menus.node import Node
from ivr.menus.nodes import NODE_TYPE_OF, NODE_TYPES
from ivr.menus.references import references


def named(kind: str, written: object) -> list[tuple[str, tuple[str | int, ...], object]]:
    return [(one.refers.to, one.path, one.name) for one in references(NODE_TYPE_OF[kind], written)]


@pytest.mark.parametrize("model", NODE_TYPES, ids=lambda model: model.kind_of())
def test_its_example_is_a_node_of_this_type(model: type[Node]) -> None:
    node = _good(model, model.EXAMPLE)
    assert type(node) is model
    assert model.__doc__
    # a menu of it and the nodes that it names, each of which hangs up, has no fault but perhaps the way to a person
    others = {str(one.name) for one in references(model, node) if one.refers.to == "node"}
    ends = "".join(f"  {name}: {{kind: hang_up}}\n" for name in sorted(others))
    menu = _good(MenuFile, f"start: it\nnodes:\n  it:\n{indent(model.EXAMPLE, '    ')}{ends}")
    assert {fault.fault for fault in faults(menu)} <= {"no way leads to a person"}


def _good(model: type[Model], text: str) -> Model:
    made, problems = validated(model, read("menus/it.yaml", text.encode()))
    assert made is not None, problems
    return made


def test_no_two_types_have_one_kind() -> None:
    assert len(NODE_TYPE_OF) == len(NODE_TYPES)


def test_what_a_node_refers_to_is_found_in_whatever_a_file_holds() -> None:
    written = {
        "kind": "menu",
        "prompts": ["a", 7],
        "keys": {1: "x", "2": "y"},
        "no_key": {"then": "z"},
        "wrong_key": {"then": ["no", "name"], "prompts": ["b"]},
    }
    assert named("menu", written) == [
        ("prompt", ("prompts", 0), "a"),
        ("prompt", ("prompts", 1), 7),
        ("node", ("keys", 1), "x"),
        ("node", ("keys", "2"), "y"),
        ("node", ("no_key", "then"), "z"),
        ("node", ("wrong_key", "then"), ["no", "name"]),
        ("prompt", ("wrong_key", "prompts", 0), "b"),
    ]
    assert named("queue", {"kind": "queue", "queue": "heating", "category": "c"}) == [
        ("queue", ("queue",), "heating"),
        ("category", ("category",), "c"),
    ]
    for broken in ({"prompts": "x"}, {"keys": [1]}, {"no_key": "x"}, {}, [], "x", None, 5):
        assert named("menu", broken) == []


def test_only_a_key_leads_along_a_way_by_key() -> None:
    menu = yaml.safe_load(NODE_TYPE_OF["menu"].EXAMPLE)
    by_key = {one.name for one in references(NODE_TYPE_OF["menu"], menu) if one.refers.by_key}
    assert by_key == set(menu["keys"].values())


def test_nothing_else_in_the_program_names_a_node_type() -> None:
    """So that a new one is a file and a line."""
    own = {model.__module__ for model in NODE_TYPES}
    packages = ("ivr/", "hotline/", "routing/", "tickets/", "missed_call_redial/", "agi_scripts/")
    files = [
        path
        for path in tracked_files()
        if path.endswith(".py") and path.startswith(packages) and not path.startswith("ivr/menus/nodes/")
    ]
    assert "ivr/menus/transfers.py" in files
    naming = {
        path
        for path in files
        for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module in own
    }
    assert naming == set()
