"""诉求人在哪一队，就按说给那一队的规矩等：队列中途撤销、服务器在两句话之间停止、第十六次排队，都不会拿别队的时限和去向来等。"""

import re
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from support.agi_peer import serving
from support.fake_channel import FakeChannel
from support.outages import variables
from support.running_hotline import RunningHotline
from support.story_line import Line
from support.story_menus import Lead, Nodes, story_menu
from support.waiting import wait_for

from ivr.calls.in_line import InLine
from ivr.telephony.agi_channel import AgiChannel
from ivr.telephony.agi_session import AgiSession

BYE = {"kind": "hang_up", "prompts": ["goodbye"]}


@pytest.fixture
def lead(hotline: RunningHotline) -> Iterator[Lead]:
    with story_menu(hotline) as lead:
        yield lead


@pytest.fixture
def other(hotline: RunningHotline) -> Iterator[Line]:
    """Another line, of which the queue alone is used."""
    with closing(hotline.new_line()) as made:
        yield made


def events_of(hotline: RunningHotline, citizen: str) -> list[str]:
    rows = [row for row in hotline.queue_log if len(row) > 5]
    mine = [row[1] for row in rows if row[4:6] == ["HOTLINE_ARRIVED", citizen]]
    return hotline.log_of(mine[0]) if mine else []


def test_from_the_sixteenth_line_on_he_is_led_no_further(
    hotline: RunningHotline, line: Line, other: Line, lead: Lead
) -> None:
    names = [f"n{n}" for n in range(1, 16)]
    on = {"kind": "queue", "queue": other.queue, "longest_wait": 60}
    nodes: Nodes = {
        name: {**on, "then": behind} for name, behind in zip(names, [*names[1:], "last"], strict=True)
    }
    nodes["last"] = {"kind": "queue", "longest_wait": 5, "then": "bye"}
    lead(line, {**nodes, "bye": BYE})
    line.agent(has_phone=False)
    citizen = hotline.new_citizen()
    line.call(citizen, called=line.keys_number, stay=120)
    wait_for(lambda: line.standing() == [citizen], 60, "in the sixteenth")
    assert events_of(hotline, citizen) == ["HOTLINE_ARRIVED", *["HOTLINE_NOT_TAKEN"] * 15, "ENTERQUEUE"]
    stays_longer_than(5, line, citizen)
    agent = line.agent(talk=1)
    (record,) = line.ended(citizen, seconds=40)
    assert (record["outcome"], record["queue"], record["agent_no"]) == ("answered", line.queue, agent)
    assert record["menu_path"].endswith("/n15/last")


def stays_longer_than(seconds: int, line: Line, citizen: str) -> None:
    """In the same line, without leaving it in between."""
    over = time.monotonic() + seconds + 3
    wait_for(lambda: time.monotonic() > over, seconds + 5)
    assert line.standing() == [citizen]
    assert events_of(line.hotline, citizen).count("ENTERQUEUE") == 1


def test_where_his_queue_is_gone_meanwhile_he_waits_as_anybody_there(
    hotline: RunningHotline, line: Line, lead: Lead
) -> None:
    """He walks in the set that he began with; what it says of its own queue is nothing to the default one."""
    choose = {"kind": "menu", "prompts": ["choose_matter"], "wait_seconds": 30, "keys": {"1": "part"}}
    choose |= {"no_key": {"then": "part"}, "wrong_key": {"then": "part"}}
    line.agent(has_phone=False)
    with closing(hotline.new_line()) as doomed:
        part = {"kind": "queue", "longest_wait": 5, "then": "bye"}
        lead(line, {"choose": choose, "part": {**part, "queue": doomed.queue}, "bye": BYE})
        citizen = hotline.new_citizen()
        call = line.call(citizen, called=line.keys_number, key="1", stay=120)
        wait_for(lambda: line.in_menu(citizen).startswith("story/choose|"), 30, "in the menu")

        def without(found: dict[str, Any]) -> None:
            found["queues"] = [queue for queue in found["queues"] if queue["name"] != doomed.queue]
            for number in found["numbers"]:
                if number["queue"] == doomed.queue:
                    number["queue"] = line.queue

        lead(line, {"choose": choose, "part": part, "bye": BYE}, without)
        assert "No such queue" in hotline.ask(f"queue show q-{doomed.queue}")
        call.press()
        wait_for(lambda: line.standing() == [citizen], 30, "in the default queue")
        stays_longer_than(5, line, citizen)


WORDS = InLine("named", wait="60", announced="off", then="story|part|")


@pytest.mark.parametrize("survived", range(3))
def test_the_server_dies_between_two_words_and_he_waits_as_one_queue_has_it(
    hotline: RunningHotline, line: Line, other: Line, survived: int
) -> None:
    """Never in one queue as was said of another."""
    for one in (line, other):
        one.agent(has_phone=False)
    channel = FakeChannel()
    replace(WORDS, queue=other.queue).write(channel)

    def script(session: AgiSession) -> None:
        for name, value in channel.set[:survived]:
            AgiChannel(session).set_variable(name, value)

    with serving({"incoming_call": script, "call_ended": lambda _: None}) as dying:
        door = hotline.ask("dialplan show globals").partition("HOTLINE_AGI=")[2].split()[0]
        hotline.ask(f"dialplan set global HOTLINE_AGI agi://127.0.0.1:{dying.server.port}")
        try:
            citizen = hotline.new_citizen()
            call = line.call(citizen, stay=60)
            wait_for(lambda: citizen in line.standing() + other.standing(), 30, "in line")
            shown = variables(hotline, citizen)
            told = {name: value for name, value in re.findall(r"^HOTLINE_(\w+)=(.*)$", shown, re.MULTILINE)}
            waits = [told.get(name, "") for name in ("QUEUE", "WAIT", "ANNOUNCED", "THEN")]
            in_the_named = [other.queue, "60", "off", "story|part|"]
            assert waits == (in_the_named if survived >= len(channel.set) else [line.queue, "", "", ""])
            assert call.hang_up().wait(20) == 0
        finally:
            hotline.ask(f"dialplan set global HOTLINE_AGI {door}")
