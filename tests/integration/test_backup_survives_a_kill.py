"""A restore that is killed leaves the old hotline or the new one, whole, at whatever step; run again, it goes through."""

import os
import shutil
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from support.databases import PostgresqlServer
from support.filled_home import NOW, FilledHome, a_filled_home, postgresql_programs, whole_calls
from support.killed import run_until
from support.waiting import wait_for

from hotline import backup, restore
from hotline.settings import Settings

OLD, NEW = 4, 3


def some_of(steps: int, count: int) -> list[int]:
    """Steps over the whole length, and each of the last, where the swap is."""
    return sorted({*range(1, steps, max(1, steps // count)), *range(max(1, steps - 8), steps + 2)})


def test_a_killed_restore_leaves_old_or_new(tmp_path: Path):
    with a_filled_home(tmp_path / "template", calls=NEW) as filled:
        made = backup.make_backup(filled.settings, tmp_path / "backups", NOW)
        filled.take_call()

    def restored(home: Path, seconds: int) -> None:
        settings = Settings.model_validate({"home": home})
        restore.restore(settings, made.folder, NOW + timedelta(seconds=seconds), is_forced=True)

    def fresh(name: str) -> Path:
        return Path(shutil.copytree(tmp_path / "template", tmp_path / name / "home"))

    dry = fresh("dry")
    steps = run_until(0, lambda: restored(dry, 1))
    assert whole_calls(Settings.model_validate({"home": dry})) == NEW
    seen = set()
    for step in some_of(steps, 12):
        home = fresh(f"at{step}")
        run_until(step, lambda home=home: restored(home, 1))
        calls = whole_calls(Settings.model_validate({"home": home}))
        seen.add(calls)
        kept = [one for one in home.parent.glob("home.before-restore-*") if (one / "hotline.db").is_file()]
        if calls == NEW:
            assert [whole_calls(Settings.model_validate({"home": one})) for one in kept] == [OLD]
        restored(home, 2)
        assert whole_calls(Settings.model_validate({"home": home})) == NEW
        assert not list(home.parent.glob("home.*/.unfinished*"))
    assert seen == {OLD, NEW}


def test_a_killed_restore_into_nothing_leaves_nothing_or_all(tmp_path: Path):
    with a_filled_home(tmp_path / "old", calls=NEW) as filled:
        made = backup.make_backup(filled.settings, tmp_path / "backups", NOW, keys_to=tmp_path / "safe")

    def restored(home: Path, seconds: int) -> None:
        settings = Settings.model_validate({"home": home})
        restore.restore(settings, made.folder, NOW + timedelta(seconds=seconds), keys_from=tmp_path / "safe")

    steps = run_until(0, lambda: restored(tmp_path / "dry" / "home", 1))
    for step in some_of(steps, 4):
        home = tmp_path / f"at{step}" / "home"
        run_until(step, lambda home=home: restored(home, 1))
        if not home.exists():
            restored(home, 2)
        assert whole_calls(Settings.model_validate({"home": home})) == NEW


def test_a_killed_restore_leaves_postgresql_whole(
    tmp_path: Path, postgresql_server: PostgresqlServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PATH", f"{postgresql_programs()}{os.pathsep}{os.environ['PATH']}")
    url = postgresql_server.new_database()
    with a_filled_home(tmp_path / "home", url, calls=NEW) as filled:
        made = backup.make_backup(filled.settings, tmp_path / "backups", NOW)
        filled.take_call()
    settings = filled.settings

    def restored(seconds: int) -> None:
        restore.restore(settings, made.folder, NOW + timedelta(seconds=seconds), is_forced=True)

    steps = run_until(0, lambda: restored(1))
    assert whole_calls(settings) == NEW
    for number, step in enumerate(some_of(steps, 4)):
        refill(filled, postgresql_server)
        run_until(step, lambda number=number: restored(10 * number + 10))
        wait_for(lambda: is_left_alone(postgresql_server, url), 30)
        assert whole_calls(settings) in (OLD, NEW)
        restored(10 * number + 11)
        assert whole_calls(settings) == NEW
    postgresql_server.drop(url)


def refill(filled: FilledHome, server: PostgresqlServer) -> None:
    """One more call than the backup has."""
    wait_for(lambda: is_left_alone(server, str(filled.url)), 30)
    if whole_calls(filled.settings) == NEW:
        filled.take_call()
        filled.close()


def is_left_alone(server: PostgresqlServer, url: str) -> bool:
    """A killed restore may leave psql behind, which ends by itself."""
    name = url.split("?")[0].rsplit("/", 1)[1]
    with psycopg.connect(server.uri, autocommit=True) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = %s", [name]
        ).fetchone()
        return row == (0,)
