"""What each process plays: the broadcasts that are on, in memory, so that no walk asks the database.

Looked up anew each second. While the database is away, and over a restart then, what is known stays on until its own end.
"""

import logging
import wave
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Final

from pydantic import TypeAdapter
from sqlalchemy.exc import SQLAlchemyError

from ivr.calls.broadcasts import Broadcast
from ivr.calls.broadcasts_meanwhile import Switched
from ivr.config_files.running import Running
from ivr.config_files.set_store import replace_text
from ivr.lines import LANGUAGES, Language
from ivr.menus.facts import OnAir
from ivr.prompts.rendering import PromptLibrary
from ivr.prompts.sounds import length
from vocabulary.errors import HotlineError

_log = logging.getLogger(__name__)
_NEXT_TRY_SECONDS: Final = 60.0
"""Each try starts a program, and a voice that failed a second ago fails again."""
_NOT_KNOWN: Final = (HotlineError, SQLAlchemyError, OSError, ValueError)
"""The database is away, busy or full, and so may be the disk with what was switched meanwhile."""
_NO_SOUND: Final = (HotlineError, OSError, ValueError, EOFError, wave.Error)
"""No voice, no place on the disk, a text that cannot be said, a sound that was cut or is none."""


@dataclass(frozen=True)
class OnNow:
    """One that is on. `numbers` None: all. `text`: said in place of prepared prompts."""

    id: int
    name: str
    text: str | None
    numbers: tuple[str, ...] | None
    until: datetime

    def concerns(self, number: str, now: datetime) -> bool:
        return now < self.until and (self.numbers is None or number in self.numbers)

    @property
    def spoken_prompt(self) -> str:
        """No prompt of the files can have such a name."""
        return f"spoken:{self.id}"


_KEPT: Final = TypeAdapter(tuple[OnNow, ...])
"""The file that remembers them."""


def as_on_now(rows: Iterable[Broadcast]) -> tuple[OnNow, ...]:
    """In their order, which must be the latest first."""
    return tuple(
        OnNow(
            row.id or 0,
            row.name,
            row.text,
            None if row.numbers is None else tuple(row.numbers),
            row.until,
        )
        for row in rows
    )


def with_what_was_switched(known: tuple[OnNow, ...], switched: Iterable[Switched]) -> tuple[OnNow, ...]:
    """The latest first, as they will be when the database has them too; ids below 0 are of this moment alone."""
    on = known
    for place, one in enumerate(switched, 1):
        if one.until is None:
            on = tuple(each for each in on if not one.concerns(each.name, each.id))
        else:
            on = (OnNow(-place, one.name or "", one.text, one.numbers, one.until), *on)
    return on


def _nothing_switched() -> tuple[Switched, ...]:
    return ()


@dataclass
class Board:
    """`read` asks the database, after it entered there what was switched without it; `make` gives the sound of a text, or raises;
    `memory`: a file that outlives the process; `switched`: what waits to be entered."""

    read: Callable[[], tuple[OnNow, ...]]
    make: Callable[[str], Path]
    memory: Path
    clock: Callable[[], float] = monotonic
    switched: Callable[[], tuple[Switched, ...]] = _nothing_switched
    on: tuple[OnNow, ...] = ()
    _known: tuple[OnNow, ...] = ()
    """By the database, as far as it could be asked."""
    _sounds: Mapping[str, tuple[Path, float]] = field(default_factory=dict)
    _failed: dict[str, float] = field(default_factory=dict)
    """When the voice failed last, by the text."""
    _is_lost: bool = False

    def remember(self) -> None:
        """At the start, before the database is asked."""
        try:
            self._known = _KEPT.validate_json(self.memory.read_bytes())
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as fault:
            _log.warning("%s tells of no broadcast: %s", self.memory, type(fault).__name__)
        self._take_what_is_known()

    def refresh(self) -> None:
        """Where the database or the disk does not answer, what is known stays; nothing is raised then."""
        if self.switched():  # the database may keep us waiting; if another process has just entered them, all stays till it told
            self._take_what_is_known()
        try:
            found = self.read()
        except _NOT_KNOWN as fault:  # callers go on hearing what is on
            if not self._is_lost:
                _log.error(
                    "which broadcasts are on is not known (%s): those known stay on until their end",
                    type(fault).__name__,
                )
            self._is_lost = True
            return
        self._is_lost = False
        is_new = found != self._known
        self._known = found
        self._take_what_is_known()
        if is_new:
            self._keep()

    def for_call(self, number: str, running: Running, now: datetime) -> tuple[OnAir | None, PromptLibrary]:
        """What a caller of that number shall hear, and the sounds with it: the one that was switched on last."""
        on = next((one for one in self.on if one.concerns(number, now)), None)
        if on is None:
            return None, running.prompts
        on_air, sounds = self._on_air(on, running)
        return on_air, _also_in_other_languages(sounds, on_air, running.configuration.lines.site.language)

    def names(self, now: datetime) -> list[str]:
        return sorted({one.name for one in self.on if now < one.until})

    def _on_air(self, on: OnNow, running: Running) -> tuple[OnAir, PromptLibrary]:
        library = running.prompts
        if on.text is None:
            prepared = running.configuration.broadcasts.named(on.name)
            if prepared is None:  # taken out of the files since: nothing is played, the calls keep the name
                return OnAir(on.name, ()), library
            return prepared.on_air, library
        sound = self._sounds.get(on.text)  # in one step: meanwhile another thread takes over what is on
        if sound is None:
            return OnAir(on.name, ()), library
        path, seconds = sound
        key = running.configuration.lines.site.language, on.spoken_prompt
        spoken = replace(
            library,
            paths={**library.paths, key: path},
            seconds={**library.seconds, key: seconds},
        )
        return OnAir(on.name, (on.spoken_prompt,)), spoken

    def _take_what_is_known(self) -> None:
        self._take(with_what_was_switched(self._known, self.switched()))

    def _take(self, found: tuple[OnNow, ...]) -> None:
        """What is on counts at once; a voice may need a while, or fail."""
        texts = {one.text for one in found if one.text is not None}
        sounds = {text: one for text, one in self._sounds.items() if text in texts and one[0].exists()}
        self._sounds, self.on = dict(sounds), found
        self._failed = {text: at for text, at in self._failed.items() if text in texts}
        for text in texts - sounds.keys():
            failed_at = self._failed.get(text)
            if failed_at is not None and self.clock() - failed_at < _NEXT_TRY_SECONDS:
                continue
            try:
                path = self.make(text)
                sounds[text] = path, length(path)
                self._failed.pop(text, None)
            except _NO_SOUND as fault:  # the calls go on in silence
                if failed_at is None:
                    _log.error("a broadcast cannot be spoken here, and is tried again each minute: %s", fault)
                self._failed[text] = self.clock()
        self._sounds = sounds

    def _keep(self) -> None:
        try:
            self.memory.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            replace_text(self.memory, _KEPT.dump_json(self._known).decode())
        except OSError as fault:
            _log.warning("%s cannot be written: %s", self.memory, fault)


def _also_in_other_languages(library: PromptLibrary, on_air: OnAir, language: Language) -> PromptLibrary:
    """Better heard in the site's language than not at all."""
    missing = {
        (other, name): (language, name)
        for other in LANGUAGES.values()
        for name in on_air.prompts
        if (other, name) not in library.paths and (language, name) in library.paths
    }
    if not missing:
        return library
    return replace(
        library,
        paths={**library.paths, **{key: library.paths[own] for key, own in missing.items()}},
        seconds={**library.seconds, **{key: library.seconds[own] for key, own in missing.items()}},
    )
