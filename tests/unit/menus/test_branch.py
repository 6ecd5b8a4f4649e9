"""A branch goes by what is known, and by `else` where nothing is."""

import math
from typing import Any

import pytest
from pydantic import ValidationError
from support.known_facts import KnownFacts

from ivr.menus.facts import NO_FACTS, Facts
from ivr.menus.menu_file import MenuFile
from ivr.menus.navigation import next_step, start
from ivr.menus.steps import Play, ToQueue

BUSY = {"queue": "heating", "at_least": 20}
WAIT = {"at_least_seconds": 300}
FEW = {"queue": "heating", "fewer_than": 1}
TRUNK = {"name": "HOTLINE_TRUNK", "one_of": ["a", "b"]}


def menu(*cases: dict[str, Any]) -> MenuFile:
    """Case n leads to the queue n1, n2...; else to the queue of the number called."""
    nodes: dict[str, Any] = {
        f"n{i}": {"kind": "queue", "queue": f"q{i}"} for i, _ in enumerate(cases, start=1)
    }
    written = [{"when": when, "then": f"n{i}"} for i, when in enumerate(cases, start=1)]
    nodes |= {"b": {"kind": "branch", "cases": written, "else": "e"}, "e": {"kind": "queue"}}
    return MenuFile.model_validate({"start": "b", "nodes": nodes})


def led_to(facts: Facts, *cases: dict[str, Any]) -> str | None:
    step = start({"m": menu(*cases)}, "m", facts)
    assert isinstance(step, ToQueue)
    return step.queue


@pytest.mark.parametrize(
    ("when", "facts", "fits"),
    [
        ({"hours": "office"}, KnownFacts(open=["office"]), True),
        ({"hours": "office"}, KnownFacts(open=[]), False),
        ({"holiday": True}, KnownFacts(holiday=True), True),
        ({"holiday": False}, KnownFacts(holiday=True), False),
        ({"holiday": False}, KnownFacts(holiday=False), True),
        ({"withheld": True}, KnownFacts(withheld=True), True),
        ({"withheld": True}, KnownFacts(withheld=False), False),
        ({"caller_on": "nuisance"}, KnownFacts(lists=["nuisance"]), True),
        ({"caller_on": "nuisance"}, KnownFacts(lists=["enterprises"]), False),
        ({"caller_on": "nuisance", "hours": "office"}, KnownFacts(lists=["nuisance"], open=[]), False),
        ({"repeat_caller": True}, KnownFacts(repeat=True), True),
        ({"repeat_caller": False}, KnownFacts(repeat=True), False),
        ({"waiting": BUSY}, KnownFacts(waiting={"heating": 20}), True),
        ({"waiting": BUSY}, KnownFacts(waiting={"heating": 19, None: 99}), False),
        ({"agents_ready": FEW}, KnownFacts(ready={"heating": 0}), True),
        ({"agents_ready": FEW}, KnownFacts(ready={"heating": 1}), False),
        ({"estimated_wait": WAIT}, KnownFacts(wait={None: 300.0}), True),
        ({"estimated_wait": WAIT}, KnownFacts(wait={None: math.inf}), True),
        ({"estimated_wait": WAIT}, KnownFacts(wait={None: 299.9}), False),
        ({"value": TRUNK}, KnownFacts(values={"HOTLINE_TRUNK": "b"}), True),
        ({"value": TRUNK}, KnownFacts(values={"HOTLINE_TRUNK": "c"}), False),
        ({"hours": "office", "withheld": True}, KnownFacts(open=["office"], withheld=False), False),
        ({"waiting": BUSY, "agents_ready": FEW}, KnownFacts(waiting={"heating": 30}), False),
    ],
)
def test_a_case_fits_or_not(when: dict[str, Any], facts: KnownFacts, fits: bool) -> None:
    assert led_to(facts, when) == ("q1" if fits else None)
    assert led_to(NO_FACTS, when) is None  # what is not known fits nothing, asked either way


def test_the_first_case_that_fits_is_taken_and_nothing_asked_behind_it() -> None:
    facts = KnownFacts(open=["office"], withheld=True, repeat=True)
    assert led_to(facts, {"hours": "late"}, {"withheld": True}, {"repeat_caller": True}) == "q2"
    assert facts.asked == ["hours", "withheld"]


def test_the_list_that_led_is_that_of_the_case_that_was_taken() -> None:
    nodes = menu({"hours": "late", "caller_on": "nuisance"}, {"caller_on": "enterprises"}, {"withheld": True})
    place = start({"m": nodes}, "m").place
    for facts, led in (
        (KnownFacts(lists=["nuisance", "enterprises"], open=["late"]), "nuisance"),
        (KnownFacts(lists=["nuisance", "enterprises"], open=[]), "enterprises"),
        (KnownFacts(lists=["nuisance"], open=[], withheld=True), None),
        (NO_FACTS, None),
    ):
        assert nodes.nodes["b"].list_that_led(facts, place) == led
    assert nodes.nodes["e"].list_that_led(KnownFacts(lists=["nuisance"]), place) is None


def test_a_case_asks_the_database_last_and_only_if_the_rest_fits() -> None:
    facts = KnownFacts(withheld=False, repeat=True)
    assert led_to(facts, {"repeat_caller": True, "withheld": True}) is None
    assert facts.asked == ["withheld"]


def test_a_key_pressed_before_a_branch_counts_behind_it() -> None:
    keys = {
        "kind": "menu",
        "prompts": ["x"],
        "keys": {"1": "q"},
        "no_key": {"then": "e"},
        "wrong_key": {"then": "e"},
    }
    nodes = {
        "s": {"kind": "say", "prompts": ["x"], "interruptible": True, "next": "b"},
        "b": {"kind": "branch", "cases": [{"when": {"hours": "office"}, "then": "k"}], "else": "e"},
        "k": keys,
        "q": {"kind": "queue", "queue": "chosen"},
        "e": {"kind": "queue"},
    }
    menus = {"m": MenuFile.model_validate({"start": "s", "nodes": nodes})}
    said = start(menus, "m")
    assert isinstance(said, Play)
    chosen = next_step(menus, said, "1", KnownFacts(open=["office"]))
    assert isinstance(chosen, ToQueue)
    assert (chosen.queue, chosen.place.path) == ("chosen", "m/s/b/k/q")
    closed = next_step(menus, said, "1", KnownFacts(open=[]))
    assert closed.place.path == "m/s/b/e"


def test_a_case_that_asks_nothing_is_refused() -> None:
    with pytest.raises(ValidationError, match="asks nothing"):
        menu({})
    with pytest.raises(ValidationError, match="cannot stand here"):
        menu({"value": {"name": "SHELL(id)", "one_of": ["0"]}})
