"""Lists of callers on real calls: an enterprise comes to its desk, a blocked number to a refusal with a key to a person, and
a number whose entry has expired to where everybody comes."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import yaml
from support.running_hotline import RunningHotline
from support.story_line import Line
from support.waiting import wait_for


@pytest.fixture
def listed(hotline: RunningHotline, line: Line) -> Iterator["Listed"]:
    """The line's second number leads through a menu that asks for two lists, which have three citizens on them."""
    found = Listed(hotline, line)
    config = hotline.settings.config_dir
    numbers = config / "hotline.yaml"
    good = numbers.read_text(encoding="utf-8")
    paths = {config / f"{name}.yaml": written for name, written in found.files().items()}
    for path, written in paths.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump(written, allow_unicode=True), encoding="utf-8")

    def lead_there(written: dict[str, Any]) -> None:
        next(one for one in written["numbers"] if one["number"] == line.keys_number)["menu"] = "story_lists"

    hotline.change("hotline.yaml", lead_there)
    try:
        _reload(hotline)
        yield found
    finally:
        numbers.write_text(good, encoding="utf-8")
        for path in paths:
            path.unlink()
        _reload(hotline)


class Listed:
    """Who is on a list, each typed in another form than his carrier sends."""

    def __init__(self, hotline: RunningHotline, line: Line) -> None:
        self.line = line
        self.enterprise, self.blocked, self.expired = (hotline.new_citizen() for _ in range(3))
        self.now = datetime.now(hotline.settings.zone)

    def files(self) -> dict[str, dict[str, Any]]:
        firm = {"number": f"+86 {self.enterprise}", "name": "示例机械厂"}
        entries = [
            self._blocked(f"{self.blocked[:3]}-{self.blocked[3:]}", self.now + timedelta(days=1)),
            self._blocked(f"0{self.expired}", self.now - timedelta(minutes=1)),
        ]
        return {
            "lists/story_firms": {"kind": "enterprise", "entries": [firm]},
            "lists/story_nuisance": {"kind": "blocklist", "entries": entries},
            "menus/story_lists": {"start": "who", "nodes": self._nodes()},
        }

    def _blocked(self, number: str, expiry: datetime) -> dict[str, str]:
        form = "%Y-%m-%d %H:%M"
        start = (self.now - timedelta(days=2)).strftime(form)
        decided = {"reason": "多次骚扰", "approver": "值班长", "start": start}
        return {"number": number, **decided, "expiry": expiry.strftime(form)}

    def _nodes(self) -> dict[str, dict[str, Any]]:
        queue = {"kind": "queue", "queue": self.line.queue}
        cases = [
            {"when": {"caller_on": "story_nuisance"}, "then": "turned_away"},
            {"when": {"caller_on": "story_firms"}, "then": "desk"},
        ]
        return {
            "who": {"kind": "branch", "cases": cases, "else": "person"},
            "turned_away": {
                "kind": "menu",
                "prompts": ["calls_limited"],
                "keys": {"0": "person"},
                "no_key": {"then": "bye"},
                "wrong_key": {"then": "person"},
            },
            "bye": {"kind": "hang_up", "prompts": ["goodbye"]},
            "desk": {**queue, "category": "enterprise"},
            "person": queue,
        }


def _reload(hotline: RunningHotline) -> None:
    done = hotline.type("reload")
    assert done.returncode == 0, done.stderr


def test_each_caller_is_led_by_the_list_that_he_is_on(hotline: RunningHotline, listed: Listed) -> None:
    line = listed.line
    line.agent(talk=2)

    for citizen, path in (
        (listed.enterprise, "story_lists/who/desk"),
        (listed.expired, "story_lists/who/person"),
    ):
        call = line.call(citizen, called=line.keys_number, stay=60)
        assert call.wait(80) == 0, call.errors
        (record,) = line.ended(citizen)
        assert (record["menu_path"], record["outcome"]) == (path, "answered")
        if citizen == listed.enterprise:
            (ticket,) = wait_for(lambda call_id=record["call_id"]: line.tickets_of(call_id))
            assert ticket["category_code"] == "enterprise"

    # he hears the refusal; with the key that it names he comes to a person
    call = line.call(listed.blocked, called=line.keys_number, key="0", stay=60)
    wait_for(lambda: line.in_menu(listed.blocked).startswith("story_lists/who/turned_away|"))
    assert call.press().wait(80) == 0, call.errors
    (record,) = line.ended(listed.blocked)
    assert (record["menu_path"], record["outcome"]) == ("story_lists/who/turned_away/person", "answered")

    # and is let go if he presses nothing
    call = line.call(listed.blocked, called=line.keys_number, stay=90)
    assert call.wait(110) == 0, call.errors
    record = line.ended(listed.blocked, calls=2)[-1]
    assert record["menu_path"] == "story_lists/who/turned_away/bye"
    assert record["outcome"] == "ivr_served"

    # whose number is withheld is on no list
    call = line.call("", called=line.keys_number, stay=60, from_header="<sip:anonymous@anonymous.invalid>")
    assert call.wait(80) == 0, call.errors
    assert line.ended(calls=5)[-1]["menu_path"] == "story_lists/who/person"

    for citizen in (listed.enterprise, listed.blocked, listed.expired):
        assert citizen not in hotline.server_log
