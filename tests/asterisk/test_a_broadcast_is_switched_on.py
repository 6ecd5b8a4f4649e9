"""应急播报：暴雨时，值班长一声令下，新来的诉求人先听到情况与办法，再进队列；正在听菜单的不受打扰；时间一到自行结束。

The hotline is its own: what is on for all numbers would be heard in other stories too.
"""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.running_hotline import RunningHotline, a_running_hotline
from support.story_line import Line
from support.told import Told, listening
from support.waiting import wait_for

from hotline import accounts

IN_MENUS = 20
STORM = ["storm_known", "storm_to_do"]


def _patient(found: dict[str, Any]) -> None:
    """Time enough to switch something on while twenty callers think."""
    found["nodes"]["choose"]["wait_seconds"] = 30


@pytest.fixture(scope="module")
def hotline() -> Iterator[RunningHotline]:
    yield from a_running_hotline()


def on_air(hotline: RunningHotline) -> list[str]:
    """What the process that walks menus plays, by its own report."""
    return list(hotline.get("/readyz")["parts"]["agi"]["detail"].get("broadcasts", []))


def is_on_air(hotline: RunningHotline, *names: str) -> None:
    wait_for(lambda: on_air(hotline) == sorted(names), 20, f"on the air: {on_air(hotline)}")


def typed(hotline: RunningHotline, line: str, *more: str) -> str:
    done = hotline.type(f"broadcast {line}", *more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def in_menus(hotline: RunningHotline) -> int:
    """Callers whose call is with our server now."""
    rows = [row.split("!") for row in hotline.ask("core show channels concise").splitlines()]
    return sum(len(row) > 5 and row[5] == "AGI" for row in rows)


def calls_now(hotline: RunningHotline, line: Line, told: Told, called: str = "") -> tuple[list[str], Any]:
    """A citizen calls, is answered by the agent; what he heard in the menu, and his record."""
    citizen = hotline.new_citizen()
    assert line.call(citizen, called=called or line.number, stay=60).wait(80) == 0
    (record,) = line.ended(citizen, seconds=30)
    return [one for one in told.to_caller(citizen) if one != "goodbye"], record


def test_switched_on_while_twenty_callers_are_in_menus(hotline: RunningHotline, line: Line) -> None:
    hotline.change("menus/examples/with_keys.yaml", _patient)
    assert hotline.type("reload").returncode == 0
    line.agent(has_phone=False)
    numbers = [f"157{os.getpid() % 10000:04}{n:04}" for n in range(IN_MENUS)]
    with listening(hotline, "twenty") as told:
        crowd = line.phones.many_calls(numbers, line.keys_number, rate=10, stay=50)
        wait_for(lambda: in_menus(hotline) == IN_MENUS, 30, f"{in_menus(hotline)} in menus")
        assert "on: 1  storm  all numbers" in typed(hotline, "on storm --for 1h")
        is_on_air(hotline, "storm")
        assert in_menus(hotline) == IN_MENUS, "each of them is still in the menu"

        late = hotline.new_citizen()
        call = line.call(late, stay=60)
        wait_for(lambda: line.standing() == [late], 20, "he heard it and stands in the line")
        assert told.to_caller(late) == ["greeting", *STORM]
        wait_for(lambda: len(line.waiting()) == IN_MENUS + 1, 60, "all of them reach the queue")
        assert call.hang_up().wait(20) == 0
        assert crowd.wait(90) == 0, crowd.errors[-2000:]
        for number in numbers:
            assert told.to_caller(number) == ["greeting", "choose_matter"], "undisturbed"
    records = line.ended(calls=IN_MENUS + 1, seconds=60)
    tags = {record["number_masked"]: record["broadcast"] for record in records}
    assert sorted(tags.values(), key=str) == [None] * IN_MENUS + ["storm"]
    assert all(record["queued_at"] for record in records)
    assert next(record for record in records if record["broadcast"])["number_called"] == line.number
    typed(hotline, "off")
    is_on_air(hotline)


def test_by_the_api_for_one_number_with_words_of_the_moment(hotline: RunningHotline, line: Line) -> None:
    line.agent(talk=1)
    with listening(hotline, "api") as told:
        storm = hotline.post("/api/broadcasts", {"name": "storm"})
        asked = {"say": "城东停水，今晚八点前恢复。", "numbers": [line.number]}
        spoken = hotline.post("/api/broadcasts", asked)
        assert (spoken["name"], spoken["is_long"]) == ("spoken", False)
        assert 2 < spoken["seconds"] < 10
        (sound,) = (hotline.settings.prompts_dir / "broadcasts").glob("*.wav")
        is_on_air(hotline, "spoken", "storm")
        heard, record = calls_now(hotline, line, told)
        assert (heard, record["broadcast"]) == (["greeting", sound.stem], "spoken")
        assert record["outcome"] == "answered"

        hotline.delete(f"/api/broadcasts/{spoken['id']}")
        is_on_air(hotline, "storm")
        heard, record = calls_now(hotline, line, told)
        assert (heard, record["broadcast"]) == (["greeting", *STORM], "storm")
        assert 'hotline_broadcast_on{name="storm"} 1.0' in _metrics(hotline)

        hotline.delete(f"/api/broadcasts/{storm['id']}")
        is_on_air(hotline)
        heard, record = calls_now(hotline, line, told)
        assert (heard, record["broadcast"]) == (["greeting"], None)


def _metrics(hotline: RunningHotline) -> str:
    import httpx

    url = f"http://127.0.0.1:{hotline.settings.http_port}/metrics"
    return httpx.get(url, trust_env=False).text


def test_a_key_ends_it_and_it_ends_by_itself(hotline: RunningHotline, line: Line) -> None:
    line.agent(talk=1)
    with listening(hotline, "ends") as told:
        end = datetime.now(UTC) + timedelta(seconds=15)
        hotline.post("/api/broadcasts", {"name": "heating_outage", "until": end.isoformat()})
        is_on_air(hotline, "heating_outage")
        heard, record = calls_now(hotline, line, told)
        assert heard == ["greeting", "heating_outage_known", "heating_outage_to_do"]
        assert record["broadcast"] == "heating_outage"
        wait_for(lambda: time.time() > end.timestamp(), 30)
        heard, record = calls_now(hotline, line, told)
        assert (heard, record["broadcast"]) == (["greeting"], None), "nobody switched it off"


def test_by_a_shift_leaders_phone_alone(hotline: RunningHotline, line: Line) -> None:
    leader, agent = line.agent(is_signed_in=False), line.agent(is_signed_in=False)
    own = hotline.hotline
    with own.database.writing() as session:
        accounts.create_token(session, accounts.Role.SHIFT_LEADER, leader, "值班长", own.now())
    with listening(hotline, "phones") as told:
        line.phones.dial_code(agent, line.agents[agent], "*201")
        assert hotline.get("/api/broadcasts")["items"] == []
        assert told.on(f"PJSIP/agent-{agent}") == ["refused"]
        line.phones.dial_code(leader, line.agents[leader], "*20")
        assert hotline.get("/api/broadcasts")["items"] == [], "a slip switches nothing on"
        line.phones.dial_code(leader, line.agents[leader], "*201")
        (on,) = hotline.get("/api/broadcasts")["items"]
        assert (on["name"], on["started_by"], on["numbers"]) == ("storm", f"phone {leader}", None)
        line.phones.dial_code(leader, line.agents[leader], "*21")
        assert hotline.get("/api/broadcasts")["items"] == []
        assert told.on(f"PJSIP/agent-{leader}") == ["refused", "broadcast_on", "broadcast_off"]


def test_on_still_when_the_server_comes_back_and_the_database_does_not(
    hotline: RunningHotline, line: Line
) -> None:
    """And while the server is dead callers reach an agent, without the message."""
    line.agent(talk=1)
    typed(hotline, f"on storm --for 1h --numbers {line.number}")
    is_on_air(hotline, "storm")
    hotline.kill_server()
    with listening(hotline, "dead") as told:
        dead = hotline.new_citizen()
        assert line.call(dead, stay=60).wait(80) == 0
        assert set(told.to_caller(dead)) <= {"goodbye"}

        aside = _taken_away(hotline.home / "hotline.db")
        hotline.start_server(is_awaited=False)
        wait_for(lambda: "the database is away" in hotline.server_log, 30, hotline.server_log[-2000:])
        citizen = hotline.new_citizen()

        def is_heard() -> bool:
            call = line.call(citizen, stay=60)
            assert call.wait(80) == 0
            return "greeting" in told.to_caller(citizen)

        wait_for(is_heard, 60, "the server greets callers")
        heard = told.to_caller(citizen)
        assert heard[heard.index("greeting") :][:3] == ["greeting", *STORM]
        _put_back(aside)
        wait_for(hotline.is_ready, 60, hotline.server_log[-2000:])
    (record,) = line.ended(dead, seconds=30)
    assert (record["outcome"], record["broadcast"]) == ("answered", None)
    last = line.ended(citizen, seconds=30)[-1]
    assert (last["outcome"], last["broadcast"]) == ("answered", "storm"), "told by queue_log alone"
    typed(hotline, "off")
    is_on_air(hotline)


def _taken_away(database: Path) -> list[tuple[Path, Path]]:
    """With what lies beside it; in its place stands what is no database."""
    moved = []
    for path in database.parent.glob(f"{database.name}*"):
        aside = path.with_name(f"aside-{path.name}")
        path.rename(aside)
        moved.append((aside, path))
    database.mkdir()
    return moved


def _put_back(moved: list[tuple[Path, Path]]) -> None:
    for aside, path in moved:
        if path.is_dir():
            path.rmdir()
        aside.rename(path)
