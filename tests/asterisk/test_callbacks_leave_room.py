"""After a storm the callbacks leave the line to whoever calls: on a hotline with the shipped share, not the tests' own."""

from collections.abc import Iterator
from typing import Any

import pytest
from support.running_hotline import TEST_CHANGES, RunningHotline, a_running_hotline
from support.story_line import Line
from support.waiting import wait_for


def _shipped_share(found: dict[str, Any]) -> None:
    TEST_CHANGES["callbacks.yaml"](found)
    found["callback_share"] = 30


@pytest.fixture(scope="module")
def hotline() -> Iterator[RunningHotline]:
    yield from a_running_hotline(changes={"callbacks.yaml": _shipped_share})


def test_a_backlog_stands_no_deeper_than_agents_are_free_and_gives_way(
    hotline: RunningHotline, line: Line
) -> None:
    hotline.citizens()
    lost = [hotline.new_citizen() for _ in range(6)]
    for citizen in lost:
        line.call(citizen, stay=30)  # nobody is signed in
    wait_for(lambda: all(line.callbacks(citizen) for citizen in lost))
    assert line.waiting() == []

    line.agent(has_phone=False)  # free, but no phone rings: whatever is placed goes on standing
    wait_for(lambda: line.standing() == ["callback"] * 3, 20, str(line.standing()))
    states = sorted(line.callbacks(citizen)[0]["state"] for citizen in lost)
    assert states == ["in_progress"] * 3 + ["owed"] * 3

    citizen = hotline.new_citizen()
    line.call(citizen, stay=60)
    wait_for(lambda: line.standing() == [citizen], 20, str(line.standing()))  # who calls now is first
    agent_no = line.agent(talk=6)  # no shorter: what is heard of a call back comes before the talk
    record = line.ended(citizen, seconds=30)[0]
    assert (record["outcome"], record["agent_no"]) == ("answered", agent_no)

    # nobody waits any more: the backlog is worked off, and giving way has cost nobody an attempt
    def paid() -> bool:
        return all(line.callbacks(one)[0]["closing_code"] == "connected" for one in lost)

    wait_for(paid, 90, str([line.callbacks(one) for one in lost]))
    for debt in (line.callbacks(one)[0] for one in lost):
        tries = hotline.get(f"/api/callbacks/{debt['id']}")["attempts"]
        counted = [one for one in tries if one["counts"]]
        assert debt["attempt_count"] == len(counted) >= 1, tries
        assert all(one["dialling_at"] for one in counted), tries
