"""Who cannot be served now is told whether he will be rung back, and that is what happens.

One of these stories kills the server, so they have a hotline of their own.
"""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from support.outages import long_prompts
from support.running_hotline import RunningHotline, a_running_hotline
from support.story_line import Line
from support.waiting import wait_for


@pytest.fixture(scope="module")
def hotline() -> Iterator[RunningHotline]:
    yield from a_running_hotline(changes={"prompts.yaml": long_prompts})


WITHHELD = '"Anonymous" <sip:anonymous@anonymous.invalid>'


def told(hotline: RunningHotline) -> dict[str, str]:
    """What callers are being told at the end: caller's number → prompt."""
    rows = [row.split("!") for row in hotline.ask("core show channels concise").splitlines()]
    return {
        row[7]: row[6].rpartition("/")[2]
        for row in rows
        if len(row) > 7 and row[5] == "Playback" and "/all_busy" in row[6]
    }


@pytest.mark.parametrize("is_up", [True, False], ids=["server up", "server dead"])
def test_a_call_back_is_promised_only_to_those_who_get_one(
    hotline: RunningHotline, line: Line, is_up: bool
) -> None:
    if not is_up:
        hotline.kill_server()
    mobile, landline, short = hotline.new_citizen(), "03552021234", "10086"
    expected = {mobile: "will_call_back", landline: "will_call_back", short: "call_again", "": "call_again"}
    for caller in expected:
        line.call(caller, stay=40, from_header=None if caller else WITHHELD)
    heard: dict[str, str] = {}

    def all_heard() -> bool:
        heard.update(told(hotline))
        return heard.keys() >= expected.keys()

    wait_for(all_heard, 30, str(heard))
    assert heard == {caller: f"all_busy_{prompt}" for caller, prompt in expected.items()}
    if not is_up:
        hotline.start_server()
    owed = {record["number_masked"]: record["callback_id"] is not None for record in records(line, 4)}
    assert list(owed.values()).count(True) == 2
    assert not owed["withheld"]
    assert not owed["10086"]


def test_after_the_longest_wait_too(hotline: RunningHotline) -> None:
    with closing(hotline.special_line("gives up early")) as line:
        line.agent(has_phone=False)
        mobile = hotline.new_citizen()
        expected = {mobile: "all_busy_will_call_back", "": "all_busy_call_again"}
        for caller in expected:
            line.call(caller, stay=60, from_header=None if caller else WITHHELD)
        heard: dict[str, str] = {}

        def all_heard() -> bool:
            heard.update(told(hotline))
            return heard.keys() >= expected.keys()

        wait_for(all_heard, 50, str(heard))
        assert heard == expected
        assert {record["outcome"] for record in line.ended(calls=2)} == {"queue_timeout"}


def records(line: Line, calls: int) -> list[dict[str, Any]]:
    found = [
        line.hotline.get(f"/api/calls/{call['call_id']}") for call in line.ended(calls=calls, seconds=30)
    ]
    assert len(found) == calls
    return found
