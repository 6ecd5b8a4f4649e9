"""Sounds that an earlier test hotline of this checkout made: each begins with copies, and leaves what it made first.

Names are the hash of all that made a sound, so they hold between tests; files are copied, so whatever a story deletes or
damages is its own. Several processes at once do no harm: a file appears whole or not at all.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from support.repository import ROOT

from hotline.settings import Settings
from ivr.prompts.sounds import is_telephone_sound, write_whole

KEPT = ROOT / ".cache" / "sounds"
_FORGOTTEN_DAYS = 14
"""Made anew then: words change, and a newer espeak-ng speaks otherwise."""


@contextmanager
def borrowed(settings: Settings, kept: Path = KEPT) -> Iterator[None]:
    """For a hotline whose sounds nobody damages: what it made first is there for the next."""
    lay_in(settings, kept)
    yield
    keep(settings, kept)


def lay_in(settings: Settings, kept: Path = KEPT) -> None:
    """Before the first render of a hotline's own."""
    own = settings.prompts_dir / "cache"
    own.mkdir(parents=True, exist_ok=True)
    for sound in kept.glob("*.wav"):
        with suppress(FileNotFoundError):  # another process forgot it in this moment
            (own / sound.name).write_bytes(sound.read_bytes())


def keep(settings: Settings, kept: Path = KEPT) -> None:
    """Right after that render, before a story could lay hands on its sounds."""
    long_ago = time.time() - _FORGOTTEN_DAYS * 24 * 3600
    for old in kept.glob("*.wav"):
        with suppress(FileNotFoundError):
            if old.stat().st_mtime < long_ago:
                old.unlink()
    for sound in (settings.prompts_dir / "cache").glob("*.wav"):
        if not (kept / sound.name).exists() and is_telephone_sound(sound):
            write_whole(kept / sound.name, sound.read_bytes())
