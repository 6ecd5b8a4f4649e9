"""语音留言: the sounds that callers leave, one folder for each call, under a name that only we can work out from the call's id.

So whoever hears that a call is over finds its message, though the server that recorded it is dead. The files are Asterisk's:
8 kHz, 16 bit, mono, WAV. How long they are kept is not decided here yet: nothing of a message that counts is removed.
"""

import hashlib
import os
import re
import shutil
import sys
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from vocabulary.errors import HotlineError

_HEADER: Final = 44
_BYTES_A_SECOND: Final = 16_000
_ROOM_LEFT: Final = 50_000_000
"""Bytes that stay free beside a message: on the same disk lie the account of calls and, as shipped, the database."""
_NONE_LEFT: Final = 1_000_000
"""Bytes. Where no more are free behind a message, part of it may not have found room."""
_AUDIBLE: Final = 400
"""Of 32,767. What never rises above it is a line's noise; speech is several times louder."""
_TAKE: Final = re.compile(r"(\d{1,3})-(\d{1,3})\.wav")
_NAME: Final = re.compile(r"[0-9a-f]{2}/[0-9a-f]{32}/\d{1,3}-\d{1,3}\.wav")


class NoRoom(HotlineError):
    """The disk has no room for a whole message."""

    def __init__(self, folder: Path, free: int) -> None:
        super().__init__(f"no room for a message in {folder}: {free // 1_000_000} MB are free")
        self.folder, self.free = folder, free


class NoMessage(HotlineError):
    """This call has none, or its file is gone."""

    def __init__(self, call_id: str) -> None:
        super().__init__(f"call {call_id} has no message that could be played")
        self.call_id = call_id


@dataclass(frozen=True)
class Message:
    """What lies in a call's folder. `name` None: nothing that is long enough; then `seconds` is the longest there."""

    seconds: float
    at: datetime
    name: str | None = None
    sha256: str | None = None


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


@dataclass(frozen=True)
class Voicemails:
    """`digest`: keyed, of a text, in hex."""

    folder: Path
    digest: Callable[[str], str]
    free_bytes: Callable[[Path], int] = _free_bytes

    def new_take(self, call_id: str, shortest: int, longest: int) -> Path:
        """An empty file of mode 600 that Asterisk writes into. `shortest` stands in its name, for whoever finds it. Raises
        NoRoom, OSError."""
        folder = self._of_call(call_id)
        for one in (self.folder.parent, self.folder, folder.parent, folder):
            one.mkdir(mode=0o700, parents=True, exist_ok=True)
        free = self.free_bytes(folder)
        if free < longest * _BYTES_A_SECOND + _ROOM_LEFT:
            raise NoRoom(folder, free)
        number = 1 + max((take.number for take in _takes(folder)), default=0)
        path = folder / f"{number}-{shortest}.wav"
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        return path

    def has_run_out_of_room(self, take: Path) -> bool:
        """Asterisk tells of no such fault: the seconds that it recorded are those in the file. Raises OSError."""
        return self.free_bytes(take.parent) < _NONE_LEFT

    def keep_only(self, take: Path) -> None:
        """The caller said it anew: what he said before counts no more."""
        for other in _takes(take.parent):
            if other.path != take:
                other.path.unlink(missing_ok=True)

    def message_of(self, call_id: str) -> Message | None:
        """The last take that is long enough, of a call that is over; None if its caller never came to the recorder."""
        folder = self._of_call(call_id)
        takes = sorted(_takes(folder), key=lambda take: -take.number)
        if not takes:
            return None
        heard = [spoken_seconds(take.path) for take in takes]
        for take, seconds in zip(takes, heard, strict=True):
            if seconds >= take.shortest:
                _mend_header(take.path)
                name = take.path.relative_to(self.folder).as_posix()
                whole = hashlib.sha256(take.path.read_bytes()).hexdigest()
                return Message(round(seconds, 1), _written_at(take.path), name, whole)
        return Message(round(max(heard), 1), _written_at(takes[0].path))

    def path_of(self, name: str, call_id: str) -> Path:
        """Of a message's file. Raises NoMessage if it is gone."""
        path = self.folder / name
        if not _NAME.fullmatch(name) or not path.is_file():
            raise NoMessage(call_id)
        return path

    def _of_call(self, call_id: str) -> Path:
        own = self.digest(f"voicemail:{call_id}")[:32]
        return self.folder / own[:2] / own


@dataclass(frozen=True)
class _Take:
    path: Path
    number: int
    shortest: int


def _takes(folder: Path) -> Iterator[_Take]:
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return
    for name in names:
        if found := _TAKE.fullmatch(name):
            yield _Take(folder / name, int(found[1]), int(found[2]))


def spoken_seconds(path: Path) -> float:
    """0 where nothing but silence is in it. By what the file holds, whatever its header says: that of a recording that was
    cut is empty. Raises OSError."""
    written = path.read_bytes()[_HEADER:]
    samples = array("h", written[: len(written) // 2 * 2])
    if sys.byteorder == "big":
        samples.byteswap()
    if not samples or max(max(samples), -min(samples)) < _AUDIBLE:
        return 0.0
    return len(written) / _BYTES_A_SECOND


def written_seconds(path: Path) -> float:
    """Silence too. Raises OSError."""
    return max(0, path.stat().st_size - _HEADER) / _BYTES_A_SECOND


def _mend_header(path: Path) -> None:
    """Asterisk writes the lengths when it closes the file, which it cannot when it is killed."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        header = file.read(_HEADER)
        if header[36:40] == b"data" and int.from_bytes(header[40:44], "little") != size - _HEADER:
            file.seek(4)
            file.write((size - 8).to_bytes(4, "little"))
            file.seek(40)
            file.write((size - _HEADER).to_bytes(4, "little"))


def _written_at(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)
