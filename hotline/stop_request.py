"""SIGINT, SIGTERM and a closed terminal, for a command that has processes of its own to take down.

A signal is remembered, and breaks off only what may be broken off: never the moment between starting a process
and knowing its number, never the taking down itself.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


class StopAsked(BaseException):
    """Somebody wants the command to end. It is no Exception, so no door that catches those holds it up."""


class StopRequest:
    """One for a process; `listen` once, from its first thread."""

    def __init__(self) -> None:
        self.is_asked = False
        self._may_break_off = False

    def listen(self) -> None:
        """From now on the three signals do no more than this. A SIGHUP that nohup ignores stays ignored."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._on_signal)

    @contextmanager
    def may_break_off(self) -> Iterator[None]:
        """Work or waiting that ends at once when a signal comes, or came before. Raises StopAsked."""
        self._may_break_off = True
        try:
            if self.is_asked:
                raise StopAsked
            yield
        finally:
            self._may_break_off = False

    def _on_signal(self, _number: int, _frame: object) -> None:
        self.is_asked = True
        if self._may_break_off:
            self._may_break_off = False
            raise StopAsked
