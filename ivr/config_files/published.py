"""The last good set of config files, kept on disk: what a start runs on when the files have faults.

Needs no database. `<home>/published/<version>/` holds one whole set each; the file `current` names the one in
force. Every step is a rename, so a kill at any moment leaves the old set or the new, whole.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ivr.config_files.checker import Configuration, check, content_version
from ivr.config_files.problems import problem
from ivr.config_files.sources import read_sources
from vocabulary.config_problem import ConfigProblem
from vocabulary.errors import HotlineError

KEPT_SETS: Final = 10
_POINTER: Final = "current"
_ASIDE: Final = ".new-"


class NoGoodConfiguration(HotlineError):
    """The config files have faults, and no set that was published here earlier is good for this program."""

    def __init__(self, problems: list[ConfigProblem]) -> None:
        self.problems = tuple(problems)
        count = sum(p.severity == "error" for p in problems)
        faults = "a fault" if count == 1 else f"{count} faults"
        super().__init__(f"the config files have {faults}, and no earlier set can be run on")


@dataclass(frozen=True)
class StartConfig:
    """What to run on. `is_degraded`: the files have `problems`, and this is the last good set."""

    configuration: Configuration
    is_degraded: bool
    problems: tuple[ConfigProblem, ...]


Further = Callable[[Path, Configuration], list[ConfigProblem]]
"""What else is wrong with the set in a folder, beyond what `check` finds in its files."""


def _nothing_further(_folder: Path, _configuration: Configuration) -> list[ConfigProblem]:
    return []


def load_for_start(config_dir: Path, home: Path, further: Further = _nothing_further) -> StartConfig:
    """The files if they are good, which publishes them; else the last good set, or NoGoodConfiguration."""
    configuration, problems = check_further(config_dir, further)
    if configuration is not None:
        try:
            publish(config_dir, configuration.version, home)
        except OSError as error:
            fault = f"this set could not be kept as the last good one ({error.strerror or error})"
            remedy = f"Check space and rights of {home}."
            problems.append(problem(str(config_dir), (1, 1), (), fault, remedy))
        return StartConfig(configuration, False, tuple(problems))
    last_good = load_published(home, further)
    if last_good is None:
        raise NoGoodConfiguration(problems)
    return StartConfig(last_good, True, tuple(problems))


def check_further(
    folder: Path, further: Further = _nothing_further
) -> tuple[Configuration | None, list[ConfigProblem]]:
    """As `check`: warnings may come with a configuration, errors never do."""
    configuration, problems = check(folder)
    if configuration is None:
        return None, problems
    problems = problems + further(folder, configuration)
    is_good = all(one.severity != "error" for one in problems)
    return (configuration if is_good else None), problems


def folder_of(home: Path, version: str) -> Path:
    """Where that set is kept."""
    return home / "published" / version


def version_in_force(home: Path) -> str | None:
    """None before the first start."""
    return _current(home / "published")


def publish(config_dir: Path, version: str, home: Path) -> None:
    """Keeps the files as the set in force. Nothing happens if they changed since they were checked."""
    files, _ = read_sources(config_dir)
    if content_version(files) != version:
        return
    store = home / "published"
    store.mkdir(parents=True, exist_ok=True)
    with _alone_in(store):
        if _current(store) == version and _is_whole(store / version):
            return
        if not _is_whole(store / version):
            _keep(files, store, version)
        _point_at(version, store)
        _forget_old(store, version)


@contextmanager
def _alone_in(store: Path) -> Iterator[None]:
    """Processes that start together publish one after the other; a killed one lets go by dying."""
    with (store / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def load_published(home: Path, further: Further = _nothing_further) -> Configuration | None:
    """The set in force; if it is damaged or has something `further`, the newest that is whole; None if there is none.

    If all have something further the set in force is given: it ran, and is better than none.
    """
    store = home / "published"
    current = _current(store)
    versions = ([current] if current else []) + [v for v in _by_age(store) if v != current]
    whole: list[Configuration] = []
    for version in versions:
        if _is_whole(store / version):
            configuration, _ = check(store / version)
            if configuration is not None:
                whole.append(configuration)
                if all(one.severity != "error" for one in further(store / version, configuration)):
                    return configuration
    return whole[0] if whole else None


def _keep(files: dict[str, bytes], store: Path, version: str) -> None:
    aside = Path(tempfile.mkdtemp(dir=store, prefix=_ASIDE))
    try:
        for name, data in files.items():
            target = aside / name
            target.parent.mkdir(parents=True, exist_ok=True)
            _write_through(target, data)
        for folder in {aside, *(p for p in aside.rglob("*") if p.is_dir())}:
            _sync(folder)
        if (store / version).exists():  # a damaged copy; another process may replace it at the same moment
            os.replace(store / version, tempfile.mkdtemp(dir=store, prefix=_ASIDE))
        os.replace(aside, store / version)
        _sync(store)
    except OSError:
        shutil.rmtree(aside, ignore_errors=True)
        if not _is_whole(store / version):
            raise


def _point_at(version: str, store: Path) -> None:
    handle, aside = tempfile.mkstemp(dir=store, prefix=_ASIDE)
    os.close(handle)
    _write_through(Path(aside), f"{version}\n".encode())
    os.replace(aside, store / _POINTER)
    _sync(store)


def _forget_old(store: Path, version: str) -> None:
    """Removes what an interrupted publish left aside, and all but the newest sets."""
    old = [v for v in _by_age(store) if v != version][KEPT_SETS - 1 :]
    for path in [store / v for v in old] + [p for p in store.glob(f"{_ASIDE}*") if _is_abandoned(p)]:
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


def _write_through(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _current(store: Path) -> str | None:
    try:
        written = (store / _POINTER).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return written if written.isalnum() else None


def _by_age(store: Path) -> list[str]:
    """Versions on disk, the newest first."""
    try:
        folders = [p for p in store.iterdir() if p.is_dir() and not p.name.startswith(".")]
        return [p.name for p in sorted(folders, key=lambda p: p.stat().st_mtime, reverse=True)]
    except OSError:
        return []


def _is_whole(folder: Path) -> bool:
    """The folder's name is the hash of what it holds."""
    files, _ = read_sources(folder)
    return content_version(files) == folder.name
