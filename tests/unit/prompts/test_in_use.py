"""The cache of sounds keeps what a call may still play, and not all that ever was."""

import os
import time

from ivr.prompts.in_use import KEPT_SETS, note_in_use
from ivr.prompts.rendering import PromptLibrary


def a_set(tmp_path, name, *, age_days=30):
    path = tmp_path / "cache" / f"{name}.wav"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(name.encode())
    when = time.time() - age_days * 24 * 3600
    os.utime(path, (when, when))
    return PromptLibrary({("zh", "greeting"): path}, {("zh", "greeting"): 1.0})


def note(library, tmp_path):
    note_in_use(library, tmp_path / "cache", tmp_path / "sets")


def left(tmp_path):
    return {path.stem for path in (tmp_path / "cache").iterdir()}


def test_the_last_sets_stay_and_older_ones_go(tmp_path):
    for n in range(KEPT_SETS + 2):
        note(a_set(tmp_path, f"s{n}"), tmp_path)
        for order, one in enumerate(
            sorted((tmp_path / "sets").iterdir(), key=lambda p: p.stat().st_mtime_ns)
        ):
            os.utime(one, (time.time() - 1000 + order,) * 2)  # one after the other, however coarse the clock
    assert left(tmp_path) == {f"s{n}" for n in range(2, KEPT_SETS + 2)}


def test_one_in_force_again_is_the_newest_again(tmp_path):
    first = a_set(tmp_path, "first")
    note(first, tmp_path)
    for n in range(KEPT_SETS - 1):
        note(a_set(tmp_path, f"s{n}"), tmp_path)
    for one in (tmp_path / "sets").iterdir():
        os.utime(one, (time.time() - 1000,) * 2)
    note(first, tmp_path)
    note(a_set(tmp_path, "last"), tmp_path)
    assert {"first", "last"} <= left(tmp_path)


def test_what_another_process_just_made_stays(tmp_path):
    a_set(tmp_path, "young", age_days=0)
    a_set(tmp_path, "stray")
    note(a_set(tmp_path, "own"), tmp_path)
    assert left(tmp_path) == {"young", "own"}
