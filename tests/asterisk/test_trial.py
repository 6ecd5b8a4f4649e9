"""What `scripts/up` runs: one command starts all, a bad file degrades it, and Ctrl-C leaves nothing behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support.running_hotline import REPOSITORY, RunningHotline
from support.waiting import wait_for


@dataclass
class Trial:
    """`hotline up` as a newcomer runs it, on ports of its own."""

    plan: RunningHotline = field(default_factory=RunningHotline)
    process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        out = (self.plan.home / "up.log").open("w")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hotline.cli", "up"],
            env={**os.environ, **self.plan.variables},
            cwd=REPOSITORY,
            stdout=out,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        out.close()

    @property
    def said(self) -> str:
        return (self.plan.home / "up.log").read_text()

    def wait_ready(self) -> None:
        wait_for(lambda: "Ctrl-C stops everything" in self.said or self.has_ended, 60, self.said)
        assert not self.has_ended, self.said

    @property
    def has_ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def processes(self) -> list[str]:
        """Everything on this machine that was started with this trial's folder or environment."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                seen = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            except (FileNotFoundError, PermissionError, ProcessLookupError):
                continue
            if str(self.plan.home).encode() in seen and state != "Z":
                found.append(entry.name)
        return found

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(30)


@pytest.fixture
def trial() -> Iterator[Trial]:
    trial = Trial()
    yield trial
    if trial.process is not None and not trial.has_ended:
        trial.end()
    trial.plan.stop()


def test_one_command_starts_all_and_ctrl_c_ends_all(trial: Trial) -> None:
    trial.start()
    trial.wait_ready()
    home = trial.plan.home
    accounts = home / "first-start-accounts.txt"
    assert str(accounts) in trial.said
    for secret in (
        accounts,
        home / "secrets.json",
        home / "keys" / "keys.json",
        home / "asterisk" / "etc" / "manager.conf",
    ):
        assert secret.stat().st_mode & 0o777 == 0o600, secret
    words = accounts.read_text()
    token = words.split("admin token: ")[1].split()[0]
    assert token not in trial.said
    trial.plan.token = token
    assert [agent["agent_no"] for agent in trial.plan.get("/api/agents")["items"]] == ["1001", "1002"]
    assert len(trial.processes()) >= 3
    assert trial.end(signal.SIGINT) == 0
    assert trial.processes() == []

    (home / "config" / "hotline.yaml").write_text("site: {\n")
    trial.start()
    trial.wait_ready()
    assert "DEGRADED" in trial.said
    assert "hotline.yaml:" in trial.said
    assert trial.plan.get("/readyz")["is_degraded"]
    assert accounts.read_text() == words  # nothing is made twice
    assert trial.end(signal.SIGTERM) == 0
    assert trial.processes() == []


def test_a_first_start_with_a_bad_file_refuses_and_says_why(trial: Trial) -> None:
    folder = trial.plan.settings.config_dir
    folder.mkdir(parents=True)
    (folder / "hotline.yaml").write_text("site: {name: x\n")
    trial.start()
    assert trial.process is not None
    assert trial.process.wait(60) == 1
    assert "hotline.yaml:" in trial.said
    assert "Mend the files and start again" in trial.said
    assert "Traceback" not in trial.said
    assert trial.processes() == []


def test_without_an_asterisk_both_remedies_are_named(trial: Trial) -> None:
    empty = trial.plan.home / "no-asterisk"
    empty.mkdir()
    trial.plan.variables["HOTLINE_ASTERISK_ROOT"] = str(empty)
    trial.start()
    assert trial.process is not None
    assert trial.process.wait(60) == 1
    assert "holds no Asterisk" in trial.said
    assert "install an Asterisk 22 or newer" in trial.said
    assert "let scripts/up make a private root folder" in trial.said
    assert "Traceback" not in trial.said


def test_a_server_that_died_or_froze_is_started_anew(trial: Trial) -> None:
    trial.start()
    trial.wait_ready()

    def server() -> int:
        for pid in trial.processes():
            if b"hotline.cli\x00serve" in Path("/proc", pid, "cmdline").read_bytes():
                return int(pid)
        return 0

    first = wait_for(server)
    os.kill(first, signal.SIGKILL)
    second = wait_for(lambda: (pid := server()) != first and pid, 20)
    wait_for(trial.plan.is_ready, 30)
    os.kill(second, signal.SIGSTOP)
    wait_for(lambda: (pid := server()) not in (0, second) and pid, 60)
    wait_for(trial.plan.is_ready, 30)
