"""Commands about what citizens hear: prompts, recordings, and emergency messages."""

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

from support.terminal import Terminal


def test_prompts_are_listed_made_played_and_recordings_brought_in(shell: Terminal, tmp_path: Path) -> None:
    def line_of(name: str) -> list[str]:
        return next(
            row for row in shell.type("prompts list").splitlines() if row.startswith(f"{name} ")
        ).split()

    assert line_of("goodbye")[1:] == ["-", "espeak", "感谢您的来电，再见。"]
    assert "sounds of Asterisk's are ready" in shell.type("prompts render")
    wanted = tmp_path / "players"  # no player of this machine is started by a test
    wanted.mkdir()
    for program in ("espeak-ng", "sox"):
        (wanted / program).symlink_to(str(shutil.which(program)))
    nothing = {"PATH": str(wanted)}
    spoken, hint = shell.type("prompts play goodbye", **nothing).splitlines()
    assert "no player" in hint
    assert Path(spoken.split("  ")[0]).is_file()

    recording = tmp_path / "studio.wav"
    synth = ["synth", "2", "sine", "300-3000", "gain", "-12"]
    subprocess.run(["sox", "-n", "-r", "44100", "-c", "2", "-b", "16", str(recording), *synth], check=True)
    if os.geteuid() == 0:
        os.chown(shell.config, 65534, 65534)
    said = shell.type("prompts import goodbye", str(recording))
    kept = shell.config / "prompts" / "zh" / "goodbye.wav"
    assert said.startswith(f"{kept}  2.0 s, ")
    readable = [stat.S_IMODE(path.stat().st_mode) for path in (kept, kept.parent, kept.parent.parent)]
    assert readable == [0o644, 0o755, 0o755], "root brings it in, the server's user reads it"
    owner = shell.config.stat()
    assert {(path.stat().st_uid, path.stat().st_gid) for path in (kept, kept.parent, kept.parent.parent)} == {
        (owner.st_uid, owner.st_gid)
    }
    assert line_of("goodbye")[1:4] == ["2.0", "s", "recorded"], "the file's seconds, no older sound's"
    played = Path(shell.type("prompts play goodbye", **nothing).split("  ")[0])
    assert played.read_bytes() == kept.read_bytes()
    shell.type("prompts import asterisk/digits/1", str(recording))
    assert (shell.config / "prompts" / "zh" / "asterisk" / "digits" / "1.wav").is_file()


def test_who_really_speaks_is_told_where_the_sites_voice_is_missing(shell: Terminal) -> None:
    file = shell.config / "prompts.yaml"
    chosen = f"engine: sherpa\n  model_dir: {shell.folder}/model"
    text = file.read_text("utf-8")
    file.write_text(re.sub("engine: espeak.*", chosen, text, count=1), "utf-8")
    listed = shell.type("prompts list")
    file.write_text(text, "utf-8")
    assert " espeak " in next(row for row in listed.splitlines() if row.startswith("wrong_key "))
    assert " sherpa " not in listed


def test_what_is_no_prompt_or_no_recording_is_refused_in_one_line(shell: Terminal, tmp_path: Path) -> None:
    text = tmp_path / "notes.wav"
    text.write_text("no sound at all", encoding="utf-8")
    assert "is no sound file. Save it as wav" in shell.type("prompts import greeting", str(text), code=1)
    for name in ("nowhere", "../greeting", "asterisk/../../x"):
        assert "there is no prompt" in shell.type(f"prompts import {name}", str(text), code=1)
    assert "there is no prompt" in shell.type("prompts play nowhere", code=1)
    assert "choose zh or en" in shell.type("prompts list --language fr", code=1)
    assert not (shell.config / "prompts" / "zh" / "greeting.wav").exists()


def test_a_broadcast_is_switched_on_and_off_by_one_command(shell: Terminal) -> None:
    on = shell.type("broadcast on storm --numbers 12345,12319 --for 90m")
    assert re.match(r"on: \d+  storm  12345,12319  \S+ \S+ by command line \S+, until \S+ \S+\n$", on), on
    said = shell.type("broadcast on", "--say", "城东停水，" * 30, "--until", "23:59")
    assert "  spoken  all numbers  " in said
    assert re.search(r"\nwarning: it lasts \d+ s, and every caller hears it before a person", said), said
    listed = shell.type("broadcast list").splitlines()
    assert [line.split()[1] for line in listed] == ["spoken", "storm", "storm", "heating_outage"]
    assert listed[2].startswith("ready: storm  暴雨红色预警  by phone 1, 180 min")
    assert shell.type("broadcast off storm").startswith("off: ")
    assert "broadcast storm is on" in shell.type("broadcast off storm", code=1)
    assert "  spoken  " in shell.type("broadcast off")
    assert shell.type("broadcast list").startswith("no broadcast is on\n")
    assert ", ended " in shell.type("broadcast list --all")
    assert 'Did you mean "storm"?' in shell.type("broadcast on strom", code=1)
    assert "Give one of them" in shell.type("broadcast on storm --until 18:00 --for 2h", code=2)
