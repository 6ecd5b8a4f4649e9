"""PostgreSQL 三十秒毫无应答：正在听菜单的、刚打进来的诉求人照样按键、照样到人工；它恢复之后，每通电话都有记录。"""

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from support.databases import PostgresqlServer
from support.running_hotline import RunningHotline, a_running_hotline, assert_nothing_forgotten
from support.story_line import Line
from support.waiting import wait_for

AWAY_SECONDS = 30
MENU = "menus/examples/with_keys.yaml"


def _asks_the_database(found: dict[str, Any]) -> None:
    """Before the keys: who called before is led elsewhere, if it can be known."""
    again = {"when": {"repeat_caller": True}, "then": "enterprise"}
    found["nodes"]["known"] = {"kind": "branch", "cases": [again], "else": "choose"}
    found["start"] = "known"


@pytest.fixture(scope="module")
def hotline(postgresql_server: PostgresqlServer) -> Iterator[RunningHotline]:
    url = postgresql_server.new_database()
    yield from a_running_hotline(
        changes={MENU: _asks_the_database}, environment={"HOTLINE_DATABASE_URL": url}
    )
    postgresql_server.drop(url)


@pytest.fixture
def line(hotline: RunningHotline) -> Iterator[Line]:
    with closing(hotline.new_line()) as line:
        yield line


def test_callers_walk_menus_and_reach_a_person(
    hotline: RunningHotline, line: Line, postgresql_server: PostgresqlServer
) -> None:
    line.agent(talk=1)
    before, during, silent = (hotline.new_citizen() for _ in range(3))
    calls = {before: line.call(before, called=line.keys_number, key="0", stay=120)}
    wait_for(lambda: "/choose" in line.in_menu(before), 20, "in the menu")
    with postgresql_server.frozen():
        began = time.monotonic()
        calls[during] = line.call(during, called=line.keys_number, key="0", stay=120)
        calls[silent] = line.call(silent, called=line.keys_number, stay=120)
        for citizen in (before, during):
            wait_for(lambda citizen=citizen: "/choose" in line.in_menu(citizen), 30)  # type: ignore[misc]
            calls[citizen].press()
        for citizen, call in calls.items():
            assert call.wait(90) == 0, (citizen, call.errors)
        reached = {row[1] for row in hotline.queue_log if row[4] == "CONNECT"}
        assert len(reached) == 3, "all of them spoke with a person while it answered nothing"
        wait_for(lambda: time.monotonic() - began > AWAY_SECONDS, AWAY_SECONDS)
    for citizen in calls:
        (record,) = line.ended(citizen, seconds=90)
        assert (record["outcome"], record["menu_path"]) == (
            "answered",
            "examples/with_keys/known/choose/person",
        )
        assert len(wait_for(lambda call_id=record["call_id"]: line.tickets_of(call_id))) == 1  # type: ignore[misc]
    assert_nothing_forgotten(hotline)
