"""The call goes on: our server, or Asterisk, is killed while citizens are greeted, wait and talk. Nothing is forgotten.

These stories stop and start their own hotline, so they do not share the folder's.
"""

import contextlib
import re
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime

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


def hears_out_the_menu(hotline: RunningHotline, citizen: str) -> bool:
    """The prompts are over, and he has some seconds to press a key."""
    return re.search(r"HOTLINE_WALKED=\S+\|\d+\.\d{6}\n", variables(hotline, citizen)) is not None


def test_killed_while_citizens_are_greeted_wait_and_talk(hotline: RunningHotline, line: Line) -> None:
    line.agent()
    citizens = talking_waiting_greeted(hotline, line)
    hotline.kill_server()

    late, gave_up = hotline.new_citizen(), hotline.new_citizen()
    line.gives_up(gave_up)
    citizens[late] = line.call(late, stay=200)
    wait_for(lambda: late in line.standing(), 20)
    hotline.rotate_queue_log()  # the next server finds the place where this one stopped under another name
    served_one_by_one(hotline, line, citizens)

    hotline.start_server()
    records = {call["number_masked"]: call for call in line.ended(calls=5, seconds=30)}
    assert len(records) == 5
    assert_owed_once(line, gave_up, "queue_abandon")
    # of those who were answered while the server was dead, drafts exist as well
    assert_each_was_served_once(line, citizens)
    assert_told_by_queue_log(line, late)
    assert_nothing_forgotten(hotline)


def test_how_far_a_citizen_came_in_the_menu_is_known_though_nothing_was_written(
    hotline: RunningHotline, line: Line
) -> None:
    """The database refuses every write while two citizens walk a menu, and the server dies before it can try again."""
    line.agent(has_phone=False)
    through, on_the_way = hotline.new_citizen(), hotline.new_citizen()
    with contextlib.closing(sqlite3.connect(hotline.home / "hotline.db", isolation_level=None)) as blocking:
        blocking.execute("BEGIN IMMEDIATE")
        called_at = datetime.now(UTC)
        walks = line.call(through, called=line.keys_number, key="2", stay=120)
        wait_for(lambda: line.in_menu(through), 20)
        walks.press()
        wait_for(
            lambda: ends(hotline, line.keys_number),
            20,
            "nobody serves the queue of his choice, he is told so",
        )
        line.call(on_the_way, called=line.keys_number, stay=120)
        wait_for(lambda: hears_out_the_menu(hotline, on_the_way), 20)
        hotline.kill_server()
    wait_for(lambda: line.standing() == [on_the_way], 20, "out of the menu that he cannot walk to its end")
    hotline.ask(f"channel request hangup {line.waiting()[0]}")
    wait_for(lambda: len(ends(hotline, line.keys_number)) == 2, 20)
    hotline.start_server()
    (whole,) = line.ended(through)
    assert whole["menu_path"] == "examples/with_keys/choose/heating"
    assert (whole["outcome"], whole["queue"]) == ("no_agent", "heating")
    assert (
        called_at < datetime.fromisoformat(whole["greeted_at"]) <= datetime.fromisoformat(whole["ended_at"])
    )
    (cut,) = line.ended(on_the_way)
    assert whole["menu_version"] == cut["menu_version"] != ""
    assert cut["menu_path"] == "examples/with_keys/choose"
    assert cut["greeted_at"]
    assert_nothing_forgotten(hotline)


def test_nobody_is_forgotten_who_hung_up_in_the_gap(hotline: RunningHotline, line: Line) -> None:
    """With no server: in the greeting, in the queue, or told that nobody is signed in. Each has a record of his own."""
    greeted, waiting, in_queue, sent_away = (hotline.new_citizen() for _ in range(4))
    holder = line.agent(has_phone=False)
    calls = {citizen: line.call(citizen, stay=120) for citizen in (waiting,)}
    wait_for(lambda: line.standing() == [waiting], 30)
    calls[greeted] = line.call(greeted, stay=120)
    wait_for(lambda: line.in_menu(greeted), 20)
    calls[greeted].hang_up()  # and the server dies before it can have written much
    hotline.kill_server()
    assert calls[greeted].wait(20) == 0

    calls[waiting].hang_up()
    line.gives_up(in_queue)
    hotline.ask(f"queue remove member PJSIP/agent-{holder} from q-{line.queue}")
    assert line.call(sent_away, stay=60).wait(80) == 0

    hotline.start_server()
    outcomes = {
        citizen: line.ended(citizen, seconds=30)[0]["outcome"] for citizen in (waiting, in_queue, sent_away)
    }
    assert outcomes == {waiting: "queue_abandon", in_queue: "queue_abandon", sent_away: "no_agent"}
    for citizen in outcomes:
        assert len(wait_for(lambda citizen=citizen: line.callbacks(citizen))) == 1
    (left,) = line.ended(greeted)
    assert left["outcome"] in ("ivr_abandon", "quick_hangup")
    assert left["queued_at"] is None
    assert line.callbacks(greeted) == []
    assert_nothing_forgotten(hotline)


def test_a_pause_survives_our_own_end(hotline: RunningHotline, line: Line) -> None:
    agent_no = line.agent(has_phone=False)
    hotline.post(f"/api/agents/{agent_no}/pause", {"reason": "meal"})
    hotline.kill_server()
    # and Asterisk forgets it meanwhile: the database tells it again
    hotline.ask(f"queue unpause member PJSIP/agent-{agent_no} queue q-{line.queue}")
    assert not line.has_member(agent_no, "paused")
    hotline.start_server()
    shown = hotline.get(f"/api/agents/{agent_no}")
    assert (shown["state"], shown["pause_reason"]) == ("paused", "meal")
    wait_for(lambda: line.has_member(agent_no, "(paused:meal was"), 30)


def test_agents_stay_signed_in_when_asterisk_is_killed(hotline: RunningHotline, line: Line) -> None:
    agent_no = line.agent(is_signed_in=True, ring=60)
    paused = line.agent(is_signed_in=True, ring=60)
    hotline.post(f"/api/agents/{paused}/pause", {"reason": "rest"})
    citizen = hotline.new_citizen()
    line.call(citizen, stay=60)
    wait_for(lambda: [c for c in line.calls(citizen) if c["queued_at"]], 20)

    hotline.kill_asterisk()
    hotline.start_asterisk()

    def both() -> str:
        text = hotline.ask(f"queue show q-{line.queue}")
        return text if agent_no in text and "paused" in text else ""

    shown = wait_for(both, 30)
    assert "paused:rest" in shown
    assert wait_for(lambda: hotline.is_ready(), 30)

    lost = line.ended(citizen, seconds=30)[0]
    assert lost["outcome"] == "system_loss"
    assert len(wait_for(lambda: line.callbacks(citizen))) == 1
    assert_nothing_forgotten(hotline)


def test_a_member_that_asterisk_forgot_is_put_back(hotline: RunningHotline, line: Line) -> None:
    """Our database wins over Asterisk's memory: its store is gone after the restart."""
    agent_no = line.agent(ring=60, is_signed_in=True)
    hotline.stop_asterisk()
    (hotline.settings.asterisk_dir / "lib" / "astdb.sqlite3").unlink()
    hotline.start_asterisk()
    wait_for(lambda: agent_no in hotline.ask(f"queue show q-{line.queue}"), 30)
    wait_for(lambda: f"agent-{agent_no}" in hotline.ask("pjsip show endpoints"), 30)
