"""按键走菜单：RFC 2833 与 SIP INFO；按错三次仍到人工；每种节点都走到；数据库停三十秒，正在听菜单的诉求人照样到人工。"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.running_hotline import RunningHotline, a_running_hotline, short_words
from support.sipp import Sipp
from support.story_line import Line
from support.waiting import wait_for

from ivr.menus.nodes import NODE_TYPE_OF

CHOICE = {
    "no_key": {"then": "silent"},
    "wrong_key": {"replays": 2, "prompts": ["wrong_key"], "then": "person"},
}
DIGITS = [f"digit_{n}" for n in range(10)]
NODES: dict[str, dict[str, Any]] = {
    "hello": {"kind": "say", "prompts": ["greeting"], "interruptible": True, "next": "choose"},
    "choose": {
        "kind": "menu",
        "prompts": ["choose_matter"],
        "wait_seconds": 10,
        "keys": {"1": "number", "2": "bye", "4": "english"},
        **CHOICE,
    },
    "number": {
        "kind": "collect",
        "prompts": ["enter_meter_number"],
        "length": {"at_least": 2, "at_most": 2},
        "wait_seconds": 10,
        "keep": "HOTLINE_INPUT_METER",
        "read_back": {
            "before": ["you_entered"],
            "digits": DIGITS,
            "after": ["right_or_again"],
            "right_key": "1",
        },
        "then": "whose",
        "failed": {"replays": 1, "prompts": ["wrong_number"], "then": "person"},
    },
    "whose": {
        "kind": "branch",
        "cases": [{"when": {"value": {"name": "HOTLINE_INPUT_METER", "one_of": ["67"]}}, "then": "heating"}],
        "else": "person",
    },
    "english": {"kind": "language", "language": "en", "next": "on"},
    "on": {"kind": "goto", "menu": "story_other"},
    "heating": {"kind": "queue", "category": "heating"},
    "bye": {"kind": "hang_up", "prompts": ["goodbye"]},
    "silent": {"kind": "queue"},
    "person": {"kind": "queue"},
}
OTHER: dict[str, dict[str, Any]] = {
    "again": {
        "kind": "menu",
        "prompts": ["choose_matter"],
        "wait_seconds": 10,
        "keys": {"3": "water"},
        **CHOICE,
    },
    "water": {"kind": "queue", "category": "water"},
    "silent": {"kind": "queue"},
    "person": {"kind": "queue"},
}


@pytest.fixture(scope="module")
def hotline() -> Iterator[RunningHotline]:
    """Its own, since its database is taken away."""
    yield from a_running_hotline(changes={"prompts.yaml": _in_english_too})


def _in_english_too(found: dict[str, Any]) -> None:
    list(short_words(found))
    for name in ("choose_matter", "wrong_key"):
        found["prompts"][name]["en"] = "Yes."


@pytest.fixture
def walked(hotline: RunningHotline, line: Line) -> Iterator[Line]:
    """The line's second number leads through menus/story.yaml, with an agent behind it."""
    config = hotline.settings.config_dir
    good = (config / "hotline.yaml").read_text(encoding="utf-8")
    files = {"story": ("hello", NODES), "story_other": ("again", OTHER)}
    for name, (start, nodes) in files.items():
        written = yaml.safe_dump({"start": start, "nodes": nodes}, allow_unicode=True)
        (config / "menus" / f"{name}.yaml").write_text(written, encoding="utf-8")

    def lead_there(found: dict[str, Any]) -> None:
        next(one for one in found["numbers"] if one["number"] == line.keys_number)["menu"] = "story"

    hotline.change("hotline.yaml", lead_there)
    try:
        _reload(hotline)
        line.agent(talk=1)
        yield line
    finally:
        (config / "hotline.yaml").write_text(good, encoding="utf-8")
        for name in files:
            (config / "menus" / f"{name}.yaml").unlink()
        _reload(hotline)


def _reload(hotline: RunningHotline) -> None:
    done = hotline.type("reload")
    assert done.returncode == 0, done.stderr


def _calls(line: Line, keys: str, *, by_info: bool = False) -> tuple[str, Sipp]:
    citizen = line.hotline.new_citizen()
    return citizen, line.call(citizen, called=line.keys_number, key=keys, by_info=by_info, stay=120)


def _came_to(line: Line, citizen: str, path: str, seconds: float = 30) -> None:
    wait_for(lambda: line.in_menu(citizen).split("|")[0] == path, seconds, f"{path}: {line.in_menu(citizen)}")


@pytest.mark.parametrize("by_info", [False, True], ids=["rfc2833", "sip_info"])
def test_wrong_three_times_and_still_a_person(walked: Line, by_info: bool) -> None:
    citizen, call = _calls(walked, "789", by_info=by_info)
    _came_to(walked, citizen, "story/hello")
    # 7 ends the greeting and is wrong in the menu; 8 and 9 are wrong during what is said of that
    for _ in range(3):
        call.press()
        time_to_be_heard(walked, citizen)
    (record,) = walked.ended(citizen, seconds=60)
    assert (record["outcome"], record["menu_path"]) == ("answered", "story/hello/choose/person"), call.errors
    assert call.wait(20) == 0, call.errors


def time_to_be_heard(line: Line, citizen: str) -> None:
    """A key lasts 0.2 s; one that comes while another still sounds would be the same key to Asterisk."""
    until = time.monotonic() + 1.5
    wait_for(lambda: time.monotonic() > until or line.standing(), 5)


@pytest.mark.parametrize(
    ("keys", "path", "category"),
    [
        ("1671", "story/hello/choose/number/whose/heating", "heating"),
        ("1681", "story/hello/choose/number/whose/person", None),
        ("43", "story/hello/choose/english/on//story_other/again/water", "water"),
    ],
)
@pytest.mark.parametrize("by_info", [False, True], ids=["rfc2833", "sip_info"])
def test_keys_lead_through_nodes_of_every_kind(
    walked: Line, keys: str, path: str, category: str | None, by_info: bool
) -> None:
    citizen, call = _calls(walked, keys, by_info=by_info)
    _came_to(walked, citizen, "story/hello")
    for _ in keys:
        call.press()
        time_to_be_heard(walked, citizen)
    (record,) = walked.ended(citizen, seconds=60)
    assert (record["outcome"], record["menu_path"]) == ("answered", path)
    (ticket,) = wait_for(lambda: walked.tickets_of(record["call_id"]))
    assert ticket["category_code"] == category


def test_a_goodbye_ends_the_call(walked: Line) -> None:
    citizen, call = _calls(walked, "2")
    _came_to(walked, citizen, "story/hello")
    call.press()
    assert call.wait(30) == 0, "hung up by the other side"
    (record,) = walked.ended(citizen)
    assert record["menu_path"] == "story/hello/choose/bye"


TOLD_ELSEWHERE = {
    "voicemail": "test_a_message_is_left.py",
    "broadcast": "test_a_broadcast_is_switched_on.py",
    "transfer": "test_a_key_leads_to_the_police.py",
}


def test_these_stories_walk_nodes_of_every_kind() -> None:
    walked = {node["kind"] for node in (*NODES.values(), *OTHER.values())}
    assert walked == NODE_TYPE_OF.keys() - TOLD_ELSEWHERE.keys()
    assert all(Path(__file__).with_name(story).exists() for story in TOLD_ELSEWHERE.values())


AWAY_SECONDS = 30


@contextmanager
def _database_away(hotline: RunningHotline) -> Iterator[None]:
    """Nobody can write, as on a disk that answers nothing."""
    path = hotline.hotline.database.engine.url.database
    assert path is not None
    holder = sqlite3.connect(path, isolation_level=None, timeout=30)
    try:
        holder.execute("BEGIN EXCLUSIVE")
        yield
    finally:
        holder.close()


def test_the_database_is_away_for_thirty_seconds_while_callers_walk_menus(
    hotline: RunningHotline, walked: Line
) -> None:
    before, call = _calls(walked, "3")
    _came_to(walked, before, "story/hello")
    with _database_away(hotline):
        began = time.monotonic()
        during, second = _calls(walked, "3")
        _came_to(walked, during, "story/hello")
        for one in (call, second):
            one.press()
        for citizen in (before, during):
            _came_to(walked, citizen, "story/hello/choose")
        silent, third = _calls(walked, "")
        wait_for(lambda: time.monotonic() - began > AWAY_SECONDS, AWAY_SECONDS + 5)
    for citizen in (before, during, silent):
        (record,) = walked.ended(citizen, seconds=90)
        assert record["outcome"] == "answered", "a person"
        assert record["menu_path"] == "story/hello/choose/silent"
    assert third.wait(30) == 0
