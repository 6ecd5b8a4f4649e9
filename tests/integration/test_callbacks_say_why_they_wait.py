"""What /readyz and `hotline status` say beside the dispatcher: why callbacks wait, and who read queue_log last."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from hotline.database import Database
from hotline.leases import QueueLogPosition
from hotline.listener import LEASE, LEASE_SECONDS, Listener
from hotline.rounds import is_log_read, log_read_until, queue_of_number, worker_parts
from ivr.lines import Lines

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
LONG = timedelta(seconds=LEASE_SECONDS)


def a_listener(read_until: datetime | None, *, is_holding: bool) -> Listener:
    return cast(Listener, SimpleNamespace(read_until=read_until, is_holding=is_holding))


class QuietTrunks:
    """Every trunk answers."""

    def __init__(self) -> None:
        self.states: dict[str, str] = {}

    def why_callbacks_wait(self, _lines: Lines) -> str | None:
        return None

    def is_up(self, _lines: Lines) -> bool:
        return True


def dispatcher_says(**changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"last_tick": NOW, "not_by_plan": 0, "log_read_until": NOW, "now": NOW} | changes
    ami = SimpleNamespace(is_connected=True)
    spare = a_listener(None, is_holding=False)
    parts = worker_parts(spare, cast(Any, ami), cast(Any, QuietTrunks()), cast(Any, None), **given)
    (found,) = [part for part in parts if part.name == "dispatcher"]
    assert found.is_up
    return found.detail


def test_nothing_is_said_when_nothing_waits() -> None:
    assert dispatcher_says() == {"not_by_plan": 0}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"not_by_plan": 3}, "3 callbacks wait: no trunk's allow_out has their numbers"),
        ({"log_read_until": None}, "nobody is rung back: queue_log was not read to its end yet"),
        (
            {"log_read_until": NOW - LONG},
            "nobody is rung back: queue_log was not read to its end since 2026-11-23T07:59:50+00:00",
        ),
    ],
)
def test_it_is_said_what_callbacks_wait_for(changes: dict[str, Any], said: str) -> None:
    assert dispatcher_says(**changes)["reason"] == said


@pytest.fixture
def told(database: Database) -> Callable[[datetime], None]:
    def tell(at: datetime) -> None:
        with database.writing() as session:
            session.add(QueueLogPosition(name=LEASE, position="x:0", read_until=at))

    return tell


def test_every_process_sees_how_far_the_log_was_read(
    database: Database, told: Callable[[datetime], None]
) -> None:
    spare = a_listener(None, is_holding=False)
    with database.reading() as session:
        assert not is_log_read(session, spare, NOW)
        assert not is_log_read(session, None, NOW)
    told(NOW - timedelta(seconds=4))
    with database.reading() as session:
        assert is_log_read(session, spare, NOW)
        assert is_log_read(session, None, NOW)
        assert not is_log_read(session, None, NOW + LONG)
        assert log_read_until(session, a_listener(NOW, is_holding=True)) == NOW
        assert log_read_until(session, a_listener(None, is_holding=True)) is None  # it has just taken over


def test_a_listener_that_hangs_or_lost_its_lease_says_nothing_new(
    database: Database, told: Callable[[datetime], None]
) -> None:
    told(NOW - 2 * LONG)
    with database.reading() as session:
        assert not is_log_read(session, a_listener(NOW - LONG, is_holding=True), NOW)
        assert not is_log_read(session, a_listener(NOW, is_holding=False), NOW)


def test_the_queue_of_the_number_that_was_dialled() -> None:
    numbers = {"12345": SimpleNamespace(queue="general")}
    lines = cast(Lines, SimpleNamespace(number=numbers.get))
    assert queue_of_number(lines, "12345") == "general"
    assert queue_of_number(lines, "12315") is None
