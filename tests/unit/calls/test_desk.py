"""Each AGI leg: the caller is sent on first, the account is written after the channel was let go."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlmodel import Session
from support.fake_channel import FakeChannel

from hotline import defaults_door
from ivr.calls.desk import CallDesk
from ivr.config_files.checker import Configuration, check
from ivr.config_files.running import Running
from ivr.lines import Language
from ivr.menus.menu_file import MenuFile
from ivr.prompts.rendering import PromptLibrary
from tickets.call_events import Event

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


class PlainSealer:
    """Seals nothing: no test here looks at a number's digest."""

    def digest(self, digits: str) -> str:
        return digits


@dataclass
class NotedLedger:
    """Remembers what it heard, and whether the channel had been let go by then."""

    channel: FakeChannel
    heard: list[Event] = field(default_factory=list)
    was_let_go: bool = False
    zone: tzinfo = UTC
    sealer: PlainSealer = field(default_factory=PlainSealer)

    def hear(self, _session: Session, events: list[Event], _now: datetime) -> None:
        self.heard += events
        self.was_let_go = self.channel.is_let_go


class Disk:
    """Stands in for the database; `is_gone` makes every transaction fail."""

    is_gone = False

    def write(self, work: Callable[[Any], Any]) -> Any:
        if self.is_gone:
            raise OSError("the disk is gone")
        return work(None)


@pytest.fixture(scope="module")
def configuration() -> Configuration:
    found, problems = check(defaults_door.shipped())
    assert found is not None, problems
    return found


def desk_for(
    configuration: Configuration, channel: FakeChannel, disk: Disk | None = None
) -> tuple[CallDesk, NotedLedger]:
    names = [("zh", name) for name in configuration.prompts.prompts]
    library = PromptLibrary({key: Path(f"/p/{key[1]}.wav") for key in names}, dict.fromkeys(names, 3.0))
    running = Running(configuration, library, False)
    ledger = NotedLedger(channel)
    return CallDesk(ledger, lambda: running, (disk or Disk()).write, lambda: NOW, frozenset), ledger  # type: ignore[arg-type]


def arriving(**how: object) -> FakeChannel:
    return FakeChannel(arguments=["13800138000", "12345", "test-loopback", "1970000000", "general"], **how)


def test_an_arrival_is_sent_to_the_queue_then_written(configuration: Configuration) -> None:
    channel = arriving()
    desk, ledger = desk_for(configuration, channel)
    desk.arrive(channel)
    assert ("HOTLINE_QUEUE", "general") in channel.set
    assert ledger.was_let_go
    assert [str(event.kind) for event in ledger.heard] == ["arrived", "greeted", "menu_walked"]
    assert ledger.heard[0].data["number_called"] == "12345"
    assert ledger.heard[2].data["version"] == configuration.version


def test_who_is_put_through_is_led_by_the_dialplan_from_there_on(configuration: Configuration) -> None:
    number = configuration.lines.numbers[0].model_copy(update={"menu": "emergency"})
    text = (defaults_door.shipped() / "menus" / "examples" / "with_emergency_key.yaml").read_text("utf-8")
    menu = MenuFile.model_validate(yaml.load(text, Loader=yaml.BaseLoader))
    lines = configuration.lines.model_copy(update={"numbers": [number]})
    channel = arriving(keys=["1"])
    desk, ledger = desk_for(replace(configuration, lines=lines, menus={"emergency": menu}), channel)
    desk.arrive(channel)
    assert channel.set[-1] == ("HOTLINE_TRANSFER", "police")
    assert "HOTLINE_QUEUE" not in channel.variables
    assert ledger.heard[2].data["path"] == "emergency/choose/police"


def test_the_queue_is_named_even_if_the_disk_is_gone(configuration: Configuration) -> None:
    channel, disk = arriving(), Disk()
    disk.is_gone = True
    desk, _ = desk_for(configuration, channel, disk)
    with pytest.raises(OSError, match="gone"):
        desk.arrive(channel)
    assert ("HOTLINE_QUEUE", "general") in channel.set
    assert channel.is_let_go


def test_who_hangs_up_in_the_greeting_leaves_an_arrival_and_no_greeting(configuration: Configuration) -> None:
    channel = arriving(hangs_up_after=0)
    desk, ledger = desk_for(configuration, channel)
    desk.arrive(channel)
    assert [str(event.kind) for event in ledger.heard] == ["arrived", "menu_walked"]


def test_a_number_that_is_no_longer_listed_goes_straight_to_the_queue(configuration: Configuration) -> None:
    channel = FakeChannel(arguments=["138", "99999", "t", "1", "general"])
    desk, _ = desk_for(configuration, channel)
    desk.arrive(channel)
    assert channel.heard == []
    assert ("HOTLINE_QUEUE", "general") in channel.set


@pytest.mark.parametrize(
    ("status", "heard", "next_step"),
    [
        ("CONTINUE", ["/p/goodbye"], [("HOTLINE_NEXT", "hang_up")]),
        ("TIMEOUT", [], [("HOTLINE_NEXT", "sorry")]),
        ("WITHDRAW", [], []),
        ("", [], []),
    ],
)
def test_out_of_the_queue(
    configuration: Configuration, status: str, heard: list[str], next_step: list[tuple[str, str]]
) -> None:
    channel = FakeChannel(arguments=[status, "general", ""])
    desk, _ = desk_for(configuration, channel)
    desk.leave_queue(channel)
    assert channel.heard == heard
    assert channel.set == next_step


@pytest.mark.parametrize(
    ("language", "has_words", "heard"),
    [
        ("en", True, "/en/goodbye"),
        ("en", False, "/p/goodbye"),
        ("zh", True, "/p/goodbye"),
        ("fr", True, "/p/goodbye"),
    ],
)
def test_goodbye_is_said_in_the_language_that_he_chose(
    configuration: Configuration, language: str, has_words: bool, heard: str
) -> None:
    channel = FakeChannel(arguments=["CONTINUE", "general", ""], language=language)
    desk, _ = desk_for(configuration, channel)
    running = desk.running()
    prompts = running.prompts
    if has_words:
        english: tuple[Language, str] = ("en", "goodbye")
        prompts = PromptLibrary(
            {**prompts.paths, english: Path("/en/goodbye.wav")}, {**prompts.seconds, english: 3.0}
        )
    replace(desk, running=lambda: replace(running, prompts=prompts)).leave_queue(channel)
    assert channel.heard == [heard]


def test_the_end_brings_the_arrival_along(configuration: Configuration) -> None:
    arguments = [
        "NO_AGENT",
        "",
        "",
        "16",
        "",
        "general",
        "13800138000",
        "12345",
        "test-loopback",
        "1970000000",
    ]
    channel = FakeChannel(
        call_id=f"hl1-{int((NOW - timedelta(seconds=30)).timestamp())}.7", arguments=arguments
    )
    desk, ledger = desk_for(configuration, channel)
    desk.end(channel)
    ended, arrived = ledger.heard
    assert ended.data == {"status": "NO_AGENT", "cause": "16", "queue": "general"}
    assert arrived.at == NOW - timedelta(seconds=30)
    assert arrived.data["caller"] == "13800138000"
    assert ledger.was_let_go


def test_both_legs_tell_the_same_arrival(configuration: Configuration) -> None:
    """They race when a citizen hangs up in the greeting: whichever is written first, the record is the same."""
    told: list[Event] = []
    who = ["13800138000", "12345", "test-loopback", "1970000000"]
    for leg, arguments in (("arrive", [*who, "general"]), ("end", ["", "", "", "", "", "", *who])):
        channel = FakeChannel(call_id="hl1-1795397954.7", arguments=[*arguments, "1795397954.031250"])
        desk, ledger = desk_for(configuration, channel)
        getattr(desk, leg)(channel)
        told += [event for event in ledger.heard if str(event.kind) == "arrived"]
    assert told[0] == told[1]
    assert told[0].at == datetime.fromtimestamp(1795397954, UTC).replace(microsecond=31250)
