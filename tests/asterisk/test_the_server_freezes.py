"""The call goes on: our server freezes (it accepts and says nothing) while citizens are greeted, wait and talk.

These stories stop their own server, so they do not share the folder's.
"""

import signal
import time
from collections.abc import Iterator

import pytest
from support.outages import (
    assert_each_was_served_once,
    assert_owed_once,
    assert_told_by_queue_log,
    ends,
    long_prompts,
    served_one_by_one,
    talking_waiting_greeted,
    variables,
)
from support.running_hotline import RunningHotline, a_running_hotline, assert_nothing_forgotten
from support.story_line import Line
from support.waiting import wait_for


@pytest.fixture(scope="module")
def hotline() -> Iterator[RunningHotline]:
    yield from a_running_hotline(changes={"prompts.yaml": long_prompts})


def test_frozen_while_citizens_are_greeted_wait_and_talk(hotline: RunningHotline, line: Line) -> None:
    line.agent()
    citizens = talking_waiting_greeted(hotline, line)
    hotline.signal_server(signal.SIGSTOP)
    late = hotline.new_citizen()
    citizens[late] = line.call(late, stay=200)
    wait_for(lambda: late in line.standing(), 40)
    hotline.rotate_queue_log()  # half of what became of them stands in a file that is not followed any more
    served_one_by_one(hotline, line, citizens)
    hotline.signal_server(signal.SIGCONT)

    assert_each_was_served_once(line, citizens)
    assert_told_by_queue_log(line, late)
    assert len(line.calls()) == 4
    assert_nothing_forgotten(hotline)


def test_nobodys_line_is_held_by_a_frozen_server(hotline: RunningHotline, line: Line) -> None:
    """Who hangs up in the greeting or the queue has his goodbye answered, and who was served is hung up: all while the
    server stays frozen. Each phone ends with 0 only if the other side did its part."""
    agent_no = line.agent()
    served, waiting, greeted = (hotline.new_citizen() for _ in range(3))
    in_talk = line.call(served, stay=200)
    wait_for(lambda: [call for call in line.calls(served) if call["answered_at"]], 20)
    in_queue = line.call(waiting, stay=200)
    wait_for(line.waiting, 20)
    in_greeting = line.call(greeted, stay=200)
    wait_for(lambda: line.in_menu(greeted), 20)
    hotline.signal_server(signal.SIGSTOP)
    try:
        line.wait_past_quick(waiting, greeted)
        in_greeting.hang_up()
        in_queue.hang_up()
        wait_for(lambda: not line.waiting(), 20)
        rows = hotline.ask("core show channels concise").splitlines()
        (leg,) = [row.split("!")[0] for row in rows if row.startswith(f"PJSIP/agent-{agent_no}-")]
        hotline.ask(f"channel request hangup {leg}")  # the agent's goodbye
        for call in (in_greeting, in_queue, in_talk):
            assert call.wait(40) == 0, call.errors
        assert (
            f"\nBYE sip:{line.number}@" not in in_talk.trace
        )  # that one was hung up by us, after one silent step
    finally:
        hotline.signal_server(signal.SIGCONT)
    wait_for(lambda: "PJSIP/trunk-" not in hotline.ask("core show channels concise"), 30, "a channel is held")
    assert_each_was_served_once(line, [served])
    assert_owed_once(line, waiting, "queue_abandon")
    (left,) = line.ended(greeted, seconds=30)
    assert left["outcome"] == "ivr_abandon"
    assert line.tickets_of(left["call_id"]) == line.callbacks(greeted) == []
    assert_nothing_forgotten(hotline)


def test_only_the_first_caller_pays_for_a_frozen_server(hotline: RunningHotline, line: Line) -> None:
    """He waits in silence for as long as a step may last; those who come after him go straight to the line."""
    hotline.ask(
        "dialplan set global HOTLINE_SILENT_UNTIL 0"
    )  # the story before may have left some seconds of doubt
    line.agent(has_phone=False)
    waiting, first, second, third = (hotline.new_citizen() for _ in range(4))
    line.call(waiting, stay=120)
    wait_for(lambda: line.standing() == [waiting], 20)
    hotline.signal_server(signal.SIGSTOP)
    try:
        line.call(first, stay=90)
        wait_for(lambda: line.standing() == [waiting, first], 30)
        assert "HOTLINE_SILENT=1" in variables(hotline, first)
        line.call(second, stay=90)
        wait_for(lambda: line.standing() == [waiting, first, second], 30)
        assert "HOTLINE_SILENT=1" not in variables(hotline, second)
        hotline.ask(f"channel request hangup {line.waiting()[0]}")
        wait_for(lambda: ends(hotline, line.number), 20)
        wait_for(
            lambda: not variables(hotline, waiting), 10, "his channel hangs in a leg to the frozen server"
        )
    finally:
        hotline.signal_server(signal.SIGCONT)
    wait_for(hotline.is_ready, 30)

    def is_asked_again() -> bool:
        """Once the server has answered one caller, everybody is greeted again."""
        line.call(third, stay=8).wait(30)
        return any(record["greeted_at"] for record in line.ended(third, seconds=20))

    wait_for(is_asked_again, 60)
    assert "HOTLINE_SILENT_UNTIL=\n" in hotline.ask("dialplan show globals")
    assert_nothing_forgotten(hotline)


def silent_until(hotline: RunningHotline) -> str:
    """The moment in seconds up to which nobody asks our server; "" if everybody does."""
    shown = hotline.ask("dialplan show globals")
    return next(
        row.partition("=")[2].strip()
        for row in shown.splitlines()
        if row.strip().startswith("HOTLINE_SILENT_UNTIL=")
    )


def test_a_clock_that_was_set_back_does_not_keep_the_greeting_away(
    hotline: RunningHotline, line: Line
) -> None:
    line.agent(talk=1)
    hotline.ask(f"dialplan set global HOTLINE_SILENT_UNTIL {int(time.time()) + 100_000}")
    citizen = hotline.new_citizen()
    line.call(citizen, stay=60)
    (record,) = line.ended(citizen, seconds=40)
    assert record["greeted_at"] is not None
    assert silent_until(hotline) == ""


def test_who_asks_for_all_and_hangs_up_in_the_greeting_has_asked(hotline: RunningHotline, line: Line) -> None:
    """Our server spoke to him: the next caller is greeted."""
    line.agent(has_phone=False)
    hotline.ask("dialplan set global HOTLINE_SILENT_UNTIL 1")
    citizen = hotline.new_citizen()
    call = line.call(citizen, stay=2)
    wait_for(lambda: "HOTLINE_WALKED=main" in variables(hotline, citizen), 20, "the greeting has begun")
    assert int(silent_until(hotline)) > 1  # he asks for all
    assert call.wait(30) == 0, call.errors
    wait_for(lambda: ends(hotline, line.number), 20)
    assert wait_for(lambda: silent_until(hotline) or "empty", 5) == "empty"
    assert line.ended(citizen)[0]["outcome"] in ("ivr_abandon", "quick_hangup")


def test_a_server_that_spoke_to_him_who_asks_for_all_is_asked_by_others(
    hotline: RunningHotline, line: Line
) -> None:
    """It froze in the middle of his greeting. Who comes next finds out for himself, as after any such leg."""
    line.agent(has_phone=False)
    hotline.ask("dialplan set global HOTLINE_SILENT_UNTIL 1")
    citizen = hotline.new_citizen()
    line.call(citizen, stay=90)
    wait_for(lambda: "HOTLINE_WALKED=main" in variables(hotline, citizen), 20, "the greeting has begun")
    hotline.signal_server(signal.SIGSTOP)
    try:
        wait_for(lambda: line.standing() == [citizen], 40)
        assert silent_until(hotline) == ""
    finally:
        hotline.signal_server(signal.SIGCONT)
    hotline.ask(f"channel request hangup {line.waiting()[0]}")
    line.ended(citizen, seconds=30)
