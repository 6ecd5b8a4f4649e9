"""队列之后还有路：等够时间、没人签入或队列已满，诉求人按菜单继续走，位次不变，不漏账；服务器不在时照旧有人接。"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from support.running_hotline import RunningHotline, a_running_hotline, assert_nothing_forgotten
from support.story_line import Line
from support.told import listening
from support.waiting import wait_for

Nodes = dict[str, dict[str, Any]]
NODES_OF = Callable[[Nodes], None]


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
def led_by(hotline: RunningHotline, line: Line) -> Iterator[NODES_OF]:
    """The line's second number leads through these nodes; the first is where it begins."""
    config = hotline.settings.config_dir
    good = (config / "hotline.yaml").read_text(encoding="utf-8")
    story = config / "menus" / "story.yaml"

    def lead(nodes: Nodes) -> None:
        menu = {"start": next(iter(nodes)), "nodes": nodes}
        story.write_text(yaml.safe_dump(menu, sort_keys=False), encoding="utf-8")

        def there(found: dict[str, Any]) -> None:
            next(one for one in found["numbers"] if one["number"] == line.keys_number)["menu"] = "story"

        hotline.change("hotline.yaml", there)
        _reload(hotline)

    yield lead
    (config / "hotline.yaml").write_text(good, encoding="utf-8")
    story.unlink()
    if hotline.is_ready():
        _reload(hotline)


def _reload(hotline: RunningHotline) -> None:
    done = hotline.type("reload")
    assert done.returncode == 0, done.stdout + done.stderr


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
    hotline: RunningHotline, line: Line, other: Line, led_by: NODES_OF
) -> None:
    led_by(person_then(other))
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
    hotline: RunningHotline, line: Line, other: Line, led_by: NODES_OF
) -> None:
    led_by(person_then(other, longest_wait=60))
    agent = other.agent(talk=1)
    with listening(hotline) as told:
        citizen = calls(line)
        (record,) = line.ended(citizen, seconds=30)
    assert (record["outcome"], record["agent_no"]) == ("answered", agent)
    assert told.to_caller(citizen) == ["goodbye"], "no apology"
    assert "HOTLINE_NOT_TAKEN" in hotline.log_of(record["call_id"])


def test_who_hangs_up_in_the_menu_behind_a_queue_is_owed_as_one_who_waited(
    hotline: RunningHotline, line: Line, other: Line, led_by: NODES_OF
) -> None:
    nodes = person_then(other)
    nodes["person"]["then"] = "choose"
    choose = {"kind": "menu", "prompts": ["choose_matter"], "wait_seconds": 10, "keys": {"1": "wider"}}
    nodes["choose"] = {**choose, "no_key": {"then": "wider"}, "wrong_key": {"then": "wider"}}
    led_by(nodes)
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


def test_while_the_server_is_away_he_waits_on_and_whom_the_queue_does_not_take_comes_to_a_person(
    hotline: RunningHotline, line: Line, other: Line, led_by: NODES_OF
) -> None:
    nodes = {
        "part": {"kind": "queue", "queue": other.queue, "longest_wait": 5, "then": "person"},
        "person": {"kind": "queue", "longest_wait": 30, "then": "bye"},
        "bye": {"kind": "hang_up", "prompts": ["goodbye"]},
    }
    led_by(nodes)
    silent = other.agent(has_phone=False)
    agent = line.agent(talk=1)
    citizen = calls(line)
    wait_for(lambda: citizen in other.standing(), 20, "in the part")
    hotline.kill_server()
    wait_for(lambda: len(rounds(hotline, other, citizen)) == 2, 30, "in the same line again, at his place")
    hotline.ask(f"queue remove member PJSIP/agent-{silent} from q-{other.queue}")
    assert citizen in other.standing()
    hotline.start_server()
    hotline.post(f"/api/agents/{silent}/sign-out")
    wait_for(lambda: citizen in other.standing(), 5)
    _drop_the_wait(hotline, other)
    (record,) = line.ended(citizen, seconds=60)
    assert record["outcome"] in ("answered", "queue_timeout"), record
    assert agent


def rounds(hotline: RunningHotline, line: Line, citizen: str) -> list[list[str]]:
    rows = hotline.queue_log
    return [row for row in rows if row[4] == "ENTERQUEUE" and row[2] == f"q-{line.queue}" and row[6] == citizen]


def _drop_the_wait(hotline: RunningHotline, line: Line) -> None:
    for channel in line.waiting():
        hotline.ask(f"channel request hangup {channel}")


def test_nothing_is_forgotten(hotline: RunningHotline) -> None:
    assert_nothing_forgotten(hotline)
