"""Whom a queue did not serve goes on in the menu, in the set that his call began with; where that fails, as without it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session
from support.fake_channel import FakeChannel

from hotline import defaults_door
from ivr.calls.desk import CallDesk
from ivr.calls.in_line import InLine, in_line
from ivr.calls.walk import walked_so_far
from ivr.config_files.checker import check
from ivr.config_files.running import Running
from ivr.lines import Lines, PriorityClass
from ivr.lines import Queue as QueueOfLines
from ivr.menus.menu_file import MenuFile
from ivr.menus.navigation import start
from ivr.menus.steps import ToQueue
from ivr.prompts.rendering import PromptLibrary
from tickets.call_events import Event

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
NODES: dict[str, dict[str, Any]] = {
    "part": {
        "kind": "queue",
        "queue": "heating",
        "category": "heating",
        "longest_wait": 60,
        "then": "choose",
    },
    "choose": {
        "kind": "menu",
        "prompts": ["greeting"],
        "keys": {"1": "vip", "2": "bye", "3": "police"},
        "no_key": {"then": "anybody"},
        "wrong_key": {"then": "anybody"},
    },
    "vip": {"kind": "queue", "queue": "general", "priority": "disabled", "announcements": "off"},
    "anybody": {"kind": "queue"},
    "bye": {"kind": "hang_up", "prompts": ["goodbye"]},
    "police": {
        "kind": "transfer",
        "to": "police",
        "no_answer": {"prompts": ["wrong_key"], "then": "again"},
        "failed": {"prompts": ["wrong_key"]},
    },
    "again": {
        "kind": "queue",
        "queue": "general",
        "priority": "disabled",
        "announcements": "off",
        "longest_wait": 30,
        "then": "bye",
    },
}
WALKED = "main/part|v1|heating|heating|1795397954.000001|storm"


class Server:
    """One process that runs v1, or that knows it no more."""

    zone, sealer = UTC, None

    def __init__(self) -> None:
        self.now = NOW
        shipped, problems = check(defaults_door.shipped())
        assert shipped is not None, problems
        self._shipped = shipped
        self.first = self.set_of("v1", NODES)
        self.running = self.first
        self.known = {"v1": self.first}
        self.second = self.set_of("v2", {"person": {"kind": "queue"}})
        self.heard: list[Event] = []
        self.desk = CallDesk(
            self,  # type: ignore[arg-type]
            lambda: self.running,
            lambda work: work(None),  # type: ignore[arg-type]
            lambda: self.now,
            frozenset,
            earlier=self.known.get,
        )

    def set_of(self, version: str, nodes: dict[str, Any]) -> Running:
        shipped = self._shipped
        menu = MenuFile.model_validate({"start": next(iter(nodes)), "nodes": nodes})
        names = [("zh", name) for name in shipped.prompts.prompts]
        library = PromptLibrary(
            {key: Path(f"/{version}/{key[1]}.wav") for key in names},  # type: ignore[misc]
            dict.fromkeys(names, 3.0),  # type: ignore[arg-type]
        )
        lines = shipped.lines.model_copy(update={"priority_classes": [VIP]})
        return Running(replace(shipped, menus={"main": menu}, version=version, lines=lines), library, False)

    def digest(self, digits: str) -> str:
        return digits

    def hear(self, _session: Session, events: list[Event], _now: datetime) -> None:
        self.heard += events


VIP = PriorityClass(name="disabled", label="x", credit_seconds=300)


@pytest.fixture(scope="module")
def ready() -> Server:
    return Server()


@pytest.fixture
def server(ready: Server) -> Server:
    ready.running, ready.heard, ready.now = ready.first, [], NOW
    ready.known["v1"] = ready.first
    ready.sealer = ready  # type: ignore[assignment]
    return ready


def left(status: str = "TIMEOUT", **how: Any) -> FakeChannel:
    variables = {
        "HOTLINE_THEN": "main|part|",
        "HOTLINE_WALKED": WALKED,
        "HOTLINE_NUMBER": "12345",
        "HOTLINE_DEFAULT_QUEUE": "enterprise",
        "HOTLINE_CALLER": "13800138000",
        **how.pop("variables", {}),
    }
    return FakeChannel(arguments=[status, "heating", ""], variables=variables, **how)


@pytest.mark.parametrize("status", ["TIMEOUT", "NO_AGENT", "FULL"])
def test_whom_nobody_served_goes_on_where_the_menu_says(server: Server, status: str) -> None:
    channel = left(status, keys=["1"])
    server.desk.leave_queue(channel)
    assert channel.heard == ["/v1/greeting"]
    assert channel.set[0] == ("HOTLINE_NEXT", "walking"), "first: if it is the last that is heard, he was cut"
    assert channel.set[-3:] == [
        ("HOTLINE_WAY", "general:::300:off:"),
        ("HOTLINE_QUEUE", "general"),
        ("HOTLINE_NEXT", "led_on"),
    ]
    assert channel.variables["HOTLINE_WALKED"] == (
        "main/part/choose/vip|v1|general|heating|1795397954.000001|storm"
    )
    [walked] = server.heard
    assert walked.data == {
        "path": "main/part/choose/vip",
        "version": "v1",
        "queue": "general",
        "category": "heating",
        "broadcast": "storm",
    }
    assert walked.key == "agi:test-1795397954.12:menu_walked:1795399200.0", "not that of the first walk"


def test_each_walk_behind_a_queue_is_told_apart(server: Server) -> None:
    """Of a very long way what stands on his channel is cut: as many nodes each time."""
    server.desk.leave_queue(left(keys=["1"]))
    server.now += timedelta(minutes=1)
    server.desk.leave_queue(left(keys=["1"]))
    first, second = server.heard
    assert first.data == second.data
    assert first.key != second.key


def test_without_a_queue_named_it_is_the_default_one(server: Server) -> None:
    channel = left(keys=[None, None])
    server.desk.leave_queue(channel)
    assert channel.variables["HOTLINE_QUEUE"] == "enterprise"
    assert channel.variables["HOTLINE_WAY"] == "enterprise:", "he keeps the class that he has"


def test_a_menu_may_end_the_call_behind_a_queue(server: Server) -> None:
    channel = left(keys=["2"])
    server.desk.leave_queue(channel)
    assert channel.heard == ["/v1/greeting", "/v1/goodbye"]
    assert channel.set[-1] == ("HOTLINE_NEXT", "hang_up")


def test_he_may_be_put_through_and_what_follows_says_how_he_waits(server: Server) -> None:
    channel = left(keys=["3"])
    server.desk.leave_queue(channel)
    assert channel.variables["HOTLINE_TRANSFER"] == "police"
    assert channel.variables["HOTLINE_IF_NO_ANSWER"] == "general:/v1/wrong_key:30:300:off:main|again|"
    assert channel.variables["HOTLINE_IF_FAILED"] == "enterprise:/v1/wrong_key"


def test_he_goes_on_in_the_set_that_his_call_began_with(server: Server) -> None:
    server.running = server.second
    channel = left(keys=["1"])
    server.desk.leave_queue(channel)
    assert channel.variables["HOTLINE_QUEUE"] == "general"


@pytest.mark.parametrize(("status", "next_word"), [("TIMEOUT", "sorry"), ("NO_AGENT", ""), ("FULL", "")])
def test_where_that_set_is_known_no_more_it_is_as_without_the_menu(
    server: Server, status: str, next_word: str
) -> None:
    server.running = server.second
    server.known.clear()
    channel = left(status)
    server.desk.leave_queue(channel)
    assert channel.variables["HOTLINE_NEXT"] == next_word
    assert "HOTLINE_QUEUE" not in channel.variables
    assert server.heard == []


def test_the_account_names_the_set_in_which_he_walks(server: Server) -> None:
    """Where his own is known no more, the one in force has such a queue too, and leads elsewhere from there."""
    nodes = {**NODES, "choose": {"kind": "say", "prompts": ["greeting"], "next": "vip"}}
    server.running = server.set_of("v3", nodes)
    server.known.clear()
    channel = left()
    server.desk.leave_queue(channel)
    assert channel.heard == ["/v3/greeting"]
    [walked] = server.heard
    assert (walked.data["path"], walked.data["version"]) == ("main/part/choose/vip", "v3")
    assert channel.variables["HOTLINE_WALKED"].split("|")[1] == "v3"


def test_after_a_talk_nobody_goes_on(server: Server) -> None:
    channel = left("CONTINUE")
    server.desk.leave_queue(channel)
    assert channel.heard == ["/v1/goodbye"]
    assert channel.variables["HOTLINE_NEXT"] == "hang_up"


def test_who_hangs_up_on_the_way_has_come_so_far(server: Server) -> None:
    channel = left(hangs_up_after=0)
    server.desk.leave_queue(channel)
    assert channel.variables["HOTLINE_NEXT"] == "walking"
    assert [event.data["path"] for event in server.heard] == ["main/part/choose"]


def test_how_far_a_walk_came_is_read_as_it_was_written() -> None:
    assert walked_so_far(WALKED).told() == "main/part|v1||heating|1795397954.000001|storm"
    assert walked_so_far("").path == ""


def lines_with(*queues: QueueOfLines) -> Lines:
    site = {"name": "x", "area_code": "0355", "area6": "140400"}
    number = {"number": "12345", "label": "x", "menu": "m", "queue": "general"}
    written = {
        "site": site,
        "numbers": [number],
        "trunks": [],
        "queues": [one.model_dump() for one in queues],
    }
    return Lines.model_validate({**written, "priority_classes": [VIP.model_dump()]})


def test_he_stands_in_the_part_that_has_what_he_wants() -> None:
    lines = lines_with(
        QueueOfLines(name="general", label="x"),
        QueueOfLines(name="english", label="x", part_of="general", languages=["en"]),
    )
    nodes = {"person": {"kind": "queue", "language": "en", "announcements": "on"}}
    step = start({"m": MenuFile.model_validate({"start": "person", "nodes": nodes})}, "m")
    assert isinstance(step, ToQueue)
    assert in_line(step, lines, "general") == InLine("english")
