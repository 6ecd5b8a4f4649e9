"""A menu in two files that branches by the queue, the trunk, the caller and a number that he types, on real calls."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from support.running_hotline import RunningHotline
from support.story_line import Line
from support.waiting import wait_for


@pytest.fixture
def two_files(hotline: RunningHotline, line: Line) -> Iterator[Line]:
    """The line's second number leads through menus/story.yaml into menus/story_number.yaml."""
    config = hotline.settings.config_dir
    numbers = config / "hotline.yaml"
    good = numbers.read_text(encoding="utf-8")
    files = {"story": _first_file(line.queue), "story_number": _second_file()}
    paths = [config / "menus" / f"{name}.yaml" for name in files]
    for path, written in zip(paths, files.values(), strict=True):
        path.write_text(yaml.safe_dump(written, allow_unicode=True), encoding="utf-8")

    def lead_there(found: dict[str, Any]) -> None:
        next(one for one in found["numbers"] if one["number"] == line.keys_number)["menu"] = "story"

    hotline.change("hotline.yaml", lead_there)
    try:
        _reload(hotline)
        yield line
    finally:
        numbers.write_text(good, encoding="utf-8")
        for path in paths:
            path.unlink()
        _reload(hotline)


def _first_file(queue: str) -> dict[str, Any]:
    cases = [
        {"when": {"agents_ready": {"queue": queue, "fewer_than": 1}}, "then": "nobody"},
        {"when": {"waiting": {"queue": queue, "at_least": 1}}, "then": "nobody"},
        {"when": {"estimated_wait": {"queue": queue, "at_least_seconds": 1}}, "then": "nobody"},
        {"when": {"value": {"name": "HOTLINE_TRUNK", "one_of": ["test-loopback"]}}, "then": "on"},
    ]
    nodes = {
        "ready": {"kind": "branch", "cases": cases, "else": "nobody"},
        "on": {"kind": "goto", "menu": "story_number"},
        "nobody": {"kind": "queue", "category": "water"},
    }
    return {"start": "ready", "nodes": nodes}


def _second_file() -> dict[str, Any]:
    typed_again = {"value": {"name": "HOTLINE_INPUT_STORY", "one_of": ["2"]}, "repeat_caller": True}
    nodes = {
        "number": {
            "kind": "collect",
            "prompts": ["choose_matter"],
            "length": {"at_least": 1, "at_most": 3},
            "wait_seconds": 1,
            "keep": "HOTLINE_INPUT_STORY",
            "then": "whose",
            "failed": {"replays": 0, "then": "person"},
        },
        "whose": {"kind": "branch", "cases": [{"when": typed_again, "then": "heating"}], "else": "person"},
        "heating": {"kind": "queue", "category": "heating"},
        "person": {"kind": "queue"},
    }
    return {"start": "number", "nodes": nodes}


def _reload(hotline: RunningHotline) -> None:
    done = hotline.type("reload")
    assert done.returncode == 0, done.stderr


def _is_ready(line: Line) -> bool:
    return "Return Value: Success (0)\nResult: 1" in line.hotline.ask(
        f"dialplan eval function QUEUE_MEMBER(q-{line.queue},ready)"
    )


def _looks_in_vain(hotline: RunningHotline) -> list[str]:
    """A machine that stands still for 2 s leads him by `else`, as it should: then the story says so."""
    return [row for row in hotline.server_log.splitlines() if "menus do without the database" in row]


def test_a_caller_is_led_by_what_is_known_and_by_what_he_types(
    hotline: RunningHotline, two_files: Line
) -> None:
    line, citizen = two_files, hotline.new_citizen()
    assert line.call(citizen, stay=1).wait(60) == 0  # in the greeting: the next call is a repeat call,
    line.ended(citizen)
    assert line.callbacks(citizen) == [], "and he is owed nothing that would ring the agent"

    agent = line.agent(talk=2)
    wait_for(lambda: _is_ready(line))
    call = line.call(citizen, called=line.keys_number, key="2", stay=60)
    wait_for(
        lambda: line.in_menu(citizen).startswith("story/ready/on//story_number/number"),
        why=lambda: f"{line.in_menu(citizen)!r} {call.errors} {_looks_in_vain(hotline)}",
    )
    assert call.press().wait(60) == 0, call.errors
    second = line.ended(citizen, calls=2)[-1]
    assert second["menu_path"] == "story/ready/on//story_number/number/whose/heating"
    assert second["outcome"] == "answered"
    assert wait_for(lambda: line.tickets_of(second["call_id"]))[0]["category_code"] == "heating"
    assert "HOTLINE_INPUT_STORY" not in hotline.server_log

    wait_for(lambda: _is_ready(line))  # wrapped up
    assert line.call(citizen, called=line.keys_number, stay=60).wait(60) == 0  # types nothing
    third = line.ended(citizen, calls=3)[-1]
    assert third["menu_path"] == "story/ready/on//story_number/number/person"

    assert hotline.post(f"/api/agents/{agent}/sign-out")["is_in_effect"]
    assert line.call(citizen, called=line.keys_number, stay=60).wait(80) == 0
    fourth = line.ended(citizen, calls=4)[-1]
    assert fourth["menu_path"] == "story/ready/nobody", "no agent is there"
