"""Which set of config files came into force when, by whom and why: one line of JSON each, readable with any editor.

Needs no database. A line counts when its set was put in force: the last one of an interrupted publish does not.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal, TypeAlias

from pydantic import TypeAdapter, ValidationError

HISTORY: Final = "history.jsonl"
KEPT_ENTRIES: Final = 2000
_log = logging.getLogger(__name__)

How: TypeAlias = Literal["publish", "rollback", "start", "reload", "render"]
"""By which door: `reload` is the command and SIGHUP, `render` is `hotline asterisk render`."""


@dataclass(frozen=True)
class Note:
    """What a person, or a start, says about a publish. `at`: aware, ISO 8601 to the second."""

    how: How
    who: str
    why: str
    at: str


@dataclass(frozen=True)
class Entry:
    """One set that came into force. `before`: the set that was in force; `files` and `paths`: what changed, in words.

    `number` counts from 1 and rises; `untold`: so many more paths changed.
    """

    number: int
    version: str
    before: str | None
    note: Note
    files: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    untold: int = 0


_LINE: Final = TypeAdapter(Entry)


def entries(store: Path, current: str | None) -> list[Entry]:
    """The oldest first. `current`: the version in force, None if it is not known. A damaged line is left out and logged."""
    try:
        lines = (store / HISTORY).read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
    found = [entry for number, line in enumerate(lines, 1) if (entry := _read(line, number)) is not None]
    if found and _is_interrupted(found[-1], current):
        found.pop()
    return found


def _is_interrupted(last: Entry, current: str | None) -> bool:
    """A kill between the line and the step that counts: the set before it is still in force."""
    return current is not None and last.version != current and last.before == current


def with_entry(store: Path, current: str | None, entry: Entry) -> str:
    """The whole file with one more; the oldest are left out when there are very many."""
    earlier = entries(store, current)
    number = earlier[-1].number + 1 if earlier else 1
    kept = [*earlier, replace(entry, number=number)][-KEPT_ENTRIES:]
    return "".join(json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in kept)


def one_further_back(found: Sequence[Entry], current: str) -> str | None:
    """The set that was in force before the one in force was first put there by somebody who meant it.

    So each rollback without a version goes one step further back, and never forth again.
    """
    for entry in reversed(found):
        if entry.version == current and entry.note.how != "rollback":
            return entry.before
    return None


def went_out(found: Sequence[Entry], since: datetime) -> list[str]:
    """Versions that were in force until a moment after `since`, and are no more; the one that went first comes first."""
    gone: list[str] = []
    for entry in found:
        if entry.before is not None and _at(entry) > since:
            gone = [*(one for one in gone if one != entry.before), entry.before]
    return [version for version in gone if version != found[-1].version]


def _at(entry: Entry) -> datetime:
    try:
        at = datetime.fromisoformat(entry.note.at)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _read(line: str, number: int) -> Entry | None:
    try:
        return _LINE.validate_json(line)
    except ValidationError as fault:
        first = fault.errors(include_url=False, include_input=False)[0]
        where = " → ".join(map(str, first["loc"]))
        _log.warning("line %d of %s cannot be read: %s %s", number, HISTORY, where, first["msg"])
        return None
