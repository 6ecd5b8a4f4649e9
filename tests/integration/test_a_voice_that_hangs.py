"""A voice of the site's that hangs holds up no stop of the server, and outlives it in no way."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support import sounds_kept
from support.command_line import run_command
from support.repository import ROOT
from support.sipp import free_port
from support.slim_config import lay_out_with_one_example
from support.waiting import wait_for

from hotline.settings import Settings

STOPS_WITHIN = 12.0
"""Seconds, on a machine that is busy with other tests: alone it is one. The voice would take twenty."""


@dataclass
class Site:
    folder: Path
    server: subprocess.Popen[bytes] | None = None
    ports: dict[str, str] = field(
        default_factory=lambda: {
            f"HOTLINE_{name}_PORT": str(free_port(socket.SOCK_STREAM))
            for name in ("HTTP", "AGI", "AMI", "ASTERISK_HTTP")
        }
    )

    @property
    def variables(self) -> dict[str, str]:
        return {"HOTLINE_HOME": str(self.folder / "home"), **self.ports}

    @property
    def log(self) -> str:
        path = self.folder / "server.log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def voice_hangs(self) -> None:
        voice, noted = self.folder / "voice", self.folder / "noted"
        voice.write_text(f"#!/bin/sh\nsleep 600 &\necho $$ $! > {noted}.new\nmv {noted}.new {noted}\nwait\n")
        voice.chmod(0o755)
        prompts = self.folder / "home" / "config" / "prompts.yaml"
        chosen = f"engine: command\n  command: [{voice}]"
        text, changed = re.subn("engine: espeak.*", chosen, prompts.read_text("utf-8"), count=1)
        assert changed == 1
        prompts.write_text(text, "utf-8")

    def starts(self) -> subprocess.Popen[bytes]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HOTLINE_")}
        with (self.folder / "server.log").open("ab") as out:
            self.server = subprocess.Popen(
                [sys.executable, "-m", "hotline.cli", "serve"],
                env=kept | self.variables,
                cwd=ROOT,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        return self.server

    def pids(self) -> list[int]:
        noted = self.folder / "noted"
        return [int(pid) for pid in noted.read_text().split()] if noted.exists() else []

    def is_clean(self) -> bool:
        return all(not Path(f"/proc/{pid}").exists() or _is_dead(pid) for pid in self.pids())


def _is_dead(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    lay_out_with_one_example(tmp_path / "home" / "config")
    one = Site(tmp_path)
    yield one
    if one.server is not None and one.server.poll() is None:
        one.server.kill()
        one.server.wait()
    for pid in one.pids():
        with suppress(ProcessLookupError):  # as it should be
            os.kill(pid, signal.SIGKILL)


def stopped_in_time(site: Site, server: subprocess.Popen[bytes]) -> None:
    wait_for(lambda: len(site.pids()) == 2, 60)
    server.send_signal(signal.SIGTERM)
    server.wait(STOPS_WITHIN)
    wait_for(site.is_clean, 3)
    assert "cannot serve" not in site.log, "it was we who ended it"


def test_a_server_that_starts_is_stopped_at_once(site: Site) -> None:
    site.voice_hangs()
    stopped_in_time(site, site.starts())


def test_a_server_that_takes_over_new_files_is_stopped_at_once(site: Site) -> None:
    settings = Settings(home=str(site.folder / "home"))
    sounds_kept.lay_in(settings)
    assert run_command(["migrate"], site.variables).returncode == 0
    server = site.starts()
    wait_for(lambda: "Uvicorn running" in site.log or server.poll() is not None, 60)
    assert server.poll() is None, site.log
    sounds_kept.keep(settings)
    site.voice_hangs()
    server.send_signal(signal.SIGHUP)
    stopped_in_time(site, server)
