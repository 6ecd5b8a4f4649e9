"""scripts/test with a stub for pytest: its last line, its limits, its signals; and how scripts/up takes paths."""

import hashlib
import shutil
import signal
from pathlib import Path

import pytest
from support.agi_peer import wait_until
from support.stub_machine import Machine

from hotline.settings import Settings


@pytest.fixture
def tests(machine: Machine) -> Machine:
    """A checkout whose environment is there; pytest is a stub, and a minute of `timeout` is a tenth of a second."""
    venv = machine.root / ".venv"
    (venv / "bin").mkdir(parents=True)
    digest = hashlib.sha256((machine.root / "requirements-dev.txt").read_bytes()).hexdigest()
    (venv / ".stamp").write_text(f"requirements-dev.txt {digest}  - {machine.root} cpython-311\n")
    for name in ("espeak-ng", "sox"):
        machine.has(name)
    machine.has("asterisk", "echo 'Asterisk 22.10.1'")
    real = (machine.bin / "timeout").resolve()
    (machine.bin / "timeout").unlink()
    machine.has(
        "timeout", f'exec {real} "$1" --kill-after=1 "$((${{3%m}} / 10)).$((${{3%m}} % 10))s" "${{@:4}}"'
    )
    python = venv / "bin" / "python"
    python.write_text(
        f'#!/bin/bash\n[ "$1" != -c ] || {{ echo cpython-311; exit; }}\nexec {machine.bin}/pytest "$@"\n'
    )
    python.chmod(0o755)
    return machine


def run_tests(machine: Machine, pytest_script: str) -> tuple[int, str]:
    machine.has("pytest", pytest_script)
    process = machine.start("exec scripts/test integration")
    said, _ = process.communicate(timeout=30)
    return process.returncode, said


@pytest.mark.parametrize(
    ("user", "has_already", "asked"),
    [
        ("1000", "", "cap_net_raw+ep {sipp}\n"),
        ("1000", "{sipp} cap_net_raw=ep", ""),
        ("0", "", ""),
    ],
)
def test_an_ordinary_users_sipp_may_play_keys(
    tests: Machine, user: str, has_already: str, asked: str
) -> None:
    sipp = tests.bin / "sipp"
    tests.has("id", f"echo {user}")
    tests.has("sudo", 'exec "$@"')
    tests.has("sipp")
    tests.has("getcap", f"echo '{has_already.format(sipp=sipp)}'")
    tests.has("setcap", 'echo "$*" >>"$BIN/setcap.asked"')
    tests.has("pytest", "echo '=== ended ==='")
    process = tests.start("exec scripts/test asterisk")
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 0, said
    record = tests.bin / "setcap.asked"
    assert (record.read_text() if record.exists() else "") == asked.format(sipp=sipp)
    assert ("open raw sockets" in said) == bool(asked)


def test_the_last_line_is_pytests_own(tests: Machine) -> None:
    for code in (0, 1):
        ended, said = run_tests(tests, f"echo '=== 3 tests ended ==='; exit {code}")
        assert ended == code
        assert said.endswith("=== 3 tests ended ===\n")


def test_what_is_compiled_is_kept_for_all_that_the_tests_start(tests: Machine) -> None:
    """Some machines forbid it for all programs."""
    tests.has("pytest", 'echo "=== kept: ${PYTHONDONTWRITEBYTECODE-yes} ==="')
    process = tests.start("export PYTHONDONTWRITEBYTECODE=1; exec scripts/test integration")
    said, _ = process.communicate(timeout=30)
    assert said.endswith("=== kept: yes ===\n")


@pytest.mark.parametrize(("begun_before", "left"), [(300, 14), (3000, 9)])
def test_the_stories_have_the_time_that_the_quicker_tests_did_not_need(
    tests: Machine, begun_before: int, left: int
) -> None:
    for name in ("setcap", "sipp"):
        tests.has(name)
    tests.has("getcap", "echo cap_net_raw")
    tests.has("pytest", "echo '=== ended ==='")
    process = tests.start(f"SECONDS={begun_before}; . scripts/test asterisk")
    said, _ = process.communicate(timeout=30)
    assert f"running tests/asterisk (at most {left} minutes)" in said


def test_a_run_that_hangs_is_stopped_in_order_and_told(tests: Machine) -> None:
    ended, said = run_tests(tests, "trap 'echo cleaned up; exit 2' INT; while :; do sleep 0.1; done")
    assert ended == 1
    assert "cleaned up" in said
    assert "✗ tests/integration did not end within 10 minutes and was stopped" in said


def test_a_run_that_cannot_even_be_stopped_is_killed(tests: Machine) -> None:
    ended, said = run_tests(tests, "trap '' INT; while :; do sleep 0.1; done")
    assert ended == 1
    assert "did not end within 10 minutes" in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_scripts_test_reaches_pytest_as_ctrl_c(tests: Machine, number: signal.Signals) -> None:
    ready = tests.bin / "ready"
    tests.has("pytest", f"trap 'echo cleaned up; exit 2' INT; touch {ready}; while :; do sleep 0.1; done")
    tests.has("timeout", f'exec {shutil.which("timeout")} "$@"')
    process = tests.start("exec scripts/test integration")
    wait_until(ready.exists)
    process.send_signal(number)
    said, _ = process.communicate(timeout=20)
    assert process.returncode == (143 if number == signal.SIGTERM else 130)
    assert "cleaned up" in said


def test_a_folder_that_is_not_there_is_told_with_those_that_are(tests: Machine) -> None:
    process = tests.start("exec scripts/test nowhere")
    said, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "no folder tests/nowhere" in said
    assert "Choose unit, integration, asterisk or soak" in said


def test_paths_are_meant_from_where_scripts_up_was_called(tests: Machine) -> None:
    digest = hashlib.sha256((tests.root / "requirements.txt").read_bytes()).hexdigest()
    (tests.root / ".venv" / ".stamp").write_text(f"requirements.txt {digest}  - {tests.root} cpython-311\n")
    tests.has("pytest", "env")
    names = ("HOME", "CONFIG", "KEYS_FILE", "ASTERISK_ROOT", "ASTERISK_ETC", "QUEUE_LOG")
    assert {name.lower() for name in names} == paths_of_settings()
    given = " ".join(f"HOTLINE_{name}=a/{name}" for name in names)
    process = tests.start(f"cd tmp; HOTLINE_SYSTEM_NAME=hl7 {given} exec ../scripts/up")
    said, _ = process.communicate(timeout=20)
    assert process.returncode == 0, said
    for name in names:
        assert f"HOTLINE_{name}={tests.root}/tmp/a/{name}\n" in said
    assert "HOTLINE_SYSTEM_NAME=hl7\n" in said


def paths_of_settings() -> set[str]:
    return {name for name, field in Settings.model_fields.items() if field.annotation in (Path, Path | None)}
