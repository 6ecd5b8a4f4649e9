"""What `hotline backup` wrote becomes a hotline again by `hotline restore`, whole, on both databases."""

import os
import shutil
import sqlite3
import stat
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from support.databases import PostgresqlServer
from support.filled_home import LATER, NOW, FilledHome, NewUrl, empty, whole_calls

from hotline import backup, careful_files, restore
from hotline.backup_manifest import BackupIsDamaged, FileFacts, files_below
from hotline.careful_files import BadLink
from hotline.database import current_revision, head_revision, make_engine
from hotline.database_copies import CopyFailed, ProgramIsMissing, libpq_address
from hotline.restore import CannotRestore
from hotline.settings import Settings
from tickets.sealing import Sealer


def test_a_restored_hotline_has_everything(filled: FilledHome, tmp_path: Path, new_url: NewUrl):
    (filled.settings.config_dir / "prompts" / "zh").mkdir(parents=True)
    (filled.settings.config_dir / "prompts" / "zh" / "greeting.wav").write_bytes(b"RIFF recorded")
    made = backup.make_backup(filled.settings, tmp_path / "backups", NOW, keys_to=tmp_path / "safe")
    target = empty(tmp_path / "new", new_url())
    done = restore.restore(target, made.folder, LATER, keys_from=tmp_path / "safe")

    assert whole_calls(target) == 3
    assert done.before is None
    assert done.migrated_from is None
    for part in ("config", "published"):
        assert files_below(target.home_dir / part) == seen(files_below(filled.home / part))
    assert (target.home_dir / "config/prompts/zh/greeting.wav").is_file()
    assert (target.home_dir / "secrets.json").read_bytes() == (filled.home / "secrets.json").read_bytes()
    assert Sealer.from_file(target.keys_path).digest("x") == filled.sealer.digest("x")


def seen(files: dict[str, FileFacts]) -> dict[str, FileFacts]:
    """Without hidden files, such as the lock of who publishes."""
    return {name: facts for name, facts in files.items() if not name.rpartition("/")[2].startswith(".")}


def test_a_backup_is_for_its_owner_only_and_holds_no_key(filled: FilledHome, tmp_path: Path):
    made = backup.make_backup(filled.settings, tmp_path / "backups", NOW, keys_to=tmp_path / "safe")
    assert made.keys is not None
    for folder in (made.folder, made.keys):
        for path in (folder, *folder.rglob("*")):
            assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    key = filled.settings.keys_path.read_bytes()
    assert not any(key in path.read_bytes() for path in made.folder.rglob("*") if path.is_file())
    assert [path.name for path in (tmp_path / "backups").iterdir()] == [made.folder.name]
    assert sorted(path.name for path in made.keys.iterdir()) == ["keys.json", "secrets.json"]
    assert made.manifest.revision == head_revision()


def test_a_backup_during_writes_is_consistent(filled: FilledHome, tmp_path: Path, new_url: NewUrl):
    stop = threading.Event()
    errors: list[BaseException] = []
    enough = threading.Semaphore(0)

    def write() -> None:
        try:
            while not stop.is_set():
                filled.take_call()
                enough.release()
        except BaseException as fault:
            errors.append(fault)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        folders = []
        for number in range(3):
            for _ in range(10):
                assert enough.acquire(timeout=20)
            made = backup.make_backup(filled.settings, tmp_path / "backups", NOW + timedelta(seconds=number))
            folders.append(made.folder)
    finally:
        stop.set()
        for thread in threads:
            thread.join(20)
    assert errors == []

    counts = []
    for number, folder in enumerate(folders):
        target = empty(tmp_path / f"new{number}", new_url())
        restore.restore(target, folder, LATER, keys_from=filled.settings.keys_path.parent)
        counts.append(whole_calls(target))
    assert counts == sorted(counts)
    assert 13 <= counts[0] < counts[-1] <= whole_calls(filled.settings)


def test_force_replaces_what_is_there_and_keeps_it_beside(filled: FilledHome, tmp_path: Path):
    (filled.home / "recordings").mkdir()
    (filled.home / "asterisk" / "log").mkdir(parents=True)
    made = backup.make_backup(filled.settings, tmp_path / "backups", NOW)
    filled.take_call()
    with pytest.raises(CannotRestore, match="not empty"):
        restore.restore(filled.settings, made.folder, LATER)
    assert whole_calls(filled.settings) == 4
    filled.close()

    done = restore.restore(filled.settings, made.folder, LATER, is_forced=True)
    assert whole_calls(filled.settings) == 3
    assert done.before is not None
    if filled.url is None:
        assert whole_calls(empty(done.before)) == 4
    assert (filled.home / "asterisk" / "log").is_dir()
    assert (filled.home / "recordings").is_dir()


def test_an_older_backup_is_migrated_up(tmp_path: Path, new_url: NewUrl):
    """No older version of the tables exists yet but the one before the first: none at all."""
    source = empty(tmp_path / "old", new_url())
    (source.home_dir).mkdir()
    if source.database_url is None:
        sqlite3.connect(source.home_dir / "hotline.db").execute("PRAGMA user_version=1").connection.close()
    made = backup.make_backup(source, tmp_path / "backups", NOW)
    assert made.manifest.revision is None
    target = empty(tmp_path / "new", new_url())
    restore.restore(target, made.folder, LATER)
    engine = make_engine(target.database)
    assert current_revision(engine) == head_revision()
    engine.dispose()


def test_a_newer_backup_is_refused(filled: FilledHome, tmp_path: Path, new_url: NewUrl):
    with filled.database.writing() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    made = backup.make_backup(filled.settings, tmp_path / "backups", NOW)
    target = empty(tmp_path / "new", new_url())
    with pytest.raises(CannotRestore, match=r"newer hotline .*tables 9999"):
        restore.restore(target, made.folder, LATER, keys_from=filled.settings.keys_path.parent)
    assert not target.home_dir.exists()


def test_wrong_keys_are_refused_before_anything_changes(filled: FilledHome, tmp_path: Path, new_url: NewUrl):
    made = backup.make_backup(filled.settings, tmp_path / "backups", NOW)
    (tmp_path / "wrong").mkdir()
    Sealer.create_file(tmp_path / "wrong" / "keys.json")
    target = empty(tmp_path / "new", new_url())
    with pytest.raises(CannotRestore, match="not those of this backup"):
        restore.restore(target, made.folder, LATER, keys_from=tmp_path / "wrong")
    with pytest.raises(CannotRestore, match="there are no keys here"):
        restore.restore(target, made.folder, LATER)
    with pytest.raises(CannotRestore, match=r"no keys\.json"):
        restore.restore(target, made.folder, LATER, keys_from=tmp_path / "backups")
    assert not target.home_dir.exists()
    assert [path.name for path in tmp_path.glob("new*")] == []


def test_keys_that_open_but_hash_otherwise_are_refused(sqlite_home: FilledHome, tmp_path: Path):
    made = backup.make_backup(sqlite_home.settings, tmp_path / "backups", NOW)
    (tmp_path / "wrong").mkdir()
    kept = sqlite_home.settings.keys_path.read_text("ascii")
    start = kept.index('"digest_key": "') + len('"digest_key": "')
    changed = kept[:start] + ("A" if kept[start] != "A" else "B") + kept[start + 1 :]
    file = tmp_path / "wrong" / "keys.json"
    file.write_text(changed, "ascii")
    file.chmod(0o644)  # a stick without rights: the copy gets its own
    with pytest.raises(CannotRestore, match="its hashes differ"):
        restore.restore(empty(tmp_path / "new"), made.folder, LATER, keys_from=tmp_path / "wrong")


def test_every_damage_is_told_at_once(sqlite_home: FilledHome, tmp_path: Path):
    folder = backup.make_backup(sqlite_home.settings, tmp_path / "backups", NOW).folder
    (folder / "config" / "hotline.yaml").unlink()
    with (folder / "database" / "hotline.db").open("r+b") as file:
        file.seek(5000)
        file.write(b"x")
    with pytest.raises(BackupIsDamaged) as told:
        restore.restore(empty(tmp_path / "new"), folder, LATER)
    assert set(told.value.faults) == {
        "config/hotline.yaml is missing",
        "database/hotline.db was changed since it was written",
    }


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: (folder / "manifest.json").unlink(), r"manifest\.json is missing"),
        (lambda folder: (folder / "manifest.json.sha256").unlink(), r"manifest\.json\.sha256 is missing"),
        (lambda folder: os.truncate(folder / "manifest.json", 100), "was changed since it was written"),
        (lambda folder: shutil.rmtree(folder), r"manifest\.json is missing"),
    ],
)
def test_a_damaged_manifest_is_refused(
    sqlite_home: FilledHome, tmp_path: Path, damage: Callable[[Path], None], words: str
):
    folder = backup.make_backup(sqlite_home.settings, tmp_path / "backups", NOW).folder
    damage(folder)
    with pytest.raises(BackupIsDamaged, match=words):
        restore.restore(empty(tmp_path / "new"), folder, LATER)
    assert not (tmp_path / "new").exists()


def test_a_manifest_cannot_lead_out_of_the_backup(sqlite_home: FilledHome, tmp_path: Path):
    folder = backup.make_backup(sqlite_home.settings, tmp_path / "backups", NOW).folder
    manifest = backup.backup_manifest.read(folder)
    for path in ("../outside", "/etc/passwd", "config/../../outside"):
        bad = manifest.model_copy(update={"files": {path: manifest.files["config/hotline.yaml"]}})
        for name, words in backup.backup_manifest.texts_of(bad).items():
            (folder / name).write_text(words, "utf-8")
        with pytest.raises(BackupIsDamaged, match="leads out of the backup"):
            restore.restore(empty(tmp_path / "new"), folder, LATER)


def test_a_backup_of_one_database_is_not_restored_into_the_other(sqlite_home: FilledHome, tmp_path: Path):
    made = backup.make_backup(sqlite_home.settings, tmp_path / "backups", NOW)
    with pytest.raises(CannotRestore, match="of sqlite, but HOTLINE_DATABASE_URL names postgresql"):
        restore.restore(empty(tmp_path / "new", "postgresql://u:secret@127.0.0.1:1/x"), made.folder, LATER)


def test_keys_go_apart_or_not_at_all(sqlite_home: FilledHome, tmp_path: Path):
    with pytest.raises(backup.BackupFailed, match="belong on another disk"):
        backup.make_backup(sqlite_home.settings, tmp_path / "b", NOW, keys_to=tmp_path / "b" / "keys")
    assert not (tmp_path / "b").exists()


def test_recordings_are_copied_once(sqlite_home: FilledHome, tmp_path: Path):
    to = tmp_path / "recordings"
    made = backup.make_backup(sqlite_home.settings, tmp_path / "b1", NOW, recordings_to=to)
    assert made.recordings == 0
    folder = sqlite_home.home / "recordings" / "2026" / "11"
    folder.mkdir(parents=True)
    (folder / "a.wav").write_bytes(b"one")
    (folder / "b.wav").write_bytes(b"two")
    assert backup.make_backup(sqlite_home.settings, tmp_path / "b2", NOW, recordings_to=to).recordings == 2
    (folder / "b.wav").write_bytes(b"two, longer")
    assert backup.make_backup(sqlite_home.settings, tmp_path / "b3", NOW, recordings_to=to).recordings == 1
    assert (to / "2026/11/b.wav").read_bytes() == b"two, longer"
    assert not list((tmp_path / "b3").rglob("*.wav"))


def test_what_lies_behind_a_link_is_in_the_backup(sqlite_home: FilledHome, tmp_path: Path):
    prompts, disk = sqlite_home.settings.config_dir / "prompts", tmp_path / "disk"
    (disk / "zh").mkdir(parents=True)
    (disk / "zh" / "greeting.wav").write_bytes(b"RIFF recorded")
    (disk / "once.wav").write_bytes(b"RIFF once")
    shutil.rmtree(prompts, ignore_errors=True)
    prompts.symlink_to(disk)
    recordings = sqlite_home.home / "recordings"
    recordings.symlink_to(disk)
    (disk / "again.wav").symlink_to(disk / "once.wav")
    to = tmp_path / "apart"
    made = backup.make_backup(sqlite_home.settings, tmp_path / "backups", NOW, recordings_to=to)
    for file in ("zh/greeting.wav", "once.wav", "again.wav"):
        assert f"config/prompts/{file}" in made.manifest.files
        assert (to / file).read_bytes() == (disk / file).read_bytes()
    restore.restore(
        empty(tmp_path / "new"), made.folder, LATER, keys_from=sqlite_home.settings.keys_path.parent
    )
    assert (tmp_path / "new/config/prompts/zh/greeting.wav").read_bytes() == b"RIFF recorded"


@pytest.mark.parametrize(
    ("leads_to", "words"),
    [("nowhere", "leads nowhere"), (".", "a folder in which it lies"), ("link", "leads nowhere")],
)
@pytest.mark.parametrize("place", ["config", "recordings"])
def test_a_link_that_cannot_be_followed_is_named(
    sqlite_home: FilledHome, tmp_path: Path, place: str, leads_to: str, words: str
):
    link = sqlite_home.home / place / "folder" / "link"
    link.parent.mkdir(parents=True)
    link.symlink_to(leads_to)
    with pytest.raises(BadLink, match=words) as told:
        backup.make_backup(sqlite_home.settings, tmp_path / "b", NOW, recordings_to=tmp_path / "apart")
    assert str(link) in str(told.value)


def test_what_a_killed_backup_left_is_cleared_away(sqlite_home: FilledHome, tmp_path: Path):
    left = tmp_path / "backups" / ".unfinished-00000000" / "database"
    left.mkdir(parents=True)
    made = backup.make_backup(sqlite_home.settings, tmp_path / "backups", NOW)
    assert list((tmp_path / "backups").iterdir()) == [made.folder]


def test_a_config_folder_apart_is_not_touched(sqlite_home: FilledHome, tmp_path: Path):
    made = backup.make_backup(sqlite_home.settings, tmp_path / "backups", NOW, keys_to=tmp_path / "safe")
    apart, keys = tmp_path / "etc", tmp_path / "elsewhere" / "k.json"
    apart.mkdir()
    (apart / "hotline.yaml").write_text("mine", "utf-8")
    target = Settings.model_validate({"home": tmp_path / "new", "config": apart, "keys_file": keys})
    done = restore.restore(target, made.folder, LATER, keys_from=tmp_path / "safe")
    assert (apart / "hotline.yaml").read_text("utf-8") == "mine"
    assert done.config_apart == tmp_path / "new" / "config"
    assert (done.config_apart / "hotline.yaml").is_file()
    assert whole_calls(target) == 3
    assert not (tmp_path / "new" / "keys").exists()


def test_keys_apart_belong_to_whoever_runs_the_hotline(
    sqlite_home: FilledHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    made = backup.make_backup(sqlite_home.settings, tmp_path / "backups", NOW, keys_to=tmp_path / "safe")
    home, keys = tmp_path / "new", tmp_path / "elsewhere" / "k.json"
    home.mkdir()
    owner = home.stat()
    given: dict[str, os.stat_result] = {}
    monkeypatch.setattr(careful_files, "own_as", lambda path, model: given.update({path.name: model}))
    target = Settings.model_validate({"home": home, "keys_file": keys})
    restore.restore(target, made.folder, LATER, keys_from=tmp_path / "safe")
    assert given["elsewhere"] == owner, "with the folder that was made for them"
    assert keys.stat().st_mode & 0o777 == 0o600


def test_a_restore_that_fails_at_the_end_leaves_no_keys_apart(
    sqlite_home: FilledHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    made = backup.make_backup(sqlite_home.settings, tmp_path / "backups", NOW, keys_to=tmp_path / "safe")
    keys = tmp_path / "elsewhere" / "k.json"
    target = Settings.model_validate({"home": tmp_path / "new", "keys_file": keys})

    def no_space(_: str) -> None:
        raise OSError(28, "No space left on device", "hotline.db")

    monkeypatch.setattr(restore, "migrate", no_space)
    with pytest.raises(CannotRestore, match="No space left"):
        restore.restore(target, made.folder, LATER, keys_from=tmp_path / "safe")
    assert not keys.exists()
    assert not (tmp_path / "new").exists()


def test_a_restore_that_cannot_swap_leaves_no_keys_apart(
    sqlite_home: FilledHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    made = backup.make_backup(sqlite_home.settings, tmp_path / "backups", NOW, keys_to=tmp_path / "safe")
    keys = tmp_path / "elsewhere" / "k.json"
    there: list[bool] = []

    def cannot(_new: Path, _place: Path) -> bool:
        there.append(keys.exists())
        raise careful_files.CannotSwap("a mount point")

    monkeypatch.setattr(careful_files, "put_in_place", cannot)
    target = Settings.model_validate({"home": tmp_path / "new", "keys_file": keys})
    with pytest.raises(careful_files.CannotSwap):
        restore.restore(target, made.folder, LATER, keys_from=tmp_path / "safe")
    assert there == [True]
    assert not keys.exists()


def test_secrets_among_the_config_files_stay_out_of_a_backup(sqlite_home: FilledHome, tmp_path: Path):
    """Systemd's file of the environment lies in /etc/hotline, which is HOTLINE_CONFIG on a site; keys may lie there too."""
    config = sqlite_home.settings.config_dir
    (config / "hotline.env").write_text("HOTLINE_DATABASE_URL=postgresql://u:s3cret@h/n", "utf-8")
    (config / "hotline.env.bak").write_text("HOTLINE_DATABASE_URL=postgresql://u:s3cret@h/n", "utf-8")
    apart = config / "keys.json"
    apart.write_bytes(sqlite_home.settings.keys_path.read_bytes())
    settings = sqlite_home.settings.model_copy(update={"keys_file": apart})
    made = backup.make_backup(settings, tmp_path / "backups", NOW)
    names = {path.name for path in made.folder.rglob("*") if path.is_file()}
    assert "hotline.yaml" in names
    assert names.isdisjoint({"hotline.env", "hotline.env.bak", "keys.json"})


def test_a_missing_program_is_named(
    monkeypatch: pytest.MonkeyPatch, postgresql_server: PostgresqlServer, tmp_path: Path
):
    url = postgresql_server.new_database()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ProgramIsMissing, match=r"`pg_dump` is not on the PATH.*postgresql-client"):
        backup.make_backup(empty(tmp_path / "home", url), tmp_path / "backups", NOW)
    postgresql_server.drop(url)


def test_a_damaged_database_is_not_backed_up(sqlite_home: FilledHome, tmp_path: Path):
    sqlite_home.close()
    with (sqlite_home.home / "hotline.db").open("r+b") as file:
        size = os.fstat(file.fileno()).st_size
        file.seek(size // 2 // 4096 * 4096)
        file.write(b"\xff" * 4096 * 4)
    with pytest.raises(CopyFailed):
        backup.make_backup(sqlite_home.settings, tmp_path / "backups", NOW)
    assert list((tmp_path / "backups").iterdir()) == []


def test_the_password_is_not_on_a_command_line():
    from sqlalchemy import make_url

    address, password = libpq_address(
        make_url("postgresql+psycopg://u:s3cret@host:5433/name?sslmode=require")
    )
    assert (address, password) == ("postgresql://u@host:5433/name?sslmode=require", "s3cret")
