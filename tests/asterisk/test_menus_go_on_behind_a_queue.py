"""队列之后还有路：等够时间、没人签入或队列已满，诉求人按菜单继续走，位次不变，不漏账；服务器不在时照旧有人接。"""

import signal
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from support.running_hotline import RunningHotline, a_running_hotline, assert_nothing_forgotten
from support.story_line import Line
from support.story_menus import Lead, Nodes, story_menu
from support.told import listening
from support.waiting import wait_for


@pytest.fixture(scope="module")
def hotline() -> Iterator[RunningHotline]:
    """Its own, since its server is killed."""
    yield from a_running_hotline()


@pytest.fixture
def other(hotline: RunningHotline) -> Iterator[Line]:
    """Another line, of which the queue alone is used."""
    made = hotline.new_line()
    yield made
    made.close()


@pytest.fixture
def lead(hotline: RunningHotline) -> Iterator[Lead]:
    with story_menu(hotline) as lead:
        yield lead


def person_then(other: Line, **how: Any) -> Nodes:
    """The line's own queue, behind it the other one's."""
    return {
        "person": {"kind": "queue", "longest_wait": 5, "then": "wider", **how},
        "wider": {"kind": "queue", "queue": other.queue},
    }


def calls(line: Line, **how: Any) -> str:
    citizen = line.hotline.new_citizen()
    line.call(citizen, called=line.keys_number, stay=120, **how)
    return citizen


def test_who_waited_in_vain_is_answered_in_the_next_queue(
    hotline: RunningHotline, line: Line, other: Line, lead: Lead
) -> None:
    lead(line, person_then(other))
    line.agent(has_phone=False)  # is signed in, and never picks up
    agent = other.agent(talk=1)
    citizen = calls(line)
    wait_for(lambda: citizen in line.standing(), 20, "in the first line")
    (record,) = line.ended(citizen, seconds=60)
    assert (record["outcome"], record["queue"], record["agent_no"]) == ("answered", other.queue, agent)
    assert record["menu_path"] == "story/person/wider"
    assert record["wait_seconds"] >= 4.5, "counted from where he first stood in line"
    assert line.callbacks(citizen) == []


def test_where_nobody_is_signed_in_he_goes_on_at_once(
    hotline: RunningHotline, line: Line, other: Line, lead: Lead
) -> None:
    lead(line, person_then(other, longest_wait=60))
    agent = other.agent(talk=1)
    with listening(hotline) as told:
        citizen = calls(line)
        (record,) = line.ended(citizen, seconds=30)
    assert (record["outcome"], record["agent_no"]) == ("answered", agent)
    assert told.to_caller(citizen) == ["goodbye"], "no apology"
    assert "HOTLINE_NOT_TAKEN" in hotline.log_of(record["call_id"])


def test_where_the_line_is_full_he_goes_on_at_once(
    hotline: RunningHotline, full: Line, other: Line, lead: Lead
) -> None:
    full.agent(has_phone=False)
    agent = other.agent(talk=1)
    stands = hotline.new_citizen()
    full.call(stands, stay=120)
    wait_for(lambda: full.standing() == [stands], 30, "the one for whom there is room")
    lead(full, person_then(other, longest_wait=60))
    with listening(hotline, "full") as told:
        citizen = calls(full)
        (record,) = full.ended(citizen, seconds=30)
    assert (record["outcome"], record["queue"], record["agent_no"]) == ("answered", other.queue, agent)
    assert record["menu_path"] == "story/person/wider"
    assert told.to_caller(citizen) == ["goodbye"], "no apology"
    refused = [row[5] for row in hotline.queue_log if row[1:5:3] == [record["call_id"], "HOTLINE_NOT_TAKEN"]]
    assert refused == ["FULL"]
    assert full.standing() == [stands]
    assert full.callbacks(citizen) == []


@pytest.fixture
def full(hotline: RunningHotline, line: Line) -> Iterator[Line]:
    with closing(hotline.special_line("full with one")) as made:
        yield made


@pytest.mark.parametrize("is_ringing", [False, True], ids=["in_the_talk", "while_it_rings"])
def test_the_agents_phone_dies_in_a_queue_to_which_he_was_led(
    hotline: RunningHotline, line: Line, other: Line, lead: Lead, is_ringing: bool
) -> None:
    """He reaches the next agent there, and the menu is not asked again."""
    lead(line, person_then(other, longest_wait=60))
    dying = other.agent(sound=True, ring=60 if is_ringing else 0.3)
    other.notices_silence_soon(dying)
    citizen = calls(line)
    if is_ringing:
        wait_for(lambda: other.rings(dying), 30, "it rings")
    else:
        wait_for(lambda: "CONNECT" in events_of(hotline, citizen), 30, "they talk")
    other.phones.running[0].process.kill()
    wait_for(lambda: other.standing() == [citizen], 30, "in the line")
    hotline.post(f"/api/agents/{dying}/sign-out")
    saviour = other.agent(talk=1)
    (record,) = line.ended(citizen, seconds=60)
    assert (record["outcome"], record["queue"], record["agent_no"]) == ("answered", other.queue, saviour)
    assert record["menu_path"] == "story/person/wider"
    assert events_of(hotline, citizen).count("HOTLINE_NOT_TAKEN") == 1
    assert len(line.tickets_of(record["call_id"])) == 1
    assert line.callbacks(citizen) == []


def test_who_hangs_up_in_the_menu_behind_a_queue_is_owed_as_one_who_waited(
    hotline: RunningHotline, line: Line, other: Line, lead: Lead
) -> None:
    nodes = person_then(other)
    nodes["person"]["then"] = "choose"
    choose = {"kind": "menu", "prompts": ["choose_matter"], "wait_seconds": 10, "keys": {"1": "wider"}}
    nodes["choose"] = {**choose, "no_key": {"then": "wider"}, "wrong_key": {"then": "wider"}}
    lead(line, nodes)
    line.agent(has_phone=False)
    citizen = hotline.new_citizen()
    call = line.call(citizen, called=line.keys_number, stay=120)
    wait_for(
        lambda: line.in_menu(citizen).startswith("story/person/choose|"), 30, "in the menu behind the queue"
    )
    assert call.hang_up().wait(20) == 0
    (record,) = line.ended(citizen)
    assert (record["outcome"], record["queue"]) == ("queue_timeout", line.queue)
    assert record["menu_path"] == "story/person/choose"
    wait_for(lambda: len(line.callbacks(citizen)) == 1, 15, "he is owed a callback")


def test_where_nobody_is_signed_in_and_the_menu_says_goodbye_he_is_owed_a_callback(
    hotline: RunningHotline, line: Line, lead: Lead
) -> None:
    lead(
        line,
        {
            "person": {"kind": "queue", "longest_wait": 60, "then": "bye"},
            "bye": {"kind": "hang_up", "prompts": ["goodbye"]},
        },
    )
    citizen = calls(line)
    (record,) = line.ended(citizen, seconds=40)
    assert (record["outcome"], record["queue"]) == ("no_agent", line.queue)
    assert record["menu_path"] == "story/person/bye"
    wait_for(lambda: len(line.callbacks(citizen)) == 1, 15, "he is owed a callback")


def test_while_the_server_is_away_who_waited_waits_on_and_who_is_not_taken_comes_to_the_default_queue(
    hotline: RunningHotline, line: Line, other: Line, lead: Lead
) -> None:
    with closing(hotline.new_line()) as third:
        lead(
            line,
            {
                "choose": {
                    "kind": "menu",
                    "prompts": ["choose_matter"],
                    "keys": {"1": "emptied"},
                    "no_key": {"then": "part"},
                    "wrong_key": {"then": "part"},
                },
                "part": {"kind": "queue", "queue": other.queue, "longest_wait": 20, "then": "bye"},
                "emptied": {"kind": "queue", "queue": third.queue, "longest_wait": 20, "then": "bye"},
                "bye": {"kind": "hang_up", "prompts": ["goodbye"]},
            },
        )
        goes, *_stay = [one.agent(has_phone=False) for one in (third, other, line)]
        waits, is_put_out = hotline.new_citizen(), hotline.new_citizen()
        pressing = line.call(is_put_out, called=line.keys_number, key="1", stay=120)
        wait_for(lambda: line.in_menu(is_put_out).startswith("story/choose|"), 30, "in the menu")
        pressing.press()
        line.call(waits, called=line.keys_number, stay=120)
        wait_for(lambda: waits in other.standing() and is_put_out in third.standing(), 30, "in line")
        hotline.kill_server()
        hotline.ask(f"queue remove member PJSIP/agent-{goes} from q-{third.queue}")
        wait_for(lambda: is_put_out in line.standing(), 60, "in the default queue of the number called")
        wait_for(lambda: rounds(hotline, other, waits) == 2, 60, "in the same line again")
        hotline.start_server()
        assert waits in other.standing(), "now as long as the queue allows"


@pytest.mark.parametrize("is_frozen", [False, True], ids=["killed", "frozen"])
def test_who_is_cut_in_the_menu_behind_a_queue_comes_to_the_default_queue(
    hotline: RunningHotline, line: Line, other: Line, lead: Lead, is_frozen: bool
) -> None:
    lead(
        line,
        {
            "part": {"kind": "queue", "queue": other.queue, "longest_wait": 60, "then": "choose"},
            "choose": {
                "kind": "menu",
                "prompts": ["choose_matter"],
                "wait_seconds": 10,
                "keys": {"1": "bye", "0": "person"},
                "no_key": {"then": "bye"},
                "wrong_key": {"then": "bye"},
            },
            "person": {"kind": "queue"},
            "bye": {"kind": "hang_up", "prompts": ["goodbye"]},
        },
    )
    agent = line.agent(talk=1)
    citizen = calls(line)
    wait_for(lambda: line.in_menu(citizen).startswith("story/part/choose|"), 30, "in the menu behind it")
    if is_frozen:
        hotline.signal_server(signal.SIGSTOP)
    else:
        hotline.kill_server()
    wait_for(lambda: f"q-{line.queue}" in entered(hotline, citizen), 60, "in the default queue")
    if is_frozen:
        hotline.signal_server(signal.SIGCONT)
    else:
        hotline.start_server()
    (record,) = line.ended(citizen, seconds=60)
    assert (record["outcome"], record["queue"], record["agent_no"]) == ("answered", line.queue, agent)
    assert record["menu_path"] == "story/part/choose"


def events_of(hotline: RunningHotline, citizen: str) -> list[str]:
    rows = [row for row in hotline.queue_log if len(row) > 5]
    mine = [row[1] for row in rows if row[4:6] == ["HOTLINE_ARRIVED", citizen]]
    return hotline.log_of(mine[0]) if mine else []


def entered(hotline: RunningHotline, citizen: str) -> list[str]:
    return [row[2] for row in hotline.queue_log if row[4] == "ENTERQUEUE" and row[6] == citizen]


def rounds(hotline: RunningHotline, line: Line, citizen: str) -> int:
    rows = [row for row in hotline.queue_log if row[4] == "ENTERQUEUE" and row[2] == f"q-{line.queue}"]
    return sum(row[6] == citizen for row in rows)


def test_nothing_is_forgotten(hotline: RunningHotline) -> None:
    assert_nothing_forgotten(hotline)
