"""A set that comes into force while a call is up is for new calls: this one walks on, and is spoken to, in its own."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlmodel import Session
from support.fake_channel import FakeChannel

from hotline import defaults_door
from ivr.calls.desk import CallDesk
from ivr.calls.walk import Walk, version_walked
from ivr.config_files.checker import Configuration, check
from ivr.config_files.running import Running
from ivr.menus.menu_file import MenuFile
from ivr.prompts.rendering import PromptLibrary
from tickets.call_events import Event, EventKind

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


class PlainSealer:
    """Seals nothing: no test here looks at a number's digest."""

    def digest(self, digits: str) -> str:
        return digits


class KeptLedger:
    def __init__(self) -> None:
        self.heard: list[Event] = []
        self.sealer, self.zone = PlainSealer(), UTC

    def hear(self, _session: Session, events: list[Event], _now: datetime) -> None:
        self.heard += events


class Server:
    """One process: what it runs, and the sets that it ran earlier."""

    def __init__(self, shipped: Configuration) -> None:
        self.first = self._set(shipped, "1st", "general")
        self.second = self._set(shipped, "2nd", "night")
        self.running, self.earlier, self.ledger = self.first, dict[str, Running](), KeptLedger()
        self.desk = CallDesk(
            self.ledger,  # type: ignore[arg-type]
            lambda: self.running,
            lambda work: work(None),  # type: ignore[arg-type]
            lambda: NOW,
            frozenset,
            earlier=lambda version: self.earlier.get(version),
        )

    def _set(self, shipped: Configuration, version: str, queue: str) -> Running:
        """Its menu: a key after the greeting, then a queue of its own; its sounds lie in a folder of its name."""
        menu = MenuFile.model_validate(
            {
                "start": "choose",
                "nodes": {
                    "choose": {
                        "kind": "menu",
                        "prompts": ["greeting"],
                        "keys": {"1": "person"},
                        "no_key": {"then": "person"},
                        "wrong_key": {"then": "person"},
                    },
                    "person": {"kind": "queue", "queue": queue},
                },
            }
        )
        names = [("zh", name) for name in shipped.prompts.prompts]
        library = PromptLibrary(
            {key: Path(f"/{version}/{key[1]}.wav") for key in names},  # type: ignore[misc]
            dict.fromkeys(names, 3.0),  # type: ignore[arg-type]
        )
        return Running(replace(shipped, menus={"main": menu}, version=version), library, False)

    def publish_second(self, _played: str = "") -> None:
        self.earlier[self.running.configuration.version] = self.running
        self.running = self.second


@pytest.fixture
def server() -> Server:
    shipped, problems = check(defaults_door.shipped())
    assert shipped is not None, problems
    return Server(shipped)


def test_a_caller_in_a_menu_walks_on_in_his_version_and_the_next_one_in_the_new(server: Server) -> None:
    arguments = ["13800138000", "12345", "test-loopback", "1970000000", "general"]
    during = FakeChannel(arguments=arguments, keys=[None, "1"], on_play=server.publish_second)
    server.desk.arrive(during)
    assert server.running is server.second, "it was published while the greeting played"
    assert during.variables["HOTLINE_QUEUE"] == "general"
    walked = next(event for event in server.ledger.heard if event.kind is EventKind.MENU_WALKED)
    assert walked.data["version"] == "1st"
    after = FakeChannel(arguments=arguments, keys=[None, "1"])
    server.desk.arrive(after)
    assert after.variables["HOTLINE_QUEUE"] == "night"


@pytest.mark.parametrize(
    ("walked", "heard"),
    [
        ("main/choose/person|1st|general||1795397954.000001", "/1st/goodbye"),
        ("main/choose/person|2nd|night||", "/2nd/goodbye"),
        ("main/choose|0th|||", "/2nd/goodbye"),  # of a set that nobody knows any more
        ("", "/2nd/goodbye"),  # our server was away when the call came
    ],
)
def test_the_goodbye_is_of_the_version_that_the_call_began_with(
    server: Server, walked: str, heard: str
) -> None:
    server.publish_second()
    channel = FakeChannel(
        arguments=["CONTINUE", "general", "agent-1001"], variables={"HOTLINE_WALKED": walked}
    )
    server.desk.leave_queue(channel)
    assert channel.heard == [heard]
    assert channel.variables["HOTLINE_NEXT"] == "hang_up"


def test_the_version_is_read_as_the_walk_wrote_it() -> None:
    walk = Walk("2ff5c9cebddf2f65", "main/greeting", queue="general")
    assert version_walked(walk.told()) == "2ff5c9cebddf2f65"
