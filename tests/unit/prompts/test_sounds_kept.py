"""Test hotlines begin with the sounds that an earlier one made: tests/support/sounds_kept.py."""

import os
import time
from pathlib import Path

from support.sounds_kept import keep, lay_in
from support.spoken import words

from hotline.settings import Settings


def a_hotline(folder: Path) -> tuple[Settings, Path]:
    settings = Settings.model_validate({"home": folder})
    cache = settings.prompts_dir / "cache"
    cache.mkdir(parents=True)
    return settings, cache


def test_the_next_hotline_has_them_as_files_of_its_own(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    first, cache = a_hotline(tmp_path / "first")
    (cache / "a.wav").write_bytes(words(1))
    (cache / "b.wav").write_bytes(words(1)[:500])
    lay_in(first, kept)
    keep(first, kept)
    assert [one.name for one in kept.iterdir()] == ["a.wav"], "half a sound is nobody's"
    second, own = a_hotline(tmp_path / "second")
    lay_in(second, kept)
    (own / "a.wav").write_bytes(b"damaged by a story")
    keep(second, kept)
    assert (kept / "a.wav").read_bytes() == words(1)


def test_old_ones_are_made_anew(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "old.wav").write_bytes(words(1))
    os.utime(kept / "old.wav", (time.time() - 15 * 24 * 3600,) * 2)
    settings, _ = a_hotline(tmp_path / "home")
    keep(settings, kept)
    assert not list(kept.iterdir())
