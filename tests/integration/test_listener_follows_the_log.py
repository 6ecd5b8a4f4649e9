"""The listener: reads on where the last one stopped, alone, and takes no transaction while nothing is said."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import select

from hotline import defaults_door
from hotline.bootstrap import Hotline
from hotline.database import Database
from hotline.leases import Lease, QueueLogPosition
from hotline.listener import LEASE_SECONDS, Listener
from ivr.calls.ledger import Ledger
from ivr.config_files.checker import check
from ivr.config_files.running import Running
from ivr.prompts.rendering import PromptLibrary
from ivr.telephony.queue_log_file import QueueLogFile
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
            return list(session.exec(select(CallRecord.call_id)))


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


def _lease(site: Site) -> datetime:
    with site.database.reading() as session:
        return session.exec(select(Lease.until)).one()
