"""A message left in a menu: recorded, heard again, said anew, kept; too short, or not to be recorded at all."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ivr.menus.changed_paths import Door, compare, in_words
from ivr.menus.menu_file import MenuFile
from ivr.menus.moments import moments, soonest
from ivr.menus.navigation import next_step, start
from ivr.menus.simulation import simulate
from ivr.menus.steps import (
    ALL_KEYS,
    NOT_RECORDED,
    RECORDED,
    TOO_SHORT,
    EndCall,
    Play,
    PlayRecorded,
    Record,
    Step,
    ToQueue,
)
from ivr.menus.walker import Walker

LISTEN = {"prompts": ["again"], "again_key": "1", "anew_key": "2", "keep_key": "#"}
ANSWERS = {"r": RECORDED, "s": TOO_SHORT, "x": NOT_RECORDED}


def menu(**more: Any) -> MenuFile:
    message = {
        "kind": "voicemail",
        "prompts": ["speak"],
        "end_key": "#",
        "keys": {"0": "person"},
        "listen_again": LISTEN,
        "then": "bye",
        "too_short": {"replays": 1, "prompts": ["nothing"], "then": "person"},
        "failed": {"prompts": ["sorry"], "then": "other"},
    }
    nodes = {
        "message": {name: value for name, value in (message | more).items() if value is not None},
        "bye": {"kind": "hang_up", "prompts": ["thanks"]},
        "person": {"kind": "queue"},
        "other": {"kind": "queue", "queue": "other"},
    }
    return MenuFile.model_validate({"start": "message", "nodes": nodes})


def walk(made: MenuFile, answers: str) -> tuple[Step, list[str]]:
    """Each character is a key, `.` a step let pass, or what comes of a recording: r, s (too short), x (not possible). Behind
    them: nothing is pressed, and each recording is good. What is recorded and played to him stands among the prompts."""
    menus, met, left = {"m": made}, list[str](), list(answers)
    step = start(menus, "m")
    for _ in range(200):
        match step:
            case EndCall():
                return step, [*met, *step.prompts]
            case ToQueue():
                return step, met
            case Record():
                met.append("(records)")
                is_said = bool(left) and left[0] in ANSWERS
                step = next_step(menus, step, ANSWERS[left.pop(0)] if is_said else RECORDED)
                continue
            case Play():
                met += step.prompts
            case PlayRecorded():
                met.append("(message)")
        key = left.pop(0) if left and left[0] not in ANSWERS else "."
        may_be_heard = key != "." and key in getattr(step, "keys", ALL_KEYS)
        step = next_step(menus, step, key if may_be_heard else None)
    raise AssertionError("the walk does not end")


@pytest.mark.parametrize(
    ("answers", "met"),
    [
        ("", ["speak", "(records)", "again", "thanks"]),  # presses nothing: it is kept
        (".r#", ["speak", "(records)", "again", "thanks"]),
        ("#r..", ["speak", "(records)", "again", "thanks"]),  # cuts the prompt short
        (".r1..", ["speak", "(records)", "again", "(message)", "again", "thanks"]),
        (".r.1#", ["speak", "(records)", "again", "(message)", "thanks"]),
        (".r12r#", ["speak", "(records)", "again", "(message)", "(records)", "again", "thanks"]),
        (".r2r1#", ["speak", "(records)", "again", "(records)", "again", "(message)", "thanks"]),
        (".r7#", ["speak", "(records)", "again", "again", "thanks"]),
        # what he said before counts when the new one is too short
        (".r2s#", ["speak", "(records)", "again", "(records)", "nothing", "again", "thanks"]),
        (".s.r", ["speak", "(records)", "nothing", "speak", "(records)", "again", "thanks"]),
    ],
)
def test_a_message_is_left(answers: str, met: list[str]) -> None:
    step, heard = walk(menu(), answers)
    assert isinstance(step, EndCall)
    assert heard == met


def test_without_listening_again_the_message_is_kept_as_it_is() -> None:
    assert walk(menu(listen_again=None), ".r")[1] == ["speak", "(records)", "thanks"]


def test_who_says_nothing_again_and_again_goes_on_as_the_file_says() -> None:
    step, met = walk(menu(), ".s.s")
    assert (step.place.node, met) == ("person", ["speak", "(records)", "nothing", "speak", "(records)"])


def test_a_key_before_the_tone_leads_away() -> None:
    step, met = walk(menu(), "0")
    assert (step.place.node, met) == ("person", ["speak"])


@pytest.mark.parametrize("answers", [".x", ".r2x"])
def test_where_nothing_can_be_recorded_he_is_told_so_and_led_on(answers: str) -> None:
    step, met = walk(menu(), answers)
    assert isinstance(step, ToQueue)
    assert (step.queue, met[-1]) == ("other", "sorry")
    step, met = walk(menu(failed=None), answers)
    assert isinstance(step, ToQueue)
    assert (step.queue, met[-1]) == (None, "technical_fault")  # the default queue of the number called


@given(answers=st.text(alphabet=ALL_KEYS + ".rsx", max_size=150))
def test_whatever_is_pressed_and_said_it_ends(answers: str) -> None:
    step, met = walk(menu(), answers)
    assert step.place.node in ("bye", "person", "other")
    assert met.count("(records)") <= 8


def test_a_fault_of_ours_is_no_way_to_a_person() -> None:
    walker = Walker({"m": menu(keys={}, too_short={"then": "bye"})}, "m")
    known = moments(walker)
    assert known.is_whole
    assert soonest(known, lambda *_: 1.0).get(known.first) is None


@pytest.mark.parametrize(
    ("keys", "speaks", "end", "seconds"),
    [
        ([None], 10, "bye", 1 + 10 + 5 + 1 + 5 + 1),  # silence ends it, then nothing is pressed
        (["#", "#"], 10, "bye", 1 + 10 + 1 + 0 + 1),
        (["5", "#"], 10, "bye", 1 + 15 + 1 + 0 + 1),  # spoken over
        (["#", "1"], 10, "bye", 1 + 10 + 1 + 0 + 10 + 1 + 5 + 1),  # hears it
        ([], 500, "bye", 1 + 120 + 1 + 5 + 1),
        ([], 2, "person", 2 * (1 + 7) + 1),
        ([], 0, "person", 2 * (1 + 5) + 1),
    ],
)
def test_the_simulation_supposes_so_many_seconds(
    keys: list[str | None], speaks: int, end: str, seconds: float
) -> None:
    done = simulate(Walker({"m": menu()}, "m"), keys, lambda *_: 1.0, speaks=speaks)
    assert (done.end.place.node, done.seconds) == (end, seconds)
    said = next(met for met in done.met if isinstance(met.step, Record))
    assert said.spoken == min(speaks, 120)


@pytest.mark.parametrize(
    "more",
    [
        {"longest_seconds": 10, "shortest_seconds": 10},
        {"longest_seconds": 10, "silence_seconds": 10},
        {"longest_seconds": 5},
        {"shortest_seconds": 1},
        {"keys": {"#": "person"}},
        {"listen_again": LISTEN | {"anew_key": "1"}},
    ],
)
def test_what_cannot_be_meant_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        menu(**more)


def test_a_difference_in_it_is_told_before_and_behind_the_message() -> None:
    def told(after: MenuFile) -> list[str]:
        doors = (Door({"m": one}, "m", "general") for one in (menu(), after))
        return [in_words(one) for one in compare(*doors).changed]

    longer = "has 3 to 60 s for a message at message, ended by 5 s of silence or key #"
    before = "has 3 to 120 s for a message at message, ended by 5 s of silence or key #"
    assert f"when answered: hears speak, then {longer}; before: hears speak, then {before}" in told(
        menu(longest_seconds=60)
    )
    other = menu(too_short={"replays": 0, "prompts": ["nothing"], "then": "other"})
    assert any(one.startswith("a message that is too short: ") for one in told(other))
    assert 'key 0: queue "other"; before: queue "general"' in told(menu(keys={"0": "other"}))
    kept = menu(listen_again={**LISTEN, "again_key": "7"})
    assert any("hears his own message, again" in one for one in told(kept))
