"""Tells systemd that the server lives: a frozen one is killed and started anew (unit files: Type=notify, WatchdogSec)."""

import os
import socket
from typing import Final

LONGEST_LOOK_SECONDS: Final = 120.0
"""The listener's looks end sooner than this also where the database is away, or slow, to the end of every time limit."""


def is_stuck(progressed_at: float, now: float) -> bool:
    """No look of the listener has ended for so long (monotonic seconds): its thread hangs, and will not come back."""
    return now - progressed_at > LONGEST_LOOK_SECONDS


def notify(state: str) -> None:
    """`READY=1`, `WATCHDOG=1`, `STOPPING=1`; without systemd nothing happens."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        try:
            door.connect("\0" + address[1:] if address.startswith("@") else address)
            door.sendall(state.encode())
        except OSError:
            return  # systemd is gone: nobody waits for this word
