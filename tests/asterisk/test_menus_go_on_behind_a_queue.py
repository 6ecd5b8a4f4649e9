"""队列之后还有路：等够时间、没人签入或队列已满，诉求人按菜单继续走，位次不变，不漏账；服务器不在时照旧有人接。"""

import signal
from collections.abc import Callable, Iterator
from contextlib import closing
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


def test_where_nobody_is_signed_in_and_the_menu_says_goodbye_he_is_owed_a_callback(
    hotline: RunningHotline, line: Line, led_by: NODES_OF
) -> None:
    led_by(
        {
            "person": {"kind": "queue", "longest_wait": 60, "then": "bye"},
            "bye": {"kind": "hang_up", "prompts": ["goodbye"]},
        }
    )
    citizen = calls(line)
    (record,) = line.ended(citizen, seconds=40)
    assert (record["outcome"], record["queue"]) == ("no_agent", line.queue)
    assert record["menu_path"] == "story/person/bye"
    wait_for(lambda: len(line.callbacks(citizen)) == 1, 15, "he is owed a callback")


def test_while_the_server_is_away_who_waited_waits_on_and_who_is_not_taken_comes_to_the_default_queue(
    hotline: RunningHotline, line: Line, other: Line, led_by: NODES_OF
) -> None:
    with closing(hotline.new_line()) as third:
        led_by(
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
            }
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
    hotline: RunningHotline, line: Line, other: Line, led_by: NODES_OF, is_frozen: bool
) -> None:
    led_by(
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
        }
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


def entered(hotline: RunningHotline, citizen: str) -> list[str]:
    return [row[2] for row in hotline.queue_log if row[4] == "ENTERQUEUE" and row[6] == citizen]


def rounds(hotline: RunningHotline, line: Line, citizen: str) -> int:
    rows = [row for row in hotline.queue_log if row[4] == "ENTERQUEUE" and row[2] == f"q-{line.queue}"]
    return sum(row[6] == citizen for row in rows)


def test_nothing_is_forgotten(hotline: RunningHotline) -> None:
    assert_nothing_forgotten(hotline)
