"""When an emergency message ends: as a person types it, and as its row says it."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from hotline.broadcast_cli import end_of
from ivr.calls.broadcasts import BadBroadcast, Broadcast

MORNING = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)  # Monday 10:00 in Shanghai
ZONE = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("until", "lasting", "minutes"),
    [
        (None, "2h", 120),
        (None, "90m", 90),
        (None, "90", 90),
        (None, "1h30m", 90),
        ("10:30", None, 30),
        ("09:59", None, 23 * 60 + 59),
        ("24:00", None, 14 * 60),
        ("0:00", None, 14 * 60),
    ],
)
def test_the_end_is_read_as_people_write_it(until: str | None, lasting: str | None, minutes: int) -> None:
    assert end_of(until, lasting, MORNING, ZONE) == MORNING + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("until", "lasting"),
    [
        ("18:00", "2h"),
        ("25:00", None),
        ("24:30", None),
        ("6pm", None),
        (None, ""),
        (None, "0h"),
        (None, "soon"),
    ],
)
def test_an_end_that_is_none_is_refused(until: str | None, lasting: str | None) -> None:
    with pytest.raises(BadBroadcast):
        end_of(until, lasting, MORNING, ZONE)


def test_without_words_for_it_the_end_is_left_to_the_file() -> None:
    assert end_of(None, None, MORNING, ZONE) is None


def test_the_row_says_whether_it_is_on() -> None:
    row = Broadcast(name="storm", started_at=MORNING, started_by="x", until=MORNING + timedelta(minutes=1))
    assert [row.is_on(MORNING + timedelta(seconds=n)) for n in (0, 59, 60)] == [True, True, False]
    row.ended_at = MORNING
    assert not row.is_on(MORNING)
