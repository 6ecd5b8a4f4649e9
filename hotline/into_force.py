"""A set that was just published reaches those who run: Asterisk takes over its files, every server process is told.

Beyond this machine nobody is reached; whoever starts later takes what is published by itself.
"""

import signal
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from hotline import as_found, asterisk_changes, config_door
from hotline.asterisk_process import AsteriskProgram
from hotline.other_processes import may_be_a_server, other_process
from hotline.settings import Settings
from ivr.config_files.running import Running
from vocabulary.errors import HotlineError

TOLD: Final = signal.SIGUSR1
"""SIGHUP is a person's, and publishes what lies in the folder; who published already must not set that off."""


class ServersNotTold(HotlineError):
    """The set is in force for Asterisk and for the next start; some server that runs does not know it yet."""


def take_over(
    settings: Settings, program: AsteriskProgram, running: Running, say: Callable[[str], None]
) -> None:
    """Says what happens, and what must wait. Raises ServersNotTold."""
    version = running.configuration.version
    files = config_door.asterisk_files(settings, program, running)
    try:
        laid = asterisk_changes.lay(settings, program, config_door.etc_dir(settings), files)
    except HotlineError as fault:
        raise ServersNotTold(
            f"configuration {version} is in force for the next start, but Asterisk did not take its files over, and the "
            f"servers were not told: {fault}. Then say `hotline reload`"
        ) from fault
    for line in laid.waits:
        say(f"waits: {line}")
    try:
        told = tell_servers(settings)
    except (as_found.NoDatabase, as_found.WrongRevision, SQLAlchemyError) as fault:
        raise ServersNotTold(
            f"configuration {version} is in force for Asterisk and for the next start, but which servers run cannot be "
            f"told ({as_found.first_line(fault)}): say `systemctl reload 'hotline@*'`"
        ) from fault
    say(
        f"configuration {version} is in force"
        if told
        else "no server runs on this machine; the next start takes it"
    )


def tell_servers(settings: Settings) -> int:
    """The signal to every server process of this hotline on this machine that reported lately; how many.

    Raises NoDatabase, WrongRevision, ServersNotTold.
    """
    here = f"{socket.gethostname()}:"
    with as_found.reading(settings) as session:
        processes = as_found.running_processes(session, datetime.now(UTC))
    pids = [int(one.removeprefix(here)) for one in processes if one.startswith(here)]
    refused, told = [], 0
    for pid in pids:
        with other_process(pid) as process:
            # it may have ended since it reported, and another have its number, whom the signal would end
            if process is None or not may_be_a_server(pid):
                continue
            try:
                process.signal(TOLD)
                told += 1
            except PermissionError:
                refused.append(str(pid))
    if refused:
        numbers = ", ".join(refused)
        raise ServersNotTold(
            f"process {numbers} runs as another user and was not told; run this as that user or root"
        )
    return told
