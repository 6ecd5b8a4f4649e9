"""Where AGI connections wait until they have said what they want: no thread, little memory, two seconds."""

import asyncio
import errno
import logging
import resource
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from ivr.telephony.agi_header import LONGEST_HEADER, LONGEST_LINE

_log = logging.getLogger(__name__)
_MOST_ACCEPTS_AT_ONCE: Final = 64
_FULL: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


@dataclass(eq=False)
class Visitor:
    """One connection whose header is not complete yet."""

    connection: socket.socket
    peer: str
    heard: bytearray = field(default_factory=bytearray)
    line_start: int = 0
    timer: asyncio.TimerHandle | None = None
    is_watched: bool = False

    def end_of_header(self) -> int:
        """Where the first byte after the blank line is; 0 while there is none, -1 when a line is too long."""
        while (end := self.heard.find(b"\n", self.line_start)) >= 0:
            if end - self.line_start > LONGEST_LINE:
                return -1
            is_blank = bytes(self.heard[self.line_start : end]) in (b"", b"\r")
            self.line_start = end + 1
            if is_blank:
                return end + 1
        return -1 if len(self.heard) - self.line_start > LONGEST_LINE else 0

    def say_and_close(self, words: bytes) -> None:
        """Say at most a few words and close, so that the peer reads them before the end of file."""
        try:
            if words:
                self.connection.send(words)
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.recv(LONGEST_HEADER)
        except OSError:
            pass
        self.connection.close()


class Doorstep:
    """Accepts, reads headers and hands over whole ones; beyond `most_open` the oldest silent one must go."""

    def __init__(
        self,
        *,
        is_allowed: Callable[[str], bool],
        on_header: Callable[[Visitor, bytes, bytes], None],
        on_turned_away: Callable[[Visitor, str, str], None],
        header_seconds: float,
        most_open: int,
    ) -> None:
        self._is_allowed = is_allowed
        self._on_header = on_header
        self._on_turned_away = on_turned_away
        self._header_seconds = header_seconds
        self._most_open = min(most_open, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)
        self._visitors: dict[Visitor, None] = {}
        self._listener: socket.socket | None = None
        self._silent_untold = 0
        self._telling: asyncio.TimerHandle | None = None
        self.accepted = 0

    @property
    def waiting(self) -> int:
        return len(self._visitors)

    def open(self, listener: socket.socket) -> None:
        """Start accepting on a bound, listening socket, in the running loop; it is ours from now on."""
        listener.setblocking(False)
        self._listener = listener
        asyncio.get_running_loop().add_reader(listener, self._accept)

    def close(self) -> None:
        """Stop accepting and close everybody who has not said what he wants."""
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None
        for visitor in list(self._visitors):
            self._forget(visitor)
            visitor.say_and_close(b"")
        if self._telling is not None:
            self._telling.cancel()
            self._tell_silent()

    def _accept(self) -> None:
        for _ in range(_MOST_ACCEPTS_AT_ONCE):
            if self._listener is None:
                return
            try:
                connection, address = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as fault:
                if fault.errno not in _FULL or not self._visitors:
                    _log.warning("an AGI connection could not be accepted: %s", fault.strerror)
                    return
                self._turn_away(next(iter(self._visitors)), "silent", "")
                continue
            self._welcome(connection, str(address[0]))

    def _welcome(self, connection: socket.socket, peer: str) -> None:
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.accepted += 1
        visitor = Visitor(connection, peer)
        if not self._is_allowed(peer):
            self._on_turned_away(visitor, "refused_peer", "this peer is not on the list")
            return
        self._visitors[visitor] = None
        self._listen(visitor)
        if visitor not in self._visitors:
            return  # Asterisk says it all at once: most need neither clock nor watch
        loop = asyncio.get_running_loop()
        visitor.timer = loop.call_later(self._header_seconds, self._turn_away, visitor, "silent", "")
        visitor.is_watched = True
        loop.add_reader(connection, self._listen, visitor)
        if len(self._visitors) > self._most_open:
            self._turn_away(next(iter(self._visitors)), "silent", "")

    def _listen(self, visitor: Visitor) -> None:
        try:
            chunk = visitor.connection.recv(LONGEST_LINE)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if not chunk:
            self._turn_away(visitor, "bad_header", "it closed before the end of its header")
            return
        visitor.heard += chunk
        end = visitor.end_of_header()
        if end > 0:
            self._forget(visitor)
            self._on_header(visitor, bytes(visitor.heard[:end]), bytes(visitor.heard[end:]))
        elif end < 0:
            self._turn_away(visitor, "bad_header", f"a header line of more than {LONGEST_LINE} bytes")
        elif len(visitor.heard) > LONGEST_HEADER:
            self._turn_away(visitor, "bad_header", f"a header of more than {LONGEST_HEADER} bytes")

    def _turn_away(self, visitor: Visitor, why: str, words: str) -> None:
        self._forget(visitor)
        if why == "silent":
            self._silent_untold += 1
            if self._telling is None:
                self._telling = asyncio.get_running_loop().call_later(1.0, self._tell_silent)
        self._on_turned_away(visitor, why, words)

    def _forget(self, visitor: Visitor) -> None:
        self._visitors.pop(visitor, None)
        if visitor.is_watched:
            asyncio.get_running_loop().remove_reader(visitor.connection)
        if visitor.timer is not None:
            visitor.timer.cancel()

    def _tell_silent(self) -> None:
        """One line a second for all of them: thousands of silent peers must not fill the disk with log."""
        self._telling = None
        if self._silent_untold:
            _log.warning("%d AGI connections closed: no whole header in time", self._silent_untold)
            self._silent_untold = 0
