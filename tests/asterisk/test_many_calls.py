"""A storm: 200 calls, 20 each second. Each has one record and an outcome; none is lost, none is there twice, none forgotten."""

import os
from datetime import datetime, timedelta
from typing import Any

from support.running_hotline import RunningHotline
from support.waiting import wait_for

from missed_call_redial.owing import cancel, nothing_forgotten
from tickets.outcome import LOST

CALLS, RATE, STAY = 200, 20, 6


def test_200_calls_are_200_records(hotline: RunningHotline) -> None:
    line = hotline.special_line("storm")
    began = hotline.hotline.now()
    try:
        for _ in range(4):
            line.agent(talk=1)
        numbers = [f"158{os.getpid() % 10000:04}{n:04}" for n in range(CALLS)]
        storm = line.phones.many_calls(numbers, line.number, rate=RATE, stay=STAY)
        assert storm.wait(CALLS / RATE + 60) == 0, storm.errors[-2000:]
        records = wait_for(lambda: _records(hotline, line.number, began), 30)
        assert len(records) == len({record["call_id"] for record in records}) == CALLS
        arrived = [
            row[5] for row in hotline.queue_log if row[4] == "HOTLINE_ARRIVED" and row[6] == line.number
        ]
        assert sorted(arrived) == numbers
        outcomes = {record["outcome"] for record in records}
        assert outcomes <= {str(kind) for kind in LOST} | {"answered"}
        assert outcomes >= {"answered", "queue_abandon"}
        with hotline.hotline.database.reading() as session:
            assert nothing_forgotten(session, began - timedelta(seconds=1), hotline.hotline.now()) == []
        answered = [record for record in records if record["outcome"] == "answered"]
        assert all(len(line.tickets_of(record["call_id"])) == 1 for record in answered)
    finally:
        line.close()
        _forgive(hotline, line.queue)


def _records(hotline: RunningHotline, number: str, since: datetime) -> list[dict[str, Any]] | None:
    """All of them, page by page, once none is open."""
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = hotline.get(
            "/api/calls", number_called=number, since=since.isoformat(), limit=100, cursor=cursor
        )
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    return found if len(found) >= CALLS and not any(record["is_open"] for record in found) else None


def _forgive(hotline: RunningHotline, queue: str) -> None:
    """The storm's debts are not for the agents of other stories to pay."""
    owed = hotline.get("/api/callbacks", queue=queue, state="owed", limit=200)["items"]
    with hotline.hotline.database.writing() as session:
        for callback in owed:
            cancel(session, callback["id"], "the story is over", hotline.hotline.now())
