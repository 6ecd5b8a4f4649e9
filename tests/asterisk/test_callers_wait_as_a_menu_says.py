"""菜单怎样让人排队：优先级按写明的秒数提前；选了英文到会说英文的那一队；专席没人就到大队；播不播排队位置由节点定。"""

import re
import time
import wave
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from support.running_hotline import TEST_CHANGES, Change, RunningHotline, a_running_hotline
from support.story_line import Line
from support.story_menus import Lead, Nodes, story_menu
from support.told import Told, listening
from support.waiting import wait_for

CREDIT = 30


def _lines(found: dict[str, Any]) -> None:
    TEST_CHANGES["hotline.yaml"](found)
    found["priority_classes"] = [{"name": "disabled", "label": "残障人士", "credit_seconds": CREDIT}]


@pytest.fixture(scope="module")
def hotline() -> Iterator[RunningHotline]:
    yield from a_running_hotline(changes={"hotline.yaml": _lines})


@pytest.fixture
def lead(hotline: RunningHotline) -> Iterator[Lead]:
    with story_menu(hotline) as lead:
        yield lead


def is_part(part: Line, whole: Line, **of_part: Any) -> Change:
    """Of hotline.yaml."""

    def change(found: dict[str, Any]) -> None:
        queue = next(one for one in found["queues"] if one["name"] == part.queue)
        queue.update(part_of=whole.queue, **of_part)

    return change


@pytest.fixture
def part(hotline: RunningHotline) -> Iterator[Line]:
    with closing(hotline.new_line()) as made:
        yield made


def calls(line: Line, called: str) -> str:
    citizen = line.hotline.new_citizen()
    line.call(citizen, called=called, stay=120)
    wait_for(lambda: citizen in line.standing(), 30, "in line")
    return citizen


def in_a_later_second(line: Line, citizen: str) -> None:
    at = line.arrivals(citizen)[0]
    wait_for(lambda: int(time.time()) > at)


def test_a_class_stands_its_credit_earlier_and_not_more(
    hotline: RunningHotline, line: Line, lead: Lead
) -> None:
    lead(line, {"person": {"kind": "queue", "priority": "disabled"}})
    line.agent(has_phone=False)
    long_ago = calls(line, line.number)
    wait_for(lambda: time.time() > line.arrivals(long_ago)[0] + CREDIT + 1, CREDIT + 5)
    before = calls(line, line.number)
    in_a_later_second(line, before)
    first = calls(line, line.keys_number)
    in_a_later_second(line, first)
    second = calls(line, line.keys_number)
    assert line.standing() == [long_ago, first, second, before]
    arrived = {row[5]: int(row[8]) for row in hotline.queue_log if row[4] == "HOTLINE_ARRIVED"}
    assert arrived[first] < arrived[before], "the account has his arrival, without the credit"


def test_who_chose_a_language_stands_in_the_part_that_speaks_it(
    hotline: RunningHotline, line: Line, part: Line, lead: Lead
) -> None:
    nodes: Nodes = {
        "english": {"kind": "language", "language": "en", "next": "person"},
        "person": {"kind": "queue", "longest_wait": 60, "then": "anybody"},
        "anybody": {"kind": "queue", "language": "zh"},
    }
    lead(line, nodes, is_part(part, line, languages=["zh", "en"]))
    agent, in_english = line.agent(talk=1), part.agent(talk=1)
    citizen = hotline.new_citizen()
    line.call(citizen, called=line.keys_number, stay=60)
    (record,) = line.ended(citizen, seconds=40)
    assert (record["queue"], record["agent_no"]) == (part.queue, in_english)
    hotline.post(f"/api/agents/{in_english}/sign-out")
    late = hotline.new_citizen()
    line.call(late, called=line.keys_number, stay=60)
    (record,) = line.ended(late, seconds=40)
    assert (record["outcome"], record["queue"], record["agent_no"]) == ("answered", line.queue, agent)
    assert record["menu_path"].endswith("/english/person/anybody")


@pytest.mark.parametrize("is_anybody_there", [True, False], ids=["signed_in", "nobody"])
def test_who_chose_a_language_is_led_to_it_by_the_dialplan_too(
    hotline: RunningHotline, line: Line, part: Line, lead: Lead, is_anybody_there: bool
) -> None:
    """His queue empties while our server is away: the number's default queue, and the part of it that speaks it."""
    with closing(hotline.new_line()) as third:
        nodes: Nodes = {
            "english": {"kind": "language", "language": "en", "next": "third"},
            "third": {"kind": "queue", "queue": third.queue, "longest_wait": 5, "then": "person"},
            "person": {"kind": "queue"},
        }
        lead(line, nodes, is_part(part, line, languages=["zh", "en"]))
        goes, _ = third.agent(has_phone=False), line.agent(has_phone=False)
        if is_anybody_there:
            part.agent(has_phone=False)
        citizen = hotline.new_citizen()
        line.call(citizen, called=line.keys_number, stay=120)
        wait_for(lambda: third.standing() == [citizen], 30, "in line")
        hotline.kill_server()
        try:
            hotline.ask(f"queue remove member PJSIP/agent-{goes} from q-{third.queue}")
            there = part if is_anybody_there else line
            wait_for(lambda: there.standing() == [citizen], 60, "in the default queue of the number called")
        finally:
            hotline.start_server()


def test_who_wants_a_skill_stands_in_the_part_that_has_it(
    hotline: RunningHotline, line: Line, part: Line, lead: Lead
) -> None:
    nodes: Nodes = {"signs": {"kind": "queue", "skill": "sign_language"}}
    lead(line, nodes, is_part(part, line, skills=["sign_language"]))
    other, skilled = line.agent(talk=1), part.agent(ring=2, talk=1)
    citizen = hotline.new_citizen()
    line.call(citizen, called=line.keys_number, stay=60)
    (record,) = line.ended(citizen, seconds=40)
    assert (record["outcome"], record["queue"], record["agent_no"]) == ("answered", part.queue, skilled)
    in_the_whole = hotline.new_citizen()
    line.call(in_the_whole, stay=60)
    (record,) = line.ended(in_the_whole, seconds=40)
    assert (record["queue"], record["agent_no"]) == (line.queue, other)


def test_a_node_says_whether_he_is_told_his_place(hotline: RunningHotline, lead: Lead) -> None:
    with closing(hotline.special_line("tells positions")) as line, listening(hotline, "places") as told:
        lead(line, {"person": {"kind": "queue", "announcements": "off"}})
        line.agent(has_phone=False)
        calls(line, line.number)
        quiet, loud = calls(line, line.keys_number), calls(line, line.number)
        wait_for(lambda: len(words(told, loud)) >= 2, 60, "told twice")
        assert {language for _, language in words(told, loud)} == {"zh"}
        wait_for(lambda: words(told, quiet), 20, "Asterisk speaks to all who wait in a queue")
        assert {language for _, language in words(told, quiet)} == {"zh_unheard"}
        unheard = hotline.settings.asterisk_dir / "data" / "sounds" / "zh_unheard"
        for name, _ in words(told, quiet):
            with wave.open(str(unheard / f"{name}.wav")) as sound:
                assert sound.getnframes() < 400, "shorter than a twentieth of a second"
                assert not any(sound.readframes(400)), "silence"


def words(told: Told, citizen: str) -> list[tuple[str, str]]:
    """What Asterisk itself said to him, and in which language."""
    (channel,) = set(re.findall(rf'Set\("([^"]+)", "HOTLINE_CALLER={citizen}"\)', told.text))
    said = re.findall(rf"<{re.escape(channel)}> Playing '([^'/][^']*)\.\w+' \(language '(\w+)'\)", told.text)
    return [(str(name), str(language)) for name, language in said]
