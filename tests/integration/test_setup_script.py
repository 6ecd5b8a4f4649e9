"""scripts/setup.sh and scripts/test on machines that lack something: what is said, and that nothing is left running.

The machine is a folder of stub programs that is all of PATH; no network, no package, no rights are touched.
"""

import hashlib
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.agi_peer import wait_until

from hotline.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[2]
TOOLS = (
    *("bash", "cat", "dirname", "env", "grep", "mkdir", "mktemp", "mv", "rm"),
    *("readlink", "sed", "sha256sum", "sleep", "tail", "tee", "timeout", "touch"),
)
REMEDIES = (
    "no Asterisk 22 or newer can be had on this machine. Two remedies:",
    "1. Install an Asterisk 22 or newer yourself, so that `asterisk` is on the PATH; then run this again.",
    "2. Let this script make a private one: it needs the Debian package mmdebstrap and a way to Debian's packages.",
)
OLD_ASTERISK = "echo 'Asterisk 20.6.0'"
OLD_CANDIDATE = "echo '  Candidate: 1:20.6.0~dfsg-1'"
GOOD_PYTHON = """
case "$1 $2" in
  "-m venv")
    mkdir -p "$3/bin"
    printf '#!/bin/sh\\nexec "%s" "$@"\\n' "$BIN/venv-python" >"$3/bin/python"
    touch "$3/bin/pip"
    chmod +x "$3/bin/python" "$3/bin/pip" ;;
esac
"""


@dataclass(frozen=True)
class Machine:
    """`root` is a checkout with nothing but its scripts; `bin` all programs that there are."""

    root: Path
    bin: Path

    def has(self, name: str, script: str = "") -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/bash\n{script}\n")
        path.chmod(0o755)

    def start(self, script: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(self.bin / "bash"), "-c", script],
            cwd=self.root,
            env={"PATH": str(self.bin), "BIN": str(self.bin), "TMPDIR": str(self.root / "tmp")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, script: str, code: int = 1) -> str:
        """What the functions of setup.sh say; they must end with `code`."""
        process = self.start(f"set -euo pipefail; . scripts/setup.sh; {script}")
        said, _ = process.communicate(timeout=30)
        assert process.returncode == code, said
        return said

    @property
    def leftovers(self) -> list[str]:
        return sorted(path.name for path in (self.root / "tmp").iterdir())


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path / "checkout", tmp_path / "bin")
    for folder in (machine.root / "tmp", machine.bin):
        folder.mkdir(parents=True)
    shutil.copytree(REPOSITORY / "scripts", machine.root / "scripts")
    for name in ("requirements.txt", "requirements-dev.txt"):
        (machine.root / name).write_text("one==1\n")
    for name in TOOLS:
        found = shutil.which(name)
        assert found is not None, name
        (machine.bin / name).symlink_to(found)
    machine.has("id", "echo 0")
    machine.has("chmod", f'exec {shutil.which("chmod")} "$@"')
    machine.has("debian-keys")
    return machine


def test_asterisk_cannot_be_had_and_both_remedies_are_named(machine: Machine) -> None:
    machine.has("asterisk", OLD_ASTERISK)
    machine.has("apt-cache", OLD_CANDIDATE)
    machine.has("apt-get")
    machine.has("mmdebstrap", "echo 'E: the mirror is not reached'; exit 25")
    said = machine.run("setup_asterisk")
    assert "Asterisk 20 is here, but 22 or newer is needed" in said
    assert "E: the mirror is not reached" in said
    for line in REMEDIES:
        assert line in said
    assert not list((machine.root / ".cache").iterdir())
    assert machine.leftovers == []


def test_without_packages_at_all_both_remedies_are_named(machine: Machine) -> None:
    machine.has("asterisk", OLD_ASTERISK)
    said = machine.run("setup_asterisk")
    for line in REMEDIES:
        assert line in said


def test_a_mirror_behind_its_date_is_tried_again_without_that_check(machine: Machine) -> None:
    machine.has("asterisk", OLD_ASTERISK)
    machine.has("apt-cache", OLD_CANDIDATE)
    machine.has("apt-get")
    machine.has(
        "mmdebstrap",
        """
        folder="${!#}"; mkdir -p "$folder/usr/sbin"
        case "$*" in *Check-Valid-Until*) ;; *) echo 'E: Release file is expired'; exit 25 ;; esac
        touch "$folder/usr/sbin/asterisk"
        """,
    )
    abandoned = machine.root / ".cache" / "asterisk-root.new.999999999"
    abandoned.mkdir(parents=True)
    said = machine.run('setup_asterisk; echo "root: $HOTLINE_ASTERISK_ROOT"', 0)
    assert "the package mirror is behind its own date" in said
    made = machine.root / ".cache" / "asterisk-root"
    assert said.endswith(f"root: {made}\n")
    assert [path.name for path in made.parent.iterdir()] == [made.name]


def test_the_distributions_asterisk_is_taken_if_it_is_new_enough(machine: Machine) -> None:
    machine.has("asterisk", OLD_ASTERISK)
    machine.has("apt-cache", "echo '  Candidate: 1:22.4.1~dfsg-1'")
    machine.has("apt-get", 'echo "$*" >>"$BIN/asked"')
    machine.run("setup_asterisk", 0)
    assert "install -y -qq --no-install-recommends asterisk\n" in (machine.bin / "asked").read_text()


NO_ASTERISK = "exit 127"
AT_REST = "policy_file=$PWD/policy-rc.d; setup_asterisk"


def test_the_distributions_asterisk_is_not_left_running(machine: Machine) -> None:
    """Its own service, with sample files, would hold the SIP port."""
    machine.has("asterisk", NO_ASTERISK)
    machine.has("apt-cache", "echo '  Candidate: 1:22.4.1~dfsg-1'")
    ask_policy = (
        "for one in asterisk cron; do code=0; ./policy-rc.d $one start || code=$?; echo $one $code; done"
    )
    machine.has("apt-get", f'case "$1" in install) {{ {ask_policy}; }} >"$BIN/policy" ;; esac')
    machine.has("systemctl", 'echo "$*" >>"$BIN/systemctl.asked"')
    said = machine.run(AT_REST, 0)
    assert (machine.bin / "policy").read_text() == "asterisk 101\ncron 0\n"
    assert (machine.bin / "systemctl.asked").read_text() == "disable --now asterisk\n"
    assert "service asterisk is switched off" in said
    assert not (machine.root / "policy-rc.d").exists()


def test_a_policy_of_the_machine_stays_and_ours_goes_when_apt_fails(machine: Machine) -> None:
    machine.has("asterisk", NO_ASTERISK)
    machine.has("apt-cache", "echo '  Candidate: 1:22.4.1~dfsg-1'")
    machine.has("apt-get", 'case "$1" in install) touch "$BIN/tried"; [ -e policy-rc.d ]; exit 100 ;; esac')
    machine.run(AT_REST)
    assert (machine.bin / "tried").exists()
    policy = machine.root / "policy-rc.d"
    assert not policy.exists()
    policy.write_text("#!/bin/sh\nexit 0\n")
    machine.run(AT_REST)
    assert policy.read_text() == "#!/bin/sh\nexit 0\n"


def test_a_service_that_was_there_before_is_left_to_its_owner(machine: Machine) -> None:
    machine.has("asterisk", OLD_ASTERISK)
    machine.has("apt-cache", "echo '  Candidate: 1:22.4.1~dfsg-1'")
    machine.has("apt-get", '[ ! -e policy-rc.d ] || touch "$BIN/policy"')
    machine.has("systemctl", 'touch "$BIN/systemctl.asked"')
    machine.run(AT_REST, 0)
    assert not (machine.bin / "policy").exists()
    assert not (machine.bin / "systemctl.asked").exists()


def test_a_missing_package_is_named_where_there_is_no_apt(machine: Machine) -> None:
    said = machine.run("setup_voice")
    assert "✗ packages are missing: espeak-ng" in said
    assert "This is no Debian or Ubuntu: install them by hand, then run this again." in said


def test_a_package_that_cannot_be_installed_shows_why(machine: Machine) -> None:
    machine.has(
        "apt-get", 'case "$1" in install) echo "E: Unable to locate package espeak-ng"; exit 100 ;; esac'
    )
    said = machine.run("setup_voice")
    assert "E: Unable to locate package espeak-ng" in said
    assert "✗ apt-get could not install: espeak-ng" in said
    assert "check the network and the package sources" in said
    assert machine.leftovers == []


def test_without_root_rights_it_says_so(machine: Machine) -> None:
    machine.has("id", "echo 1000")
    machine.has("apt-get")
    said = machine.run("setup_voice")
    assert "this step needs root rights" in said
    assert "Run it as root, or install sudo." in said


def test_a_python_that_is_too_old_is_named(machine: Machine) -> None:
    machine.has("python3", 'case "$1" in --version) echo "Python 3.9.2" ;; *) exit 1 ;; esac')
    said = machine.run("setup_python requirements.txt")
    assert "✗ Python 3.9.2 is too old" in said
    assert "Python 3.11 or newer is needed: install it, then run this again." in said
    assert not (machine.root / ".venv").exists()


def test_a_newer_python_beside_an_old_one_is_taken(machine: Machine) -> None:
    machine.has("python3", "exit 1")
    machine.has("python3.12", GOOD_PYTHON)
    assert machine.run("new_enough_python", 0) == f"{machine.bin / 'python3.12'}\n"


def test_when_pip_cannot_install_the_reason_is_shown_and_the_next_run_tries_again(machine: Machine) -> None:
    machine.has("python3", GOOD_PYTHON)
    machine.has(
        "venv-python", 'echo "$*" >>"$BIN/asked"; echo "ERROR: No matching distribution found"; exit 1'
    )
    for _ in range(2):
        said = machine.run("setup_python requirements.txt")
        assert "ERROR: No matching distribution found" in said
        assert "✗ pip could not install requirements.txt" in said
        assert "check the network, then run this again" in said
    assert (machine.bin / "asked").read_text().count("-m pip install") == 2

    machine.has("venv-python", 'echo "$*" >>"$BIN/asked"')
    machine.run("setup_python requirements.txt", 0)
    assert machine.run("setup_python requirements.txt", 0) == ""  # and then nothing is missing
    assert (machine.bin / "asked").read_text().count("-m pip install") == 3
    assert machine.leftovers == []


def test_a_lock_of_before_is_installed_anew_when_it_comes_back(machine: Machine) -> None:
    """Another branch put its own packages there meanwhile; both locks share the environment."""
    machine.has("python3", GOOD_PYTHON)
    machine.has("venv-python", 'case "$*" in *"pip install"*) echo "${!#}" >>"$BIN/installed" ;; esac')
    installed = machine.bin / "installed"

    def set_up(lock: str) -> bool:
        before = installed.read_text() if installed.exists() else ""
        machine.run(f"setup_python {lock}", 0)
        return installed.read_text() != before

    def check_out(version: int) -> None:
        for name in ("requirements.txt", "requirements-dev.txt"):
            (machine.root / name).write_text(f"one=={version}\n# {name}\n")

    plain, dev = "requirements.txt", "requirements-dev.txt"
    check_out(1)
    assert [set_up(plain), set_up(dev), set_up(plain), set_up(dev)] == [True, True, False, False]
    check_out(2)
    assert set_up(plain)
    check_out(1)
    assert [set_up(dev), set_up(plain)] == [True, True]
    check_out(2)
    machine.has("venv-python", "exit 1")  # it broke off, who knows where
    machine.run(f"setup_python {plain}")
    check_out(1)
    machine.has("venv-python", 'case "$*" in *"pip install"*) echo "${!#}" >>"$BIN/installed" ;; esac')
    assert set_up(dev)


def test_the_dev_lock_holds_all_of_the_other_at_the_same_versions() -> None:
    """What setup.sh relies on where it keeps the stamp of one when it installs the other."""
    plain, dev = (
        {row.split()[0] for row in (REPOSITORY / name).read_text("utf-8").splitlines() if "==" in row}
        for name in ("requirements.txt", "requirements-dev.txt")
    )
    assert plain
    assert plain <= dev


def test_a_long_step_shows_that_it_lives_and_keeps_its_exit_code(machine: Machine) -> None:
    """The program's own words go into the log; without a sign a minute looks like a hang."""
    said = machine.run("shows_life=1 step bash -c 'echo words; sleep 3; exit 7' >own.log 2>&1", code=7)
    assert said == "..\n"
    assert (machine.root / "own.log").read_text() == "words\n"
    assert machine.run("step bash -c 'sleep 3; exit 7'", code=7) == ""


def test_when_venv_fails_it_says_what_to_install(machine: Machine) -> None:
    machine.has("python3", 'case "$1 $2" in "-m venv") echo "ensurepip is not available"; exit 1 ;; esac')
    said = machine.run("setup_python requirements.txt")
    assert "ensurepip is not available" in said
    assert "✗ python -m venv failed" in said
    assert "Install python3-venv" in said


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)]
)
def test_a_signal_during_a_long_step_ends_it_and_leaves_nothing(
    machine: Machine, number: signal.Signals, code: int
) -> None:
    machine.has("python3", GOOD_PYTHON)
    machine.has("venv-python", 'echo $$ >"$BIN/pid.new"; mv "$BIN/pid.new" "$BIN/pid"; exec sleep 60')
    process = machine.start("set -euo pipefail; . scripts/setup.sh; setup_python requirements.txt")
    pid = machine.bin / "pid"
    wait_until(pid.exists)
    process.send_signal(number)
    process.communicate(timeout=20)
    assert process.returncode == code
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
    assert machine.leftovers == []


# -- scripts/test ------------------------------------------------------------------------------------------------------


@pytest.fixture
def tests(machine: Machine) -> Machine:
    """A checkout whose environment is there; pytest is a stub, and a minute of `timeout` is a tenth of a second."""
    venv = machine.root / ".venv"
    (venv / "bin").mkdir(parents=True)
    digest = hashlib.sha256((machine.root / "requirements-dev.txt").read_bytes()).hexdigest()
    (venv / ".stamp").write_text(f"requirements-dev.txt {digest}  - {machine.root}\n")
    for name in ("espeak-ng", "sox"):
        machine.has(name)
    real = (machine.bin / "timeout").resolve()
    (machine.bin / "timeout").unlink()
    machine.has("timeout", f'exec {real} "$1" --kill-after=1 "0.${{3%m}}s" "${{@:4}}"')
    (venv / "bin" / "python").symlink_to(machine.bin / "pytest")
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
    tests.has("asterisk", "echo 'Asterisk 22.10.1'")
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


def test_a_run_that_hangs_is_stopped_in_order_and_told(tests: Machine) -> None:
    ended, said = run_tests(tests, "trap 'echo cleaned up; exit 2' INT; while :; do sleep 0.1; done")
    assert ended == 1
    assert "cleaned up" in said
    assert "✗ tests/integration did not end within 9 minutes and was stopped" in said


def test_a_run_that_cannot_even_be_stopped_is_killed(tests: Machine) -> None:
    ended, said = run_tests(tests, "trap '' INT; while :; do sleep 0.1; done")
    assert ended == 1
    assert "did not end within 9 minutes" in said


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


# -- scripts/up --------------------------------------------------------------------------------------------------------


def test_paths_are_meant_from_where_scripts_up_was_called(tests: Machine) -> None:
    digest = hashlib.sha256((tests.root / "requirements.txt").read_bytes()).hexdigest()
    (tests.root / ".venv" / ".stamp").write_text(f"requirements.txt {digest}  - {tests.root}\n")
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
