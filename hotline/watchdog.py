"""Tells systemd that the server lives: a frozen one is killed and started anew (unit files: Type=notify, WatchdogSec)."""

import os
import socket


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
