"""Which finished sounds may still be played: those of the last sets that were in force. The others are removed.

The cache grows by each change of a word; what a running call plays must stay, whatever is published meanwhile.
"""

import hashlib
import os
import time
from pathlib import Path
from typing import Final

from ivr.prompts.rendering import PromptLibrary

KEPT_SETS: Final = 10
_YOUNG_SECONDS: Final = 24 * 3600
"""What is younger may belong to a set that another process has in hand and not in force yet."""


def note_in_use(library: PromptLibrary, cache_dir: Path, sets_dir: Path) -> None:
    """This library is in force from now on. Raises OSError."""
    names = sorted({path.name for path in (*library.paths.values(), *library.asterisk_sounds.values())})
    text = "\n".join(names) + "\n"
    sets_dir.mkdir(parents=True, exist_ok=True)
    own = sets_dir / hashlib.sha256(text.encode()).hexdigest()[:16]
    draft = sets_dir / f".{own.name}.{os.getpid()}"
    draft.write_text(text, "utf-8")
    draft.replace(own)
    _forget(cache_dir, sets_dir)


def _forget(cache_dir: Path, sets_dir: Path) -> None:
    sets = sorted(
        (one for one in sets_dir.iterdir() if not one.name.startswith(".")), key=_written, reverse=True
    )
    for old in sets[KEPT_SETS:]:
        old.unlink(missing_ok=True)
    kept = {name for one in sets[:KEPT_SETS] for name in one.read_text("utf-8").split()}
    long_ago = time.time() - _YOUNG_SECONDS
    for sound in cache_dir.glob("*.wav"):
        if sound.name not in kept and _written(sound) < long_ago:
            sound.unlink(missing_ok=True)


def _written(path: Path) -> float:
    """Seconds since 1970; now for one that another process removed in this moment."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return time.time()
