"""The one place that makes engines: a unit of work is a transaction, opened here and committed at its end.

SQLite or PostgreSQL, by the URL alone; what differs between the two is kept in this file and the table
modules.
"""

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Generic, TypeVar, cast

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from tickets.connections import CONNECTION
from vocabulary.errors import HotlineError

BUSY_SECONDS: Final = 5
_MIGRATIONS: Final = Path(__file__).parent / "migrations"
_MIGRATION_LOCK: Final = 0x12345_ABC
# A network that drops packets, or another host that freezes with a lock in its hand, must cost a call's thread seconds.
_POSTGRESQL_LIMITS: Final = {
    "connect_timeout": BUSY_SECONDS,
    "tcp_user_timeout": 10_000,
    "keepalives_idle": 10,
    "options": "-c lock_timeout=5000 -c statement_timeout=30000 -c idle_in_transaction_session_timeout=30000",
}
_MOST_TOGETHER: Final = 32
T = TypeVar("T")
_READS_ONLY: Final = "hotline_reads_only"


class DatabaseIsBusy(HotlineError):
    """Another unit of work of this process has been writing for `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the database was busy for {seconds:g} s")
        self.seconds = seconds


class DanglingReferences(HotlineError):
    """A migration would leave rows of `tables` that point to nothing; it was undone."""

    def __init__(self, tables: list[str]) -> None:
        super().__init__(
            f"the migration leaves dangling references in {', '.join(tables)}; nothing was changed"
        )
        self.tables = tables


class NotMigrated(HotlineError):
    """The tables are of another version than this program; nothing was read or written."""

    def __init__(self, found: str | None, needed: str) -> None:
        self.found, self.needed = found, needed
        super().__init__(
            f"the database is at revision {found or 'none'}, this program needs {needed}: run `hotline migrate`"
        )


def make_engine(url: str, *, pool_size: int = 20, max_overflow: int = 44) -> Engine:
    """`sqlite:///…` or `postgresql://…` (driven by psycopg). Nothing is opened yet."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(
            parsed,
            connect_args={"timeout": BUSY_SECONDS},
            # an open file costs nothing to keep, but a millisecond to open again
            **_pool(pool_size + max_overflow, 0),
        )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    return create_engine(
        parsed, pool_pre_ping=True, connect_args=_POSTGRESQL_LIMITS, **_pool(pool_size, max_overflow)
    )


def _pool(pool_size: int, max_overflow: int) -> dict[str, Any]:
    """`hide_parameters`: an error of the database must not write citizens' data into a log."""
    return {
        "pool_size": pool_size,
        "max_overflow": max_overflow,
        "pool_timeout": BUSY_SECONDS,
        "hide_parameters": True,
    }


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = (
        None  # we write BEGIN ourselves: the driver's own comes too late and locks too little
    )
    connection.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
    _switch_to_wal(connection)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """The switch itself ignores the busy timeout: of several who open a new file at once, some are refused at
    once, so here is the waiting that SQLite leaves out. After the first time it changes nothing."""
    give_up = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as refused:
            if refused.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(0.01)


def _begin_sqlite(connection: Connection) -> None:
    reads_only = connection.get_execution_options().get(_READS_ONLY, False)
    statement = "BEGIN" if reads_only else "BEGIN IMMEDIATE"
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    try:
        driver.execute(statement)  # past SQLAlchemy, which would spend five times as long on it
    except sqlite3.Error as refused:
        raise OperationalError(statement, None, refused) from refused


@contextmanager
def _joined(connection: Connection) -> Iterator[Session]:
    """The transaction is the connection's own; the session joins it, and costs little where nobody uses it."""
    with Session(connection, expire_on_commit=False, info={CONNECTION: connection}) as session:
        yield session
        if session.in_transaction():
            session.commit()


class _Unit(Generic[T]):
    """Work that waits to be done, and what came of it."""

    def __init__(self, work: Callable[[Session], T]) -> None:
        self.work = work
        self.is_done = False
        self.value: T | None = None
        self.fault: Exception | None = None

    def result(self) -> T:
        if self.fault is not None:
            raise self.fault
        return cast(T, self.value)


class Database:
    """Units of work over one engine; safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._reading = engine.execution_options(**{_READS_ONLY: True})
        # SQLite has one writer. Its own waiting is a poll with growing pauses, unfair to who came first;
        # threads of one process wait for this lock instead.
        self._turn = threading.Lock() if engine.dialect.name == "sqlite" else None
        self._waiting: deque[_Unit[Any]] = deque()

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Commits at the end, rolls back on an error. Never open one inside another."""
        if self._turn is None:
            with self.engine.begin() as connection, _joined(connection) as session:
                yield session
            return
        if not self._turn.acquire(timeout=BUSY_SECONDS):
            raise DatabaseIsBusy(BUSY_SECONDS)
        try:
            with self.engine.begin() as connection, _joined(connection) as session:
                yield session
        finally:
            self._turn.release()

    def write(self, work: Callable[[Session], T]) -> T:
        """As `writing`, for short work in many threads at once: who waits for his turn on SQLite has his work done, and
        committed, together with that of who has it. Returns, or raises what `work` raised, after the commit. `work` may
        be run a second time, after the first was rolled back."""
        if self._turn is None:
            with self.writing() as session:
                return work(session)
        unit = _Unit(work)
        self._waiting.append(unit)
        if not self._turn.acquire(timeout=BUSY_SECONDS):
            with suppress(ValueError):  # taken in this moment: it will be done, and nobody waits for it
                self._waiting.remove(unit)
            raise DatabaseIsBusy(BUSY_SECONDS)
        try:
            while not unit.is_done:
                self._work_together(
                    [self._waiting.popleft() for _ in range(min(_MOST_TOGETHER, len(self._waiting)))]
                )
        finally:
            self._turn.release()
        return unit.result()

    def _work_together(self, units: "Sequence[_Unit[Any]]") -> None:
        try:
            with self.engine.begin() as connection:
                for unit in units:
                    with _joined(connection) as session:
                        unit.value = unit.work(session)
        except Exception as fault:
            if len(units) == 1:
                units[0].fault = fault
            else:  # whose it was shows when each works alone
                for unit in units:
                    self._work_together([unit])
        finally:
            for unit in units:
                unit.is_done = True

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """One consistent view on SQLite; nothing is kept of what is changed in it."""
        with (
            self._reading.connect() as connection,
            Session(
                connection, expire_on_commit=False, autoflush=False, info={CONNECTION: connection}
            ) as session,
        ):
            yield session


def migrate(url: str) -> str:
    """Brings the tables to the newest version, all or nothing; gives that version. Two who try take turns."""
    engine = make_engine(url, pool_size=1, max_overflow=0)
    try:
        with engine.connect() as connection:
            _loosen_sqlite(connection)
            with connection.begin():
                if connection.dialect.name == "postgresql":
                    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
                config = alembic_config()
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
                _check_references(connection)
    finally:
        engine.dispose()
    return head_revision()


def current_revision(engine: Engine) -> str | None:
    """The version of the tables in this database; None if there are none yet."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def require_current(database: Database) -> None:
    """Raises NotMigrated unless the tables are this program's own; waits for no writer."""
    with database.reading() as session:
        found = MigrationContext.configure(session.connection()).get_current_revision()
    if found != head_revision():
        raise NotMigrated(found, head_revision())


def head_revision() -> str:
    """The version that this program needs."""
    head = ScriptDirectory.from_config(alembic_config()).get_current_head()
    assert head is not None
    return head


def alembic_config() -> Config:
    """Alembic without a file of its own: where the versions are is all it needs."""
    config = Config()
    config.set_main_option("script_location", _MIGRATIONS.as_posix().replace("%", "%%"))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.set_main_option("path_separator", "os")
    return config


def _loosen_sqlite(connection: Connection) -> None:
    """A rebuilt table is dropped for a moment, which must not delete what refers to it; works only outside a
    transaction, so it goes past ours."""
    if connection.dialect.name == "sqlite":
        raw = connection.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        raw.execute("PRAGMA foreign_keys=OFF")


def _check_references(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        dangling = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        if dangling:
            raise DanglingReferences(sorted({str(row[0]) for row in dangling}))
