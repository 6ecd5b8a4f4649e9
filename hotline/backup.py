"""`hotline backup`: everything that a lost machine would take along, while calls go on.

The data (database, config files, published sets) go to one folder; keys and recordings go elsewhere, each
only if asked: the folder without the keys names no citizen.
"""

import platform
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from hotline import as_found, backup_manifest, careful_files
from hotline.backup_manifest import POSTGRESQL_FILE, SQLITE_FILE, Manifest
from hotline.database_copies import copy_sqlite, dump_postgresql, key_proofs, version_of
from hotline.settings import Settings
from vocabulary.errors import HotlineError

NAME: Final = "hotline-backup-"
KEYS_NAME: Final = "hotline-keys-"
KEYS_FILE: Final = "keys.json"
SECRETS_FILE: Final = "secrets.json"
RECORDINGS: Final = "recordings"
_UNFINISHED: Final = ".unfinished-"


class BackupFailed(HotlineError):
    """Nothing was left behind; the text says why."""


@dataclass(frozen=True)
class BackupMade:
    folder: Path
    manifest: Manifest
    keys: Path | None
    recordings: int | None
    """How many were copied; None: not asked for."""


def make_backup(
    settings: Settings,
    to: Path,
    now: datetime,
    *,
    keys_to: Path | None = None,
    recordings_to: Path | None = None,
) -> BackupMade:
    """Raises BackupFailed, BadLink, NoDatabase, FolderIsBusy and what the database's programs say."""
    for other in (keys_to, recordings_to):
        _check_apart(to, other)
    stamp = f"{now:%Y%m%dT%H%M%SZ}"
    try:
        with _aside(to) as folder:
            manifest = _write_data(settings, folder, now)
            final = _finish(folder, to / f"{NAME}{stamp}")
        keys = _write_keys(settings, keys_to, stamp) if keys_to else None
        copied = _copy_recordings(settings, recordings_to) if recordings_to else None
    except OSError as fault:
        raise BackupFailed(f"the backup failed: {fault.strerror or fault} ({fault.filename})") from fault
    return BackupMade(final, manifest, keys, copied)


def _check_apart(to: Path, other: Path | None) -> None:
    if other is not None and (one := other.resolve()).is_relative_to(to.resolve()):
        raise BackupFailed(
            f"{one} lies within {to}: keys and recordings belong on another disk than the data"
        )


@contextmanager
def _aside(to: Path) -> Iterator[Path]:
    """A folder of its own for one backup; what a killed one left is removed first, this one if it fails."""
    careful_files.make_folder(to)
    with careful_files.only_one(to):
        for left in to.glob(f"{_UNFINISHED}*"):
            shutil.rmtree(left)
        folder = to / f"{_UNFINISHED}{secrets.token_hex(4)}"
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _finish(folder: Path, final: Path) -> Path:
    careful_files.write_through(folder)
    if final.exists():
        raise BackupFailed(f"{final} is there already; wait a second")
    folder.rename(final)
    careful_files.sync(final.parent)
    return final


def _write_data(settings: Settings, folder: Path, now: datetime) -> Manifest:
    published = settings.home_dir / "published"
    careful_files.copy_tree(settings.config_dir, folder / "config", lambda file: _is_secret(settings, file))
    careful_files.copy_tree(published, folder / "published")
    with as_found.database_found(settings) as database, database.reading() as session:
        connection = session.connection()
        if connection.dialect.name == "sqlite":
            copy_sqlite(settings.database, folder / SQLITE_FILE)
        else:
            dump_postgresql(settings.database, folder / POSTGRESQL_FILE)
        manifest = Manifest(
            made_at=now,
            hotline_version=program_version(),
            python_version=platform.python_version(),
            database="sqlite" if connection.dialect.name == "sqlite" else "postgresql",
            database_version=version_of(connection),
            revision=as_found.revision_of(session),
            configuration=_current_set(folder / "published"),
            key_proofs=key_proofs(connection),
            files=backup_manifest.files_below(folder),
        )
    for name, text in backup_manifest.texts_of(manifest).items():
        careful_files.write_file(folder / name, text)
    return manifest


def _is_secret(settings: Settings, file: Path) -> bool:
    """The file of the environment (passwords, trunks' secrets), copies of it, and the keys may lie among the config files."""
    return ".env" in file.name or file.resolve() == settings.keys_path.resolve()


def program_version() -> str:
    try:
        return version("hotline-12345")
    except PackageNotFoundError:
        return "unknown"


def _current_set(published: Path) -> str | None:
    pointer = published / "current"
    return pointer.read_text("ascii").strip() if pointer.is_file() else None


def _write_keys(settings: Settings, to: Path, stamp: str) -> Path:
    if not settings.keys_path.is_file():
        raise BackupFailed(f"there are no keys at {settings.keys_path}; is HOTLINE_KEYS_FILE right?")
    with _aside(to) as folder:
        careful_files.copy_file(settings.keys_path, folder / KEYS_FILE)
        if (settings.home_dir / SECRETS_FILE).is_file():
            careful_files.copy_file(settings.home_dir / SECRETS_FILE, folder / SECRETS_FILE)
        return _finish(folder, to / f"{KEYS_NAME}{stamp}")


def _copy_recordings(settings: Settings, to: Path) -> int:
    """What is not there yet, each file whole or not at all. Nothing is ever removed there."""
    source, count = settings.home_dir / RECORDINGS, 0
    careful_files.make_folder(to)
    with careful_files.only_one(to):
        for file in careful_files.plain_files(source) if source.is_dir() else ():
            target = to / file.relative_to(source)
            if _is_copied(file, target):
                continue
            draft = target.with_name(f"{_UNFINISHED}{target.name}")
            draft.unlink(missing_ok=True)
            careful_files.copy_file(file, draft)
            draft.replace(target)
            count += 1
    return count


def _is_copied(file: Path, target: Path) -> bool:
    return target.is_file() and target.stat().st_size == file.stat().st_size
