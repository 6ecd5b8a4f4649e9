"""Words that a caller says in a test, as Asterisk writes them into a file."""

from array import array
from pathlib import Path

from ivr.prompts.sounds import RATE, wav


def words(seconds: float, loudness: int = 4000) -> bytes:
    """A whole wav of a coarse tone; `loudness` 0: silence."""
    half = array("h", [loudness] * 10 + [-loudness] * 10)
    return wav((half * int(seconds * RATE / 20 + 1)).tobytes()[: int(seconds * RATE) * 2])


def say(path: Path, seconds: float, loudness: int = 4000) -> float:
    """Into a file that is there."""
    with path.open("r+b") as file:
        file.write(words(seconds, loudness))
    return seconds
