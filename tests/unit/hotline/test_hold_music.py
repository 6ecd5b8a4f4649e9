"""Hold music that Asterisk may still play is never taken away."""

import os
import shutil
import time
from pathlib import Path

import pytest

from hotline import hold_music
from ivr.prompts.rendering import PromptLibrary

OLD = time.time() - 30 * 24 * 3600
NOTHING = PromptLibrary({}, {})


def a_prompt(folder: Path, words: bytes) -> PromptLibrary:
    path = folder / f"{len(words)}.wav"
    path.write_bytes(words)
    return PromptLibrary({("zh", "hold_on"): path}, {})


@pytest.fixture
def hold(tmp_path: Path) -> Path:
    return tmp_path / "hold"


@pytest.mark.skipif(shutil.which("sox") is None, reason="sox makes it")
def test_it_is_made_once_and_a_lost_one_anew(hold: Path) -> None:
    made = hold_music.make(hold, NOTHING, "zh")
    [sound] = made.iterdir()
    written = sound.stat().st_mtime_ns
    assert hold_music.make(hold, NOTHING, "zh") == made
    assert sound.stat().st_mtime_ns == written
    sound.unlink()
    hold_music.make(hold, NOTHING, "zh")
    assert sound.is_file()


@pytest.mark.parametrize("is_first", [True, False])
def test_what_cannot_be_made_leaves_the_one_before(hold: Path, tmp_path: Path, is_first: bool) -> None:
    if not is_first:
        (hold / "abc").mkdir(parents=True)
        (hold / "abc" / "hold.wav").write_bytes(b"x")
    found = hold_music.make(hold, a_prompt(tmp_path, b"no sound"), "zh")
    assert (found.name == "abc") is not is_first
    assert found.parent == hold


def test_only_what_was_replaced_long_ago_goes(hold: Path) -> None:
    for name in ("now", "before", "long-ago", "lately"):
        (hold / name).mkdir(parents=True)
        os.utime(hold / name, (OLD, OLD))
    os.utime(hold / "lately")
    hold_music.forget_old(hold, f"directory = {hold}/before\n", f"directory = {hold}/now\n")
    assert {one.name for one in hold.iterdir()} == {"now", "before", "lately"}
    hold_music.forget_old(hold, "", f"directory = {hold}/now\n")
    assert (hold / "before").is_dir(), "replaced just now, however long ago it was made"
