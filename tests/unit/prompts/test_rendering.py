"""Prompts become telephone sounds: made once, replaced whole, a recording before the voice."""

import subprocess
import wave
from array import array
from pathlib import Path

import pytest

from ivr.config_files.checker import check
from ivr.prompts.rendering import Maker, NoSuchPrompt, PromptFailed, VoiceToolsMissing, lay_out
from ivr.prompts.schema import PromptsFile

FILE = PromptsFile.model_validate(
    {"prompts": {"greeting": {"zh": "您好", "en": "Hello"}, "only_english": {"en": "Bye"}}}
)


def sound(path, *, seconds=1.0, rate=8000, channels=1):
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"\x01\x02" * int(seconds * rate) * channels)
    return path


@pytest.fixture
def made(tmp_path):
    def render(file=FILE, languages=("zh",)):
        return Maker(file, tmp_path / "recorded", tmp_path / "cache").library(languages)

    return render


@pytest.fixture
def no_programs(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("a program was started")

    return lambda: monkeypatch.setattr(subprocess, "Popen", refuse)


def test_a_text_becomes_a_telephone_sound(made, tmp_path):
    library = made()
    [made_sound] = (tmp_path / "cache").iterdir()
    with wave.open(str(made_sound)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
        loudest = max(abs(value) for value in array("h", file.readframes(file.getnframes())))
    assert 0.3 < library.length("greeting", "zh") < 3
    assert loudest > 5000
    assert library.sound("greeting", "zh") == str(made_sound.with_suffix(""))


def test_only_languages_in_use_are_made(made):
    assert set(made().paths) == {("zh", "greeting")}
    both = made(languages=("zh", "en")).paths
    assert set(both) == {("en", "greeting"), ("en", "only_english"), ("zh", "greeting")}


def test_a_second_run_starts_no_program_and_writes_nothing(made, no_programs, tmp_path):
    first = made()
    times = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.wav")}
    no_programs()
    assert made() == first
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.wav")} == times


def test_the_dialplan_finds_each_by_its_name(made, tmp_path):
    library = made()
    lay_out(library, tmp_path / "out")
    named = tmp_path / "out" / "zh" / "greeting.wav"
    assert named.read_bytes() == library.paths["zh", "greeting"].read_bytes()
    named.write_bytes(b"cut")
    lay_out(library, tmp_path / "out")
    assert named.read_bytes() == library.paths["zh", "greeting"].read_bytes()


def test_a_new_recording_leaves_the_sound_that_is_in_use(made, tmp_path):
    """A caller who is in the menu hears the set that he began with."""
    recorded = sound(tmp_path / "recorded" / "zh" / "greeting.wav", seconds=1)
    before = made()
    was = before.paths["zh", "greeting"].read_bytes()
    sound(recorded, seconds=2)
    assert made().length("greeting", "zh") == 2
    assert before.paths["zh", "greeting"].read_bytes() == was


def test_a_damaged_cache_is_made_anew(made, tmp_path):
    length = made().length("greeting", "zh")
    for path in (tmp_path / "cache").iterdir():
        path.write_bytes(path.read_bytes()[:100])
    assert made().length("greeting", "zh") == length


def test_changed_words_make_a_new_sound(made, tmp_path):
    made()
    longer = PromptsFile.model_validate({"prompts": {"greeting": {"zh": "您好，欢迎拨打12345政务服务热线"}}})
    assert made(longer).length("greeting", "zh") > 2
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_a_recording_wins_as_it_is(made, no_programs, tmp_path):
    recorded = sound(tmp_path / "recorded" / "zh" / "greeting.wav", seconds=7)
    no_programs()
    library = made()
    assert library.length("greeting", "zh") == 7
    assert library.paths["zh", "greeting"].read_bytes() == recorded.read_bytes()


def test_a_studio_recording_is_brought_to_the_telephone(made, no_programs, tmp_path):
    sound(tmp_path / "recorded" / "zh" / "greeting.wav", seconds=2, rate=44100, channels=2)
    assert made().length("greeting", "zh") == pytest.approx(2, abs=0.05)
    no_programs()
    made()


def test_a_broken_recording_gives_way_to_the_voice(made, tmp_path, caplog):
    broken = tmp_path / "recorded" / "zh" / "greeting.wav"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"RIFF nothing")
    assert made().length("greeting", "zh") < 3
    assert "is not used" in caplog.text


@pytest.mark.parametrize(("seconds", "why"), [(121, "it lasts 121 s"), (700, "it has 11.2 MB")])
def test_a_recording_that_nobody_would_hear_out_gives_way_to_the_voice(made, tmp_path, caplog, seconds, why):
    sound(tmp_path / "recorded" / "zh" / "greeting.wav", seconds=seconds)
    assert made().length("greeting", "zh") < 3
    assert why in caplog.text


def test_missing_voice_tools_are_named_with_a_remedy(made, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(VoiceToolsMissing, match=r"espeak-ng and sox not found\. Install espeak-ng and sox"):
        made()


def test_recordings_alone_need_no_voice_tools(made, monkeypatch, tmp_path):
    sound(tmp_path / "recorded" / "zh" / "greeting.wav")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert made().length("greeting", "zh") == 1


def test_a_voice_that_fails_is_told_with_the_prompt(made, monkeypatch, tmp_path):
    for tool in ("espeak-ng", "sox"):
        (tmp_path / tool).write_text("#!/bin/sh\necho no voice >&2; exit 1\n")
        (tmp_path / tool).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(PromptFailed, match='prompt "greeting" could not be made: no voice'):
        made()


def test_an_unknown_prompt_is_named(made):
    with pytest.raises(NoSuchPrompt, match='no prompt "x" in "zh"'):
        made().sound("x", "zh")


def test_nothing_is_left_aside(made, tmp_path):
    made()
    assert not list(tmp_path.rglob(".new-*"))


def test_the_pinyin_given_by_hand_is_spoken(made):
    by_hand = made(PromptsFile.model_validate({"prompts": {"greeting": {"zh": "行", "pinyin": "hang2"}}}))
    same = made(PromptsFile.model_validate({"prompts": {"greeting": {"zh": "航"}}}))
    other = made(PromptsFile.model_validate({"prompts": {"greeting": {"zh": "行"}}}))
    assert by_hand.paths == same.paths != other.paths


def test_a_sound_deleted_under_our_feet_is_made_anew(made):
    library = made()
    [path] = library.paths.values()
    before = path.read_bytes()
    path.unlink()
    assert made() == library
    assert path.read_bytes() == before


def test_every_shipped_prompt_can_be_made(made):
    configuration, _ = check(Path(__file__).parents[3] / "config")
    library = made(configuration.prompts, ("zh", "en"))
    assert len(library.paths) == 2 * len(configuration.prompts.prompts)
    assert library.length("greeting", "zh") < 12
