"""What `scripts/up` runs: one command starts all, a bad file degrades it, and Ctrl-C leaves nothing behind."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support import sounds_kept
from support.command_line import run_command
from support.running_hotline import REPOSITORY, TEST_CHANGES, RunningHotline
from support.set_up_checkout import a_set_up_checkout
from support.sipp import free_port
from support.waiting import wait_for

from hotline import asterisk_process, defaults_door


@dataclass
class Trial:
    """`hotline up` as a newcomer runs it, on ports of its own."""

    plan: RunningHotline = field(default_factory=RunningHotline)
    process: subprocess.Popen[str] | None = None

    def shorten_prompts(self) -> None:
        """For stories that are about something else: the config is laid out before the start, with one word to say."""
        defaults_door.lay_out(self.plan.settings.config_dir)
        self.plan.change("prompts.yaml", TEST_CHANGES["prompts.yaml"])
        sounds_kept.lay_in(self.plan.settings)

    def start(self, *command: str | Path) -> None:
        out = (self.plan.home / "up.log").open("w")
        self.process = subprocess.Popen(
            command or [sys.executable, "-m", "hotline.cli", "up"],
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

    def clear(self) -> None:
        if self.process is not None and not self.has_ended:
            self.end()
        self.plan.stop()

    def press_ctrl_c(self) -> int:
        """The terminal sends it to the whole process group, which holds more than the command itself."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(30)

    def runs(self, words: bytes) -> bool:
        """A process of this trial has `words` on its command line."""
        return any(words in command_line(pid) for pid in self.processes())

    def open_sockets(self) -> "list[Listening]":
        """Where this trial's processes listen (TCP) or receive (UDP)."""
        own = {link for pid in self.processes() for link in socket_links(pid)}
        return [one for one in all_sockets() if f"socket:[{one.inode}]" in own]


@dataclass(frozen=True)
class Listening:
    """One row of /proc/net: a TCP socket that listens, or a UDP socket that no peer is bound to."""

    kind: str
    address: str
    port: int
    inode: str


def all_sockets() -> list[Listening]:
    found = []
    for kind in ("tcp", "tcp6", "udp", "udp6"):
        for row in Path("/proc/net", kind).read_text().splitlines()[1:]:
            words = row.split()
            address, port = words[1].split(":")
            waits = words[3] == ("0A" if kind.startswith("tcp") else "07")
            if waits:
                found.append(Listening(kind, address, int(port, 16), words[9]))
    return found


def command_line(pid: str) -> bytes:
    try:
        return Path("/proc", pid, "cmdline").read_bytes().replace(b"\0", b" ")
    except (FileNotFoundError, ProcessLookupError):
        return b""


def socket_links(pid: str) -> Iterator[str]:
    for handle in Path("/proc", pid, "fd").glob("*"):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            yield os.readlink(handle)


LOOPBACK = {"0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"}
"""127.0.0.1, ::1 and 127.0.0.1 as IPv6, as the kernel writes them on machines of this byte order."""


@pytest.fixture
def trial() -> Iterator[Trial]:
    trial = Trial()
    yield trial
    trial.clear()


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
    greeting = trial.said.rpartition("The hotline is ready.")[2]
    assert "WARNING          NOT IN FORCE: 1 file differs in " in greeting
    assert "hotline.yaml:" in greeting
    assert "hotline reload" in greeting
    ready = trial.plan.get("/readyz")
    assert not ready["is_degraded"], "what runs is what was published"
    assert ready["parts"]["config"]["detail"]["unpublished_files"] == 1
    assert accounts.read_text() == words  # nothing is made twice
    assert trial.end(signal.SIGTERM) == 0
    assert trial.processes() == []


STARTS = {
    "while prompts are made": b"sleep 97",
    "while Asterisk comes up": b"asterisk.conf",
    "while the server loads": b"hotline.cli serve",
}


def test_a_signal_during_the_start_leaves_nothing_behind(trial: Trial, tmp_path: Path) -> None:
    """SIGTERM, SIGINT and a Ctrl-C of the terminal at each stage of a start that is seen under way."""
    slow_voice = tmp_path / "espeak-ng"
    slow_voice.write_text("#!/bin/sh\nexec sleep 97\n")
    slow_voice.chmod(0o755)
    path = os.environ["PATH"]
    ways = {"SIGTERM": trial.end, "SIGINT": lambda: trial.end(signal.SIGINT), "Ctrl-C": trial.press_ctrl_c}
    for stage, words in STARTS.items():
        trial.plan.variables["PATH"] = f"{tmp_path}:{path}" if stage == "while prompts are made" else path
        for name, end in ways.items():
            trial.start()
            wait_for(lambda words=words: trial.runs(words) or trial.has_ended, 60, stage)
            assert not trial.has_ended, trial.said
            assert end() == 0, (stage, name, trial.said)
            assert trial.said.endswith("stopped\n"), (stage, name, trial.said)
            assert trial.processes() == [], (stage, name)


def test_scripts_up_is_ended_by_ctrl_c_and_everything_is_on_loopback(trial: Trial, tmp_path: Path) -> None:
    program = Path(sys.prefix) / "bin" / "hotline"
    text = program.read_text()
    trial.start(a_set_up_checkout(tmp_path) / "scripts" / "up")
    trial.wait_ready()
    assert "installing Python packages" not in trial.said
    assert program.read_text() == text
    settings = trial.plan.settings
    listening = trial.open_sockets()
    ports = {one.port for one in listening if one.kind.startswith("tcp")}
    assert {
        settings.http_port,
        settings.agi_port,
        settings.ami_port,
        settings.asterisk_http_port,
        settings.sip_port,
    } <= ports
    voice = range(settings.rtp_start, settings.rtp_end + 1)
    for one in listening:
        # Asterisk has UDP sockets of its own that no setting of ours names: those are not looked at here
        if one.kind.startswith("tcp") or one.port == settings.sip_port or one.port in voice:
            assert one.address in LOOPBACK, one
    assert any(one.kind == "udp" and one.port == settings.sip_port for one in listening)
    assert trial.press_ctrl_c() == 0, trial.said
    assert trial.processes() == []


def test_a_trunk_that_never_answers_is_named_and_holds_nobody_up(trial: Trial) -> None:
    trial.shorten_prompts()
    silent = {"name": "carrier-z", "mode": "address", "host": "127.0.0.9", "port": free_port()}

    def with_silent_trunk(found: dict[str, Any]) -> None:
        found["trunks"].append(silent)
        found["site"]["area_code"] = (
            "0355"  # YAML 1.1, which the tests write with, reads a bare 0355 as octal
        )

    trial.plan.change("hotline.yaml", with_silent_trunk)
    trial.start()
    trial.wait_ready()
    assert 'the trunk "carrier-z" (127.0.0.9) does not answer' in trial.said
    done = run_command(["call", "12345", "--caller", "13900000003", "--wait", "1"], trial.plan.variables)
    assert "ended: no_agent" in done.stdout, done.stdout + done.stderr
    assert trial.end() == 0
    assert trial.processes() == []


def listener_of(trial: Trial) -> str:
    """The process that reads queue_log now; "": nobody says so."""
    try:
        return str(trial.plan.get("/readyz")["parts"]["listener"]["process"].rpartition(":")[2])
    except (OSError, AssertionError):
        return ""


def test_two_hotlines_on_one_machine_do_not_meet(trial: Trial) -> None:
    """Each with its own HOTLINE_HOME and ports; a call into one is in its own records only."""
    other = Trial()
    try:
        for one in (trial, other):
            one.shorten_prompts()
            one.start()
        for one, caller in ((trial, "13900000001"), (other, "13900000002")):
            one.wait_ready()
            words = (one.plan.home / "first-start-accounts.txt").read_text()
            one.plan.token = words.split("admin token: ")[1].split()[0]
            done = run_command(["call", "12345", "--caller", caller, "--wait", "1"], one.plan.variables)
            assert "ended: no_agent" in done.stdout, done.stdout + done.stderr
        for one, ending in ((trial, "0001"), (other, "0002")):
            calls = one.plan.get("/api/calls")["items"]
            assert [call["number_masked"][-4:] for call in calls] == [ending]
            arrived = [row for row in one.plan.queue_log if row[4] == "HOTLINE_ARRIVED"]
            assert [row[5][-4:] for row in arrived] == [ending]
        assert other.press_ctrl_c() == 0
        assert other.processes() == []
        assert trial.plan.is_ready()
    finally:
        other.clear()


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
    trial.shorten_prompts()
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
    # it takes the dead one's lease some seconds after it answers for the first time, so `up` has seen it alive by then
    wait_for(lambda: listener_of(trial) == str(second), 40)
    wait_for(trial.plan.is_ready, 30)
    os.kill(second, signal.SIGSTOP)
    wait_for(lambda: (pid := server()) not in (0, second) and pid, 60)
    wait_for(trial.plan.is_ready, 30)


def test_a_start_after_a_kill_ends_what_was_left_and_a_second_one_is_refused(trial: Trial) -> None:
    """`hotline up` alone gets SIGKILL; Asterisk and the server live on, with a call in it."""
    trial.shorten_prompts()
    trial.start()
    trial.wait_ready()
    folder = trial.plan.settings.asterisk_dir / "etc"
    program = asterisk_process.find(trial.plan.settings.asterisk_root)

    second = subprocess.run(
        [sys.executable, "-m", "hotline.cli", "up"],
        env={**os.environ, **trial.plan.variables},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert trial.process is not None
    assert second.returncode == 1
    assert f"runs already on {trial.plan.home} (process {trial.process.pid})" in second.stderr
    assert second.stderr.count("\n") == 1
    assert trial.plan.is_ready()

    asterisk_process.ask(program, folder, "dialplan set global HOTLINE_TEST_SECONDS 120")
    asterisk_process.ask(program, folder, "channel originate Local/s@test-citizen application Wait 120")
    calls = wait_for(lambda: asterisk_process.calls_up(program, folder))
    trial.process.kill()
    trial.process.wait()
    left = set(trial.processes())
    assert trial.runs(b"asterisk.conf")
    assert trial.runs(b"hotline.cli serve")

    trial.start()
    trial.wait_ready()
    assert "a server that an earlier start left behind still runs" in trial.said
    assert "an Asterisk of this state folder still runs" in trial.said
    assert f"ending it, {calls} call" in trial.said
    assert "Asterisk stopped" not in trial.said
    assert left.isdisjoint(trial.processes())

    [pasted] = [line.split("A test call")[1] for line in trial.said.splitlines() if "A test call" in line]
    done = subprocess.run(
        ["sh", "-c", f"{pasted} --wait 1"],
        env={"PATH": os.environ["PATH"]},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "ended: no_agent" in done.stdout, done.stdout + done.stderr
    assert trial.end() == 0
    assert trial.processes() == []
