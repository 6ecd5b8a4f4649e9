from datetime import timedelta

import pytest
from support.lost_calls import MORNING

from hotline.web.metrics import is_no_call_alarm


@pytest.mark.parametrize(
    ("last_minutes_ago", "started_minutes_ago", "limit", "is_alarm"),
    [
        (29, 600, 30, False),
        (30, 600, 30, True),
        (30, 1, 30, True),  # a restart of ours does not hide a dead trunk
        (None, 29, 30, False),
        (None, 30, 30, True),
        (600, 600, 0, False),
    ],
)
def test_an_alarm_when_no_call_came_for_so_long(
    last_minutes_ago: int | None, started_minutes_ago: int, limit: int, is_alarm: bool
) -> None:
    last = None if last_minutes_ago is None else MORNING - timedelta(minutes=last_minutes_ago)
    started = MORNING - timedelta(minutes=started_minutes_ago)
    assert is_no_call_alarm(last, started, limit, MORNING) is is_alarm
