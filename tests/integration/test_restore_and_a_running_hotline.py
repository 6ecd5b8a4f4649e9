"""A restore is not put under a running hotline, nor is one begun under a restore."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from support.filled_home import LATER, NOW, FilledHome, empty, whole_calls

from hotline import as_found, backup, restore
from hotline.database import migrate
from hotline.leftovers import UpRunsAlready, only_one
from hotline.parts import report
from hotline.restore import CannotRestore


def test_a_running_hotline_is_not_restored_over(filled: FilledHome, tmp_path: Path):
    made = backup.make_backup(filled.settings, tmp_path / "backups", NOW)
    with filled.database.writing() as session:
        report(session, "agi", True, {}, "another-host:17", NOW)
    with pytest.raises(CannotRestore, match="is running"):
        restore.restore(filled.settings, made.folder, LATER, is_forced=True)
    filled.close()
    long_after = NOW + timedelta(minutes=1)
    restore.restore(filled.settings, made.folder, long_after, is_forced=True)


@pytest.mark.parametrize("revision", ["0000", "9999"])
def test_a_hotline_of_another_version_that_runs_is_not_restored_over(
    filled: FilledHome, tmp_path: Path, revision: str
):
    """The server of before runs on while the program is replaced: an upgrade or a rollback, half done."""
    made = backup.make_backup(filled.settings, tmp_path / "backups", NOW)
    with filled.database.writing() as session:
        report(session, "agi", True, {}, "another-host:17", NOW)
        session.execute(text("UPDATE alembic_version SET version_num = :one"), {"one": revision})
        session.execute(text("ALTER TABLE part_report DROP COLUMN detail"))
    with pytest.raises(CannotRestore, match="is running"):
        restore.restore(filled.settings, made.folder, LATER, is_forced=True)
    assert as_found.server_processes(filled.settings, NOW) == ["another-host:17"]


def test_where_it_cannot_be_told_whether_it_runs_the_remedy_is_named(filled: FilledHome, tmp_path: Path):
    made = backup.make_backup(filled.settings, tmp_path / "backups", NOW)
    with filled.database.writing() as session:
        session.execute(text("DROP TABLE part_report"))
    with pytest.raises(CannotRestore, match="cannot be told whether the hotline is running") as told:
        restore.restore(filled.settings, made.folder, LATER, is_forced=True)
    filled.close()
    if filled.url is not None:
        assert "name an empty database" in str(told.value)
        return
    assert f"move {filled.home / 'hotline.db'} away" in str(told.value)
    (filled.home / "hotline.db").rename(tmp_path / "away.db")
    restore.restore(filled.settings, made.folder, LATER, is_forced=True)
    assert whole_calls(filled.settings) == 3


def test_over_a_damaged_database_the_remedy_is_named(sqlite_home: FilledHome, tmp_path: Path):
    made = backup.make_backup(sqlite_home.settings, tmp_path / "backups", NOW)
    sqlite_home.close()
    for left in sqlite_home.home.glob("hotline.db*"):
        left.unlink()
    (sqlite_home.home / "hotline.db").write_bytes(b"no database at all" * 1000)
    with pytest.raises(CannotRestore, match=r"cannot be told.*move .* away"):
        restore.restore(sqlite_home.settings, made.folder, LATER, is_forced=True)


def test_a_state_folder_with_hotline_up_is_not_restored_over(sqlite_home: FilledHome, tmp_path: Path):
    """It may have just been started, and have no server yet."""
    made = backup.make_backup(sqlite_home.settings, tmp_path / "backups", NOW)
    sqlite_home.take_call()
    with only_one(sqlite_home.settings), pytest.raises(UpRunsAlready):
        restore.restore(sqlite_home.settings, made.folder, LATER, is_forced=True)
    assert whole_calls(sqlite_home.settings) == 4
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("old")] == ["old"]


def test_hotline_up_does_not_begin_during_a_restore(
    sqlite_home: FilledHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    made = backup.make_backup(sqlite_home.settings, tmp_path / "backups", NOW)
    refused = []

    def starting(step: Callable[..., object]) -> Callable[..., object]:
        def at_this_step(*given: object) -> object:
            done = step(*given)
            with (
                pytest.raises(UpRunsAlready, match=r"`hotline restore` is at work .*: wait until"),
                only_one(sqlite_home.settings),
            ):
                pass
            refused.append(step)
            return done

        return at_this_step

    monkeypatch.setattr(restore, "_prepare", starting(restore._prepare))
    monkeypatch.setattr(restore, "_swap", starting(restore._swap))
    restore.restore(sqlite_home.settings, made.folder, LATER, is_forced=True)
    assert len(refused) == 2
    with only_one(sqlite_home.settings):
        assert whole_calls(sqlite_home.settings) == 3


def test_a_hotline_that_begins_in_an_empty_folder_is_not_replaced(sqlite_home: FilledHome, tmp_path: Path):
    made = backup.make_backup(sqlite_home.settings, tmp_path / "backups", NOW, keys_to=tmp_path / "safe")
    target = empty(tmp_path / "new")

    def begin(url: str) -> str:
        target.home_dir.mkdir()
        (target.home_dir / "up.lock").touch()
        return migrate(url)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(restore, "migrate", begin)
        with pytest.raises(CannotRestore, match="was filled by somebody meanwhile"):
            restore.restore(target, made.folder, LATER, keys_from=tmp_path / "safe")
    assert [path.name for path in target.home_dir.iterdir()] == ["up.lock"]
    assert [path.name for path in tmp_path.glob("new*")] == ["new"]
