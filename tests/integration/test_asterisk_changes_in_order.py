"""A queue is loaded before a number leads to it, and goes only after none does any more."""

import os
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
[ -e "refuses the queue" ] && [ "$4" = "queue show q-new" ] && echo "No such queue: q-new."
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
        "queue show q-new: number → old, [q-new] [q-old] ",
        "queue show q-old: number → new, [q-new] [q-old] ",
        "queue reload all: number → new, [q-new] ",
    ]
    assert not asterisk_changes.has_waiting(settings)


def test_no_number_leads_to_a_queue_that_asterisk_refused(
    settings: Settings, program: AsteriskProgram, folder: Path
) -> None:
    """Nor does a round of the server lead one there, or take the old queue away, before the earlier files are back."""
    (folder / "refuses the queue").touch()
    with pytest.raises(asterisk_changes.AsteriskRefused, match="did not take q-new"):
        asterisk_changes.lay(settings, program, folder, NEW)
    with pytest.raises(asterisk_changes.AsteriskRefused, match="did not take q-new"):
        asterisk_changes.take_over_waiting(settings, program, folder)
    assert {line.partition(": ")[2] for line in heard(folder)} == {"number → old, [q-new] [q-old] "}
    asterisk_changes.lay(settings, program, folder, OLD)
    assert heard(folder)[-1] == "queue reload all: number → old, [q-old] "
    assert not asterisk_changes.has_waiting(settings)


def test_a_refused_queue_that_is_taken_later_has_its_number_then(
    settings: Settings, program: AsteriskProgram, folder: Path
) -> None:
    (folder / "refuses the queue").touch()
    with pytest.raises(asterisk_changes.AsteriskRefused):
        asterisk_changes.lay(settings, program, folder, NEW)
    (folder / "refuses the queue").unlink()
    assert asterisk_changes.take_over_waiting(settings, program, folder) == []
    assert heard(folder)[-1] == "queue reload all: number → new, [q-new] "
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


PJSIP = """[global]
endpoint_identifier_order = username,ip
[transport-udp]
protocol = udp
bind = 192.0.2.1:5060
[carrier]
contact = sip:192.0.2.10
bind_rtp_to_media_address = yes
"""


def test_what_only_a_start_reads_is_told_until_one_came(
    settings: Settings, program: AsteriskProgram, folder: Path
) -> None:
    """The file is in place and the rest of pjsip.conf in force; no round after it forgets what still waits."""
    write_changed({"pjsip.conf": PJSIP, "modules.conf": "autoload = no\n"}, folder)
    wanted = {"pjsip.conf": PJSIP.replace(":5060", ":5070"), "modules.conf": "autoload = yes\n"}
    waits = [
        "pjsip.conf: a transport or the order of identification changed; restart Asterisk",
        "modules.conf: restart Asterisk to take it over",
    ]
    laid = asterisk_changes.lay(settings, program, folder, wanted)
    assert set(laid.changed) == set(wanted)
    assert sorted(laid.waits) == sorted(waits)
    assert (folder / "modules.conf").read_text() == "autoload = yes\n"
    assert [line.split(":")[0] for line in heard(folder)] == ["module reload res_pjsip.so"]
    assert sorted(asterisk_changes.take_over_waiting(settings, program, folder)) == sorted(waits)
    os.utime(settings.asterisk_dir / "waiting-changes.json", (0, 0))  # as if Asterisk were started after it
    assert asterisk_changes.take_over_waiting(settings, program, folder) == []
    assert not asterisk_changes.has_waiting(settings)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("bind = 192.0.2.1", "bind = 192.0.2.2"),
        ("protocol = udp", "protocol = tcp"),
        ("username,ip", "ip,username"),
    ],
)
def test_each_line_that_only_a_start_reads_waits_for_one(
    settings: Settings, program: AsteriskProgram, folder: Path, before: str, after: str
) -> None:
    write_changed({"pjsip.conf": PJSIP}, folder)
    wanted = {"pjsip.conf": PJSIP.replace(before, after)}
    assert [why.split(":")[0] for why in asterisk_changes.lay(settings, program, folder, wanted).waits] == [
        "pjsip.conf"
    ]


def test_the_rest_of_pjsip_is_in_force_at_once(
    settings: Settings, program: AsteriskProgram, folder: Path
) -> None:
    write_changed({"pjsip.conf": PJSIP}, folder)
    wanted = {"pjsip.conf": PJSIP.replace("192.0.2.10", "192.0.2.20").replace("= yes", "= no")}
    assert asterisk_changes.lay(settings, program, folder, wanted).waits == ()
    assert not asterisk_changes.has_waiting(settings)


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
