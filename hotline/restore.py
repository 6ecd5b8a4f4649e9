"""`hotline restore`: a hotline from its backup.

Everything is proved and prepared beside the state folder, then swapped in: a kill at any moment leaves the old
hotline or the new one, whole. With PostgreSQL the database is replaced first, in one transaction, and the folder after
it: a kill in between leaves the backup's database beside the old folder, and the same restore, run again, ends it.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import inspect
from sqlalchemy.exc import SQLAlchemyError

from hotline import as_found, backup_manifest, careful_files
from hotline.backup import KEYS_FILE, KEYS_NAME, NAME, RECORDINGS, SECRETS_FILE
from hotline.backup_manifest import POSTGRESQL_FILE, SQLITE_FILE, Manifest
from hotline.careful_files import CannotSwap
from hotline.database import head_revision, migrate
from hotline.database_copies import load_postgresql, need
from hotline.leftovers import RESTORE, only_one
from hotline.settings import Settings
from tickets.sealing import KeyFileIsUnusable, Sealer, SealIsBroken
from vocabulary.errors import HotlineError

_UNFINISHED: Final = ".unfinished-restore"
_STAYS: Final = ("asterisk", RECORDINGS)
"""Not in a backup, and worth keeping: recordings, and queue_log, which tells the calls since the backup."""


class CannotRestore(HotlineError):
    """The state folder is as it was; the text says why, what else changed, and what to do."""


@dataclass(frozen=True)
class Restored:
    manifest: Manifest
    home: Path
    before: Path | None
    """Where the state folder that was there lies now."""
    migrated_from: str | None
    config_apart: Path | None
    """HOTLINE_CONFIG names a folder outside the state folder: the restored files wait here."""
    has_keys: bool
    has_secrets: bool


def restore(
    settings: Settings, backup: Path, now: datetime, *, keys_from: Path | None = None, is_forced: bool = False
) -> Restored:
    """Raises BackupIsDamaged, CannotRestore, CannotSwap, FolderIsBusy, UpRunsAlready and what the database says."""
    try:
        manifest = backup_manifest.read(backup)
        _check_target(settings, manifest, now, is_forced)
        with _aside(settings.home_dir, now) as aside, _nobody_starts(settings, aside) as was_there:
            _prepare(settings, backup, manifest, keys_from, aside)
            if manifest.database == "postgresql":
                _load(settings, backup, aside)
            if not was_there and _is_filled(settings.home_dir):
                raise CannotRestore(
                    f"{settings.home_dir} was filled by somebody meanwhile, so its files were not replaced: stop what was "
                    "started there, and restore again with --force"
                )
            with _keys_placed_apart(settings, aside):
                return _swap(settings, manifest, aside)
    except OSError as fault:
        raise CannotRestore(f"the restore failed: {fault.strerror or fault} ({fault.filename})") from fault


def _check_target(settings: Settings, manifest: Manifest, now: datetime, is_forced: bool) -> None:
    home = settings.home_dir
    kind = "sqlite" if as_found.sqlite_file(settings.database) else "postgresql"
    if manifest.database != kind:
        raise CannotRestore(
            f"the backup is of {manifest.database}, but HOTLINE_DATABASE_URL names {kind}; they must agree"
        )
    if manifest.revision is not None and manifest.revision not in as_found.known_revisions():
        raise CannotRestore(
            f"the backup was made by a newer hotline ({manifest.hotline_version}, "
            f"tables {manifest.revision}; this one knows up to {head_revision()}): install that version first"
        )
    _check_nobody_runs(settings, now)
    if not is_forced and _is_filled(home):
        raise CannotRestore(f"{home} is not empty: name an empty HOTLINE_HOME, or say --force to replace it")
    if kind == "postgresql":
        _check_postgresql(settings, is_forced)


def _check_nobody_runs(settings: Settings, now: datetime) -> None:
    """By the database, whatever its version; `hotline up` is kept out by its lock."""
    try:
        processes = as_found.processes_told(settings, now)
    except as_found.CannotTell as fault:
        path = as_found.sqlite_file(settings.database)
        place = f"move {path} away" if path else "name an empty database"
        raise CannotRestore(
            f"it cannot be told whether the hotline is running ({fault}): make sure that it is not, {place}, "
            "and restore again"
        ) from fault
    if processes:
        raise CannotRestore(f"the hotline is running ({', '.join(processes)}): stop it first, Asterisk too")


def _is_filled(folder: Path) -> bool:
    return folder.exists() and any(folder.iterdir())


def _check_postgresql(settings: Settings, is_forced: bool) -> None:
    for program in ("pg_restore", "psql"):
        need(program)
    try:
        with as_found.database_found(settings) as database, database.reading() as session:
            has_tables = bool(inspect(session.connection()).get_table_names())
            found = as_found.revision_of(session)
    except SQLAlchemyError as fault:
        raise CannotRestore(f"the database cannot be used: {as_found.first_line(fault)}") from fault
    if has_tables and not is_forced:
        raise CannotRestore(
            "the database has tables: name an empty one, or say --force to replace what is in it"
        )
    if found is not None and found not in as_found.known_revisions():
        raise CannotRestore(
            f"the database holds tables of a newer hotline ({found}); restore with that version"
        )


@contextmanager
def _aside(home: Path, now: datetime) -> Iterator[Path]:
    """The new state folder is built here. Its name is that of the old one, which lies here after the swap."""
    careful_files.make_folder(home.parent)
    with careful_files.only_one(home.parent):
        for left in home.parent.glob(f"{home.name}.before-restore-*/{_UNFINISHED}"):
            shutil.rmtree(left.parent)
        aside = home.with_name(f"{home.name}.before-restore-{now:%Y%m%dT%H%M%SZ}")
        if aside.exists():
            raise CannotRestore(f"{aside} is there already; wait a second")
        aside.mkdir(mode=0o700)
        marker = aside / _UNFINISHED
        marker.touch()
        try:
            yield aside
        finally:
            if marker.exists():
                shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def _nobody_starts(settings: Settings, aside: Path) -> Iterator[bool]:
    """No `hotline up` begins on the folder that is there or, in the moment after the swap, on the new one. Gives whether one
    was there: what is not there, or empty, must stay so until the swap. Raises UpRunsAlready."""
    with ExitStack() as held:
        was_there = _is_filled(settings.home_dir)
        if was_there:
            held.enter_context(only_one(settings, RESTORE))
        held.enter_context(only_one(settings.model_copy(update={"home": aside}), RESTORE))
        yield was_there


def _prepare(
    settings: Settings, backup: Path, manifest: Manifest, keys_from: Path | None, aside: Path
) -> None:
    """All files of the new state folder, proved to belong together."""
    for path in manifest.files:
        target = aside / path if path not in (SQLITE_FILE, POSTGRESQL_FILE) else None
        if path == SQLITE_FILE:
            target = aside / _within_home(
                settings, as_found.sqlite_file(settings.database), "HOTLINE_DATABASE_URL"
            )
        if path.startswith("config/") and settings.config_dir.is_relative_to(settings.home_dir):
            place = settings.config_dir.relative_to(settings.home_dir)
            target = aside / place / path.removeprefix("config/")
        if target is not None:
            careful_files.copy_file(backup / path, target)
    _put_keys(settings, manifest, _keys_folder(backup, keys_from), aside)
    if manifest.database == "sqlite":
        migrate(f"sqlite:///{aside / _within_home(settings, as_found.sqlite_file(settings.database), '')}")
    if settings.home_dir.exists():
        careful_files.own_as(aside, settings.home_dir.stat())
    careful_files.write_through(aside)


def _within_home(settings: Settings, path: Path | None, variable: str) -> Path:
    if path is None or not path.is_relative_to(settings.home_dir):
        raise CannotRestore(f"{variable} names {path}, outside {settings.home_dir}: unset it for the restore")
    return path.relative_to(settings.home_dir)


def _keys_folder(backup: Path, keys_from: Path | None) -> Path | None:
    """The folder itself, or within it the one of the same moment as the backup, else the newest."""
    if keys_from is None or (keys_from / KEYS_FILE).is_file():
        return keys_from
    same = keys_from / backup.resolve().name.replace(NAME, KEYS_NAME)
    found = sorted(keys_from.glob(f"{KEYS_NAME}*/{KEYS_FILE}"))
    if not found:
        raise CannotRestore(f"there is no {KEYS_FILE} in {keys_from}; `hotline backup --keys` writes one")
    return same if (same / KEYS_FILE).is_file() else found[-1].parent


def _put_keys(settings: Settings, manifest: Manifest, keys_from: Path | None, aside: Path) -> None:
    """Keys from their backup, else those in place now. They must open what the backup holds."""
    source = keys_from / KEYS_FILE if keys_from else settings.keys_path
    if source.is_file():
        copy = aside / "keys" / KEYS_FILE
        careful_files.copy_file(source, copy)
        _prove(copy, source, manifest)
        _place_keys(settings, copy, source, aside)
    elif manifest.key_proofs:
        raise CannotRestore(
            "the backup holds sealed data, and there are no keys here: say where they are by --keys DIR"
        )
    for place in (keys_from, settings.home_dir):
        if place is not None and (place / SECRETS_FILE).is_file():
            careful_files.copy_file(place / SECRETS_FILE, aside / SECRETS_FILE)
            return


def _prove(copy: Path, source: Path, manifest: Manifest) -> None:
    try:
        sealer = Sealer.from_file(copy)
        for proof in manifest.key_proofs:
            opened = sealer.open(proof.sealed)
            if proof.digest is not None and sealer.digest(opened) != proof.digest:
                raise CannotRestore(f"the keys in {source} are not those of this backup: its hashes differ")
    except (SealIsBroken, KeyFileIsUnusable) as fault:
        said = fault.fault if isinstance(fault, KeyFileIsUnusable) else str(fault)
        raise CannotRestore(f"the keys in {source} are not those of this backup: {said}") from fault


def _place_keys(settings: Settings, copy: Path, source: Path, aside: Path) -> None:
    """Where HOTLINE_KEYS_FILE wants them. One outside the state folder is never overwritten, and is laid there at the end."""
    place = settings.keys_path
    if place.is_relative_to(settings.home_dir):
        target = aside / place.relative_to(settings.home_dir)
        careful_files.make_folder(target.parent)
        copy.rename(target)
    elif place.exists():
        if place.read_bytes() != copy.read_bytes():
            raise CannotRestore(f"{place} holds other keys than {source}: move it away first")
        shutil.rmtree(copy.parent)


@contextmanager
def _keys_placed_apart(settings: Settings, aside: Path) -> Iterator[None]:
    """The restored keys that belong outside the state folder, for whoever ran the hotline; not if the folder cannot be
    swapped."""
    place, copy = settings.keys_path, aside / "keys" / KEYS_FILE
    if place.is_relative_to(settings.home_dir) or not copy.exists():
        yield
        return
    made = careful_files.make_folder(place.parent)
    draft = place.with_name(f".{place.name}.restored")
    draft.unlink(missing_ok=True)
    careful_files.copy_file(copy, draft)
    owner = (settings.home_dir if settings.home_dir.exists() else place.parent).stat()
    careful_files.own_as(made or draft, owner)
    draft.rename(place)
    shutil.rmtree(copy.parent)
    try:
        yield
    except CannotSwap:
        place.unlink()
        raise


def _load(settings: Settings, backup: Path, aside: Path) -> None:
    load_postgresql(settings.database, backup / POSTGRESQL_FILE, aside)
    try:
        migrate(settings.database)
    except (HotlineError, SQLAlchemyError) as fault:
        raise CannotRestore(
            f"the database is the backup's already, but its tables could not be brought to this version "
            f"({as_found.first_line(fault)}); no file was replaced. Mend that and run the same restore again, with --force"
        ) from fault


def _swap(settings: Settings, manifest: Manifest, aside: Path) -> Restored:
    home = settings.home_dir
    (aside / _UNFINISHED).unlink()
    try:
        has_before = careful_files.put_in_place(aside, home)
    except HotlineError:
        (aside / _UNFINISHED).touch()
        raise
    careful_files.sync(home.parent)
    for name in _STAYS if has_before else ():
        if (aside / name).is_dir() and not (home / name).exists():
            os.rename(aside / name, home / name)
    is_apart = not settings.config_dir.is_relative_to(home)
    return Restored(
        manifest,
        home,
        aside if has_before else None,
        manifest.revision if manifest.revision != head_revision() else None,
        home / "config" if is_apart else None,
        settings.keys_path.is_file(),
        (home / SECRETS_FILE).is_file(),
    )
