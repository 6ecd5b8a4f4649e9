"""A recording that an admin brings (wav, mp3, flac, ogg): looked at, brought to the telephone, levelled.

Refused is what callers could not stand: not a sound, hardly a sound, far too long; told is what could be better.
"""

import io
import math
import wave
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ivr.prompts.programs import ProgramFailed, run
from ivr.prompts.schema import LARGEST_RECORDING
from ivr.prompts.sounds import (
    LEVELLED,
    LONGEST_SECONDS,
    RATE,
    need,
    to_telephone,
)
from vocabulary.errors import HotlineError

SHORTEST_SECONDS: Final = 0.3
LONG_SECONDS: Final = 15.0
"""GB/T 33358 wants an answer within 15 s: no single prompt may eat them all."""
_SILENT_DB: Final = -60.0
_FAINT_DB: Final = -40.0
_LOWEST_LEVELLED_DB: Final = -27.0
"""Speech that was brought to its level has more, unless a click took the room."""
_CLIPPED_SHARE: Final = 0.001
_FLAT: Final = 4
"""So many samples at the very top, one behind the other, are no wave of a voice."""
_QUIET_SAMPLE: Final = 330
_LONGEST_PAUSE_SECONDS: Final = 2.0
_ANOTHER: Final = "Save it as wav (any rate) or mp3."
_KINDS: Final = {
    b"RIFF": "wav", b"ID3": "mp3", b"\xff\xfb": "mp3", b"\xff\xf3": "mp3", b"\xff\xf2": "mp3",
    b"\xff\xfa": "mp3", b"fLaC": "flac", b"OggS": "ogg",
}  # fmt: skip


class RecordingRefused(HotlineError):
    """The file is no recording that callers may hear; nothing was written."""

    def __init__(self, path: Path, fault: str, remedy: str) -> None:
        self.path, self.fault, self.remedy = path, fault, remedy
        super().__init__(f"{path}: {fault}. {remedy}")


@dataclass(frozen=True)
class Recording:
    """As callers will hear it."""

    sound: bytes
    """A whole wav: 8 kHz, mono, 16 bit, levelled to 3 dB below the limit."""
    seconds: float
    loudness: float
    """RMS in dB below the limit, of the levelled sound."""
    warnings: tuple[str, ...]


def read_recording(path: Path) -> Recording:
    """Raises RecordingRefused; VoiceToolsMissing without sox."""
    need(("sox",))
    kind = _kind(path)
    try:
        plain = to_telephone(path, ("trim", "0", str(LONGEST_SECONDS + 1)), kind)
    except ProgramFailed as fault:
        if "no handler" in fault.why:
            remedy = "Install it (Debian: apt install libsox-fmt-all), or save the recording as wav."
            raise RecordingRefused(path, f"this machine's sox cannot read {kind}", remedy) from fault
        raise RecordingRefused(path, f"cannot be read as {kind} ({fault.why})", _ANOTHER) from fault
    samples = _samples(plain)
    seconds = len(samples) / RATE
    if seconds < SHORTEST_SECONDS:
        raise RecordingRefused(path, f"is only {seconds:.2f} s long", "Record the whole prompt.")
    if seconds > LONGEST_SECONDS:
        raise RecordingRefused(path, f"is longer than {LONGEST_SECONDS:g} s", "Callers are waiting: cut it.")
    channels = _channels(path, kind)
    if _decibels(samples) < _SILENT_DB:
        if any(_decibels(one) >= _SILENT_DB for one in channels):
            raise RecordingRefused(
                path, "is silent: its channels cancel each other out", "Save one channel alone."
            )
        raise RecordingRefused(path, "is silent", "Record it again, nearer to the microphone.")
    levelled = to_telephone(plain, LEVELLED)
    loudness = _decibels(_samples(levelled))
    return Recording(levelled, seconds, loudness, tuple(_warnings(samples, seconds, channels, loudness)))


def _kind(path: Path) -> str:
    """By its first bytes, whatever it is called."""
    try:
        if not path.is_file():
            raise RecordingRefused(path, "there is no such file", "Give the path of a recording.")
        if path.stat().st_size > LARGEST_RECORDING:
            size = f"has {path.stat().st_size / 1e6:.1f} MB"
            raise RecordingRefused(
                path, size, f"Keep it to {LARGEST_RECORDING / 1e6:g} MB: a prompt is short."
            )
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as fault:
        raise RecordingRefused(
            path, f"cannot be read ({fault.strerror})", "Check who may read it."
        ) from fault
    kind = next((kind for first, kind in _KINDS.items() if start.startswith(first)), None)
    if kind is None:
        raise RecordingRefused(path, "is no sound file", _ANOTHER)
    return kind


def _warnings(
    samples: "array[int]", seconds: float, channels: Iterable["array[int]"], loudness: float
) -> Iterator[str]:
    if seconds > LONG_SECONDS:
        yield f"{seconds:.1f} s is long: callers should reach a person within {LONG_SECONDS:g} s"
    clipped = max(map(_clipped, channels))
    if clipped > _CLIPPED_SHARE:
        yield f"clipped: {100 * clipped:.1f} % of it is cut off at the top and sounds harsh; record it less loud"
    if _decibels(samples) < _FAINT_DB:
        yield f"very faint ({_decibels(samples):.0f} dB): levelling raises its noise too; record it louder"
        return  # what is a pause cannot be told then
    if loudness < _LOWEST_LEVELLED_DB:
        yield f"still faint when levelled ({loudness:.0f} dB): one loud moment leaves no room; cut it out"
    for where, side in (("starts", samples), ("ends", samples[::-1])):
        quiet = next((at for at, one in enumerate(side) if abs(one) > _QUIET_SAMPLE), len(side)) / RATE
        if quiet > _LONGEST_PAUSE_SECONDS:
            yield f"{where} with {quiet:.1f} s of silence; cut it"


def _channels(path: Path, kind: str) -> list["array[int]"]:
    """As they were recorded: mixing them and bringing them to the telephone rounds off what was cut off."""
    sound = [
        "sox",
        "-t",
        kind,
        str(path.absolute()),
        "-b",
        "16",
        "-e",
        "signed-integer",
        "-D",
        "-t",
        "wav",
        "-",
    ]
    whole = run([*sound, "trim", "0", str(LONGEST_SECONDS)])
    with wave.open(io.BytesIO(whole), "rb") as found:
        count = found.getnchannels()
        samples = array("h", found.readframes(len(whole)))
    return [samples[n::count] for n in range(count)]


def _clipped(channel: "array[int]") -> float:
    """The share that is flat at its own highest or lowest: also of a sound that was made quieter since."""
    edges = [edge for edge in (max(channel), min(channel)) if abs(edge) > _QUIET_SAMPLE]
    whole = channel.tobytes()
    return sum(whole.count(array("h", [edge] * _FLAT).tobytes()) for edge in edges) * _FLAT / len(channel)


def _samples(sound: bytes) -> "array[int]":
    with wave.open(io.BytesIO(sound), "rb") as whole:
        return array("h", whole.readframes(whole.getnframes()))


def _decibels(samples: "array[int]") -> float:
    """RMS below the limit; silence is -120."""
    power = sum(one * one for one in samples) / len(samples) / 32768**2
    return 10 * math.log10(max(power, 1e-12))
