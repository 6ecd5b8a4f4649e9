"""A set that was just published reaches those who run: Asterisk takes over its files, every server process is told.

Beyond this machine nobody is reached; whoever starts later takes what is published by itself.
"""

import signal
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NoReturn

from sqlalchemy.exc import SQLAlchemyError

from hotline import as_found, asterisk_changes, asterisk_process, config_door
from hotline.asterisk_process import AsteriskFailed, AsteriskProgram
from hotline.other_processes import is_a_server, listens_to, may_be_a_server, other_process
from hotline.parts import FORGOTTEN_AFTER, STALE
from hotline.settings import Settings
from ivr.config_files.history import Entry
from ivr.config_files.rollback import take_back
from ivr.config_files.running import Running
from ivr.config_files.set_store import alone_in
from vocabulary.errors import HotlineError

TOLD: Final = signal.SIGUSR1
"""SIGHUP is a person's, and publishes what lies in the folder; who published already must not set that off."""
_WITHOUT_DATABASE: Final = (as_found.NoDatabase, as_found.WrongRevision, SQLAlchemyError)
_PUBLISHING: Final = "publishing"
_AS_WHOM: Final = "run this as that user or root"


class ServersNotTold(HotlineError):
    """The set is in force for the next start; some server that runs, or Asterisk, does not know it yet."""


class NothingChanged(HotlineError):
    """A publish that failed; what was in force is in force."""


@dataclass(frozen=True)
class Ready:
    """A set that was checked, with Asterisk's files for it: nothing of it is in force yet."""

    running: Running
    files: Mapping[str, str]

    @property
    def version(self) -> str:
        return self.running.configuration.version


def make_ready(settings: Settings, program: AsteriskProgram, running: Running) -> Ready:
    """Asks beforehand what can be known beforehand. Raises NotTaken, CannotRender, NothingChanged, OSError."""
    files = config_door.asterisk_files(settings, program, running)
    try:
        refused = _send(settings, None).refused
    except _WITHOUT_DATABASE:
        refused = ()  # a set must come into force without the database too: it is told behind it
    if refused:
        raise NothingChanged(f"{_anothers(refused)} cannot be told, so nothing has changed; {_AS_WHOM}")
    return Ready(running, files)


@contextmanager
def one_at_a_time(settings: Settings) -> Iterator[None]:
    """From the pointer to Asterisk's files: whose set was put in force last has its files there too."""
    with alone_in(settings.home_dir / _PUBLISHING):
        yield


def bring(
    settings: Settings,
    program: AsteriskProgram,
    ready: Ready,
    put: Callable[[], Entry | None],
    say: Callable[[str], None],
) -> None:
    """`put` puts the set in force, and gives its line of the history; then it is taken over. Raises what both raise."""
    with one_at_a_time(settings):
        entry = put()
        _take_over(settings, program, ready, say, entry)


def _take_over(
    settings: Settings,
    program: AsteriskProgram,
    ready: Ready,
    say: Callable[[str], None],
    entry: Entry | None,
) -> None:
    """Of a set that was just put in force. Says what happens, and what must wait.

    `entry`: names what was in force until then, and is again if Asterisk refuses the new files; None: there is no way back.
    Raises NothingChanged, ServersNotTold.
    """
    version = ready.version
    try:
        laid = asterisk_changes.lay(settings, program, config_door.etc_dir(settings), ready.files)
    except (HotlineError, OSError) as fault:
        folder = config_door.etc_dir(settings)
        is_gone = isinstance(fault, AsteriskFailed) and not asterisk_process.is_running(program, folder)
        if not is_gone:
            _go_back(settings, program, version, entry, fault)
        laid = asterisk_changes.Laid((), (), is_running=False)  # it went in the middle: a start reads it all
    for line in laid.waits:
        say(f"waits: {line}")
    if not laid.is_running:
        say("Asterisk does not run here; it reads its files when it starts")
    try:
        told = tell_servers(settings)
    except _WITHOUT_DATABASE as fault:
        raise ServersNotTold(
            f"configuration {version} is in force for Asterisk and for the next start, but which servers run cannot be "
            f"told ({as_found.first_line(fault)}): say `systemctl reload 'hotline@*'`"
        ) from fault
    say(
        f"configuration {version} is in force"
        if told.count
        else "no server runs on this machine; the next start takes it"
    )
    for pid, seconds in told.silent.items():
        say(
            f"process {pid} was told, but has reported nothing for {seconds} s: it takes the set when it goes on. "
            "`hotline status` names what the servers run; one that stays silent is to be restarted"
        )


def _go_back(
    settings: Settings, program: AsteriskProgram, version: str, entry: Entry | None, fault: Exception
) -> NoReturn:
    """The pointer first, then Asterisk's files, then whoever started meanwhile. Raises NothingChanged, or ServersNotTold
    where there is nothing to go back to."""
    before = entry.before if entry else None
    if entry is None or before is None or not take_back(settings.home_dir, version, before):
        raise ServersNotTold(
            f"configuration {version} is in force for the next start, but Asterisk did not take its files over, and the "
            f"servers were not told: {fault}. Then say `hotline reload`"
        ) from fault
    folder = settings.config_dir
    if entry.note.how == "rollback":
        said = (
            f"{fault}. Configuration {before} is in force as before; {folder} holds the files of {version} already, which "
            f"is not. `hotline menus rollback {before} --why TEXT` puts those of {before} back"
        )
    else:
        said = f"{fault}. Nothing has changed: configuration {before} is in force, what lies in {folder} is a draft"
    try:
        earlier = config_door.load_told(settings)
        files = config_door.asterisk_files(settings, program, earlier)
        asterisk_changes.lay(settings, program, config_door.etc_dir(settings), files)
    except (HotlineError, OSError) as again:
        said += f"; but Asterisk has not read its earlier files again yet ({again}): say `hotline asterisk render`"
    with suppress(*_WITHOUT_DATABASE, ServersNotTold):  # they were not told of the refused set either
        tell_servers(settings)
    raise NothingChanged(said) from fault


@dataclass(frozen=True)
class Told:
    """How many servers; of them those that may hang: process → seconds since it last reported. `refused` runs as another
    user."""

    count: int
    silent: Mapping[int, int]
    refused: tuple[int, ...]


def tell_servers(settings: Settings) -> Told:
    """The signal to every server process of this hotline on this machine.

    Raises NoDatabase, WrongRevision, ServersNotTold.
    """
    told = _send(settings, TOLD)
    if told.refused:
        raise ServersNotTold(f"{_anothers(told.refused)} was not told; {_AS_WHOM}")
    return told


def _send(settings: Settings, number: signal.Signals | None) -> Told:
    """None: only whether it could be sent. Raises NoDatabase, WrongRevision."""
    count, silent, refused = 0, {}, []
    for pid, since in _reported_here(settings).items():
        is_silent = since > STALE
        with other_process(pid) as process:
            # it may have ended since it reported, and another have its number, whom the signal would end
            if process is None or not (is_a_server(pid) if is_silent else may_be_a_server(pid)):
                continue
            try:
                # a server of a version before knows SIGHUP alone, and TOLD would end it
                process.signal(number if number is None or listens_to(pid, number) else signal.SIGHUP)
            except PermissionError:
                refused.append(pid)
                continue
        count += 1
        if is_silent:
            silent[pid] = round(since.total_seconds())
    return Told(count, silent, tuple(refused))


def _reported_here(settings: Settings) -> dict[int, timedelta]:
    """Processes of this machine, which may be gone → how long ago they reported."""
    here, now = f"{socket.gethostname()}:", datetime.now(UTC)
    with as_found.reading(settings) as session:
        reports = as_found.last_reports(session)
    found = {int(one.removeprefix(here)): now - at for one, at in reports.items() if one.startswith(here)}
    return {pid: since for pid, since in sorted(found.items()) if since <= FORGOTTEN_AFTER}


def _anothers(pids: Sequence[int]) -> str:
    return f"process {', '.join(map(str, pids))} runs as another user and"
