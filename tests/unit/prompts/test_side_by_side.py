"""Several sounds are made at once, in order, within a bound; a voice that bears no two is asked for one after the other."""

import threading
import time
from pathlib import Path

import pytest

from ivr.prompts.rendering import Maker, PromptFailed
from ivr.prompts.schema import PromptsFile
from ivr.prompts.side_by_side import side_by_side


class Work:
    """Remembers who did what."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.threads: set[str] = set()

    def __call__(self, one: int) -> int:
        self.begun.append(one)
        self.threads.add(threading.current_thread().name)
        return one * 10


def test_the_order_is_kept_and_the_pool_is_bounded() -> None:
    work = Work()
    assert side_by_side(work, range(50)) == [10 * one for one in range(50)]
    assert sorted(work.begun) == list(range(50))
    assert 1 <= len(work.threads) <= 4
    assert not [one for one in threading.enumerate() if one.name.startswith("sounds")], "nobody is left"


def test_two_are_made_at_the_same_time_where_there_are_two_processors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    both = threading.Barrier(2, timeout=10)
    assert len(side_by_side(lambda _one: both.wait(), range(2))) == 2


def test_after_a_fault_nothing_more_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    begun: list[int] = []

    def make(one: int) -> None:
        begun.append(one)
        if one == 3:
            raise ValueError(one)
        time.sleep(0.001)

    with pytest.raises(ValueError, match="3"):
        side_by_side(make, range(10_000))
    assert len(begun) < 5_000


def a_program(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}")
    path.chmod(0o755)
    return path


def rendered(file: dict[str, object], tmp_path: Path) -> list[Path]:
    maker = Maker(PromptsFile.model_validate(file), tmp_path / "recorded", tmp_path / "cache")
    return list(maker.library(["zh"]).paths.values())


def test_a_sites_own_voice_is_asked_for_one_sound_at_a_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One model in memory, one licence: `mkdir` fails where another is at work."""
    alone = tmp_path / "alone"
    voice = a_program(
        tmp_path,
        "voice",
        f"mkdir {alone} || exit 1\ncat > /dev/null\nsox -n -r 8000 -b 16 -t wav - synth 1 sine 440\nrmdir {alone}\n",
    )
    file = {
        "voice": {"engine": "command", "command": [str(voice)]},
        "prompts": {f"p{n}": {"zh": f"第{n}个"} for n in range(12)},
    }
    assert len(rendered(file, tmp_path)) == 12
    assert "cannot serve" not in caplog.text


def test_the_first_fault_is_told_whoever_failed_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("espeak-ng", "sox"):
        a_program(tools, tool, "echo no voice >&2; exit 1\n")
    monkeypatch.setenv("PATH", f"{tools}:/bin:/usr/bin")
    file = {"prompts": {f"p{n}": {"zh": f"第{n}个"} for n in range(12)}}
    with pytest.raises(PromptFailed, match='prompt "p0" could not be made: no voice'):
        rendered(file, tmp_path)
    assert not list((tmp_path / "cache").glob("*")), "nothing half"
