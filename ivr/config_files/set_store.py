"""Whole sets of config files on disk, the name of the one in force, and how it came there. What to keep is decided elsewhere.

`<store>/<version>/` holds a set, `current` names the one in force, `history.jsonl` has a line for each that was. Every step is
a rename, and the one of `current` is the step that counts: a kill before it changed nothing, a kill after it all.
"""

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ivr.config_files.checker import content_version
from ivr.config_files.history import HISTORY, Entry, with_entry
from ivr.config_files.sources import is_recording, read_sources

KEPT_SETS: Final = 50
_POINTER: Final = "current"
ASIDE: Final = ".new-"
_VERSION: Final = re.compile(r"[0-9a-f]{16}")


@contextmanager
def alone_in(store: Path) -> Iterator[None]:
    """Processes that start together publish one after the other; a killed one lets go by dying."""
    store.mkdir(parents=True, exist_ok=True)
    with (store / ".lock").open("a") as lock:
        own(store)
        own(store / ".lock")
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def put_in_force(store: Path, version: str, files: dict[str, bytes] | None, entry: Entry | None) -> None:
    """Within `alone_in`. `files` None: the set is kept already. `entry` None: it is in force, and only made whole again."""
    if files is not None and not is_whole(store / version):
        _keep(files, store, version)
    if entry is not None:
        replace_text(store / HISTORY, with_entry(store, current(store), entry))
    replace_text(store / _POINTER, f"{version}\n")
    os.utime(store / version)  # among the newest again, if an older one came back
    _forget_old(store, version)


def _keep(files: dict[str, bytes], store: Path, version: str) -> None:
    aside = Path(tempfile.mkdtemp(dir=store, prefix=ASIDE))
    try:
        for name, data in files.items():
            target = aside / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if not (is_recording(name) and _is_shared(store / (current(store) or "") / name, target, data)):
                write_through(target, data)
        for path in (aside, *aside.rglob("*")):
            own(path, store)
        for folder in {aside, *(p for p in aside.rglob("*") if p.is_dir())}:
            sync(folder)
        if (store / version).exists():  # a damaged copy; another process may replace it at the same moment
            os.replace(store / version, tempfile.mkdtemp(dir=store, prefix=ASIDE))
        os.replace(aside, store / version)
        sync(store)
    except OSError:
        shutil.rmtree(aside, ignore_errors=True)
        if not is_whole(store / version):
            raise


def _is_shared(kept: Path, target: Path, data: bytes) -> bool:
    """Recordings are large and seldom change: sets that have the same one have one file of it on disk."""
    try:
        if kept.read_bytes() == data:
            os.link(kept, target)
            return True
    except OSError:  # not there, or a disk that knows no links: then it is written
        pass
    return False


def replace_text(place: Path, text: str) -> None:
    handle, aside = tempfile.mkstemp(dir=place.parent, prefix=ASIDE)
    os.close(handle)
    try:
        write_through(Path(aside), text.encode())
        own(Path(aside))
        os.replace(aside, place)
    except OSError:
        Path(aside).unlink(missing_ok=True)
        raise
    sync(place.parent)


def _forget_old(store: Path, version: str) -> None:
    """Removes what an interrupted publish left aside, and all but the newest sets."""
    old = [v for v in by_age(store) if v != version][KEPT_SETS - 1 :]
    for path in [store / v for v in old] + [p for p in store.glob(f"{ASIDE}*") if _is_abandoned(p)]:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _is_abandoned(path: Path) -> bool:
    """Nobody takes a minute to publish: younger ones may be another process at work."""
    try:
        return os.stat(path.parent / _POINTER).st_mtime - path.stat().st_mtime > 60
    except OSError:
        return False


def write_through(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def own(path: Path, model: Path | None = None) -> None:
    """What root writes belongs to whom the folder belongs to, or the server could not read what is in force."""
    if os.geteuid() == 0:
        facts = (model or path.parent).stat()
        os.chown(path, facts.st_uid, facts.st_gid)


def sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def current(store: Path) -> str | None:
    """The version in force; None before the first, and if its name cannot be read."""
    try:
        written = (store / _POINTER).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return written if written.isalnum() else None


def is_named(store: Path) -> bool:
    """Some set was put in force here, though its name may be damaged."""
    return (store / _POINTER).exists()


def by_age(store: Path) -> list[str]:
    """Versions on disk, the one newest in force first."""
    try:
        folders = [p for p in store.iterdir() if _VERSION.fullmatch(p.name) and p.is_dir()]
        return [p.name for p in sorted(folders, key=lambda p: p.stat().st_mtime, reverse=True)]
    except OSError:
        return []


def is_whole(folder: Path) -> bool:
    """The folder's name is the hash of what it holds."""
    files, _ = read_sources(folder)
    return content_version(files) == folder.name
