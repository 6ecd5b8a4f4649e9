"""Servers that run are told to take what was published, and nobody else is."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from support import sounds_kept
from support.terminal import Terminal

from hotline import as_found, bootstrap, database, into_force
from hotline.into_force import ServersNotTold
from hotline.parts import report_process
from hotline.settings import Settings


@contextmanager
def a_process(*words: str, by: str = "SIGUSR1") -> Iterator[subprocess.Popen[str]]:
    """Called by these words; says when it was told."""
    program = (
        "import signal\n"
        f"signal.signal(signal.{by}, lambda *_: print('told', flush=True))\n"
        "print('up', flush=True)\n"
        "while True: signal.pause()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, *words], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def _reported(shell: Terminal, home: Path, *pids: int, ago: timedelta = timedelta()) -> Settings:
    """A hotline of which these processes of this machine say that they are its servers, or said so some time `ago`."""
    settings = Settings.model_validate({"home": home, "config": shell.config})
    database.migrate(settings.database)
    own = bootstrap.build(settings)
    with own.database.writing() as session:
        for pid in pids:
            report_process(session, f"{socket.gethostname()}:{pid}", own.now() - ago)
    return settings


def test_only_servers_are_told_to_reload(shell: Terminal, tmp_path: Path) -> None:
    """The signal would end whoever else has the number of a server that is gone."""
    with (
        a_process("/opt/hotline/.venv/bin/hotline", "serve", "--only", "agi") as one,
        a_process("-m", "hotline.cli", "serve") as other,
        a_process("-m", "hotline.cli", "serve", by="SIGHUP") as of_an_older_version,
        a_process("less", "hotline.log") as stranger,
    ):
        servers = (one, other, of_an_older_version)
        pids = [server.pid for server in servers]
        assert into_force.tell_servers(_reported(shell, tmp_path, *pids, stranger.pid, 999999)).count == 3
        for told in servers:
            assert told.stdout is not None
            assert told.stdout.readline() == "told\n"
        stranger.kill()
        assert stranger.stdout is not None
        assert stranger.stdout.read() == ""


def test_a_server_of_another_user_is_named_in_one_line(
    shell: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_handle: int, _signal: int) -> None:
        raise PermissionError

    with a_process("-m", "hotline.cli", "serve") as server:
        settings = _reported(shell, tmp_path, server.pid)
        monkeypatch.setattr(signal, "pidfd_send_signal", refuse)  # for root no process is another's
        with pytest.raises(ServersNotTold) as refused:
            into_force.tell_servers(settings)
    said = str(refused.value)
    assert said.startswith(f"process {server.pid} runs as another user")
    assert "\n" not in said


def test_a_server_that_has_long_said_nothing_is_told_too_and_named(shell: Terminal, tmp_path: Path) -> None:
    """One that hangs for a while takes the set when it goes on; who has its number by now is left alone."""
    with (
        a_process("-m", "hotline.cli", "serve") as hanging,
        a_process("less", "hotline.log") as stranger,
    ):
        settings = _reported(shell, tmp_path, hanging.pid, stranger.pid, ago=timedelta(seconds=25))
        told = into_force.tell_servers(settings)
        assert (told.count, list(told.silent)) == (1, [hanging.pid])
        assert hanging.stdout is not None
        assert hanging.stdout.readline() == "told\n"
        assert 25 <= told.silent[hanging.pid] < 60
        assert stranger.poll() is None
        ours = {"HOTLINE_CONFIG": str(shell.config), "HOTLINE_HOME": str(tmp_path)}
        said = shell.type("menus publish --why", "begin", **ours)
        assert f"process {hanging.pid} was told, but has reported nothing for " in said
        assert "no server runs" not in said


def test_a_reload_whose_servers_cannot_be_told_says_what_is_in_force(
    shell: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The set is published, and Asterisk has it: who reads only a fault would think that nothing happened."""

    def away(_: Settings) -> int:
        raise as_found.NoDatabase("there is no database at nowhere")

    monkeypatch.setattr(into_force, "tell_servers", away)
    sounds_kept.lay_in(shell.settings)
    said = shell.type("reload", code=1)
    assert "is in force for Asterisk and for the next start" in said
    assert "there is no database at nowhere" in said
    assert "systemctl reload" in said
