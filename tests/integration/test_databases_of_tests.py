"""A PostgreSQL database goes from test to test: it must come as empty as a new one."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from support.databases import Copy, PostgresqlServer

from hotline.database import Database, make_engine
from tickets.citizens import Citizen


@pytest.fixture
def url(postgresql_server: PostgresqlServer, databases_migrated: Copy, tmp_path) -> str:
    return postgresql_server.empty_database(lambda: databases_migrated("postgresql", tmp_path))


@pytest.fixture
def given(url: str) -> Iterator[Database]:
    database = Database(make_engine(url))
    yield database
    database.engine.dispose()


def for_the_next(server: PostgresqlServer, url: str) -> str:
    server.give_back(url)
    return server.empty_database(lambda: "a new one")


def add_somebody(database: Database) -> int | None:
    now = datetime.now(UTC)
    with database.writing() as session:
        citizen = Citizen(
            number_digest="d", number_sealed="s", number_masked="m", first_seen_at=now, last_seen_at=now
        )
        session.add(citizen)
        session.flush()
        return citizen.id


def test_rows_are_gone_and_numbers_begin_at_one(
    given: Database, url: str, postgresql_server: PostgresqlServer
) -> None:
    for _ in range(2):
        assert add_somebody(given) == 1
        given.engine.dispose()
        assert for_the_next(postgresql_server, url) == url
    postgresql_server.give_back(url)


@pytest.mark.parametrize(
    "change",
    [
        "DROP TABLE part_report",
        "ALTER TABLE citizen ADD COLUMN more text",
        "CREATE TABLE other (id int)",
        "UPDATE alembic_version SET version_num = '9999'",
    ],
)
def test_one_whose_tables_were_changed_is_not_used_again(
    given: Database, url: str, postgresql_server: PostgresqlServer, change: str
) -> None:
    with given.writing() as session:
        session.execute(text(change))
    assert for_the_next(postgresql_server, url) == "a new one"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_rows_come_from_behind_where_no_order_is_asked(database: Database) -> None:
    """On every connection, so that nothing relies on the order in which rows were written."""
    with database.writing() as session:
        session.execute(text("CREATE TABLE written (n int)"))
        session.execute(text("INSERT INTO written VALUES (1), (2), (3)"))
    for _ in range(2):
        with database.reading() as session:
            assert list(session.execute(text("SELECT n FROM written")).scalars()) == [3, 2, 1]
            assert list(session.execute(text("SELECT n FROM written ORDER BY n")).scalars()) == [1, 2, 3]
        database.engine.dispose()
