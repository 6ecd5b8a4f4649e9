"""The listener: reads on where the last one stopped, alone, and takes no transaction while nothing is said."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col, select

from hotline import defaults_door
from hotline.bootstrap import Hotline
from hotline.database import Database
from hotline.leases import Lease, QueueLogPosition, read_until
from hotline.listener import LEASE, LEASE_SECONDS, Listener
from hotline.set_aside import SetAsideLine, how_many, set_aside
from ivr.calls.ledger import Ledger
from ivr.config_files.checker import check
from ivr.config_files.running import Running
from ivr.prompts.rendering import PromptLibrary
from ivr.telephony.queue_log import LogLine
from ivr.telephony.queue_log_file import QueueLogFile
from tickets.call_events import Event
from tickets.call_records import CallRecord
from tickets.sealing import Sealer

T0 = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
EPOCH = int(T0.timestamp())


class Site:
    """A hotline around one queue_log, with a clock of its own."""

    def __init__(self, database: Database, folder: Path) -> None:
        configuration, problems = check(defaults_door.shipped())
        assert configuration is not None, problems
        self.running = Running(configuration, PromptLibrary({}, {}), False)
        self.database, self.clock = database, T0
        self.sealer = Sealer.create_file(folder / "keys.json")
        self.path = folder / "queue_log"
        self.path.write_text(f"{EPOCH}|NONE|NONE|NONE|QUEUESTART|\n", encoding="utf-8")

    def listener(self, owner: str) -> Listener:
        hotline = SimpleNamespace(
            database=self.database,
            running=self.running,
            now=lambda: self.clock,
            switch=None,
            sealer=self.sealer,
        )
        ledger = Ledger(lambda: self.running, self.sealer, ZoneInfo("Asia/Shanghai"))
        return Listener(cast(Hotline, hotline), ledger, QueueLogFile(self.path), owner)

    def say(self, *lines: str) -> None:
        with self.path.open("a", encoding="utf-8") as log:
            log.writelines(f"{EPOCH}|{line}\n" for line in lines)

    def call(self, n: int) -> None:
        self.say(
            f"hl1-{EPOCH}.{n}|NONE|NONE|HOTLINE_ARRIVED|138001380{n:02}|12345|test-loopback|1",
            f"hl1-{EPOCH}.{n}|general|NONE|HOTLINE_END|NO_AGENT|||16|",
        )

    def records(self) -> list[str]:
        with self.database.reading() as session:
            return list(session.exec(select(CallRecord.call_id).order_by(col(CallRecord.call_id))))


@pytest.fixture
def site(database: Database, tmp_path: Path) -> Site:
    return Site(database, tmp_path)


def test_a_second_listener_reads_on_where_the_first_was_killed(site: Site) -> None:
    first = site.listener("w1")
    site.call(1)
    first.tick()
    site.call(2)
    site.clock += timedelta(seconds=LEASE_SECONDS + 1)
    second = site.listener("w2")
    second.tick()
    assert second.is_holding
    assert len(site.records()) == 2
    assert second.lines_read == 2, "and not the first one's lines again"


def test_only_one_listens(site: Site) -> None:
    first, second = site.listener("w1"), site.listener("w2")
    site.call(1)
    first.tick()
    second.tick()
    assert (first.is_holding, second.is_holding) == (True, False)
    assert second.lines_read == 0


def test_while_nothing_is_said_nothing_is_written(site: Site) -> None:
    listener = site.listener("w1")
    listener.tick()
    before = _lease(site)
    site.clock += timedelta(seconds=1)
    listener.tick()
    assert _lease(site) == before
    assert listener.read_until == site.clock, "silence was heard up to now"
    site.clock += timedelta(seconds=LEASE_SECONDS / 2)
    listener.tick()
    assert _lease(site) > before, "but the lease is kept"
    site.call(3)
    listener.tick()
    assert len(site.records()) == 1


def test_a_failing_transaction_loses_no_line(site: Site) -> None:
    listener = site.listener("w1")
    listener.tick()
    site.call(4)
    good, site.running = site.running, cast(Any, None)
    with pytest.raises(AttributeError):
        listener.tick()
    site.running = good
    listener.hotline.running = good  # type: ignore[misc]
    listener.tick()
    assert len(site.records()) == 1


def test_lines_that_a_failed_look_had_read_are_not_taken_for_read(site: Site) -> None:
    """Else an attempt whose result lies among them would be concluded from a silence that is none."""
    listener = site.listener("w1")
    listener.tick()
    before = listener.read_until
    site.call(1)
    site.clock += timedelta(seconds=1)

    def refuses(*_: object) -> None:
        raise OperationalError("INSERT", {}, Exception("database is locked"))

    heard, listener.ledger = (
        listener.ledger,
        cast(Ledger, SimpleNamespace(hear=refuses, zone=listener.ledger.zone)),
    )
    with pytest.raises(OperationalError):
        listener.tick()
    listener.ledger = heard
    assert not listener.is_quiet()
    assert listener.read_until == before
    listener.tick()
    assert len(site.records()) == 1
    assert listener.is_quiet()


def test_calls_that_were_open_when_asterisk_was_killed_are_a_loss_of_ours(site: Site) -> None:
    listener = site.listener("w1")
    site.say(f"hl1-{EPOCH}.5|NONE|NONE|HOTLINE_ARRIVED|13800138005|12345|test-loopback|1")
    listener.tick()
    with site.path.open("a", encoding="utf-8") as log:
        log.write(f"{EPOCH + 9}|NONE|NONE|NONE|QUEUESTART|\n")
    listener.tick()
    with site.database.reading() as session:
        assert session.exec(select(CallRecord.outcome)).all() == ["system_loss"]
        assert session.exec(select(QueueLogPosition)).one().position


class Faulty:
    """A ledger that cannot take in one call, or nothing at all while the database is away."""

    def __init__(self, ledger: Ledger, call_id: str) -> None:
        self.ledger, self.call_id = ledger, call_id
        self.zone = ledger.zone
        self.is_away = self.is_mended = False

    def hear(self, session: Session, events: list[Event], now: datetime) -> None:
        if self.is_away:
            raise OperationalError("INSERT", None, Exception("the server closed the connection"))
        if not self.is_mended and any(event.call_id == self.call_id for event in events):
            raise ValueError("13800138004 cannot be taken in")
        self.ledger.hear(session, events, now)


def _looks(listener: Listener, times: int) -> int:
    """Takes that many looks; how many of them failed."""
    failed = 0
    for _ in range(times):
        try:
            listener.tick()
        except (ValueError, OperationalError):
            failed += 1
    return failed


def _faulty(site: Site, owner: str, call: int) -> tuple[Listener, Faulty]:
    listener = site.listener(owner)
    ledger = Faulty(listener.ledger, f"hl1-{EPOCH}.{call}")
    listener.ledger = cast(Ledger, ledger)
    return listener, ledger


def _set_aside(site: Site) -> int:
    with site.database.reading() as session:
        return how_many(session)


def test_a_line_that_always_fails_is_set_aside_and_the_others_are_read(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    listener, ledger = _faulty(site, "w1", 4)
    for n in (3, 4, 5):
        site.call(n)
    assert _looks(listener, 20) < 10
    assert site.records() == [f"hl1-{EPOCH}.3", f"hl1-{EPOCH}.5"]
    assert _set_aside(site) == 2, "both lines of that call"
    assert listener.read_until == site.clock
    told = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(told) == 2
    assert "is set aside" in told[0].getMessage()
    assert "13800138004" not in caplog.text
    with site.database.reading() as session:
        rows = session.exec(select(SetAsideLine)).all()
    assert not any("13800138004" in f"{row.text_sealed}{row.fault}" for row in rows)
    ledger.is_mended = True
    site.clock += timedelta(minutes=11)
    listener.tick()
    assert len(site.records()) == 3, "tried again later, with a program that takes it"
    assert _set_aside(site) == 0


def test_nothing_is_set_aside_while_the_database_is_away(site: Site) -> None:
    listener, ledger = _faulty(site, "w1", 99)
    listener.tick()
    site.call(6)
    ledger.is_away = True
    assert _looks(listener, 20) == 20
    assert _set_aside(site) == 0
    ledger.is_away = False
    assert _looks(listener, 5) == 0
    assert len(site.records()) == 1


def test_lines_that_can_never_be_taken_keep_no_younger_one_from_its_turn(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hotline.listener._MOST_SET_ASIDE", 2)
    listener, _ = _faulty(site, "w1", 4)
    with site.database.writing() as session:
        for n, call in enumerate([4, 4, 4, 4, 5]):  # of 5 a mended program can take
            text = f"{EPOCH}|hl1-{EPOCH}.{call}|NONE|NONE|HOTLINE_ARRIVED|13800138005|12345|test-loopback|1"
            set_aside(session, LogLine("f", n, text), "ValueError", site.sealer, site.clock)
    listener.tick()
    assert (_set_aside(site), listener.is_quiet()) == (5, False)
    listener.tick()
    assert (_set_aside(site), listener.is_quiet()) == (5, False)
    listener.tick()
    assert (_set_aside(site), listener.is_quiet()) == (4, True)
    assert site.records() == [f"hl1-{EPOCH}.5"]


def test_all_can_see_until_when_the_log_was_read_to_its_end(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told() -> datetime | None:
        with site.database.reading() as session:
            return read_until(session, LEASE)

    first = site.listener("w1")
    assert told() is None
    site.call(1)
    first.tick()
    started = site.clock
    assert told() == started
    for n in range(2, 5):
        site.call(n)
    site.clock += timedelta(minutes=5)
    monkeypatch.setattr("hotline.listener._MOST_LINES", 3)
    second = site.listener("w2")
    for is_more in (True, True):
        assert second.tick() is is_more
        assert told() == started, "the gap is not read yet"
    assert second.tick() is False
    assert told() == site.clock, "and as soon as it is, all know"


def test_who_slept_past_the_end_of_his_lease_writes_nothing(site: Site) -> None:
    first, second = site.listener("w1"), site.listener("w2")
    site.call(1)
    first.tick()
    with site.database.writing() as session:
        session.get_one(Lease, LEASE).until = site.clock - timedelta(seconds=1)
    second.tick()
    site.call(2)
    second.tick()
    site.call(3)
    first.tick()
    assert not first.is_holding
    second.tick()
    assert (first.lines_read, second.lines_read) == (3, 4)
    assert len(site.records()) == 3


def test_a_quiet_log_costs_no_look(site: Site) -> None:
    listener = site.listener("w1")
    assert not listener.is_quiet(), "not even the lease is held"
    listener.tick()
    listener.tick()
    assert listener.is_quiet()
    site.call(1)
    assert not listener.is_quiet()
    listener.tick()
    site.path.rename(site.path.with_name("queue_log.0"))
    assert not listener.is_quiet(), "rotated: who knows what is written to which"


def _lease(site: Site) -> datetime:
    with site.database.reading() as session:
        return session.exec(select(Lease.until)).one()
