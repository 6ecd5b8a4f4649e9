"""A hotline looked at from outside, by commands that must change nothing.

No key, secret, folder or table is made here.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, select

from hotline.database import Database, alembic_config, head_revision, make_engine
from hotline.parts import STALE, PartReport
from hotline.secrets_file import Secrets, load_or_make
from hotline.settings import Settings
from vocabulary.errors import HotlineError


class NoDatabase(HotlineError):
    """There is none yet, or it cannot be reached; the text says what to do."""


class CannotTell(HotlineError):
    """Whether a server runs on this database; the text says why not."""


class WrongRevision(HotlineError):
    """The tables are not those of this program."""

    def __init__(self, found: str | None, wanted: str) -> None:
        is_older = found is None or found in known_revisions()
        remedy = "run `hotline migrate`" if is_older else "install the newer hotline that made it"
        super().__init__(
            f"the database is at revision {found or 'none'}, this program needs {wanted}: {remedy}"
        )
        self.found, self.wanted = found, wanted


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite address; None for PostgreSQL."""
    parsed = make_url(url)
    is_file = parsed.get_backend_name() == "sqlite" and parsed.database
    return Path(str(parsed.database)).absolute() if is_file else None


@contextmanager
def database_found(settings: Settings) -> Iterator[Database]:
    """The database if it is there. Raises NoDatabase; never makes a file."""
    path = sqlite_file(settings.database)
    if path is not None and not path.is_file():
        raise NoDatabase(
            f"there is no database at {path}: is HOTLINE_HOME right? "
            "`hotline up` or `hotline migrate` makes it"
        )
    database = Database(make_engine(settings.database, pool_size=2, max_overflow=2))
    try:
        yield database
    except SQLAlchemyError as fault:
        raise NoDatabase(f"the database cannot be used: {first_line(fault)}") from fault
    finally:
        database.engine.dispose()


@contextmanager
def reading(settings: Settings) -> Iterator[Session]:
    """A view of a database that has this program's tables. Raises NoDatabase, WrongRevision."""
    with database_found(settings) as database, database.reading() as session:
        found = revision_of(session)
        if found != head_revision():
            raise WrongRevision(found, head_revision())
        yield session


def revision_of(session: Session) -> str | None:
    """The version of the tables; asked while others write, so within a view that waits for nobody."""
    return MigrationContext.configure(session.connection()).get_current_revision()


def known_revisions() -> frozenset[str]:
    """Every version of the tables that this program can migrate from."""
    return frozenset(one.revision for one in ScriptDirectory.from_config(alembic_config()).walk_revisions())


def first_line(fault: Exception) -> str:
    """What the driver says, without the statement and without any secret."""
    words = str(getattr(fault, "orig", None) or fault).strip()
    return words.splitlines()[0] if words else type(fault).__name__


def secrets_found(settings: Settings) -> Secrets | None:
    """What a first start made; None before it."""
    is_there = (settings.home_dir / "secrets.json").is_file()
    return load_or_make(settings) if is_there else None


def running_processes(session: Session, now: datetime) -> list[str]:
    """`host:pid` of every server process that reported lately; those of this machine must still be there."""
    fresh = [process for process, at in last_reports(session).items() if now - at <= STALE]
    return sorted(process for process in fresh if not _is_gone(process))


def last_reports(session: Session) -> dict[str, datetime]:
    """`host:pid` of each server process that is remembered, whether or not it is there still → when it last reported."""
    reports = session.exec(select(col(PartReport.process), col(PartReport.at)).order_by(col(PartReport.at)))
    return dict(reports.all())


def _is_gone(process: str) -> bool:
    host, _, number = process.rpartition(":")
    if host != socket.gethostname() or not number.isdecimal():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def server_processes(settings: Settings, now: datetime) -> list[str]:
    """The same for a database that may be missing, or of another version; empty also where it cannot be told."""
    try:
        return processes_told(settings, now)
    except CannotTell:
        return []


def processes_told(settings: Settings, now: datetime) -> list[str]:
    """As server_processes. An older server runs on after the program was replaced, until it is restarted, and so may a
    newer one: the two columns that are read here are in every version. Raises CannotTell."""
    path = sqlite_file(settings.database)
    if path is not None and not path.exists():
        return []
    try:
        with database_found(settings) as database, database.reading() as session:
            tables = inspect(session.connection()).get_table_names()
            if not tables:
                return []
            if PartReport.__tablename__ not in tables:
                raise CannotTell("its tables are not those of a hotline")
            return running_processes(session, now)
    except (NoDatabase, ValueError, TypeError) as fault:
        raise CannotTell(str(fault)) from fault
