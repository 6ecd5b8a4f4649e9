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
_PATIENT_SECONDS: Final = 600
# A network that drops packets, or another host that freezes with a lock in its hand, must cost a call's thread seconds.
_POSTGRESQL_NETWORK: Final = {
    "connect_timeout": BUSY_SECONDS,
    "tcp_user_timeout": 10_000,
    "keepalives_idle": 10,
}
_POSTGRESQL_LIMITS: Final = (
    "-c lock_timeout=5000 -c statement_timeout=30000 -c idle_in_transaction_session_timeout=30000"
)
# An index over the calls of some years takes minutes, and a second migration waits for the first.
_POSTGRESQL_PATIENT: Final = (
    f"-c lock_timeout={_PATIENT_SECONDS}s -c statement_timeout=0 -c idle_in_transaction_session_timeout=0"
)
_MOST_TOGETHER: Final = 32
_TOGETHER_SECONDS: Final = 0.2  # after which no further work joins a commit
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


def make_engine(url: str, *, pool_size: int = 20, max_overflow: int = 44, is_patient: bool = False) -> Engine:
    """`sqlite:///…` or `postgresql://…` (driven by psycopg). Nothing is opened yet. Patient: no statement is cut short,
    and others are waited for ten minutes; for migrations, never for a call."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(
            parsed,
            connect_args={"timeout": _PATIENT_SECONDS if is_patient else BUSY_SECONDS},
            # an open file costs nothing to keep, but a millisecond to open again
            **_pool(pool_size + max_overflow, 0),
        )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    limits = _POSTGRESQL_PATIENT if is_patient else _POSTGRESQL_LIMITS
    return create_engine(
        parsed,
        pool_pre_ping=True,
        connect_args={**_POSTGRESQL_NETWORK, "options": limits},
        **_pool(pool_size, max_overflow),
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
            time.sleep(0.01)  # SQLite's own waiting leaves this statement out, see above; until give_up


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
    """Work that waits to be done, and what came of it; a fault is only ever raised in the thread that brought it."""

    def __init__(self, work: Callable[[Session], T]) -> None:
        self.work = work
        self.is_done = False  # and committed
        self.is_given_up = False
        self.is_alone = False
        self.value: T | None = None

    def result(self) -> T:
        assert self.is_done, "who asks has seen it done"
        return cast(T, self.value)


class _Undone(Exception):
    """The commit that was made together does not hold for everybody in it."""


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
        be run a second time, after the first was rolled back. Raises DatabaseIsBusy after BUSY_SECONDS: then nothing was
        done, unless its commit was under way in that moment."""
        if self._turn is None:
            with self.writing() as session:
                return work(session)
        unit = _Unit(work)
        self._waiting.append(unit)
        if not self._turn.acquire(timeout=BUSY_SECONDS):
            return self._give_up(unit)
        try:
            if not unit.is_done:
                self._lead(unit)
        finally:
            self._turn.release()
        return unit.result()

    def _give_up(self, unit: _Unit[T]) -> T:
        """Its result, if it was done while others had the turn."""
        unit.is_given_up = True
        with suppress(ValueError):  # somebody has it in hand: he sees that it is given up
            self._waiting.remove(unit)
        if unit.is_done:
            return unit.result()
        raise DatabaseIsBusy(BUSY_SECONDS)

    def _lead(self, own: _Unit[Any]) -> None:
        """Does `own` and what others wait with. Whatever fails, and if this thread dies of it: what is not done then is
        left to the threads that brought it, so nobody waits for a thread that is gone."""
        with suppress(ValueError):  # somebody took it in vain
            self._waiting.remove(own)
        together: list[_Unit[Any]] = []
        try:
            with self.engine.begin() as connection:
                for unit in self._company(own):
                    together.append(unit)
                    with _joined(connection) as session:
                        unit.value = unit.work(session)
                if len(together) > 1 and not _holds(connection, together):
                    raise _Undone
        except Exception:  # of anybody's work: each is done again alone, its thread gets its own error
            if len(together) < 2:  # nobody's fault but its own
                raise
            for unit in together:  # whose it was shows when each works alone
                unit.is_alone = True
        else:
            for unit in together:
                unit.is_done = True
            return
        self._lead(own)

    def _company(self, own: _Unit[Any]) -> Iterator[_Unit[Any]]:
        """`own`, then others one by one; none is begun late, as nobody's thread is there to do all the slow ones."""
        yield own
        until = time.monotonic() + _TOGETHER_SECONDS
        for _ in range(0 if own.is_alone else _MOST_TOGETHER - 1):
            if time.monotonic() >= until:
                return
            try:
                unit = self._waiting.popleft()
            except IndexError:
                return
            yield unit

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


def _holds(connection: Connection, together: "Sequence[_Unit[Any]]") -> bool:
    """A session that was rolled back by its own work took the others along; who gave up was told that nothing was done."""
    transaction = connection.get_transaction()
    is_whole = transaction is not None and transaction.is_active
    return is_whole and not any(unit.is_given_up for unit in together)


def migrate(url: str) -> str:
    """Brings the tables to the newest version, all or nothing; gives that version. Two who try take turns."""
    engine = make_engine(url, pool_size=1, max_overflow=0, is_patient=True)
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
