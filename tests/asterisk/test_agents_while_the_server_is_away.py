"""Our server is killed, frozen, or has no thread left while an agent needs it: the agent hears so and is free, nobody waits.

These stories stop their own server, so they do not share the folder's; its two threads are for the last of them.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from support.outages import ends, long_prompts
from support.running_hotline import RunningHotline, a_running_hotline, assert_nothing_forgotten
from support.story_line import Line
from support.told import Told, listening
from support.waiting import wait_for

THREADS = 2


@pytest.fixture(scope="module")
def hotline() -> Iterator[RunningHotline]:
    yield from a_running_hotline(
        changes={"prompts.yaml": long_prompts}, environment={"HOTLINE_AGI_THREADS": str(THREADS)}
    )


@pytest.fixture(scope="module")
def told(hotline: RunningHotline) -> Iterator[Told]:
    with listening(hotline) as told:
        yield told


@contextmanager
def away(hotline: RunningHotline, *, is_killed: bool) -> Iterator[None]:
    """The server is gone, or accepts and says nothing; afterwards it is there again."""
    if is_killed:
        hotline.kill_server()
    else:
        hotline.signal_server(signal.SIGSTOP)
    try:
        yield
    finally:
        if is_killed:
            hotline.start_server(is_awaited=False)
        else:
            hotline.signal_server(signal.SIGCONT)
        wait_for(hotline.is_ready, 30)


@pytest.mark.parametrize("is_killed", [True, False], ids=["killed", "frozen"])
def test_an_agent_hears_that_it_failed_and_nothing_is_decided_behind_his_back(
    hotline: RunningHotline, line: Line, told: Told, is_killed: bool
) -> None:
    """One dials a feature code, another accepts a callback."""
    citizens = hotline.citizens()
    dialling, accepting = line.agent(is_signed_in=False), line.agent(is_signed_in=False, ring=3)
    citizen = hotline.new_citizen()
    line.call(citizen, stay=30)  # nobody is signed in: he is told so and hung up
    (owed,) = wait_for(lambda: line.callbacks(citizen), 30)
    line.sign_in(accepting)
    wait_for(lambda: line.rings(accepting), 30)
    (attempt,) = attempts(hotline, owed["id"])
    with away(hotline, is_killed=is_killed):
        line.phones.dial_code(dialling, line.agents[dialling], "*10")  # returns when Asterisk has hung up
        assert told.on(f"PJSIP/agent-{dialling}-") == ["technical_fault"]
        wait_for(lambda: told.to_who_accepted(attempt["id"]), 30, "who accepted was told nothing")
        wait_for(
            lambda: f"agent-{accepting}-" not in hotline.ask("core show channels concise"), 20, "he is held"
        )
        (heard,) = told.to_who_accepted(attempt["id"])
        assert heard == "callback_failed"
        # else the next placeholder might ring him before he is signed out, and he would accept that one
        line.phones.running[1].process.kill()
    hotline.post(f"/api/agents/{accepting}/sign-out")
    # only who is signed in can resume: the code was not obeyed when the server woke up
    line.phones.dial_code(dialling, line.agents[dialling], "*13")
    assert told.on(f"PJSIP/agent-{dialling}-") == ["technical_fault", "refused"]
    assert not line.has_member(dialling, "")
    (over,) = wait_for(
        lambda: [one for one in attempts(hotline, owed["id"])[:1] if one["state"] == "done"], 40
    )
    assert (over["counts"], over["answered_at"]) == (False, None)
    (again,) = line.callbacks(citizen)
    assert (again["closing_code"], again["attempt_count"]) == (None, 0)
    assert line.tickets_of(again["first_call_id"]) == []  # nobody has talked with him
    assert hotline.log_of(f"cb-{attempt['id']}-1") == ["HOTLINE_ACCEPTED"]
    assert f"INVITE sip:{citizen}@" not in citizens.trace
    assert_nothing_forgotten(hotline)


def test_without_a_free_thread_the_next_caller_is_in_line_at_once(
    hotline: RunningHotline, line: Line
) -> None:
    """Two in the menu hold all threads; the third is not greeted and waits for nobody, and has his record."""
    line.agent(has_phone=False)
    in_menu = [hotline.new_citizen() for _ in range(THREADS)]
    calls = [line.call(citizen, called=line.keys_number, stay=120) for citizen in in_menu]
    for citizen in in_menu:
        wait_for(lambda citizen=citizen: line.in_menu(citizen), 20)  # type: ignore[misc]
    third = hotline.new_citizen()
    last = line.call(third, stay=120)
    wait_for(lambda: third in line.standing(), 20)
    assert all(line.in_menu(citizen) for citizen in in_menu), "the menu was over before"
    assert line.in_menu(third) == ""
    line.wait_past_quick(third)
    for call in (*calls, last):
        call.hang_up()
    wait_for(lambda: len(ends(hotline, line.number)) == 1, 20)
    (record,) = line.ended(third, seconds=30)
    assert (record["outcome"], record["queue"]) == ("queue_abandon", line.queue)
    assert (record["greeted_at"], record["menu_path"] or None) == (None, None)
    assert len(wait_for(lambda: line.callbacks(third))) == 1
    line.ended(calls=THREADS + 1, seconds=30)
    assert_nothing_forgotten(hotline)


def attempts(hotline: RunningHotline, callback_id: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = hotline.get(f"/api/callbacks/{callback_id}")["attempts"]
    return found
