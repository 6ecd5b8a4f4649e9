"""按键走菜单：RFC 2833 与 SIP INFO；按错三次仍到人工；每种节点都走到；按得太晚的键不改变去向。

数据库停三十秒，正在听菜单的诉求人照样到人工。
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from support.every_node import CHANGES, NODES, OTHER
from support.running_hotline import RunningHotline, a_running_hotline
from support.sipp import Sipp
from support.story_line import Line
from support.told import listening
from support.waiting import wait_for

from ivr.menus.nodes import NODE_TYPE_OF

BOTH_WAYS = pytest.mark.parametrize("by_info", [False, True], ids=["rfc2833", "sip_info"])


@pytest.fixture(scope="module")
def hotline() -> Iterator[RunningHotline]:
    """Its own, since its database is taken away."""
    for hotline in a_running_hotline(changes=CHANGES):
        hotline.citizens()
        yield hotline


@pytest.fixture
def walked(line: Line) -> Line:
    """With an agent who picks up."""
    line.agent(talk=1)
    return line


def _calls(line: Line, keys: str, *, by_info: bool = False) -> tuple[str, Sipp]:
    citizen = line.hotline.new_citizen()
    return citizen, line.call(citizen, called=line.keys_number, key=keys, by_info=by_info, stay=120)


def _came_to(line: Line, citizen: str, path: str, seconds: float = 30) -> None:
    wait_for(
        lambda: line.in_menu(citizen).split("|")[0] == path,
        seconds,
        lambda: f"{path}: {line.in_menu(citizen)}",
    )


@BOTH_WAYS
def test_wrong_three_times_and_still_a_person(walked: Line, by_info: bool) -> None:
    citizen, call = _calls(walked, "789", by_info=by_info)
    _came_to(walked, citizen, "examples/with_keys/hello")
    # 7 ends the greeting and is wrong in the menu; 8 and 9 are wrong during what is said of that
    for _ in range(3):
        call.press()
        time_to_be_heard(walked, citizen)
    (record,) = walked.ended(citizen, seconds=60)
    assert (record["outcome"], record["menu_path"]) == (
        "answered",
        "examples/with_keys/hello/choose/person",
    ), call.errors
    assert call.wait(20) == 0, call.errors


def time_to_be_heard(line: Line, citizen: str) -> None:
    """A key lasts 0.2 s; one that comes while another still sounds would be the same key to Asterisk."""
    until = time.monotonic() + 1.5
    wait_for(lambda: time.monotonic() > until or line.standing(), 5)


@pytest.mark.parametrize(
    ("keys", "path", "category"),
    [
        ("1671", "examples/with_keys/hello/choose/number/whose/heating", "heating"),
        ("1681", "examples/with_keys/hello/choose/number/whose/person", None),
        (
            "43",
            "examples/with_keys/hello/choose/english/on//examples/with_emergency_key/again/water",
            "water",
        ),
    ],
)
@BOTH_WAYS
def test_keys_lead_through_nodes_of_every_kind(
    walked: Line, keys: str, path: str, category: str | None, by_info: bool
) -> None:
    citizen, call = _calls(walked, keys, by_info=by_info)
    _came_to(walked, citizen, "examples/with_keys/hello")
    for _ in keys:
        call.press()
        time_to_be_heard(walked, citizen)
    (record,) = walked.ended(citizen, seconds=60)
    assert (record["outcome"], record["menu_path"]) == ("answered", path)
    (ticket,) = wait_for(lambda: walked.tickets_of(record["call_id"]))
    assert ticket["category_code"] == category


@BOTH_WAYS
def test_a_key_ends_a_broadcast_and_counts_behind_it(
    hotline: RunningHotline, walked: Line, by_info: bool
) -> None:
    """The menu has a place for it, so it is not heard before."""
    on = hotline.post("/api/broadcasts", {"name": "storm", "numbers": [walked.keys_number]})
    try:
        wait_for(lambda: hotline.get("/readyz")["parts"]["agi"]["detail"].get("broadcasts"), 20, "on the air")
        with listening(hotline, f"news-{by_info}") as told:
            citizen, call = _calls(walked, "53", by_info=by_info)
            _came_to(walked, citizen, "examples/with_keys/hello")
            call.press()
            wait_for(lambda: told.to_caller(citizen)[-1:] == ["storm_known"], 30, "he hears it")
            call.press()
            (record,) = walked.ended(citizen, seconds=60)
            heard = told.to_caller(citizen)
        assert "storm_to_do" not in heard
        assert heard.count("storm_known") == 1
        assert (
            record["menu_path"]
            == "examples/with_keys/hello/choose/news/on//examples/with_emergency_key/again/water"
        )
        assert (record["outcome"], record["broadcast"]) == ("answered", "storm")
    finally:
        hotline.delete(f"/api/broadcasts/{on['id']}")


@BOTH_WAYS
def test_a_key_leads_outside_and_on_to_a_person(walked: Line, by_info: bool) -> None:
    """Who picked up there hangs up first; the caller stays on the line and is led on."""
    citizen, call = _calls(walked, "0", by_info=by_info)
    _came_to(walked, citizen, "examples/with_keys/hello")
    call.press()
    (record,) = walked.ended(citizen, seconds=60)
    assert (record["outcome"], record["menu_path"]) == (
        "answered",
        "examples/with_keys/hello/choose/outside",
    ), call.errors
    timeline = walked.hotline.get(f"/api/calls/{record['call_id']}")["timeline"]
    assert "transfer_answered" in [entry["kind"] for entry in timeline]


@BOTH_WAYS
def test_keys_while_it_rings_outside_and_in_the_line_do_nothing(line: Line, by_info: bool) -> None:
    line.agent(has_phone=False)
    citizen, call = _calls(line, "*129#", by_info=by_info)
    _came_to(line, citizen, "examples/with_keys/hello")
    call.press()
    wait_for(lambda: _rings_outside(line), 30, "it rings there")
    call.press()
    time_to_be_heard(line, citizen)
    assert _rings_outside(line), "a key does not end the ringing"
    wait_for(lambda: line.standing() == [citizen], 40, "nobody answered, he stands in the line")
    later = line.hotline.new_citizen()
    line.call(later, stay=60)
    wait_for(lambda: line.standing() == [citizen, later], 30)
    for _ in "29#":
        call.press()
        a_moment()
    assert line.standing() == [citizen, later], "he keeps his place"
    line.agent(talk=1)
    (record,) = line.ended(citizen, seconds=60)
    assert (record["outcome"], record["menu_path"]) == (
        "answered",
        "examples/with_keys/hello/choose/rings_out",
    )


@BOTH_WAYS
def test_keys_after_the_menus_time_is_over_do_nothing(line: Line, by_info: bool) -> None:
    line.agent(has_phone=False)
    citizen, call = _calls(line, "42", by_info=by_info)
    wait_for(lambda: line.standing() == [citizen], 60, "he pressed nothing and stands in the line")
    for _ in "42":
        call.press()
        a_moment()
    assert line.standing() == [citizen]
    line.agent(talk=1)
    (record,) = line.ended(citizen, seconds=60)
    assert (record["outcome"], record["menu_path"]) == ("answered", "examples/with_keys/hello/choose/silent")


@BOTH_WAYS
def test_a_recording_is_ended_by_its_key_and_by_no_other(
    hotline: RunningHotline, line: Line, by_info: bool
) -> None:
    line.agent(has_phone=False)
    citizen, call = _calls(line, "610#", by_info=by_info)
    before = set(hotline.settings.voicemail_dir.rglob("*.wav"))
    _came_to(line, citizen, "examples/with_keys/hello")
    call.press()
    (take,) = wait_for(
        lambda: set(hotline.settings.voicemail_dir.rglob("*.wav")) - before, 30, "the recorder"
    )
    wait_for(lambda: take.stat().st_size > 0, 15, "the tone is over")
    for _ in "10":
        call.press()
        a_moment()
    assert line.in_menu(citizen).split("|")[0] == "examples/with_keys/hello/choose/message", "still recorded"
    assert line.standing() == []
    call.press()
    wait_for(lambda: line.standing() == [citizen], 30, "his key ended it; he had said nothing")
    line.agent(talk=1)
    (record,) = line.ended(citizen, seconds=60)
    assert (record["outcome"], record["menu_path"]) == (
        "answered",
        "examples/with_keys/hello/choose/message/person",
    )


def a_moment() -> None:
    """Longer than a key sounds, and than Asterisk needs to act on it."""
    until = time.monotonic() + 1.5
    wait_for(lambda: time.monotonic() > until, 5)


def _rings_outside(line: Line) -> bool:
    rows = [row.split("!") for row in line.hotline.ask("core show channels concise").splitlines()]
    return any(row[0].startswith("PJSIP/trunk-test-loopback-") and row[4] == "Ringing" for row in rows)


@BOTH_WAYS
def test_a_goodbye_ends_the_call(walked: Line, by_info: bool) -> None:
    citizen, call = _calls(walked, "2", by_info=by_info)
    _came_to(walked, citizen, "examples/with_keys/hello")
    call.press()
    assert call.wait(30) == 0, "hung up by the other side"
    (record,) = walked.ended(citizen)
    assert record["menu_path"] == "examples/with_keys/hello/choose/bye"


def test_these_stories_walk_nodes_of_every_kind() -> None:
    walked = {node["kind"] for node in (*NODES.values(), *OTHER.values())}
    assert walked == NODE_TYPE_OF.keys()


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
    _came_to(walked, before, "examples/with_keys/hello")
    with _database_away(hotline):
        began = time.monotonic()
        during, second = _calls(walked, "3")
        _came_to(walked, during, "examples/with_keys/hello")
        for one in (call, second):
            one.press()
        for citizen in (before, during):
            _came_to(walked, citizen, "examples/with_keys/hello/choose")
        silent, third = _calls(walked, "")
        wait_for(lambda: time.monotonic() - began > AWAY_SECONDS, AWAY_SECONDS + 5)
    for citizen in (before, during, silent):
        (record,) = walked.ended(citizen, seconds=90)
        assert record["outcome"] == "answered", "a person"
        # his end may be told before the line of queue_log that holds his way
        wait_for(
            lambda who=citizen: walked.calls(who)[0]["menu_path"] == "examples/with_keys/hello/choose/silent",
            30,
        )
    assert third.wait(30) == 0
