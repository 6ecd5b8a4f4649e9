"""The commands that start, stop and change a real Asterisk, each as a program of its own."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.running_hotline import RunningHotline
from support.story_line import Line
from support.waiting import wait_for

from hotline import asterisk_process, config_door


class Plan(RunningHotline):
    """Config files, database and ports; nothing runs."""

    def says(self, line: str, *more: str, code: int = 0) -> str:
        """What the command says on the one channel or, when it must end with `code`, on the other."""
        done = self.type(line, *more)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout if code == 0 else done.stderr


@pytest.fixture
def plan() -> Iterator[Plan]:
    plan = Plan()
    plan.lay_out()
    try:
        yield plan
    finally:
        plan.says("asterisk down")
        plan.stop()


def test_asterisk_is_started_changed_and_stopped(plan: Plan) -> None:
    aside = plan.home / "aside"
    said = plan.says("asterisk render --to", str(aside))
    assert "extensions.conf" in said
    assert (aside / "extensions.conf").read_text() == (
        plan.settings.asterisk_dir / "etc" / "extensions.conf"
    ).read_text()

    assert " is running (process " in plan.says("asterisk up")
    assert plan.says("asterisk up") == "Asterisk is running already\n"
    said = plan.says("agent add 2001 王芳 -q line1")
    assert said == "agent 2001 王芳: stored, SIP account ready in Asterisk\n"
    assert "agent-2001" in plan.ask("pjsip show endpoints")

    assert plan.says("asterisk render") == "changed: nothing\n"
    plan.change("hotline.yaml", lambda found: found["queues"][0].update(ring_seconds=17))
    said = plan.says("asterisk render")
    assert said.startswith("changed: nothing\nNOT IN FORCE: 1 file differs in ")
    assert "hotline.yaml (changed), last saved 20" in said
    plan.says("menus publish --why", "rings longer")
    rendered = (plan.settings.asterisk_dir / "etc" / "queues.conf").read_text()
    assert "timeout = 17" in rendered

    plan.change("hotline.yaml", lambda found: found.update(nonsense=1))
    said = plan.says("asterisk render")
    assert said.startswith("changed: nothing\nNOT IN FORCE: ")
    assert "nonsense" in said
    assert (plan.settings.asterisk_dir / "etc" / "queues.conf").read_text() == rendered

    assert plan.says("asterisk down") == "Asterisk has stopped\n"
    assert plan.says("asterisk down") == "Asterisk is not running\n"


def test_call_status_and_doctor_of_a_running_hotline(hotline: RunningHotline, line: Line) -> None:
    line.agent(talk=20)
    citizen = hotline.new_citizen()
    typed = [
        f"call {line.number} --caller {citizen} --seconds 1 --wait 20",
        "status",
        "doctor",
    ]
    said = [hotline.type(words).stdout for words in typed]
    assert "ended: answered" in said[0]
    assert said[1].startswith("The hotline is up.")
    assert " 0 FAIL" in said[2]
    [record] = wait_for(lambda: line.calls(citizen))
    assert record["outcome"] == "answered"


def test_an_asterisk_that_hangs_is_named_by_up_and_killed_by_down(plan: Plan) -> None:
    """`up` never kills by force: it says which process is in the way, and what ends it."""
    plan.says("asterisk up")
    pid = asterisk_process.listening_process(config_door.etc_dir(plan.settings))
    assert pid
    os.kill(pid, signal.SIGSTOP)
    try:
        said = plan.says("up", code=1)
        assert f"an Asterisk of this state folder still runs (process {pid} (" in said
        assert "cannot be ended: Asterisk did not answer" in said
        assert "`hotline asterisk down` ends it by force" in said
        assert said.count("\n") == 1
        assert plan.says("asterisk down") == "Asterisk has stopped\n"
        wait_for(lambda: not Path("/proc", str(pid)).exists() or is_zombie(pid))
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def is_zombie(pid: int) -> bool:
    """Ended; whoever adopted it has not asked yet."""
    return Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[0] == "Z"
