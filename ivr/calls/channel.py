"""The caller's line, as the steps of a call see it: play, listen, read and set variables.

ivr.telephony implements it over AGI; tests implement it without a phone.
"""

from typing import Protocol

from vocabulary.errors import HotlineError


class CallerHungUp(HotlineError):
    """The caller's line is gone. Not a fault: most calls end so, and the hangup handler closes the record."""

    def __init__(self, call_id: str) -> None:
        super().__init__(f"the caller of {call_id or 'an unknown call'} has hung up")
        self.call_id = call_id


class Channel(Protocol):
    """One live call. Every method but `call_id`, `language` and `argument` raises CallerHungUp when the line is gone."""

    @property
    def call_id(self) -> str:
        """Asterisk's unique id, prefixed with the system name: unique over several servers."""

    @property
    def language(self) -> str:
        """That of the channel when this leg began, as Asterisk says by itself: the caller's own, where he chose one."""

    def argument(self, n: int) -> str:
        """The n-th argument of the dialplan's AGI(), from 1; "" if there is none."""

    def variable(self, name: str) -> str:
        """The channel variable or dialplan function; "" if it is not set."""

    def set_variable(self, name: str, value: str) -> None:
        """Set a channel variable or dialplan function; CR, LF and NUL are refused."""

    def play(self, path: str, keys: str = "") -> str | None:
        """Play a sound file (no extension) to its end; one of `keys` stops it and is returned."""

    def wait_key(self, seconds: float) -> str | None:
        """Wait for one key; None when the time is over."""

    def record(self, path: str, keys: str, longest: int, silence: int) -> float | None:
        """After a tone record what the caller says into a WAV file (`path` without extension), until one of `keys`, `silence`
        seconds of it, or `longest` seconds: so many seconds were recorded; None: it is not possible."""

    def still_there(self) -> None:
        """Nothing but the CallerHungUp: for what must not be decided for somebody whom the dialplan has sent on meanwhile."""

    def let_go(self) -> None:
        """This leg is over: the dialplan goes on at once, whatever we still write down. Nothing can be asked after it."""

    def allow(self, seconds: int) -> None:
        """Give this step `seconds` from now; after them the dialplan takes the call to the default queue."""
