"""A caller is put through to somebody outside: what the node asks of the phone, and where he goes whatever comes of it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ivr.config_files.reader import read
from ivr.config_files.schema_words import validated
from ivr.menus.changed_paths import Door, compare, in_words
from ivr.menus.drawing import drawing, mermaid
from ivr.menus.exploration import explore
from ivr.menus.facts import NO_FACTS
from ivr.menus.menu_file import MenuFile
from ivr.menus.navigation import Menus, next_step, start
from ivr.menus.simulation import simulate
from ivr.menus.steps import RESULTS, EndCall, Play, Result, ToQueue, Transfer, WaitKey
from ivr.menus.transfers import branches_on_the_way, faults_behind, onward
from ivr.menus.walker import Walker

EXAMPLE = Path(__file__).parents[3] / "config" / "menus" / "examples" / "with_emergency_key.yaml"


def menu(text: str) -> MenuFile:
    made, problems = validated(MenuFile, read("menus/it.yaml", text.encode()))
    assert made is not None, problems
    return made


def shipped() -> Menus:
    return {"it": menu(EXAMPLE.read_text(encoding="utf-8"))}


def transfer_of(menus: Menus, key: str) -> Transfer:
    step = next_step(menus, _asked(menus), key)
    assert isinstance(step, Play)
    assert (step.prompts, step.keys) == (("connecting",), "")
    following = next_step(menus, step, None)
    assert isinstance(following, Transfer)
    return following


def _asked(menus: Menus) -> WaitKey:
    first = start(menus, "it")
    assert isinstance(first, Play)
    asked = next_step(menus, first, None)
    assert isinstance(asked, WaitKey)
    return asked


@pytest.mark.parametrize(
    ("result", "prompt"),
    [("busy", "busy_there"), ("no_answer", "nobody_answers_there"), ("failed", "not_reached")],
)
def test_whom_nobody_answers_hears_so_and_goes_to_the_default_queue(result: Result, prompt: str) -> None:
    menus = shipped()
    step = transfer_of(menus, "1")
    assert step.to == "police"
    told = next_step(menus, step, result)
    assert isinstance(told, Play)
    assert (told.prompts, told.keys) == ((prompt,), "")
    assert isinstance(queue := next_step(menus, told, None), ToQueue)
    assert queue.queue is None
    assert queue.place.path == "it/choose/police"


def test_when_the_other_side_hangs_up_first_he_goes_on_by_after_or_hears_goodbye() -> None:
    menus = shipped()
    assert isinstance(next_step(menus, transfer_of(menus, "1"), "answered"), ToQueue)
    dismissed = next_step(menus, transfer_of(menus, "2"), "answered")
    assert isinstance(dismissed, EndCall)
    assert dismissed.prompts == ("goodbye",)


LONG_WAY = """
start: police
nodes:
  police:
    kind: transfer
    to: police
    no_answer: {prompts: [a], then: told}
    failed: {prompts: [b], then: by_trunk}
    after: bye
  told: {kind: say, prompts: [c, d], interruptible: true, next: english}
  english: {kind: language, language: en, next: more}
  more: {kind: say, prompts: [e], next: desk}
  desk: {kind: queue, queue: heating, category: heating}
  by_trunk:
    kind: branch
    cases: [{when: {withheld: true}, then: bye}]
    else: desk
  bye: {kind: hang_up, prompts: [f]}
"""


def test_all_that_follows_is_known_before_anybody_is_dialled() -> None:
    menus = {"it": menu(LONG_WAY)}
    step = start(menus, "it")
    assert isinstance(step, Transfer)
    ways = {result: onward(menus, step, result, NO_FACTS) for result in RESULTS}
    heard = {
        result: [(prompt, one.place.language) for one in way.heard for prompt in one.prompts]
        for result, way in ways.items()
    }
    after_ringing = [("a", None), ("c", None), ("d", None), ("e", "en")]
    assert heard == {
        "answered": [("f", None)],
        "busy": after_ringing,  # left out: as no_answer
        "no_answer": after_ringing,
        "failed": [("b", None)],
    }
    ends = {result: getattr(way.end, "queue", "hangs up") for result, way in ways.items()}
    assert ends == {"answered": "hangs up", "busy": "heating", "no_answer": "heating", "failed": "heating"}


def test_what_can_never_follow_is_the_default_queue_all_the_same() -> None:
    """The checker lets no such menu through; were one in force, he would still reach a person."""
    there = LONG_WAY.replace("next: more", "next: ask").replace(
        "  more:",
        "  ask: {kind: menu, prompts: [g], keys: {1: desk}, no_key: {then: ask}, wrong_key: {then: ask}}\n  more:",
    )
    menus = {"it": menu(there)}
    step = start(menus, "it")
    assert isinstance(step, Transfer)
    assert onward(menus, step, "no_answer", NO_FACTS).end == ToQueue(step.place, None)
    (fault,) = faults_behind(menus["it"])
    assert fault.path == ("nodes", "police", "no_answer", "then")
    assert '"ask" of kind menu' in fault.fault


def test_only_a_branch_between_the_key_and_an_emergency_number_is_warned_of() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    before_the_menu = text.replace(
        "start: choose\n\nnodes:",
        "start: hours\n\nnodes:\n  hours: {kind: branch, cases: [{when: {withheld: true}, then: person}], else: choose}",
    )
    assert list(branches_on_the_way(menu(before_the_menu), frozenset({"police"}))) == []
    on_the_way = before_the_menu.replace("else: choose", "else: told").replace(
        "  hours:", "  told: {kind: say, prompts: [connecting], next: police}\n  hours:"
    )
    (warning,) = branches_on_the_way(menu(on_the_way), frozenset({"police"}))
    assert (warning.path, warning.severity) == (("nodes", "hours"), "warning")
    assert list(branches_on_the_way(menu(on_the_way), frozenset({"water_company"}))) == []


def seconds(_prompt: str, _language: str | None) -> float:
    return 2.0


def test_it_is_simulated_with_whatever_is_supposed_to_come_of_it() -> None:
    walker = Walker(shipped(), "it")
    talked = simulate(walker, ["2"], seconds)
    assert [(type(met.step).__name__, met.key) for met in talked.met[-2:]] == [
        ("Transfer", "answered"),
        ("EndCall", None),
    ]
    busy = simulate(walker, ["2"], seconds, transfer="busy")
    assert isinstance(busy.end, ToQueue)
    assert busy.seconds == 8.0  # greeting, list, connecting, busy: ringing elsewhere is no time in the menu


def test_every_path_is_told_and_the_police_are_a_person() -> None:
    found = explore(Walker(shipped(), "it"), seconds)
    to_the_fire_brigade = [
        path for path in found.paths if path.nodes[-1] == "fire" and path.pressed[0] == "2"
    ]
    paths = {(path.pressed, type(path.end).__name__) for path in to_the_fire_brigade}
    assert paths == {
        (("2",), "Transfer"),
        (("2", "answered"), "EndCall"),
        (("2", "busy"), "ToQueue"),
        (("2", "no answer"), "ToQueue"),
        (("2", "failed"), "ToQueue"),
    }
    assert all(path.reaches_a_person for path in found.paths if isinstance(path.end, Transfer))
    assert found.is_whole


def test_it_is_drawn_with_its_ways() -> None:
    drawn = drawing(menu(LONG_WAY))
    ways = {(way.end, way.by) for way in drawn.ways if way.start == "police"}
    assert ways == {("told", "no_answer"), ("by_trunk", "failed"), ("bye", "after")}
    assert drawn.nodes[0].reaches_a_person
    assert "transfer<br/>police a b" in mermaid(drawn)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            ("to: police", "to: fire"),
            'when answered: is put through to "fire"; before: is put through to "police"',
        ),
        (
            ("category: heating}", "category: water}"),
            'transfer busy: hears a, c, d, e in en, then queue "heating", category "water"; '
            'before: hears a, c, d, e in en, then queue "heating", category "heating"',
        ),
    ],
)
def test_a_difference_behind_it_is_told_by_what_came_of_it(change: tuple[str, str], told: str) -> None:
    before, after = menu(LONG_WAY), menu(LONG_WAY.replace(*change))
    found = compare(Door({"it": before}, "it", "general"), Door({"it": after}, "it", "general"))
    assert told in [in_words(one) for one in found.changed]


def test_a_place_that_is_told_of_a_transfer_forgets_it_at_the_next_node() -> None:
    place: Any = transfer_of(shipped(), "1").place
    assert replace(place, came_of_it="busy").entered("person").came_of_it == ""
