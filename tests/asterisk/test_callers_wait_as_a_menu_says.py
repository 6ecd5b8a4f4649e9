"""菜单怎样让人排队：优先级按写明的秒数提前；选了英文到会说英文的那一队；专席没人就到大队；播不播排队位置由节点定。"""

import re
import time
import wave
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
import yaml
from support.running_hotline import TEST_CHANGES, RunningHotline, a_running_hotline
from support.story_line import Line
from support.told import Told, listening
from support.waiting import wait_for

Nodes = dict[str, dict[str, Any]]
CREDIT = 30


def _lines(found: dict[str, Any]) -> None:
    TEST_CHANGES["hotline.yaml"](found)
    found["priority_classes"] = [{"name": "disabled", "label": "残障人士", "credit_seconds": CREDIT}]


@pytest.fixture(scope="module")
def hotline() -> Iterator[RunningHotline]:
    yield from a_running_hotline(changes={"hotline.yaml": _lines})


@pytest.fixture
def led_by(hotline: RunningHotline) -> Iterator[Callable[..., None]]:
    """The second number of each line leads through the nodes that are given for it; the first is where it begins."""
    config = hotline.settings.config_dir
    good = (config / "hotline.yaml").read_text(encoding="utf-8")
    written = []

    def lead(line: Line, nodes: Nodes, part: Line | None = None, **of_part: Any) -> None:
        story = config / "menus" / f"story{line.n}.yaml"
        written.append(story)
        menu = {"start": next(iter(nodes)), "nodes": nodes}
        story.write_text(yaml.safe_dump(menu, sort_keys=False), encoding="utf-8")

        def there(found: dict[str, Any]) -> None:
            next(one for one in found["numbers"] if one["number"] == line.keys_number)["menu"] = story.stem
            if part is not None:
                queue = next(one for one in found["queues"] if one["name"] == part.queue)
                queue.update(part_of=line.queue, **of_part)

        hotline.change("hotline.yaml", there)
        _reload(hotline)

    yield lead
    (config / "hotline.yaml").write_text(good, encoding="utf-8")
    for story in written:
        story.unlink()
    _reload(hotline)


def _reload(hotline: RunningHotline) -> None:
    done = hotline.type("reload")
    assert done.returncode == 0, done.stdout + done.stderr


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
    hotline: RunningHotline, line: Line, led_by: Callable[..., None]
) -> None:
    led_by(line, {"person": {"kind": "queue", "priority": "disabled"}})
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
    hotline: RunningHotline, line: Line, part: Line, led_by: Callable[..., None]
) -> None:
    nodes: Nodes = {
        "english": {"kind": "language", "language": "en", "next": "person"},
        "person": {"kind": "queue", "longest_wait": 60, "then": "anybody"},
        "anybody": {"kind": "queue", "language": "zh"},
    }
    led_by(line, nodes, part, languages=["zh", "en"])
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


def test_a_node_says_whether_he_is_told_his_place(
    hotline: RunningHotline, led_by: Callable[..., None]
) -> None:
    with closing(hotline.special_line("tells positions")) as line, listening(hotline, "places") as told:
        led_by(line, {"person": {"kind": "queue", "announcements": "off"}})
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
