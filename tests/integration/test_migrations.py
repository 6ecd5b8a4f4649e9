"""The tables of a new and of a used database are what the program expects, on both databases."""

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, event, inspect, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import Pool
from sqlmodel import Session, select
from support.agi_peer import wait_until
from support.databases import PostgresqlServer

from hotline.database import (
    _MIGRATION_LOCK,
    Database,
    alembic_config,
    current_revision,
    head_revision,
    make_engine,
    migrate,
)
from hotline.tables import MODULES, metadata
from missed_call_redial.callbacks import Attempt, Callback, CallbackCall
from missed_call_redial.claims import standing_placeholders

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
ROOT = Path(__file__).parents[2]


def drift(url: str) -> list[object]:
    engine = make_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        found = compare_metadata(context, metadata())
    engine.dispose()
    return list(found)


def test_an_empty_database_gets_all_tables_without_drift(database_url: str):
    engine = make_engine(database_url)
    assert current_revision(engine) is None
    assert migrate(database_url) == head_revision() == current_revision(engine)
    assert set(inspect(engine).get_table_names()) == {*metadata().tables, "alembic_version"}
    engine.dispose()
    assert drift(database_url) == []


def bring_to(engine: Engine, revision: str) -> None:
    """The tables of an older program."""
    config = alembic_config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def test_a_filled_database_keeps_its_rows(database_url: str):
    engine = make_engine(database_url)
    bring_to(engine, "0001")
    assert current_revision(engine) == "0001"
    moment = "2026-11-23 08:00:00.000000+00:00"
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO citizen"
                " (number_digest, number_sealed, number_masked, first_seen_at, last_seen_at)"
                f" VALUES ('d', 'k1:x', '138****8000', '{moment}', '{moment}')"
            )
        )
        connection.execute(
            text(
                "INSERT INTO ticket (state, title, text, urgency, citizen_id, is_confidential, typed_fields, "
                f"created_at, updated_at, version) SELECT 'draft', 't', '', 'normal', id, false, '[]', "
                f"'{moment}', '{moment}', 1 FROM citizen"
            )
        )
        connection.execute(
            text(
                "INSERT INTO callback (number_digest, number_sealed, number_masked, is_switchboard, queue, "
                "queues_wanted, prio, first_call_id, first_missed_at, last_missed_at, missed_count, state, due_at, "
                "deadline_at, attempts, created_at) VALUES ('d', 'k1:x', '138****8000', false, 'general', '[]', 1, "
                f"'c1', '{moment}', '{moment}', 1, 'in_progress', '{moment}', '{moment}', 0, '{moment}')"
            )
        )
        connection.execute(
            text(
                "INSERT INTO callback_call (call_id, callback_id, missed_at, queue, prio) "
                f"SELECT 'c1', id, '{moment}', 'general', 1 FROM callback"
            )
        )
        connection.execute(
            text(
                "INSERT INTO callback_attempt (id, callback_id, state, counts, is_told, channel_id, "
                "other_channel_id, lease_until, claimed_at) "
                f"SELECT 'a1', id, 'placed', false, false, 'x', 'y', '{moment}', '{moment}' FROM callback"
            )
        )
    assert migrate(database_url) == head_revision()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM ticket JOIN citizen ON true")).scalar_one() == 1
    with Session(engine) as session:
        assert session.exec(select(Callback.is_critical)).all() == [False]
        assert session.exec(select(CallbackCall.is_critical)).all() == [False]
        attempt = session.exec(select(Attempt)).one()
        assert (attempt.id, attempt.queue, attempt.trunk) == ("a1", None, None)
        assert [one.queue for one in standing_placeholders(session)[1]] == ["general"]
    engine.dispose()
    assert drift(database_url) == []


def test_one_open_callback_for_a_number_is_the_databases_own_rule(database: Database):
    def owe(state: str, *, is_switchboard: bool) -> None:
        row = dict.fromkeys(("first_missed_at", "last_missed_at", "due_at", "deadline_at", "created_at"), NOW)
        words = dict.fromkeys(
            ("number_digest", "number_sealed", "number_masked", "queue", "first_call_id", "number_kind"), "x"
        )
        with database.writing() as session:
            session.add(Callback(**row, **words, state=state, is_switchboard=is_switchboard, prio=1))

    owe("owed", is_switchboard=False)
    owe("closed", is_switchboard=False)
    owe("owed", is_switchboard=True)
    with pytest.raises(IntegrityError):
        owe("claimed", is_switchboard=False)


def test_two_who_migrate_at_once_take_turns(database_url: str):
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(migrate(database_url))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == [head_revision()] * 3


def test_a_migration_is_not_cut_short_by_the_limits_made_for_calls(postgresql_server: PostgresqlServer):
    """An index over the calls of some years takes longer than any call may wait."""
    url, shown = postgresql_server.new_database(), []

    def look(opened: psycopg.Connection[Any], _record: object) -> None:
        names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
        shown.append([opened.execute(f"SHOW {name}").fetchone()[0] for name in names])

    event.listen(Pool, "connect", look)
    try:
        migrate(url)
        engine = make_engine(url)
        engine.connect().close()
        engine.dispose()
    finally:
        event.remove(Pool, "connect", look)
    postgresql_server.drop(url)
    assert shown == [["0", "10min", "0"], ["30s", "5s", "30s"]]


def test_a_second_migration_waits_for_the_first(postgresql_server: PostgresqlServer):
    url, found = postgresql_server.new_database(), []
    second = threading.Thread(target=lambda: found.append(migrate(url)))
    waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with psycopg.connect(url, autocommit=True) as other, psycopg.connect(url) as first:
        first.execute(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
        second.start()
        wait_until(lambda: other.execute(waits).fetchone() == (1,))
        assert other.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,)
    second.join(60)
    postgresql_server.drop(url)
    assert found == [head_revision()]


def test_a_second_migration_of_a_file_waits_for_the_first(tmp_path: Path):
    engine = make_engine(f"sqlite:///{tmp_path}/x.db", is_patient=True)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one() == 600_000
    engine.dispose()
    engine = make_engine(f"sqlite:///{tmp_path}/x.db")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one() == 5_000
    engine.dispose()


def test_many_who_open_a_new_file_at_once_all_get_in(tmp_path: Path):
    """SQLite's switch to WAL refuses at once where everything else waits: a CI run once failed by it."""
    found: list[str] = []

    def open_it(url: str, together: threading.Barrier) -> None:
        engine = make_engine(url, pool_size=1, max_overflow=0)
        together.wait(60)
        with engine.connect() as connection:
            found.append(connection.exec_driver_sql("PRAGMA journal_mode").scalar_one())
        engine.dispose()

    for number in range(40):
        together = threading.Barrier(6)
        url = f"sqlite:///{tmp_path / f'{number}.db'}"
        threads = [threading.Thread(target=open_it, args=(url, together)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert found == ["wal"] * 240


def test_no_table_is_forgotten():
    listed = {module.__name__ for module in MODULES}
    rooms = ("tickets", "routing", "missed_call_redial", "ivr", "agi_scripts", "hotline")
    for path in (path for room in rooms for path in (ROOT / room).rglob("*.py")):
        if "table=True" in path.read_text("utf-8"):
            assert ".".join(path.relative_to(ROOT).with_suffix("").parts) in listed


@pytest.mark.parametrize("earlier", ["0002", "0001"])
def test_back_to_an_earlier_version_and_forth_again(database_url: str, earlier: str):
    migrate(database_url)
    engine = make_engine(database_url)
    config = alembic_config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, earlier)
    assert current_revision(engine) == earlier
    engine.dispose()
    assert migrate(database_url) == head_revision()
    assert drift(database_url) == []
