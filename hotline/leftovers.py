"""One `hotline up` for a state folder; and what one that was killed left running is ended by the next.

Asterisk and the server outlive a killed `hotline up`, so that calls go on; but two of either would fight over ports,
control socket and database, so a new start does not begin beside them.
"""

import fcntl
import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TextIO

from hotline import asterisk_process, config_door
from hotline.asterisk_process import AsteriskFailed, AsteriskProgram
from hotline.other_processes import command_line, described, other_process, started_at
from hotline.ports import refuse_taken
from hotline.settings import Settings
from vocabulary.errors import HotlineError

_SERVER_SECONDS: Final = 10.0
_NOTE_BYTES: Final = 120
_SERVER: Final = "hotline.cli serve"


UP: Final = "hotline up"
RESTORE: Final = "hotline restore"


class UpRunsAlready(HotlineError):
    """The state folder has a `hotline up` that lives, or is being restored."""

    def __init__(self, home: Path, holder: str, pid: object) -> None:
        if holder == RESTORE:
            said = "is at work on {home} (process {pid}): wait until it has ended"
        else:
            said = (
                "runs already on {home} (process {pid}): end that one first, by Ctrl-C in its terminal or "
                "`kill {pid}`; for a second hotline beside it see README.md"
            )
        super().__init__(f"`{holder}` {said.format(home=home, pid=pid)}")


class CannotEndAsterisk(AsteriskFailed):
    """The Asterisk of this state folder runs, and did not end when it was told to."""


@dataclass(frozen=True)
class StartedServer:
    """A process, and not a later one with the same number. `started_at`: kernel's ticks."""

    pid: int
    started_at: int


@dataclass
class UpNote:
    """In the file that a living `hotline up` holds locked: which process that is, and which server it started."""

    file: TextIO
    left: StartedServer | None
    holder: str = UP

    def server_started(self, pid: int) -> None:
        """Raises OSError."""
        self.write(StartedServer(pid, started_at(pid)))

    def write(self, server: StartedServer | None) -> None:
        """Raises OSError. Over what stands there, in the same length: a full disk takes that, and a kill leaves one or the
        other."""
        note = {
            "holder": self.holder,
            "up": os.getpid(),
            "server": [server.pid, server.started_at] if server else None,
        }
        os.pwrite(self.file.fileno(), json.dumps(note).ljust(_NOTE_BYTES).encode(), 0)


@contextmanager
def only_one(settings: Settings, holder: str = UP) -> Iterator[UpNote]:
    """Holds the state folder until this process ends, however it ends. Raises UpRunsAlready."""
    home = settings.home_dir
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open(os.open(home / "up.lock", os.O_RDWR | os.O_CREAT, 0o600), "r+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held = _read(file)
            raise UpRunsAlready(home, held.get("holder", UP), held.get("up", "unknown")) from None
        server = _read(file).get("server")
        note = UpNote(file, StartedServer(*server) if server else None, holder)
        note.write(note.left)
        yield note


def _read(file: TextIO) -> dict[str, Any]:
    """Empty when the machine went down in the middle of a note."""
    file.seek(0)
    try:
        found = json.loads(file.read())
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def clear(
    settings: Settings, program: AsteriskProgram, left: StartedServer | None, say: Callable[[str], None]
) -> None:
    """Ends the server and the Asterisk that an earlier start left behind, and says so; afterwards every port is free.

    Raises PortsAreTaken, CannotEndAsterisk. The server's ports come first: where a server runs that no `hotline up` started,
    this is no trial, and its Asterisk is left alone.
    """
    if left is not None:
        _end_server(left, say)
    refuse_taken(settings, of_asterisk=False)
    end_asterisk(program, config_door.etc_dir(settings), say)
    refuse_taken(settings, of_asterisk=True)


def _end_server(left: StartedServer, say: Callable[[str], None]) -> None:
    with other_process(left.pid) as process:
        if (
            process is None
            or started_at(left.pid) != left.started_at
            or _SERVER not in command_line(left.pid)
        ):
            return
        say(f"a server that an earlier start left behind still runs (process {left.pid}); ending it …")
        process.signal(signal.SIGTERM)
        if not process.has_ended_within(_SERVER_SECONDS):
            process.signal(signal.SIGKILL)
            process.has_ended_within(_SERVER_SECONDS)


def end_asterisk(program: AsteriskProgram, etc_dir: Path, say: Callable[[str], None]) -> None:
    """The one that listens on this folder's control socket, if any. Says what calls that costs. Raises CannotEndAsterisk."""
    pid = asterisk_process.listening_process(etc_dir)
    if pid is None:
        return
    who = f"an Asterisk of this state folder still runs ({described(pid)})"
    try:
        calls = asterisk_process.calls_up(program, etc_dir)
        cut = {0: "no call is up", 1: "1 call that is up is cut"}.get(
            calls, f"{calls} calls that are up are cut"
        )
        say(f"{who}; ending it, {cut} …")
        asterisk_process.end(program, etc_dir)
    except AsteriskFailed as fault:
        raise CannotEndAsterisk(
            f"{who} and cannot be ended: {fault}. `hotline asterisk down` ends it by force; then start again"
        ) from fault
