"""What a live call's branches ask: of its channel, of the clock, of a database that may be slow, away or hang."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, TypeVar

import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel import Session
from support.fake_channel import FakeChannel

from hotline import defaults_door
from ivr.calls.channel import CallerHungUp
from ivr.calls.live_facts import LOOKS_OF_A_WALK, LiveFacts
from ivr.calls.looks import QUIET_SECONDS, BoundedLooks, Look, no_look
from ivr.config_files.checker import Configuration, check
from ivr.menus.caller_lists import Blocklist, CallerLists
from ivr.menus.facts import Emergencies, Facts
from vocabulary.errors import HotlineError
from vocabulary.phone_numbers import WITHHELD_NUMBER, NumberKind, PhoneNumber

SHANGHAI = timezone(timedelta(hours=8))
MOBILE = PhoneNumber("+8613800138000", NumberKind.MOBILE)
T = TypeVar("T")


@pytest.fixture(scope="module")
def configuration() -> Configuration:
    found, problems = check(defaults_door.shipped())
    assert found is not None, problems
    return found


def facts_of(
    configuration: Configuration,
    channel: FakeChannel | None = None,
    caller: PhoneNumber = MOBILE,
    now: datetime = datetime(2026, 11, 23, 2, tzinfo=UTC),
    look: Look = no_look,
) -> LiveFacts:
    return LiveFacts(
        channel or FakeChannel(), caller, str, "general", configuration, SHANGHAI, lambda: now, look
    )


def test_live_facts_keep_the_protocol(configuration: Configuration) -> None:
    facts: Facts = facts_of(configuration)
    assert facts.is_withheld() is False
    assert facts_of(configuration, caller=WITHHELD_NUMBER).is_withheld() is True


def test_the_hours_are_those_of_the_site(configuration: Configuration) -> None:
    at = datetime(2026, 11, 23, 1, tzinfo=UTC)  # 09:00, a Monday
    assert facts_of(configuration, now=at).is_open("office") is True
    assert facts_of(configuration, now=at + timedelta(hours=12)).is_open("office") is False
    assert facts_of(configuration).is_open("no_such") is None
    eve = datetime(2026, 9, 30, 16, tzinfo=UTC)  # midnight, and 1 October
    assert facts_of(configuration, now=eve).is_public_holiday() is True
    assert facts_of(configuration, now=eve - timedelta(seconds=1)).is_public_holiday() is False


def test_what_is_marked_for_emergencies_is_told(configuration: Configuration) -> None:
    lines = configuration.lines
    urgent = [queue.model_copy(update={"is_emergency": queue.name == "general"}) for queue in lines.queues]
    numbers = [number.model_copy(update={"is_emergency": True}) for number in lines.numbers]
    known = replace(configuration, lines=lines.model_copy(update={"queues": urgent, "numbers": numbers}))
    assert facts_of(configuration).emergencies() == Emergencies()
    assert facts_of(known).emergencies() == Emergencies(frozenset({"general", None}))
    called = replace(facts_of(known), default_queue="heating", number_called=numbers[0].number)
    assert called.emergencies() == Emergencies(frozenset({"general"}), is_number=True)


def test_queues_are_asked_of_asterisk(configuration: Configuration) -> None:
    channel = FakeChannel(
        variables={
            "QUEUE_WAITING_COUNT(q-general)": "7",
            "GROUP_COUNT(general@placeholder)": "2",
            "QUEUE_MEMBER(q-heating,ready)": "3",
            "HOTLINE_TRUNK": "carrier-a",
        }
    )
    facts = facts_of(configuration, channel)
    assert facts.callers_waiting(None) == 5
    assert facts.agents_ready("heating") == 3
    assert facts.value("HOTLINE_TRUNK") == "carrier-a"
    assert facts.callers_waiting("heating") is None  # Asterisk said nothing
    assert facts.agents_ready(None) is None


def test_the_wait_is_not_known_without_the_database(configuration: Configuration) -> None:
    channel = FakeChannel(variables={"QUEUE_WAITING_COUNT(q-general)": "7"})
    assert facts_of(configuration, channel).estimated_wait(None) is None


def test_the_wait_counts_talk_and_wrap_up(configuration: Configuration) -> None:
    def seen(_work: Callable[[Session], T], _seconds: float) -> Any:
        return 150.0, 4

    channel = FakeChannel(variables={"QUEUE_WAITING_COUNT(q-general)": "8"})
    facts = facts_of(configuration, channel, look=seen)
    assert facts.estimated_wait("general") == 8 * (150 + 30) / 4


def test_a_caller_is_on_a_list_by_the_sites_clock_and_no_log_names_him(
    configuration: Configuration, caplog: pytest.LogCaptureFixture
) -> None:
    entry = {
        "number": "138 0013 8000",
        "reason": "x",
        "approver": "y",
        "start": "2026-11-23",
        "expiry": "2026-11-23",
    }
    block = Blocklist.model_validate({"kind": "blocklist", "entries": [entry]})
    configuration = replace(configuration, lists=CallerLists({"block": block}, "0355"))
    midnight = datetime(2026, 11, 22, 16, tzinfo=UTC)  # in Shanghai
    caplog.set_level("INFO")
    moments = [midnight - timedelta(seconds=1), midnight, midnight + timedelta(hours=23, minutes=59)]
    seen = [
        facts_of(configuration, now=at).is_caller_on("block")
        for at in [*moments, midnight + timedelta(days=1)]
    ]
    assert seen == [False, True, True, False]
    assert facts_of(configuration, now=midnight, caller=WITHHELD_NUMBER).is_caller_on("block") is False
    assert facts_of(configuration, now=midnight).is_caller_on("no_such") is None
    assert "138****8000 is on the list block" in caplog.text
    assert "13800138000" not in caplog.text


def test_a_withheld_number_is_no_repeat_caller_and_nobody_looks(configuration: Configuration) -> None:
    def seen(_work: Callable[[Session], T], _seconds: float) -> Any:
        raise AssertionError("looked")

    assert facts_of(configuration, caller=WITHHELD_NUMBER, look=seen).is_repeat_caller() is False


class BrokenChannel(FakeChannel):
    fault: HotlineError = HotlineError("the conversation broke")

    def variable(self, name: str) -> str:
        raise self.fault


def test_a_channel_that_breaks_is_a_thing_not_known_and_a_hang_up_is_one(
    configuration: Configuration,
) -> None:
    channel = BrokenChannel()
    assert facts_of(configuration, channel).agents_ready(None) is None
    channel.fault = CallerHungUp("x")
    with pytest.raises(CallerHungUp):
        facts_of(configuration, channel).agents_ready(None)


def test_all_looks_of_a_walk_have_one_limit(configuration: Configuration) -> None:
    given: list[float] = []

    def seen(_work: Callable[[Session], T], seconds: float) -> Any:
        given.append(seconds)

    facts = facts_of(configuration, look=seen)
    facts.is_repeat_caller()
    late = replace(facts, _looked=LOOKS_OF_A_WALK - 0.25)
    late.is_repeat_caller()
    replace(facts, _looked=LOOKS_OF_A_WALK).is_repeat_caller()
    assert given == [1.0, 0.25]


# --- looks ---


class Clock:
    at = 0.0

    def __call__(self) -> float:
        return self.at


def looks(opened: Callable[[], AbstractContextManager[Session]]) -> tuple[BoundedLooks, Clock]:
    clock = Clock()
    return BoundedLooks(opened, clock), clock


def test_a_look_gives_what_was_found() -> None:
    @contextmanager
    def there() -> Iterator[Session]:
        yield Session()

    look, _ = looks(there)
    assert look(lambda _session: 7, 5) == 7


def test_a_database_that_is_away_is_left_alone_for_a_while() -> None:
    tries: list[int] = []

    @contextmanager
    def away() -> Iterator[Session]:
        tries.append(1)
        raise OperationalError("", None, ConnectionError("away"))
        yield Session()

    look, clock = looks(away)
    assert look(lambda _session: 7, 5) is None
    assert look(lambda _session: 7, 5) is None
    assert len(tries) == 1
    clock.at = QUIET_SECONDS
    assert look(lambda _session: 7, 5) is None
    assert len(tries) == 2


def test_a_database_that_hangs_costs_the_limit_once_and_no_thread_of_a_call() -> None:
    go_on = threading.Event()

    @contextmanager
    def hanging() -> Iterator[Session]:
        go_on.wait(30)
        yield Session()

    look, _ = looks(hanging)
    try:
        assert look(lambda _session: 7, 0.05) is None
        assert look(lambda _session: 7, 600) is None  # not even begun
    finally:
        go_on.set()


def test_a_fault_of_ours_in_a_look_is_a_thing_not_known() -> None:
    @contextmanager
    def there() -> Iterator[Session]:
        yield Session()

    look, _ = looks(there)
    assert look(lambda _session: 1 // 0, 5) is None
