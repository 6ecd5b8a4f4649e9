"""What makes a sound ends in time, with all that it started; a signal to us waits for none of it."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from time import monotonic

import pytest
from support.waiting import wait_for

from ivr.prompts import programs
from ivr.prompts.programs import ProgramFailed, SoundsStopped, call, run
from ivr.prompts.rendering import Maker
from ivr.prompts.schema import PromptsFile
from ivr.prompts.side_by_side import side_by_side

AT_ONCE = 3.0
"""Seconds: far below the limits of a voice, far above what a busy machine needs."""


@pytest.fixture
def hanging(tmp_path: Path) -> Path:
    """A program that starts another, notes both, and hangs."""
    path = tmp_path / "hangs"
    path.write_text(
        f"#!/bin/sh\nsleep 600 &\necho $$ $! > {tmp_path}/noted.new\nmv {tmp_path}/noted.new {tmp_path}/noted\nwait\n"
    )
    path.chmod(0o755)
    return path


def noted(folder: Path) -> list[int]:
    path = folder / "noted"
    return [int(pid) for pid in path.read_text().split()] if path.exists() else []


def is_gone(pid: int) -> bool:
    """Dead, be it that nobody has taken note of it yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def all_gone(folder: Path) -> bool:
    pids = noted(folder)
    return len(pids) == 2 and all(map(is_gone, pids))


def test_what_a_program_started_ends_with_it(hanging: Path, tmp_path: Path) -> None:
    with pytest.raises(ProgramFailed, match="timed out after 1"):
        run([str(hanging)], seconds=1)
    wait_for(lambda: all_gone(tmp_path), AT_ONCE)


def test_of_many_complaints_the_last_line_is_told(tmp_path: Path) -> None:
    program = tmp_path / "fails"
    program.write_text(
        "#!/bin/sh\nfor n in 1 2 3; do echo warn $n >&2; done; echo AD lost sync >&2; exit 2\n"
    )
    program.chmod(0o755)
    with pytest.raises(ProgramFailed) as found:
        run([str(program)])
    assert found.value.why == "AD lost sync"


def test_what_a_program_left_behind_when_it_ended_ends_too(tmp_path: Path) -> None:
    """It holds the pipe on which we wait, so it is what hangs."""
    with pytest.raises(ProgramFailed, match="timed out after 1"):
        run(["sh", "-c", f"sleep 600 & echo $$ $! > {tmp_path}/noted"], seconds=1)
    wait_for(lambda: all_gone(tmp_path), AT_ONCE)


def test_a_program_that_works_gives_what_it_wrote() -> None:
    assert run(["cat"], b"x" * 300_000) == b"x" * 300_000
    assert run(["true"], b"x" * 300_000) == b"", "it need not listen"
    with pytest.raises(ProgramFailed, match="No such file"):
        run(["/no/such/program"])
    with pytest.raises(ProgramFailed, match="no licence"):
        run(["sh", "-c", "echo no licence >&2; exit 3"])


class Asked(threading.Thread):
    """Waits for a sound beside us, and keeps what came of it."""

    def __init__(self, work: object) -> None:
        super().__init__(daemon=True)
        self.work = work
        self.fault: SoundsStopped | None = None

    def run(self) -> None:
        try:
            self.work()  # type: ignore[operator]
        except SoundsStopped as fault:
            self.fault = fault


def test_whoever_waits_is_told_when_we_stop(hanging: Path, tmp_path: Path) -> None:
    entered, never = threading.Event(), threading.Event()

    def hang() -> None:
        entered.set()
        never.wait()

    asked = [Asked(lambda: run([str(hanging)])), Asked(lambda: call(hang))]
    for one in asked:
        one.start()
    wait_for(lambda: len(noted(tmp_path)) == 2 and entered.is_set(), 20)
    began = monotonic()
    with programs.all_stopped():
        for one in asked:
            one.join(AT_ONCE)
        assert [type(one.fault) for one in asked] == [SoundsStopped, SoundsStopped]
        with pytest.raises(SoundsStopped):
            run(["true"])
        with pytest.raises(SoundsStopped):
            call(lambda: 1)
    assert monotonic() - began < AT_ONCE
    wait_for(lambda: all_gone(tmp_path), AT_ONCE)
    never.set()
    assert (run(["true"]), call(lambda: 1)) == (b"", 1)


def test_a_process_that_ends_makes_no_sound_again_whatever_else_was_broken_off() -> None:
    """In a process of its own, since it is for good."""
    program = (
        "from ivr.prompts.programs import SoundsStopped, all_stopped, run, stop_all\n"
        "one, other = all_stopped(), all_stopped()\n"
        "one.__enter__(); other.__enter__()\n"
        "one.__exit__(None, None, None)\n"
        "def said():\n"
        "    try:\n"
        "        return run(['echo', 'a sound'])\n"
        "    except SoundsStopped:\n"
        "        return 'stopped'\n"
        "print(said())\n"
        "other.__exit__(None, None, None)\n"
        "print(said())\n"
        "with all_stopped():\n"
        "    stop_all()\n"
        "print(said())\n"
        "with all_stopped():\n"
        "    pass\n"
        "print(said())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines() == ["stopped", "b'a sound\\n'", "stopped", "stopped"]


def test_foreign_code_is_waited_for_no_longer_than_it_may() -> None:
    never = threading.Event()
    with pytest.raises(ProgramFailed, match=r"no sound after 0\.1 seconds"):
        call(never.wait, seconds=0.1)
    never.set()
    with pytest.raises(KeyError):
        call(lambda: {}["x"])


def test_a_signal_ends_what_is_being_made_side_by_side(hanging: Path, tmp_path: Path) -> None:
    """The voice is asked for one sound at a time: the next must not begin when the first is ended, nor another voice serve."""
    file = PromptsFile.model_validate(
        {
            "voice": {"engine": "command", "command": [str(hanging)]},
            "prompts": {f"p{n}": {"zh": f"第{n}个"} for n in range(12)},
        }
    )

    def interrupt() -> None:
        wait_for(lambda: len(noted(tmp_path)) == 2, 20)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        Maker(file, tmp_path / "recorded", tmp_path / "cache").library(["zh"])
    wait_for(lambda: all_gone(tmp_path), AT_ONCE)
    assert not list((tmp_path / "cache").glob("*"))
    assert side_by_side(lambda one: one, [1, 2]) == [1, 2]
