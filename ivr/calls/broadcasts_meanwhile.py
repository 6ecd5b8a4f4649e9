"""Broadcasts that are switched by command while the database is away: noted in a file of this machine, heard from there within
a second, entered in the table as soon as that can be reached. The table stays the one account; the file is on its way there."""

import json
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlmodel import Session

from ivr.calls.broadcasts import Broadcast, all_on, latest, switch_off, switch_on
from ivr.config_files.set_store import alone_in, replace_text

_log = logging.getLogger(__name__)
_FILE: Final = "switched.json"
_UNREADABLE: Final = (OSError, ValueError, KeyError, TypeError, AttributeError)


@dataclass(frozen=True)
class Switched:
    """`until`: of one that was switched on. None: off, `name` (or an id) alone, or all where that is None too."""

    at: datetime
    by: str
    name: str | None
    until: datetime | None = None
    text: str | None = None
    numbers: tuple[str, ...] | None = None

    def concerns(self, name: str, broadcast_id: int) -> bool:
        """Of one that was switched off."""
        return self.name in (None, name, str(broadcast_id))


def of(broadcast: Broadcast) -> Switched:
    numbers = None if broadcast.numbers is None else tuple(broadcast.numbers)
    one = broadcast
    return Switched(one.started_at, one.started_by, one.name, one.until, one.text, numbers)


@dataclass(frozen=True)
class Meanwhile:
    """`folder`: of this machine's hotline alone; made when it is needed."""

    folder: Path
    _told: set[str] = field(default_factory=set, repr=False, compare=False)
    """That the notes are damaged and stand in the way was said: they are looked at every second."""

    def note(self, switched: Switched) -> None:
        """Raises OSError."""
        with alone_in(self.folder):
            written = [*self._noted_alone(), switched]
            replace_text(
                self.folder / _FILE, json.dumps([_as_json(one) for one in written], ensure_ascii=False)
            )

    def noted(self) -> tuple[Switched, ...]:
        """In their order. What cannot be read is put aside and said once, so that it does not stand in the way for ever."""
        try:
            return self._read()
        except _UNREADABLE as fault:
            try:
                with alone_in(self.folder):  # who notes something just now has good notes after that
                    return self._noted_alone()
            except OSError:  # a folder where nothing may be written must not hold up a start either
                self._tell_once(fault)
                return ()

    def _noted_alone(self) -> tuple[Switched, ...]:
        """The same, within `alone_in`."""
        path = self.folder / _FILE
        try:
            noted = self._read()
        except _UNREADABLE as fault:
            try:
                path.replace(path.with_suffix(".damaged"))
            except OSError:  # what cannot be moved either must not hold up a start, or what the table tells
                self._tell_once(fault)
            else:
                _log.error("%s tells of no broadcast, and is put aside: %s", path, type(fault).__name__)
            return ()
        self._told.clear()
        return noted

    def _read(self) -> tuple[Switched, ...]:
        try:
            return tuple(_from_json(one) for one in json.loads((self.folder / _FILE).read_text("utf-8")))
        except FileNotFoundError:
            return ()

    def _tell_once(self, fault: Exception) -> None:
        why = type(fault).__name__
        if why not in self._told:
            self._told.add(why)
            _log.error(
                "%s tells of no broadcast, and cannot be put aside: %s. Remove it", self.folder / _FILE, why
            )

    def enter(self, writing: Callable[[], AbstractContextManager[Session]]) -> None:
        """Into the table, and only then out of the file: one that was entered by a process that died is not entered twice."""
        if not (self.folder / _FILE).exists():
            return
        with alone_in(self.folder):
            noted = self._noted_alone()
            if not noted:  # another process was first
                return
            with writing() as session:
                for one in noted:
                    _enter(session, one)
            (self.folder / _FILE).unlink(missing_ok=True)
        _log.warning("%d changes of broadcasts were entered that were made without the database", len(noted))


def _enter(session: Session, one: Switched) -> None:
    if one.until is None:
        for on in all_on(session, one.at):
            if on.started_at <= one.at and one.concerns(on.name, on.id or 0):
                switch_off(session, on.id or 0, one.by, one.at)
        return
    known = {(row.started_at, row.started_by, row.name) for row in latest(session)}
    if (one.at, one.by, one.name) not in known:
        numbers = None if one.numbers is None else list(one.numbers)
        row = Broadcast(
            name=one.name or "",
            text=one.text,
            numbers=numbers,
            started_at=one.at,
            started_by=one.by,
            until=one.until,
        )
        switch_on(session, row)


def _as_json(one: Switched) -> dict[str, object]:
    until = None if one.until is None else one.until.isoformat()
    return {**vars(one), "at": one.at.isoformat(), "until": until}


def _from_json(found: dict[str, str]) -> Switched:
    numbers, until = found["numbers"], found["until"]
    one = Switched(datetime.fromisoformat(found["at"]), str(found["by"]), found["name"], text=found["text"])
    return replace(
        one,
        until=None if until is None else datetime.fromisoformat(until),
        numbers=None if numbers is None else tuple(map(str, numbers)),
    )
