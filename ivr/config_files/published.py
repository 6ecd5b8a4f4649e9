"""The set of config files in force, kept on disk: what a start runs on, whatever is being edited in the config folder.

Needs no database. Every set that comes into force leaves a line in the history, also by a start or a reload.
"""

import getpass
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ivr.config_files.checker import Configuration, check, check_files, content_version
from ivr.config_files.differences import Difference, SetOfFiles, difference
from ivr.config_files.history import Entry, How, Note
from ivr.config_files.problems import problem
from ivr.config_files.putting_back import finish_putting_back, is_under_way
from ivr.config_files.set_store import alone_in, by_age, current, is_named, is_whole, put_in_force
from ivr.config_files.sources import read_sources
from vocabulary.config_problem import ConfigProblem
from vocabulary.errors import HotlineError

_log = logging.getLogger(__name__)
_TRIED_AT_START: Final = 10
_TRIES: Final = 3
_MOST_NOTED: Final = 50


class NoGoodConfiguration(HotlineError):
    """The config files have faults, and no set that was published here earlier is good for this program."""

    def __init__(self, problems: list[ConfigProblem]) -> None:
        self.problems = tuple(problems)
        count = sum(p.severity == "error" for p in problems)
        faults = "a fault" if count == 1 else f"{count} faults"
        super().__init__(f"the config files have {faults}, and no earlier set can be run on")


class FilesChanged(HotlineError):
    """Somebody saved a file while the set was checked, so what would be published was never checked."""

    def __init__(self, config_dir: Path) -> None:
        self.config_dir = config_dir
        super().__init__(f"a file in {config_dir} was saved while the set was checked; say it again")


class SetChanged(HotlineError):
    """Somebody published while the set was checked that was to follow the one in force: his own would be gone again."""

    def __init__(self) -> None:
        super().__init__("another set was put in force while this one was checked; say it again")


@dataclass(frozen=True)
class StartConfig:
    """What to run on. `is_degraded`: the set in force cannot be used, by `problems`, and this is an older one."""

    configuration: Configuration
    is_degraded: bool
    problems: tuple[ConfigProblem, ...]


Further = Callable[[Path, Configuration], list[ConfigProblem]]
"""What else is wrong with the set in a folder, beyond what `check` finds in its files."""


def _nothing_further(_folder: Path, _configuration: Configuration) -> list[ConfigProblem]:
    return []


def note(how: How, who: str = "", why: str = "") -> Note:
    """Now; `who` is else the account that this process runs under."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    return Note(how, _plain(who)[:100] or _account(), _plain(why)[:500], at)


def _plain(text: str) -> str:
    """One line that a terminal shows as it is."""
    return "".join(one for one in " ".join(text.split()) if one.isprintable())


def _account() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # an account without a name, as in a container
        return "unknown"


def load_for_start(
    config_dir: Path, home: Path, further: Further = _nothing_further, how: How = "start"
) -> StartConfig:
    """The set in force, whatever is being edited meanwhile. Where it cannot be used any more, the newest published one that is
    good: what nobody published is nobody's word. The files, which publishes them, only where nothing was published that
    is good, or where they are no draft. Raises NoGoodConfiguration."""
    cut = _finish_what_was_cut(config_dir, home)
    running, found = in_force(home, further)
    if running is not None:
        return StartConfig(running, False, (*cut, *found))
    older = next((one for one, is_good in _kept(home, further) if is_good), None)
    if found and older is not None and _is_draft(config_dir, home, older):
        return StartConfig(older, True, (*cut, *found))
    problems = cut
    for _ in range(0 if cut else _TRIES):
        configuration, problems = check_further(config_dir, further)
        if configuration is None:
            break
        try:
            publish(config_dir, configuration, home, note(how))
        except FilesChanged as changed:
            problems.append(problem(str(config_dir), (1, 1), (), str(changed), "Or start again."))
            continue
        except OSError as error:
            fault = f"this set could not be kept as the last good one ({error.strerror or error})"
            remedy = f"Check space and rights of {home}."
            problems.append(problem(str(config_dir), (1, 1), (), fault, remedy))
        return StartConfig(configuration, False, (*found, *problems))
    older = older or load_published(home, further)
    if older is None:
        raise NoGoodConfiguration([*found, *problems])
    return StartConfig(older, True, (*found, *problems))


def _is_draft(config_dir: Path, home: Path, older: Configuration) -> bool:
    """The folder holds neither the set in force, of which the kept copy may be damaged, nor the one that would run anyway."""
    files, _ = read_sources(config_dir)
    return content_version(files) not in (current(store_of(home)), older.version)


def in_force(
    home: Path, further: Further = _nothing_further
) -> tuple[Configuration | None, list[ConfigProblem]]:
    """With its warnings; or None, and why it cannot be used any more: nothing where nothing is in force yet."""
    store = store_of(home)
    version = current(store)
    if version is None:
        return None, ([_unusable(store, "its name cannot be read")] if is_named(store) else [])
    folder = folder_of(home, version)
    if not is_whole(folder):
        return None, [_unusable(folder, "it is damaged or was removed")]
    configuration, problems = check_further(folder, further)
    if configuration is not None:
        return configuration, problems
    first = next(one for one in problems if one.severity == "error")
    where = f"{first.file}:{first.line}:{first.column}  {first.fault.rstrip('.')}"
    return None, [_unusable(folder, f"this program finds faults in it, the first: {where}")]


def _unusable(folder: Path, why: str) -> ConfigProblem:
    fault = f"the set in force cannot be used any more ({why})"
    remedy = (
        "An older set runs, or the config folder was published where none is good: see `hotline menus history`. "
        "Mend the files, then say `hotline menus publish --why TEXT`."
    )
    return problem(str(folder), (1, 1), (), fault, remedy)


def _finish_what_was_cut(config_dir: Path, home: Path) -> list[ConfigProblem]:
    """A rollback that was cut is finished first: its files are a mixture of two sets until then."""
    try:
        finish_putting_back(config_dir, home)
    except OSError as error:
        fault = f"a rollback was cut, and its files cannot be put back now ({error.strerror or error})"
        remedy = "Say `hotline reload` as a user who may write there."
        return [problem(str(config_dir), (1, 1), (), fault, remedy)]
    return []


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
    return store_of(home) / version


def store_of(home: Path) -> Path:
    return home / "published"


def publish(
    config_dir: Path, configuration: Configuration, home: Path, by: Note, *, onto: str | None = None
) -> Entry | None:
    """Puts the files in force and notes it; None: they are in force already. Raises FilesChanged, SetChanged, OSError.

    `onto`: only where that set is in force still.

    A kill at any moment leaves the set that was in force, or this one, whole and noted.
    """
    store, version = store_of(home), configuration.version
    with alone_in(store):
        files, _ = read_sources(config_dir)
        if content_version(files) != version or is_under_way(store):
            raise FilesChanged(config_dir)
        before = current(store)
        if onto not in (None, before):
            raise SetChanged
        if before == version:
            if not is_whole(store / version):
                put_in_force(store, version, files, None)
            return None
        entry = entry_of(store, before, SetOfFiles(files, configuration), by)
        put_in_force(store, version, files, entry)
        return entry


def entry_of(store: Path, before: str | None, after: SetOfFiles, by: Note) -> Entry:
    """Of the set `after` that follows `before`; the history numbers it."""
    version = content_version(after.files)
    try:
        found = difference(kept_set(store, before), after) if before else Difference((), ())
    except Exception:  # it is for the history alone: no fault of ours in it may keep a good set back
        _log.exception("sets %s and %s could not be compared", before, version)
        found = Difference((), ("could not be compared",))
    untold = found.untold + len(found.paths[_MOST_NOTED:])
    return Entry(0, version, before, by, found.files, found.paths[:_MOST_NOTED], untold)


def kept_set(store: Path, version: str) -> SetOfFiles:
    """As it was published; without files if it was forgotten since."""
    files, _ = read_sources(store / version)
    return SetOfFiles(files, check_files(files)[0])


def load_published(home: Path, further: Further = _nothing_further) -> Configuration | None:
    """The set in force; if it is damaged or has something `further`, the newest that is whole; None if there is none.

    If all have something further the set in force is given: it ran, and is better than none.
    """
    first: Configuration | None = None
    for configuration, is_good in _kept(home, further):
        if is_good:
            return configuration
        first = first or configuration
    return first


def _kept(home: Path, further: Further) -> Iterator[tuple[Configuration, bool]]:
    """The sets that are whole and without faults of their own, the one in force first, then the newest; and whether they have
    nothing `further` either."""
    store = store_of(home)
    now = current(store)
    for version in ([now] if now else []) + [v for v in by_age(store) if v != now][:_TRIED_AT_START]:
        if is_whole(store / version):
            configuration, _ = check(store / version)
            if configuration is not None:
                found = further(store / version, configuration)
                yield configuration, all(one.severity != "error" for one in found)
