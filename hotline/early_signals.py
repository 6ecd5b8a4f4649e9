"""Signals that tell a server to take a set, while it starts and cannot yet: noted, and done when it can.

They are caught, not blocked: a voice's program that is started meanwhile would inherit a blocked mask for ever.
"""

import signal
from typing import Final

from hotline.into_force import TOLD

_ASKING: Final = (signal.SIGHUP, TOLD)


class EarlySignals:
    """`listen` once, from the first thread of the process, and as early as can be: unheard either would end it."""

    def __init__(self) -> None:
        self.noted: set[int] = set()

    def listen(self) -> None:
        for number in _ASKING:
            signal.signal(number, lambda which, _: self.noted.add(which))
