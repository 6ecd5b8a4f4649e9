"""A queue is loaded before a number leads to it, and goes only after none does any more."""

import stat
from pathlib import Path

import pytest

from hotline import asterisk_changes, config_door
from hotline.asterisk_process import AsteriskProgram, is_running
from hotline.settings import Settings
from ivr.telephony.asterisk_files import DATA_FILE, DATA_NEXT, write_changed

OLD = {DATA_FILE: "number → old", "queues.conf": "[q-old]\n", "asterisk.conf": ""}
NEW = {DATA_FILE: "number → new", "queues.conf": "[q-new]\n", "asterisk.conf": ""}
CONSOLE = """#!/bin/sh
# Asterisk's console: notes each command, and what the two files say at that moment
cd "{folder}"
[ -e refuses ] && exit 1
[ -e "refuses reloads" ] && [ "$4" = "queue reload all" ] && exit 1
case "$4" in "core show"*) echo 1; exit;; esac
printf '%s: %s, %s\\n' "$4" "$(cat hotline-data.conf)" "$(tr '\\n' ' ' <queues.conf)" >>heard
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def folder(settings: Settings) -> Path:
    folder = config_door.etc_dir(settings)
    write_changed(OLD, folder)
    return folder


@pytest.fixture
def program(folder: Path) -> AsteriskProgram:
    console = folder / "console"
    console.write_text(CONSOLE.format(folder=folder))
    console.chmod(console.stat().st_mode | stat.S_IXUSR)
    return AsteriskProgram((str(console),), "", "", "22.0.0")


def heard(folder: Path) -> list[str]:
    return (folder / "heard").read_text().splitlines()


def test_the_new_queue_is_loaded_first_and_the_old_one_goes_last(
    settings: Settings, program: AsteriskProgram, folder: Path
) -> None:
    laid = asterisk_changes.lay(settings, program, folder, NEW)
    assert laid == asterisk_changes.Laid((DATA_FILE, "queues.conf"), ())
    assert heard(folder) == [
        "queue reload all: number → old, [q-new] [q-old] ",
        "queue show q-old: number → new, [q-new] [q-old] ",
        "queue reload all: number → new, [q-new] ",
    ]
    assert not asterisk_changes.has_waiting(settings)


def test_what_was_cut_in_the_middle_is_done_by_the_next_round(
    settings: Settings, program: AsteriskProgram, folder: Path
) -> None:
    (folder / "refuses reloads").touch()
    with pytest.raises(asterisk_changes.asterisk_process.AsteriskFailed):
        asterisk_changes.lay(settings, program, folder, NEW)
    assert (folder / DATA_FILE).read_text() == "number → old"
    assert asterisk_changes.has_waiting(settings)
    (folder / "refuses reloads").unlink()
    assert asterisk_changes.take_over_waiting(settings, program, folder) == []
    assert heard(folder)[0].startswith("queue reload all: number → old, [q-new] [q-old]"), "its queue first"
    assert (folder / DATA_FILE).read_text() == "number → new"
    assert not asterisk_changes.has_waiting(settings)


def test_a_round_that_falls_between_writing_and_remembering_finds_both_or_neither(
    settings: Settings, program: AsteriskProgram, folder: Path
) -> None:
    """Killed at the first write: what was meant for queues.conf is remembered, and the number's data is not there yet."""
    (folder / ".queues.conf.new").mkdir()  # the write fails here
    with pytest.raises(OSError, match="directory"):
        asterisk_changes.lay(settings, program, folder, NEW)
    assert asterisk_changes.has_waiting(settings)
    (folder / ".queues.conf.new").rmdir()
    asterisk_changes.take_over_waiting(settings, program, folder)
    assert heard(folder)[0].startswith("queue reload all: number → old, [q-new] [q-old]")


def test_a_change_taken_back_before_it_was_in_force_leaves_nothing_waiting(
    settings: Settings, folder: Path
) -> None:
    write_changed(NEW, folder, is_running=True)
    assert asterisk_changes.has_waiting(settings)
    assert set(write_changed(OLD, folder, is_running=True)) == {"queues.conf"}
    assert not (folder / DATA_NEXT).exists()
    assert (folder / DATA_FILE).read_text() == "number → old"


def test_without_a_running_asterisk_everything_is_written_at_once(
    folder: Path, program: AsteriskProgram
) -> None:
    (folder / "refuses").touch()
    write_changed(NEW, folder, is_running=is_running(program, folder))
    assert (folder / DATA_FILE).read_text() == "number → new"
