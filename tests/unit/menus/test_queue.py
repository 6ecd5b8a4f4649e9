"""A queue node: how a caller waits, where he goes on whom nobody served, and which part of a queue has what he wants."""

from typing import Any

import pytest

from ivr.lines import Language, Lines
from ivr.menus.exploration import explore
from ivr.menus.going_on import standing, standing_in_words
from ivr.menus.menu_file import MenuFile
from ivr.menus.navigation import next_step, start
from ivr.menus.nodes.queue import Queue
from ivr.menus.simulation import simulate
from ivr.menus.steps import NOT_SERVED, EndCall, Play, ToQueue, WaitInLine, Wanted
from ivr.menus.waits import not_to_be_had
from ivr.menus.walker import Walker
from vocabulary.hotline_names import MOST_LINES

NODES: dict[str, dict[str, Any]] = {
    "english": {"kind": "language", "language": "en", "next": "part"},
    "part": {"kind": "queue", "queue": "heating", "longest_wait": 60, "then": "sorry"},
    "sorry": {"kind": "say", "prompts": ["hold_on"], "next": "anybody"},
    "anybody": {"kind": "queue"},
}


def menus(nodes: dict[str, dict[str, Any]] = NODES, name: str = "m") -> dict[str, MenuFile]:
    return {name: MenuFile.model_validate({"start": next(iter(nodes)), "nodes": nodes})}


def seconds(_prompt: str, _language: str | None) -> float:
    return 3.0


def waiting() -> WaitInLine:
    step = start(menus(), "m")
    assert isinstance(step, WaitInLine)
    return step


def test_a_queue_alone_ends_the_walk() -> None:
    step = start(menus({"person": {"kind": "queue", "longest_wait": 60}}), "m")
    assert type(step) is ToQueue
    assert step.wanted == Wanted(longest_wait=60)


def test_whom_nobody_served_goes_on_in_his_language() -> None:
    told = next_step(menus(), waiting(), NOT_SERVED)
    assert isinstance(told, Play)
    assert (told.place.path, told.place.language) == ("m/english/part/sorry", "en")
    end = next_step(menus(), told, None)
    assert type(end) is ToQueue
    assert end.queue is None


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("m/english/part", "m/english/part"),
        ("m/english", "m/english/part"),  # it was cut, or ends at a transfer before
        ("", "m/part"),
        ("gone/away//m/english/part", "m/english/part"),
    ],
)
def test_from_what_stands_on_his_channel_the_walk_goes_on_as_if_nobody_had_left_it(
    path: str, expected: str
) -> None:
    stands = standing(menus(), standing_in_words(waiting()), path)
    assert stands is not None
    assert stands.place.path == expected
    on, same = next_step(menus(), stands, NOT_SERVED), next_step(menus(), waiting(), NOT_SERVED)
    assert on.place.bare == same.place.bare


@pytest.mark.parametrize("told", ["", "other|part|", "m|gone|", "m|sorry|", "m|anybody|", "|||"])
def test_where_no_queue_leads_on_nobody_goes_on(told: str) -> None:
    assert standing(menus(), told, "m/english/part") is None


def test_a_menu_below_a_folder_is_found_again() -> None:
    own = menus(name="examples/m")
    step = start(own, "examples/m")
    assert isinstance(step, WaitInLine)
    stands = standing(own, standing_in_words(step), step.place.path)
    assert stands == step


def test_a_simulated_caller_is_served_unless_it_is_said_otherwise() -> None:
    walker = Walker(menus(), "m")
    served = simulate(walker, [], seconds)
    assert isinstance(served.end, WaitInLine)
    assert served.seconds == 0
    in_vain = simulate(walker, [], seconds, is_served=False)
    assert type(in_vain.end) is ToQueue
    assert in_vain.seconds == 63


def test_each_end_of_a_wait_is_a_path() -> None:
    found = explore(Walker(menus(), "m"), seconds)
    assert [(path.nodes[-1], path.pressed, path.seconds, path.reaches_a_person) for path in found.paths] == [
        ("part", (), 0.0, True),
        ("anybody", ("not served",), 63.0, True),
    ]
    assert found.longest == 63


def test_a_goodbye_may_follow_a_wait() -> None:
    nodes = {
        "person": {"kind": "queue", "longest_wait": 60, "then": "bye"},
        "bye": {"kind": "hang_up", "prompts": ["goodbye"]},
    }
    step = start(menus(nodes), "m")
    assert isinstance(step, WaitInLine)
    assert isinstance(next_step(menus(nodes), step, NOT_SERVED), EndCall)


def test_from_the_sixteenth_line_nobody_is_led_on_and_he_waits_as_long_as_the_queue_allows() -> None:
    """As the dialplan counts them, also where the walk is taken up again from each line by what stands on the channel."""
    chain = {f"q{n}": {"kind": "queue", "longest_wait": 30, "then": f"q{n + 1}"} for n in range(20)}
    own = menus({**chain, "q20": {"kind": "queue", "queue": "far"}})
    walker = Walker(own, "m")
    done = simulate(walker, [], seconds, is_served=False)
    assert (type(done.end), done.end.place.node, done.seconds) == (ToQueue, f"q{MOST_LINES}", 30 * MOST_LINES)
    assert isinstance(done.end, ToQueue)
    assert done.end.wanted == Wanted()
    step, lines = walker.start(), 1
    while isinstance(step, WaitInLine):
        stands = standing(own, standing_in_words(step), step.place.path)
        assert stands is not None
        step, lines = walker.after(stands, NOT_SERVED), lines + 1
    assert (lines, step) == (MOST_LINES + 1, done.end)
    paths = explore(walker, seconds).paths
    assert [path.nodes[-1] for path in paths] == [f"q{n}" for n in range(MOST_LINES + 1)]
    assert "From the sixteenth" in (Queue.__doc__ or "")


def test_a_line_that_is_the_last_by_itself_is_waited_in_so_long_too() -> None:
    chain = {f"q{n}": {"kind": "queue", "longest_wait": 30, "then": f"q{n + 1}"} for n in range(MOST_LINES)}
    own = menus({**chain, f"q{MOST_LINES}": {"kind": "queue", "queue": "far", "longest_wait": 40}})
    end = simulate(Walker(own, "m"), [], seconds, is_served=False).end
    assert isinstance(end, ToQueue)
    assert (end.queue, end.wanted) == ("far", Wanted())


# --- which queue ---


def lines(*queues: dict[str, Any]) -> Lines:
    return Lines.model_validate(
        {
            "site": {"name": "x", "area_code": "0355", "area6": "140400"},
            "numbers": [{"number": "12345", "label": "x", "menu": "m", "queue": "general"}],
            "trunks": [],
            "queues": [{"label": "x", **queue} for queue in queues],
        }
    )


PARTS = lines(
    {"name": "general"},
    {"name": "english", "part_of": "general", "languages": ["en"]},
    {"name": "tax", "part_of": "general", "skills": ["tax"]},
    {"name": "tax_english", "part_of": "general", "skills": ["tax"], "languages": ["en", "zh"]},
    {"name": "other", "skills": ["tax"], "languages": ["en"]},
)


@pytest.mark.parametrize(
    ("language", "skill", "chosen", "serving"),
    [
        (None, None, None, "general"),
        (None, None, "zh", "general"),
        (None, None, "en", "english"),
        ("en", None, None, "english"),
        ("zh", None, "en", "general"),
        (None, "tax", None, "tax"),
        (None, "tax", "en", "tax_english"),
        ("en", "tax", None, "tax_english"),
        (None, "sign_language", None, None),
        ("en", "sign_language", None, None),
    ],
)
def test_a_queue_itself_serves_or_the_first_part_of_it_that_has_what_is_wanted(
    language: Language | None, skill: str | None, chosen: Language | None, serving: str | None
) -> None:
    found = PARTS.serving("general", language=language, skill=skill, chosen=chosen)
    assert (found.name if found else None) == serving


def test_a_chosen_language_that_nobody_speaks_leads_nobody_away() -> None:
    alone = lines({"name": "general"}, {"name": "english", "languages": ["en"]})
    found = alone.serving("general", language=None, skill=None, chosen="en")
    assert found is not None
    assert found.name == "general"
    assert alone.serving("gone", language=None, skill=None) is None


def test_what_is_wanted_behind_a_choice_is_asked_of_the_part_that_serves_it() -> None:
    """The part lets nobody wait so long; who chose nothing stands in the whole, which does."""
    own = lines(
        {"name": "general"},
        {"name": "english", "part_of": "general", "languages": ["en"], "longest_wait_seconds": 40},
    )
    nodes = {
        "choose": {
            "kind": "menu",
            "prompts": ["greeting"],
            "keys": {"1": "english"},
            "no_key": {"then": "person"},
            "wrong_key": {"then": "person"},
        },
        "english": {"kind": "language", "language": "en", "next": "person"},
        "person": {"kind": "queue", "longest_wait": 60},
    }
    [(menu, fault)] = not_to_be_had(menus(nodes), own)
    assert (menu, fault.path) == ("m", ("nodes", "person", "longest_wait"))
    assert 'the queue "english" (40)' in fault.fault
