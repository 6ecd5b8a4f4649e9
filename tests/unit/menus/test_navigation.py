"""Walks through menus, key by key, without a phone."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.config_files.reader import read
from ivr.config_files.schema_words import validated
from ivr.menus.graph import faults
from ivr.menus.menu_file import MenuFile
from ivr.menus.navigation import LONGEST_WALK, next_step, start
from ivr.menus.steps import ALL_KEYS, EndCall, Play, ToQueue, WaitKey

EXAMPLE = Path(__file__).parents[3] / "config" / "menus" / "examples" / "with_keys.yaml"


def menu_of(text):
    menu, problems = validated(MenuFile, read("menus/x.yaml", text.encode()))
    assert problems == []
    return menu


@pytest.fixture
def example():
    return menu_of(EXAMPLE.read_text("utf-8"))


def walk(menu, *heard):
    """Carries out the steps; each of `heard` answers one that listens. The last step, and what was played."""
    step, played, answers = start({"x": menu}, "x"), [], list(heard)
    while isinstance(step, Play | WaitKey):
        if isinstance(step, Play):
            played += step.prompts
        key = answers.pop(0) if step_listens(step) and answers else None
        step = next_step({"x": menu}, step, key)
    assert answers == []
    return step, played


def step_listens(step):
    return isinstance(step, WaitKey) or step.keys != ""


def ends(step):
    return step.queue, step.category, step.place.path


def test_a_key_during_the_greeting_chooses(example):
    step, played = walk(example, "2")
    assert ends(step) == ("heating", "heating", "x/choose/heating")
    assert played == ["greeting", "choose_matter"]


def test_a_key_after_the_greeting_chooses(example):
    step, _ = walk(example, None, "1")
    assert ends(step) == ("enterprise", "enterprise", "x/choose/enterprise")


def test_zero_is_a_person(example):
    assert ends(walk(example, "0")[0]) == (None, None, "x/choose/person")


def test_no_key_leads_to_a_person(example):
    step, played = walk(example, None, None)
    assert ends(step) == (None, None, "x/choose/person")
    assert played == ["greeting", "choose_matter"]


def test_it_waits_as_long_as_the_file_says(example):
    step = next_step({"x": example}, start({"x": example}, "x"), None)
    assert isinstance(step, WaitKey)
    assert step.seconds == 5


def test_a_wrong_key_is_told_once_then_a_person(example):
    step, played = walk(example, "9", "#")
    assert ends(step) == (None, None, "x/choose/person")
    assert played == ["greeting", "choose_matter", "wrong_key", "greeting", "choose_matter"]


def test_a_right_key_after_a_wrong_one_still_chooses(example):
    assert ends(walk(example, None, "*", "2")[0])[0] == "heating"


def test_a_wrong_key_then_silence_is_a_person(example):
    assert ends(walk(example, "9", None, None)[0])[0] is None


SAY_THEN_MENU = """
start: welcome
nodes:
  welcome: {kind: say, prompts: [greeting], interruptible: true, next: choose}
  choose:
    kind: menu
    prompts: [choose_matter]
    keys: {1: heating, "*": choose, 3: bye}
    no_key: {replays: 2, then: heating}
    wrong_key: {then: heating}
  heating: {kind: queue, queue: heating}
  bye: {kind: hang_up, prompts: [goodbye]}
"""


def test_a_key_during_an_announcement_counts_in_the_menu_behind_it():
    step, played = walk(menu_of(SAY_THEN_MENU), "1")
    assert step.queue == "heating"
    assert step.place.path == "x/welcome/choose/heating"
    assert played == ["greeting"]


def test_an_announcement_that_must_be_heard_takes_no_key():
    menu = menu_of(SAY_THEN_MENU.replace("interruptible: true", "interruptible: false"))
    assert start({"x": menu}, "x").keys == ""
    assert walk(menu, "1")[1] == ["greeting", "choose_matter"]


@pytest.mark.parametrize("is_interruptible", [True, False])
def test_a_key_is_kept_through_a_further_announcement(is_interruptible):
    """Words that may be interrupted are skipped by it, all others are heard."""
    further = (
        f"{{kind: say, prompts: [notice], interruptible: {str(is_interruptible).lower()}, next: choose}}"
    )
    menu = menu_of(
        SAY_THEN_MENU.replace("true, next: choose", "true, next: more").replace(
            "  choose:\n", f"  more: {further}\n  choose:\n"
        )
    )
    step, played = walk(menu, "3")
    assert isinstance(step, EndCall)
    assert played == ["greeting"] + ["notice"] * (not is_interruptible)
    assert step.place.pressed == ""
    assert walk(menu)[1].count("choose_matter") == 3, "without a key it is as it was"


def test_silence_replays_as_often_as_the_file_says():
    step, played = walk(menu_of(SAY_THEN_MENU), None, None, None, None, None, None, None)
    assert step.queue == "heating"
    assert played.count("choose_matter") == 3


def test_a_key_may_lead_back_and_end_the_call():
    step, _ = walk(menu_of(SAY_THEN_MENU), None, "*", "3")
    assert isinstance(step, EndCall)
    assert step.prompts == ("goodbye",)


def test_a_caller_who_only_goes_back_reaches_a_person_in_the_end():
    menu = menu_of(SAY_THEN_MENU)
    step, count = start({"x": menu}, "x"), 0
    while isinstance(step, Play | WaitKey):
        step = next_step({"x": menu}, step, "*")
        count += 1
    assert isinstance(step, ToQueue)
    assert step.queue is None
    assert count <= LONGEST_WALK


NAMES = st.sampled_from([f"n{i}" for i in range(6)])
SAY = st.builds(
    lambda following, barge: {"kind": "say", "prompts": ["a"], "interruptible": barge, "next": following},
    NAMES,
    st.booleans(),
)
MENU = st.builds(
    lambda keys, silent, wrong, times: {
        "kind": "menu",
        "prompts": ["a"],
        "keys": keys,
        "no_key": {"then": silent, "replays": times},
        "wrong_key": {"then": wrong, "replays": times},
    },
    st.dictionaries(st.sampled_from(ALL_KEYS), NAMES, min_size=1),
    NAMES,
    NAMES,
    st.integers(0, 5),
)
END = st.sampled_from([{"kind": "queue"}, {"kind": "queue", "queue": "heating"}, {"kind": "hang_up"}])
MENUS = st.fixed_dictionaries({f"n{i}": st.one_of(SAY, MENU, END) for i in range(6)})


@settings(max_examples=300, deadline=None)
@given(nodes=MENUS, keys=st.lists(st.one_of(st.none(), st.sampled_from(ALL_KEYS)), max_size=400))
def test_every_walk_ends(nodes, keys):
    menu = MenuFile.model_validate({"start": "n0", "nodes": nodes})
    step, steps, answers = start({"x": menu}, "x"), 0, iter(keys)
    while isinstance(step, Play | WaitKey):
        step = next_step({"x": menu}, step, next(answers, None) if step_listens(step) else None)
        steps += 1
        assert steps <= LONGEST_WALK * 14
    if not any(f.severity == "error" for f in faults(menu)):
        assert len(walk(menu)[0].place.nodes_walked) <= len(nodes)
