"""Processes of this machine that are no children of ours: who has a port, and whether one has ended. By Linux's /proc."""

import contextlib
import os
import re
import select
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_LISTENS: Final = "0A"
_ACCEPTS: Final = 0x10000
_LONGEST_COMMAND: Final = 100
_SERVER: Final = re.compile(r"(?:^|[ /])hotline(?:\.cli)? serve(?: |$)")


@dataclass(frozen=True)
class OtherProcess:
    """Held by a handle of the system, so no later process with the same number is ever met."""

    pid: int
    handle: int

    def signal(self, number: signal.Signals | None) -> None:
        """None: only whether this user may. Raises PermissionError."""
        with contextlib.suppress(ProcessLookupError):  # it ended just now
            signal.pidfd_send_signal(self.handle, number or 0)

    def has_ended_within(self, seconds: float) -> bool:
        poll = select.poll()
        poll.register(self.handle, select.POLLIN)
        return bool(poll.poll(seconds * 1000))


@contextmanager
def other_process(pid: int) -> Iterator[OtherProcess | None]:
    """None if there is no such process."""
    try:
        handle = os.pidfd_open(pid)
    except OSError:  # gone, or a number that none can have
        yield None
        return
    try:
        yield OtherProcess(pid, handle)
    finally:
        os.close(handle)


def started_at(pid: int) -> int:
    """In the kernel's ticks since it came up; 0 if there is no such process."""
    try:
        return int(Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[19])
    except OSError:
        return 0


def command_line(pid: int) -> str:
    """With spaces between the words; empty if there is no such process, or it is a kernel's."""
    try:
        raw = Path("/proc", str(pid), "cmdline").read_bytes()
    except OSError:
        return ""
    return raw.replace(b"\0", b" ").decode(errors="replace").strip()


def may_be_a_server(pid: int) -> bool:
    """Its command is `hotline serve`; also so where this user may not see the command of another's process."""
    return not command_line(pid) or is_a_server(pid)


def is_a_server(pid: int) -> bool:
    """Its command is `hotline serve`, and this user may see so."""
    return _SERVER.search(command_line(pid)) is not None


def listens_to(pid: int, number: signal.Signals) -> bool:
    """Whether it has a handler for that signal. False too if there is no such process."""
    try:
        lines = Path("/proc", str(pid), "status").read_text().splitlines()
    except OSError:
        return False
    caught = next((int(line.split()[1], 16) for line in lines if line.startswith("SigCgt:")), 0)
    return bool(caught >> (number - 1) & 1)


def described(pid: int) -> str:
    """`process 4711 (asterisk -f -C …)`."""
    words = command_line(pid)
    if len(words) > _LONGEST_COMMAND:
        words = words[:_LONGEST_COMMAND] + " …"
    return f"process {pid} ({words})" if words else f"process {pid}"


def holder_of(port: int, kind: int) -> str:
    """Who has this port, described; "another program" where this user may not see whose it is."""
    pid = _holder(set(_inodes(port, kind)))
    return described(pid) if pid else "another program"


def holder_of_path(path: str) -> int | None:
    """Who listens on this local socket; None: nobody; 0: this user may not see who."""
    rows = [row.split(None, 7) for row in Path("/proc/net/unix").read_text().splitlines()[1:]]
    inodes = {row[6] for row in rows if row[7:] == [path] and int(row[3], 16) & _ACCEPTS}
    return _holder(inodes) if inodes else None


def _holder(inodes: set[str]) -> int:
    sockets = {f"socket:[{inode}]" for inode in inodes}
    folders = Path("/proc").glob("[0-9]*") if sockets else ()
    return next((int(folder.name) for folder in folders if not sockets.isdisjoint(_open_sockets(folder))), 0)


def _inodes(port: int, kind: int) -> Iterator[str]:
    is_tcp = kind == socket.SOCK_STREAM
    for name in ("tcp", "tcp6") if is_tcp else ("udp", "udp6"):
        with contextlib.suppress(OSError):  # a machine without IPv6 has no such list
            for row in Path("/proc/net", name).read_text().splitlines()[1:]:
                words = row.split()
                if int(words[1].rpartition(":")[2], 16) == port and (not is_tcp or words[3] == _LISTENS):
                    yield words[9]


def _open_sockets(folder: Path) -> Iterator[str]:
    with contextlib.suppress(OSError):  # it ended meanwhile, or is another user's
        for one in (folder / "fd").iterdir():
            with contextlib.suppress(OSError):
                yield os.readlink(one)
