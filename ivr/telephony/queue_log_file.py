"""Reads queue_log as it grows, so that no line is lost or read twice: over rotation, half lines and restarts.

A file is known by its inode and its first line, never by its name: rotation renames.
"""

import hashlib
import logging
import os
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Final

from ivr.telephony.any_encoding import decode_any
from ivr.telephony.queue_log import LogLine, parse_line

_log = logging.getLogger(__name__)
_CHUNK: Final = 1024 * 1024
_LONGEST_LINE: Final = 64 * 1024
_PACKED: Final = (".gz", ".xz", ".bz2", ".zst")


@dataclass(frozen=True)
class LogPosition:
    """What has been read: all before `offset` of the file `file_id`; `epoch` is the last line's time.

    `str()` and `parse` make it a text to store beside the events that came out of it.
    """

    file_id: str
    offset: int
    epoch: int

    def __str__(self) -> str:
        return f"{self.file_id}:{self.offset}:{self.epoch}"

    @classmethod
    def parse(cls, text: str) -> "LogPosition":
        """Raises ValueError for anything that `str()` did not make."""
        file_id, offset, epoch = text.split(":")
        return cls(file_id, int(offset), int(epoch))


@dataclass(frozen=True)
class _LogFile:
    path: Path
    file_id: str
    size: int
    first_epoch: int
    changed_at: float


class QueueLogFile:
    """`path` is the live file; rotated ones stand beside it as `<name>.<anything>`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._told_gap = ""
        self._read_to_end: tuple[int, ...] | None = None

    def read_new(
        self, position: LogPosition | None, limit: int = 2000
    ) -> tuple[list[LogLine], LogPosition | None]:
        """At most `limit` whole lines after `position`, and the position after them; call again until none
        come. Without a position it begins with the live file's first line.

        Store position and events in one transaction.
        """
        before = self._looks()
        lines, position, is_live = self._read_on(position, limit)
        self._read_to_end = before if is_live and len(lines) < limit else None
        return lines, position

    def has_changed(self) -> bool:
        """False: `read_new` would find nothing behind the position that it gave last. One system call."""
        return self._read_to_end is None or self._looks() != self._read_to_end

    def not_taken_in(self) -> None:
        """What `read_new` gave last was lost on the way, so it is new still: `has_changed` must say so."""
        self._read_to_end = None

    def _looks(self) -> tuple[int, ...] | None:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

    def _read_on(
        self, position: LogPosition | None, limit: int
    ) -> tuple[list[LogLine], LogPosition | None, bool]:
        """The last: whether the position afterwards is in the live file."""
        lines: list[LogLine] = []
        position = position if position is not None else self._beginning()
        is_live = False
        while position is not None and len(lines) < limit:
            file, following = self._locate(position)
            is_live = file is not None and file.path == self._path
            if file is None:
                found = self._after_gap(position)
                if found is None:
                    break
                position = found
                continue
            read = self._read(file, position, limit - len(lines), is_final=following is not None)
            if read is None:
                break
            new, position = read
            lines += new
            if not new:
                if following is None:
                    break
                position = LogPosition(following.file_id, 0, position.epoch)
        return lines, position, is_live

    def _beginning(self) -> LogPosition | None:
        file = self._identify(self._path)
        return LogPosition(file.file_id, 0, 0) if file is not None else None

    def _locate(self, position: LogPosition) -> tuple[_LogFile | None, _LogFile | None]:
        """The file of the position and the one written after it, if any."""
        live = self._identify(self._path)
        if live is not None and live.file_id == position.file_id:
            return live, None
        files = self._all_files()
        for n, file in enumerate(files):
            if file.file_id == position.file_id:
                return file, files[n + 1] if n + 1 < len(files) else None
        return None, None

    def _after_gap(self, position: LogPosition) -> LogPosition | None:
        """Our file is gone or was replaced: go on with the first line, anywhere, that is not older."""
        for file in self._all_files():
            offset = self._offset_at(file, position.epoch)
            if offset is None:
                continue
            if self._told_gap != position.file_id:
                self._told_gap = position.file_id
                _log.error(
                    "queue_log: the file read last is gone; going on in %s at %d", file.path.name, offset
                )
            return LogPosition(file.file_id, offset, position.epoch)
        return None

    def _read(
        self, file: _LogFile, position: LogPosition, limit: int, *, is_final: bool
    ) -> tuple[list[LogLine], LogPosition] | None:
        """Whole lines of one file. `is_final`: nothing more will be written to it, a half line stays half.

        None when the file was rotated in this moment.
        """
        offset, epoch = position.offset, position.epoch
        if file.size < offset:
            _log.warning("queue_log: %s is shorter than what was read of it; reading it anew", file.path.name)
            offset = 0
        raw = self._chunk(file, offset)
        if raw is None:
            return None
        lines: list[LogLine] = []
        start = 0
        while len(lines) < limit and (end := raw.find(b"\n", start)) >= 0:
            text = decode_any(raw[start:end].rstrip(b"\r"))
            lines.append(LogLine(file.file_id, offset + start, text))
            entry = parse_line(text)
            epoch = entry.epoch if entry is not None else epoch
            start = end + 1
        if start == 0 and raw and (is_final or len(raw) > _LONGEST_LINE):
            _log.warning("queue_log: %d bytes without a line end in %s skipped", len(raw), file.path.name)
            start = len(raw)
        return lines, LogPosition(file.file_id, offset + start, epoch)

    def _chunk(self, file: _LogFile, offset: int) -> bytes | None:
        """Bytes from `offset`; None when the path names another file by now."""
        try:
            with file.path.open("rb") as stream:
                if _file_id(stream) != file.file_id:
                    return None
                stream.seek(offset)
                return stream.read(_CHUNK)
        except FileNotFoundError:
            return None

    def _offset_at(self, file: _LogFile, epoch: int) -> int | None:
        """Where the first line with this time or a later one begins; None if there is none."""
        offset = 0
        try:
            with file.path.open("rb") as stream:
                for raw in stream:
                    entry = parse_line(decode_any(raw.rstrip(b"\r\n")))
                    if entry is not None and entry.epoch >= epoch:
                        return offset
                    offset += len(raw)
        except FileNotFoundError:
            return None
        return None

    def _all_files(self) -> list[_LogFile]:
        """Every readable file of this log in the order of writing, the live one last."""
        rotated = [
            file
            for path in self._path.parent.glob(f"{self._path.name}.*")
            if not path.name.endswith(_PACKED) and (file := self._identify(path)) is not None
        ]
        rotated.sort(key=lambda file: (file.first_epoch, file.changed_at, file.path.name))
        live = self._identify(self._path)
        return [file for file in rotated if live is None or file.file_id != live.file_id] + (
            [live] if live is not None else []
        )

    def _identify(self, path: Path) -> _LogFile | None:
        """None while the file has no whole first line, or is not there."""
        try:
            with path.open("rb") as stream:
                file_id = _file_id(stream)
                if not file_id:
                    return None
                stat = os.fstat(stream.fileno())
                stream.seek(0)
                entry = parse_line(decode_any(stream.readline(_LONGEST_LINE).rstrip(b"\r\n")))
        except (FileNotFoundError, IsADirectoryError):
            return None
        return _LogFile(path, file_id, stat.st_size, entry.epoch if entry else 0, stat.st_mtime)


def _file_id(stream: BufferedReader) -> str:
    """Of inode and first line; "" while the first line is not whole. Leaves the stream behind that line."""
    first = stream.readline(_LONGEST_LINE)
    if not first.endswith(b"\n") and len(first) < _LONGEST_LINE:
        return ""
    inode = os.fstat(stream.fileno()).st_ino
    return hashlib.sha256(b"%d:%s" % (inode, first)).hexdigest()[:16]
