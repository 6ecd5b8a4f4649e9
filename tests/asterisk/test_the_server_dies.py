"""The call goes on: our server is killed, or freezes, while citizens are greeted, wait and talk. Nothing is forgotten.

These stories stop and start their own hotline, so they do not share the folder's.
"""

import contextlib
import re
import signal
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.running_hotline import Line, RunningHotline, a_running_hotline, wait_for

from missed_call_redial.owing import nothing_forgotten

LONG = ("greeting", "all_busy_will_call_back", "all_busy_call_again")


def _long_greeting(found: dict[str, Any]) -> None:
    for name, prompt in found["prompts"].items():
        prompt.clear()
        prompt["zh"] = "您好，欢迎拨打热线，请您稍候，谢谢您的来电。" if name in LONG else "您好"


@pytest.fixture(scope="module")
def hotline() -> Iterator[RunningHotline]:
    yield from a_running_hotline(changes={"prompts.yaml": _long_greeting})


@pytest.fixture
def line(hotline: RunningHotline) -> Iterator[Line]:
    line = hotline.new_line()
    try:
        yield line
    finally:
        line.close()


def assert_nothing_forgotten(hotline: RunningHotline) -> None:
    """Every call that Asterisk took has just one record, and every lost one a callback or a stated reason."""
    arrived = [row[1] for row in hotline.queue_log if row[4] == "HOTLINE_ARRIVED"]
    known = [call["call_id"] for call in hotline.get("/api/calls", limit=200)["items"]]
    assert sorted(known) == sorted(set(arrived))
    own = hotline.hotline
    with own.database.reading() as session:
        day = timedelta(days=1)
        assert nothing_forgotten(session, own.now() - day, own.now() + day) == []


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


def hears_out_the_menu(hotline: RunningHotline, citizen: str) -> bool:
    """The prompts are over, and he has some seconds to press a key."""
    return re.search(r"HOTLINE_WALKED=\S+\|\d+\.\d{6}\n", variables(hotline, citizen)) is not None


def _talking_waiting_greeted(hotline: RunningHotline, line: Line) -> tuple[str, str, str]:
    """Three citizens: one talks to the only agent, one waits, one is in the greeting when this returns."""
    talking, waiting, greeted = (hotline.new_citizen() for _ in range(3))
    line.call(talking, stay=60)
    wait_for(lambda: [c for c in line.calls(talking) if c["answered_at"]], 20)
    line.call(waiting, stay=60)
    wait_for(lambda: len(line.waiting()) == 1, 20)
    line.call(greeted, stay=60)
    wait_for(
        lambda: sum(row[4] == "HOTLINE_ARRIVED" and row[6] == line.number for row in hotline.queue_log) == 3,
        20,
    )
    return talking, waiting, greeted


def test_killed_while_citizens_are_greeted_wait_and_talk(hotline: RunningHotline, line: Line) -> None:
    line.agent(talk=6)
    citizens = _talking_waiting_greeted(hotline, line)
    hotline.kill_server()

    late, gave_up = hotline.new_citizen(), hotline.new_citizen()
    assert line.call(gave_up, stay=2).wait(30) == 0
    line.call(late, stay=60)
    completed = {"COMPLETECALLER", "COMPLETEAGENT"}

    def served() -> int:
        return sum(row[4] in completed and row[2] == f"q-{line.queue}" for row in hotline.queue_log)

    wait_for(lambda: served() == 4, 60, "the agent reached all four, with our server dead")

    hotline.start_server()
    records = {call["number_masked"]: call for call in line.ended(calls=5, seconds=30)}
    assert len(records) == 5
    for citizen in (*citizens, late):
        assert line.ended(citizen)[0]["outcome"] == "answered"
    lost = line.ended(gave_up)[0]
    assert lost["outcome"] == "queue_abandon"
    owed = wait_for(lambda: line.callbacks(gave_up))
    assert [callback["first_call_id"] for callback in owed] == [lost["call_id"]]
    # drafts of calls that were answered while the server was dead exist as well, one each
    for citizen in (*citizens, late):
        call_id = line.ended(citizen)[0]["call_id"]
        assert len(wait_for(lambda call_id=call_id: line.tickets_of(call_id))) == 1
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
        line.call(through, called=line.keys_number, keys=[(1.0, "2")], stay=20)
        wait_for(
            lambda: ends(hotline, line.keys_number),
            20,
            "nobody serves the queue of his choice, he is told so",
        )
        line.call(on_the_way, called=line.keys_number, stay=20)
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
    line = hotline.special_line("gives up early")
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
    line.close()


def records(line: Line, calls: int) -> list[dict[str, Any]]:
    found = [
        line.hotline.get(f"/api/calls/{call['call_id']}") for call in line.ended(calls=calls, seconds=30)
    ]
    assert len(found) == calls
    return found


def test_frozen_while_citizens_are_greeted_wait_and_talk(hotline: RunningHotline, line: Line) -> None:
    line.agent(talk=6)
    citizens = _talking_waiting_greeted(hotline, line)
    hotline.signal_server(signal.SIGSTOP)
    late = hotline.new_citizen()
    line.call(late, stay=90)

    def connected() -> int:
        return sum(row[4] == "CONNECT" and row[2] == f"q-{line.queue}" for row in hotline.queue_log)

    wait_for(lambda: connected() == 4, 90, "the agent reached all four, with our server frozen")
    hotline.signal_server(signal.SIGCONT)

    for citizen in (*citizens, late):
        assert line.ended(citizen, seconds=40)[0]["outcome"] == "answered"
    assert len(line.calls()) == 4
    assert_nothing_forgotten(hotline)


def test_only_the_first_caller_pays_for_a_frozen_server(hotline: RunningHotline, line: Line) -> None:
    """He waits in silence for as long as a step may last; those who come after him go straight to the line."""
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


def test_nobody_is_forgotten_who_hung_up_in_the_gap(hotline: RunningHotline, line: Line) -> None:
    """With nobody signed in, no server, and a line that says so: each of them is owed a call."""
    hotline.kill_server()
    citizens = [hotline.new_citizen() for _ in range(3)]
    for call in [line.call(citizen, stay=20) for citizen in citizens]:
        assert call.wait(40) == 0
    hotline.start_server()
    for citizen in citizens:
        assert line.ended(citizen, seconds=30)[0]["outcome"] == "no_agent"
        assert len(wait_for(lambda citizen=citizen: line.callbacks(citizen))) == 1
    assert_nothing_forgotten(hotline)


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
