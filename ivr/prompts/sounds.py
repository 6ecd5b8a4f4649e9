"""Sounds as a telephone carries them: 8 kHz, mono, 16 bit, whole files that appear at once. Whose words they are is decided
elsewhere in ivr.prompts."""

import hashlib
import io
import os
import shutil
import tempfile
import wave
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from ivr.prompts.programs import run
from vocabulary.errors import HotlineError

RATE: Final = 8000
_FORMAT: Final = ("-r", str(RATE), "-c", "1", "-b", "16", "-e", "signed-integer")
_LINE: Final = ("highpass", "150", "lowpass", "3400")
"""What a telephone line carries."""
LEVELLED: Final = (*_LINE, "norm", "-3")
_SHORTEST_FRAMES: Final = 800
LONGEST_SECONDS: Final = 120.0
"""Of a recording: nobody listens to more before he reaches a person."""


class VoiceToolsMissing(HotlineError):
    def __init__(self, tools: Iterable[str]) -> None:
        self.tools = tuple(tools)
        super().__init__(
            f"prompts cannot be spoken: {' and '.join(self.tools)} not found. "
            "Install espeak-ng and sox, or record every prompt."
        )


def need(tools: Iterable[str]) -> None:
    """Raises VoiceToolsMissing."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        raise VoiceToolsMissing(missing)


def to_telephone(source: bytes | Path, effects: Sequence[str] = (), kind: str = "wav") -> bytes:
    """A sound of a kind that sox reads, as a whole wav. Raises VoiceToolsMissing, ProgramFailed.

    The kind is named and the path absolute: sox by itself would run what a file's name tells it to.
    """
    need(("sox",))
    given, name = (source, "-") if isinstance(source, bytes) else (b"", str(source.absolute()))
    return wav(run(["sox", "-t", kind, name, *_FORMAT, "-D", "-t", "raw", "-", *effects], given))


def wav(samples: bytes, rate: int = RATE) -> bytes:
    """With a header of ours: a wav that a program writes into a pipe does not know its own length."""
    whole = io.BytesIO()
    with wave.open(whole, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(samples)
    return whole.getvalue()


def is_telephone_sound(path: Path) -> bool:
    """Whole, 8 kHz, mono, 16 bit, and not empty."""
    try:
        with wave.open(str(path), "rb") as sound:
            frames = sound.getnframes()
            shape = (sound.getframerate(), sound.getnchannels(), sound.getsampwidth())
            is_whole = len(sound.readframes(frames)) == 2 * frames
            return shape == (RATE, 1, 2) and frames > _SHORTEST_FRAMES and is_whole
    except (OSError, EOFError, wave.Error):
        return False


def is_wav(path: Path) -> bool:
    """Of whatever rate; one of which the length is known."""
    try:
        return length(path) > 0
    except (OSError, EOFError, wave.Error):
        return False


def length(path: Path) -> float:
    """Seconds."""
    with wave.open(str(path), "rb") as sound:
        return sound.getnframes() / sound.getframerate()


def content_name(*parts: str | bytes) -> str:
    whole = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        whole.update(len(data).to_bytes(8, "big") + data)
    return whole.hexdigest()[:32]


def put(source: Path, target: Path) -> None:
    """The same content, written only where it differs."""
    data = source.read_bytes()
    if not (target.is_file() and target.read_bytes() == data):
        write_whole(target, data)


def a_moment_of_silence() -> bytes:
    """A whole file, too short to be noticed."""
    return wav(bytes(2 * RATE // 50))


def write_whole(target: Path, data: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, aside = tempfile.mkstemp(dir=target.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(aside, 0o644)
        os.replace(aside, target)
    except BaseException:  # Ctrl-C too: no half-written file is left
        os.unlink(aside)
        raise
