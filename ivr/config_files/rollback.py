"""Back to a set that was in force earlier: the same set again, its files where admins edit them, and a line in the history."""

from dataclasses import dataclass
from pathlib import Path

from ivr.config_files.history import Entry, Note, entries, one_further_back
from ivr.config_files.published import SetChanged, entry_of, kept_set, store_of
from ivr.config_files.putting_back import PuttingBack, settle
from ivr.config_files.set_store import alone_in, by_age, current, is_whole, put_in_force
from vocabulary.errors import HotlineError


class NoSuchSet(HotlineError):
    """`wanted` names no set that is kept, or several."""

    def __init__(self, wanted: str, why: str) -> None:
        self.wanted = wanted
        super().__init__(f"{wanted}: {why}. `hotline menus history` names those that are kept")


@dataclass(frozen=True)
class RolledBack:
    """`entry` None: that set was in force already. `aside`: where unpublished files were put; None: there were none."""

    entry: Entry | None
    aside: Path | None


def version_meant(home: Path, wanted: str) -> str:
    """A version, the beginning of one (4 letters at least), or a number of the history such as 12. Raises NoSuchSet."""
    store = store_of(home)
    is_number, meant = wanted.isdecimal() and len(wanted) < 7, []
    if is_number:
        meant = [one.version for one in entries(store, current(store)) if one.number == int(wanted)]
    if not meant:  # the first letters of a version may all be digits
        meant = [one for one in by_age(store) if len(wanted) >= 4 and one.startswith(wanted)]
    if not meant:
        raise NoSuchSet(wanted, "the history has no such number" if is_number else "no kept set begins so")
    if len(meant) != 1:
        raise NoSuchSet(wanted, "several sets begin so")
    if not is_whole(store / meant[0]):
        raise NoSuchSet(wanted, f"the set {meant[0]} is kept no more, or is damaged")
    return meant[0]


def version_before(home: Path, now: str | None) -> str:
    """What a rollback without a version goes back to from `now`, the set in force. Raises NoSuchSet."""
    store = store_of(home)
    earlier = one_further_back(entries(store, now), now) if now else None
    if earlier is None:
        raise NoSuchSet("rollback", "the history has nothing before the set in force; name a version")
    if not is_whole(store / earlier):
        raise NoSuchSet(earlier, "the set is kept no more, or is damaged")
    return earlier


def roll_back(config_dir: Path, home: Path, version: str, by: Note, *, onto: str | None = None) -> RolledBack:
    """`version` is kept and was checked. Raises SetChanged, CannotPutBack and OSError; then nothing has changed.

    `onto`: only where that set is in force still: what was published since is not rolled over unasked.

    Raised after the set came into force, OSError leaves files to be put back: the next command does it.
    """
    store = store_of(home)
    with alone_in(store):
        settle(config_dir, store)
        before = current(store)
        if onto not in (None, before):
            raise SetChanged
        work = PuttingBack(config_dir, store, version, before, _new_aside(home, by))
        entry = None
        if before != version:
            entry = entry_of(store, before, kept_set(store, version), by)
        work.prepare()
        if entry is not None:
            put_in_force(store, version, None, entry)
        settle(config_dir, store)
        return RolledBack(entry, work.aside if work.aside.exists() else None)


def take_back(home: Path, version: str, before: str) -> bool:
    """`version`, just put in force, turned out to be of no use: `before` is in force again, and the history knows nothing
    of it. False, and nothing done: another is in force by now, or `before` is whole no more. Raises OSError."""
    store = store_of(home)
    with alone_in(store):
        if current(store) != version or not is_whole(store / before):
            return False
        put_in_force(store, before, None, None)
        return True


def _new_aside(home: Path, by: Note) -> Path:
    """Such as unpublished/2026-11-23T140200Z; nobody's before."""
    stamp = by.at.replace(":", "").replace("+0000", "Z")
    aside, count = home / "unpublished" / stamp, 1
    while aside.exists():
        count += 1
        aside = home / "unpublished" / f"{stamp}-{count}"
    return aside
