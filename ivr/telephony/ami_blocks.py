"""AMI on the wire: bounded blocks of `Key: value` lines; no value of ours can start another line or block."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from ivr.telephony.any_encoding import decode_any
from vocabulary.errors import HotlineError

Block = Mapping[str, str]

# Asterisk's buffer for one line holds 1,025 bytes; what is longer would not arrive as it was sent.
LONGEST_LINE_SENT: Final = 1000
_LONGEST_BLOCK: Final = 256 * 1024
_FORBIDDEN: Final = re.compile(r"[\r\n\0]")
_KEY: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_MAY_REPEAT: Final = re.compile(r".*variable|output", re.IGNORECASE)


class UnsafeAmiText(HotlineError):
    """A key or value that would have ended its line, and so could have become another action."""

    def __init__(self, key: str, why: str) -> None:
        super().__init__(f"AMI field {key[:40]!r}: {why}")
        self.key = key


class BlockTooLong(HotlineError):
    """The other side sends no end of a block; it is no Asterisk, or the stream is broken."""


def encode_action(fields: Mapping[str, str | Sequence[str]]) -> bytes:
    """One action; a sequence repeats its key (several `Variable`)."""
    lines: list[bytes] = []
    for key, value in fields.items():
        if not _KEY.fullmatch(key):
            raise UnsafeAmiText(key, "no such key can be")
        for one in [value] if isinstance(value, str) else value:
            if found := _FORBIDDEN.search(one):
                raise UnsafeAmiText(key, f"{found[0]!r} in its value")
            line = f"{key}: {one}".encode("utf-8", "replace")
            if len(line) > LONGEST_LINE_SENT:
                raise UnsafeAmiText(key, f"{len(line)} bytes, at most {LONGEST_LINE_SENT}")
            lines.append(line)
    return b"\r\n".join([*lines, b"", b""])


class BlockReader:
    """Cuts what comes from Asterisk into blocks.

    A caller can write lines and whole blocks of his own into events: his name may hold line ends. What shows
    it is dropped and counted in `doubtful`: a start like no block's, or two values where one can be.
    """

    def __init__(self) -> None:
        self._unread = bytearray()
        self._searched = 0
        self.doubtful = 0

    def feed(self, chunk: bytes) -> Iterator[Block]:
        """The blocks that are whole now; raises BlockTooLong."""
        self._unread += chunk
        while (end := self._unread.find(b"\r\n\r\n", self._searched)) >= 0:
            raw = bytes(self._unread[:end])
            del self._unread[: end + 4]
            self._searched = 0
            block = self._parse(raw)
            if block is not None:
                yield block
        self._searched = max(0, len(self._unread) - 3)
        if len(self._unread) > _LONGEST_BLOCK:
            raise BlockTooLong(f"no end of an AMI block after {len(self._unread)} bytes")

    def _parse(self, raw: bytes) -> Block | None:
        fields: dict[str, str] = {}
        if not raw.strip():
            return None
        for line in raw.strip(b"\r\n").split(b"\r\n"):
            key, colon, value = decode_any(line).partition(":")
            if not colon:
                continue
            value = value.removeprefix(" ")
            if key in fields and fields[key] != value:
                if not _MAY_REPEAT.fullmatch(key):
                    self.doubtful += 1
                    return None
                value = f"{fields[key]}\n{value}"
            fields[key] = value
        if next(iter(fields), "") not in ("Event", "Response"):
            self.doubtful += 1
            return None
        return fields
