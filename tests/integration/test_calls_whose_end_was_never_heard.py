"""A call that stays open in the records and is gone from Asterisk: it is ended, once, and only when that is certain."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import select
from support.call_teller import START, Teller

from hotline import defaults_door
from hotline.database import Database
from hotline.lost_ends import LostEnds
from ivr.calls.ledger import Ledger
from ivr.config_files.checker import check
from ivr.config_files.running import Running
from ivr.prompts.rendering import PromptLibrary
from missed_call_redial.callbacks import Callback
from missed_call_redial.owing import nothing_forgotten
from tickets.call_events import Event
from tickets.call_records import CallRecord
from tickets.sealing import Sealer

MINUTE = timedelta(minutes=1)


class Watched:
    """A hotline with open calls, an Asterisk of which only the channels are known, and a clock."""

    def __init__(self, database: Database, folder: Path) -> None:
        configuration, problems = check(defaults_door.shipped())
        assert configuration is not None, problems
        running = Running(configuration, PromptLibrary({}, {}), False)
        self.database = database
        self.ledger = Ledger(
            lambda: running, Sealer.create_file(folder / "keys.json"), ZoneInfo("Asia/Shanghai")
        )
        self.channels: set[str] | None = set()
        self.read_until: datetime | None = None
        self.ends = LostEnds(database, self.ledger, self._living, lambda: self.read_until)

    async def _living(self) -> set[str] | None:
        return self.channels

    def hear(self, events: list[Event]) -> None:
        with self.database.writing() as session:
            self.ledger.hear(session, events, START + MINUTE)

    def look(self, minutes: float) -> list[str]:
        """After so many minutes, queue_log being read up to then."""
        at = START + minutes * MINUTE
        self.read_until = at
        return asyncio.run(self.ends.look(at))

    def record(self) -> tuple[str, bool, datetime | None]:
        with self.database.reading() as session:
            record = session.exec(select(CallRecord)).one()
            return record.outcome, record.is_open, record.ended_at


@pytest.fixture
def watched(database: Database, tmp_path: Path) -> Watched:
    return Watched(database, tmp_path)


def test_a_call_that_was_absent_twice_is_lost_and_owed(watched: Watched) -> None:
    told = Teller().arrives().queues(3.5)
    watched.hear(told.events)
    assert watched.look(5) == []
    assert watched.look(6) == [told.call_id]
    assert watched.record() == ("system_loss", False, START + 5 * MINUTE)
    assert watched.look(7) == watched.look(8) == []
    with watched.database.reading() as session:
        assert session.exec(select(Callback.state)).all() == ["owed"]
        assert nothing_forgotten(session, START - MINUTE, START + MINUTE) == []


def test_a_call_that_was_talked_was_answered(watched: Watched) -> None:
    watched.hear(Teller().arrives().queues(3.5).connects(8, "1001").events)
    watched.look(5)
    watched.look(6)
    assert watched.record()[:2] == ("answered", False)


def test_an_end_that_is_heard_later_has_the_last_word(watched: Watched) -> None:
    told = Teller().arrives().queues(3.5)
    watched.hear(told.events)
    watched.look(5)
    watched.look(6)
    watched.hear(told.ends(33, abandoned="TRUE").events)
    outcome, is_open, ended_at = watched.record()
    assert (outcome, is_open) == ("queue_abandon", False)
    assert ended_at is not None
    assert ended_at < START + MINUTE


def test_it_is_not_ended_while_anything_speaks_for_it(watched: Watched) -> None:
    told = Teller().arrives().queues(3.5)
    watched.hear(told.events)
    assert watched.look(1) == watched.look(2) == [], "too young"
    watched.channels = {told.call_id}
    assert watched.look(5) == watched.look(6) == [], "its channel lives"
    watched.channels = set()
    assert watched.look(7) == []
    watched.channels = None
    assert watched.look(8) == [], "Asterisk does not answer"
    watched.channels = set()
    assert watched.look(9) == [], "and then counting begins anew"
    watched.channels = {told.call_id}
    assert watched.look(10) == [], "it was only not seen once"
    watched.channels = set()
    assert watched.look(11) == []
    watched.read_until = START + 10 * MINUTE
    assert asyncio.run(watched.ends.look(START + 12 * MINUTE)) == [], (
        "its end may stand in what is not read yet"
    )
    watched.read_until = None
    assert asyncio.run(watched.ends.look(START + 13 * MINUTE)) == [], "another process reads"
    assert watched.record()[1]
