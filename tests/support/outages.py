"""What stories about a dead or frozen server share: prompts long enough to be caught in, and looks at Asterisk itself."""

import time
from collections.abc import Iterable
from typing import Any

from support.running_hotline import RunningHotline
from support.short_words import short_words
from support.sipp import Sipp
from support.story_line import Line
from support.waiting import wait_for

LONG = ("greeting", "all_busy_will_call_back", "all_busy_call_again")


def long_prompts(found: dict[str, Any]) -> None:
    for name, prompt in short_words(found):
        if name in LONG:
            prompt["zh"] = f"{prompt['zh']}，欢迎拨打热线，请您稍候，谢谢您的来电。"


def talking_waiting_greeted(hotline: RunningHotline, line: Line) -> dict[str, Sipp]:
    """Three citizens and their calls: one talks to the only agent, one waits, one is in the greeting when this returns.

    The agent must be one who talks for as long as the citizen will; see `served_one_by_one`.
    """
    talking, waiting, greeted = (hotline.new_citizen() for _ in range(3))
    calls = {talking: line.call(talking, stay=200)}
    wait_for(lambda: [c for c in line.calls(talking) if c["answered_at"]], 20)
    calls[waiting] = line.call(waiting, stay=200)
    wait_for(lambda: len(line.waiting()) == 1, 20)
    calls[greeted] = line.call(greeted, stay=200)
    wait_for(
        lambda: sum(row[4] == "HOTLINE_ARRIVED" and row[6] == line.number for row in hotline.queue_log) == 3,
        20,
    )
    return calls


def served_one_by_one(hotline: RunningHotline, line: Line, calls: dict[str, Sipp]) -> None:
    """Each of the citizens reaches the only agent, in this order, talks for two seconds, and hangs up."""

    def connects() -> list[int]:
        return [
            int(row[0]) for row in hotline.queue_log if row[4] == "CONNECT" and row[2] == f"q-{line.queue}"
        ]

    for n, (citizen, call) in enumerate(calls.items(), 1):
        wait_for(lambda n=n: len(connects()) >= n, 60, f"{citizen} reaches the agent")  # type: ignore[misc]
        until = connects()[n - 1] + 2.2
        wait_for(lambda until=until: time.time() > until)  # type: ignore[misc]
        assert call.hang_up().wait(20) == 0, call.errors


def assert_each_was_served_once(line: Line, citizens: Iterable[str]) -> None:
    """Each has one record, answered, with one draft, and nothing is owed to him, whatever our server missed meanwhile."""
    for citizen in citizens:
        (record,) = line.ended(citizen, seconds=40)
        assert record["outcome"] == "answered"
        drafts = wait_for(lambda call_id=record["call_id"]: line.tickets_of(call_id))  # type: ignore[misc]
        assert len(drafts) == 1
        assert line.callbacks(citizen) == []


def assert_told_by_queue_log(line: Line, citizen: str) -> None:
    """All that became of an answered citizen was read there, from his arrival to his end, each line once."""
    (record,) = line.ended(citizen)

    def told() -> list[str]:
        timeline = line.hotline.get(f"/api/calls/{record['call_id']}")["timeline"]
        return [entry["kind"] for entry in timeline if entry["source"] == "queue_log"]

    whole = ["arrived", "completed", "connected", "ended", "queued"]
    wait_for(lambda: set(whole) <= set(told()), 20)
    assert sorted(told()) == whole, told()


def assert_owed_once(line: Line, citizen: str, outcome: str) -> None:
    """One record, lost in this way, and one callback for it."""
    (record,) = line.ended(citizen, seconds=30)
    assert record["outcome"] == outcome
    owed = wait_for(lambda: line.callbacks(citizen))
    assert [callback["first_call_id"] for callback in owed] == [record["call_id"]]
    assert [callback["missed_count"] for callback in owed] == [1]


def ends(hotline: RunningHotline, number: str) -> list[str]:
    """Calls to this number of which the dialplan has written the last line."""
    log = hotline.queue_log
    to_it = {row[1] for row in log if row[4] == "HOTLINE_ARRIVED" and row[6] == number}
    return [row[1] for row in log if row[4] == "HOTLINE_END" and row[1] in to_it]


def variables(hotline: RunningHotline, citizen: str) -> str:
    """What Asterisk's console shows of a citizen's channel; "" if there is none."""
    rows = [row.split("!") for row in hotline.ask("core show channels concise").splitlines()]
    channel = next((row[0] for row in rows if len(row) > 7 and row[7] == citizen), "")
    return hotline.ask(f"core show channel {channel}") if channel else ""
