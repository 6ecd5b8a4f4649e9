"""A machine on which nothing can be spoken: no set comes into force there whose words callers would not hear, and one that is
in force is run all the same, never with other words over its keys."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import sounds_kept
from support.filled_home import NOW, FilledHome, a_filled_home

from hotline import config_door
from hotline.config_door import NotTaken
from hotline.parts import report
from hotline.problem_words import told
from hotline.prompt_door import PromptsNotMade
from hotline.rounds import config_part
from hotline.status import as_text, status_now
from ivr.config_files.published import note, store_of
from ivr.config_files.running import Running
from ivr.config_files.set_store import current
from ivr.prompts.rendering import NoSuchPrompt

MISSING = (
    "prompts.yaml:5:1  the prompts cannot be spoken: espeak-ng not found. "
    "Install espeak-ng and sox, or record every prompt."
)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[FilledHome]:
    with a_filled_home(tmp_path / "home", calls=0) as filled:
        sounds_kept.lay_in(filled.settings)
        yield filled


@pytest.fixture
def without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with sox alone."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "sox").symlink_to(str(shutil.which("sox")))
    return programs


def in_words(home: FilledHome, words: str) -> None:
    """The last words of a call are other ones."""
    file = home.settings.config_dir / "prompts.yaml"
    text, changed = re.subn(r"(  goodbye:\n    zh: ).*", rf"\g<1>{words}", file.read_text("utf-8"))
    assert changed == 1
    file.write_text(text, "utf-8")


def published(home: FilledHome) -> Running:
    running = config_door.checked(home.settings)
    config_door.put_in_force(home.settings, running, note("publish"))
    return running


def sound_of(running: Running) -> Path:
    return Path(running.prompts.sound("goodbye", "zh") + ".wav")


def state(home: FilledHome) -> tuple[str | None, bytes]:
    return (
        current(store_of(home.home)),
        (home.settings.prompts_dir / "zh" / "goodbye.wav").read_bytes(),
    )


def test_no_publish_reload_or_rollback_brings_a_set_that_cannot_be_spoken(
    home: FilledHome, without: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config_door.load(home.settings)
    in_words(home, "明天见。")
    second = published(home)
    in_words(home, "后天见。")
    published(home)
    before = state(home)

    monkeypatch.setenv("PATH", str(without))
    in_words(home, "下周见。")
    own = before[0] or ""
    sound_of(second).unlink()
    for wanted in (
        lambda: config_door.checked(home.settings),
        lambda: config_door.load_changed(home.settings, by=note("publish")),
        lambda: config_door.load_asked(home.settings, own),
        lambda: config_door.checked_kept(home.settings, second.configuration.version),
    ):
        with pytest.raises(NotTaken) as found:
            wanted()
        assert str(found.value) == MISSING
    assert state(home) == before
    looked_at = config_door.load_changed(home.settings, by=None)
    assert looked_at.prompts.fault is not None, "a look at Asterisk's files needs no sound"


def test_the_reason_names_the_prompt_its_line_and_what_to_do(
    home: FilledHome, without: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config_door.load(home.settings)
    in_words(home, "明天见。")
    (without / "espeak-ng").write_text("#!/bin/sh\necho no voice >&2; exit 1\n")
    (without / "espeak-ng").chmod(0o755)
    monkeypatch.setenv("PATH", f"{without}:/bin")
    with pytest.raises(NotTaken) as found:
        config_door.checked(home.settings)
    text = (home.settings.config_dir / "prompts.yaml").read_text("utf-8")
    line = text[: text.index("\n  goodbye:")].count("\n") + 2
    assert str(found.value) == (
        f"prompts.yaml:{line}:3  prompts → goodbye: this prompt cannot be made (no voice). `hotline doctor` looks at the "
        "programs that speak; a recording (`hotline prompts import`) needs none."
    )
    cause = found.value.__cause__
    assert isinstance(cause, PromptsNotMade)
    assert told(cause.problem, "zh").startswith(
        f"prompts.yaml:{line}:3  prompts → goodbye：无法生成这条提示音（no voice）。请用 `hotline doctor` 检查"
    )


def test_a_folder_for_sounds_that_cannot_be_written_refuses_a_publish_too(home: FilledHome) -> None:
    config_door.load(home.settings)
    in_words(home, "明天见。")
    cache = home.settings.prompts_dir / "cache"
    shutil.rmtree(cache)
    cache.write_text("no folder")
    with pytest.raises(NotTaken) as found:
        config_door.checked(home.settings)
    assert str(found.value) == (
        f"{cache}:1:1  the prompts cannot be made (File exists). Look at rights and space there."
    )


def test_a_set_in_force_runs_without_what_cannot_be_made_and_says_so(
    home: FilledHome, without: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    config_door.load(home.settings)
    in_words(home, "明天见。")
    sound_of(published(home)).unlink()
    (home.settings.prompts_dir / "zh" / "goodbye.wav").write_bytes(b"other words")
    monkeypatch.setenv("PATH", str(without))
    for running in (config_door.load_told(home.settings), config_door.load(home.settings)):
        with pytest.raises(NoSuchPrompt):
            running.prompts.sound("goodbye", "zh")
        assert running.prompts.length("greeting", "zh") > 1, "what was made before is played"
        assert ("zh", "digits/wan") in running.prompts.asterisk_sounds
        assert (running.is_degraded, running.is_impaired) == (False, True)
        assert [str(one) for one in running.problems if one.severity == "error"] == [MISSING]
    assert "callers hear of this set what was made before, and silence in place of the rest" in caplog.text

    with home.database.writing() as session:
        report(session, "config", True, config_part(running).detail, "another:1", NOW)
    assert list(as_text(status_now(home.settings, NOW), home.settings.zone))[1] == (
        "DEGRADED: some prompts of the set in force could not be made, callers hear silence in their place. "
        "`hotline doctor` looks at the programs that speak; then say `hotline reload`."
    )
    chinese = status_now(home.settings.model_copy(update={"language": "zh"}), NOW)
    assert chinese.not_in_force[0].startswith("降级运行：正在生效的那套配置有提示音未能生成")
    monkeypatch.undo()
    assert not config_door.load(home.settings).is_impaired
