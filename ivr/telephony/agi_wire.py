"""Lines over the socket of one AGI session: bounded in length and in time, whatever the peer does.

The kernel keeps the time (SO_RCVTIMEO), so that a reply costs one system call, also with hundreds of threads.
"""

import socket
import struct
import time
from typing import Final

from ivr.telephony.agi_errors import LineLost, ReplyGarbled, ReplyTooLate
from ivr.telephony.agi_header import LONGEST_LINE

_CHUNK: Final = 16 * 1024
_CLOSE_ENOUGH: Final = 0.01


class AgiWire:
    """One connected socket, blocking, with a limit on every wait."""

    def __init__(self, connection: socket.socket, call_id: str, leftover: bytes = b"") -> None:
        connection.setblocking(True)
        self._connection = connection
        self._call_id = call_id
        self._unread = bytearray(leftover)
        self._kept: dict[int, float] = {}

    def send(self, line: bytes, seconds: float) -> None:
        """Send all of `line`; raises LineLost or ReplyTooLate."""
        deadline = time.monotonic() + seconds
        rest = line
        while rest:
            self._wait_at_most(socket.SO_SNDTIMEO, deadline - time.monotonic())
            try:
                rest = rest[self._connection.send(rest) :]
            except BlockingIOError:
                raise ReplyTooLate(self._call_id, f"nothing could be sent for {seconds:g} s") from None
            except OSError:
                raise LineLost(self._call_id) from None

    def read_line(self, deadline: float) -> bytes:
        """The next line without its end, by the monotonic `deadline`.

        Raises LineLost, ReplyTooLate, or ReplyGarbled when it is longer than 8 KB.
        """
        searched = 0
        while (end := self._unread.find(b"\n", searched)) < 0:
            searched = len(self._unread)
            if searched > LONGEST_LINE:
                raise ReplyGarbled(self._call_id, f"a line of more than {LONGEST_LINE} bytes")
            left = deadline - time.monotonic()
            if left > 0:
                self._wait_at_most(socket.SO_RCVTIMEO, left)
            if not (left > 0 and self._receive(0)) and deadline <= time.monotonic():
                raise ReplyTooLate(self._call_id, "no full reply in time")
        if end > LONGEST_LINE:
            raise ReplyGarbled(self._call_id, f"a line of more than {LONGEST_LINE} bytes")
        line = bytes(self._unread[:end])
        del self._unread[: end + 1]
        return line.rstrip(b"\r")

    def has_unread(self) -> bool:
        """Whether the peer has said something that nobody has read yet; never waits. False at end of file."""
        if not self._unread:
            try:
                self._receive(socket.MSG_DONTWAIT)
            except LineLost:
                return False
        return bool(self._unread)

    def close(self) -> None:
        self._connection.close()

    def cut(self) -> None:
        """End the conversation from another thread: whoever waits in it gets LineLost."""
        try:
            self._connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return

    def _receive(self, flags: int) -> bool:
        """False when nothing came in time."""
        try:
            chunk = self._connection.recv(_CHUNK, flags)
        except BlockingIOError:
            return False
        except OSError:
            raise LineLost(self._call_id) from None
        if not chunk:
            raise LineLost(self._call_id)
        self._unread += chunk
        return True

    def _wait_at_most(self, option: int, seconds: float) -> None:
        kept = self._kept.get(option)
        if kept is not None and seconds / 2 <= kept <= seconds + _CLOSE_ENOUGH:
            return  # the next wait may end early, and is taken up again
        self._kept[option] = seconds
        whole = max(1000, round(seconds * 1_000_000))  # all zero would mean: for ever
        try:
            self._connection.setsockopt(
                socket.SOL_SOCKET, option, struct.pack("ll", *divmod(whole, 1_000_000))
            )
        except OSError:
            raise LineLost(self._call_id) from None
