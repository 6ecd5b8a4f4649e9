"""scripts/setup.sh on machines that lack something: what is said, and that nothing is left running."""

import os
import re
import signal
from pathlib import Path

import pytest
from support.agi_peer import wait_until
from support.stub_machine import GOOD_PYTHON, REPOSITORY, Machine

REMEDIES = (
    "no Asterisk 22 or newer can be had on this machine. Two remedies:",
    "1. Install an Asterisk 22 or newer yourself, so that `asterisk` is on the PATH; then run this again.",
    "2. Let this script make a private one: it needs the Debian package mmdebstrap and a way to Debian's packages.",
)
OLD_ASTERISK = "echo 'Asterisk 20.6.0'"
OLD_CANDIDATE = "echo '  Candidate: 1:20.6.0~dfsg-1'"


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


ASKED = (
    'case "$1 $2" in "-c import sys"*) cat "$BIN/tag" ;; "-m pip") echo "${!#}" >>"$BIN/installed" ;; esac'
)


def set_up_for(machine: Machine, version: str) -> list[str]:
    """The environment of a Python of this version, set up; which locks were installed for it."""
    machine.has("python3", GOOD_PYTHON)
    machine.has("venv-python", ASKED)
    (machine.bin / "tag").write_text(f"{version}\n")
    installed = machine.bin / "installed"
    installed.write_text("")
    machine.run("setup_python requirements.txt", 0)
    return [Path(line).name for line in installed.read_text().splitlines()]


def test_after_an_upgrade_of_python_the_environment_is_made_anew(machine: Machine) -> None:
    """Its `python` is the system's, and the packages lie in the folder of the version before."""
    assert set_up_for(machine, "cpython-311") == ["requirements.txt"]
    assert set_up_for(machine, "cpython-311") == []
    left = machine.root / ".venv" / "lib"
    left.mkdir()
    machine.has("python3", GOOD_PYTHON)
    machine.has("venv-python", f'case "$*" in *"import pip"*) [ ! -e {left} ] || exit 1 ;; esac\n{ASKED}')
    (machine.bin / "tag").write_text("cpython-312\n")
    said = machine.run("setup_python requirements.txt", 0)
    assert "making the Python environment …" in said
    assert not left.exists()
    assert set_up_for(machine, "cpython-312") == []


@pytest.mark.parametrize("broken", ["pydantic_core", "python"])
def test_an_environment_that_does_not_run_is_made_anew(machine: Machine, broken: str) -> None:
    """Although the stamp says that it is whole: packages that are gone or damaged, an interpreter that was removed."""
    assert set_up_for(machine, "cpython-311") == ["requirements.txt"]
    left = machine.root / ".venv" / "left"
    left.touch()
    if broken == "python":
        python = machine.root / ".venv" / "bin" / "python"
        python.unlink()
        python.symlink_to("/nowhere/python3")
    else:
        machine.has("venv-python", f'[ ! -e {left} ] || case "$*" in *{broken}*) exit 1 ;; esac\n{ASKED}')
    said = machine.run("setup_python requirements.txt", 0)
    assert "making the Python environment …" in said
    assert not left.exists()
    assert set_up_for(machine, "cpython-311") == []


def test_the_packages_of_the_distribution_show_that_they_come(machine: Machine) -> None:
    """apt's own words go into the log; and a signal waits until the packages are in place."""
    machine.has(
        "apt-get",
        'case "$1" in install) touch "$BIN/begun"; sleep 5; echo words; touch "$BIN/in-place" ;; esac',
    )
    said = machine.run("apt_install espeak-ng", 0)
    assert re.fullmatch(r"• installing espeak-ng …\n\.+\n", said)
    for name in ("begun", "in-place"):
        (machine.bin / name).unlink()
    process = machine.start("set -euo pipefail; . scripts/setup.sh; apt_install espeak-ng; echo on")
    wait_until((machine.bin / "begun").exists)
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 143
    assert (machine.bin / "in-place").exists()
    assert not said.endswith("on\n")
    assert machine.leftovers == []


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


# -- scripts/up --------------------------------------------------------------------------------------------------------
