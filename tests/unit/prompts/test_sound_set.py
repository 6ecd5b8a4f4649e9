"""Asterisk's own sentences: every piece that its say.c and app_queue ask for in Chinese is there, and nothing English."""

import wave
from pathlib import Path

import pytest
import yaml

from hotline import defaults_door
from ivr.prompts.rendering import Maker, PromptLibrary, lay_out
from ivr.prompts.schema import PromptsFile
from ivr.prompts.sound_set import numbers, sound_set_of
from ivr.prompts.speech import to_pinyin

SHIPPED = PromptsFile.model_validate(
    yaml.safe_load((defaults_door.shipped() / "prompts.yaml").read_text("utf-8"))
)
SMALL = PromptsFile.model_validate(
    {
        "prompts": {"greeting": {"zh": "您好"}},
        "asterisk_sounds": {
            "queue-thereare": {"zh": "您排在第", "en": "You are number"},
            "digits/wan": {"zh": "万"},
        },
    }
)
# what ast_say_number_full_zh, ast_say_date_with_format_zh and say_position name (Asterisk 22)
ASKED_FOR = [
    *(f"digits/{number}" for number in (*range(13), *range(20, 100, 10))),
    *(f"digits/{word}" for word in ("hundred", "thousand", "wan", "yi", "minus", "star", "pound")),
    *(f"digits/mon-{month}" for month in range(12)),
    *(f"digits/day-{day}" for day in range(7)),
    *(f"digits/{word}" for word in ("year", "day", "oclock", "a-m", "p-m", "today", "yesterday")),
    *("minute", "second"),
    *(f"queue-{word}" for word in ("youarenext", "thereare", "callswaiting", "holdtime", "minute", "minutes")),
    *(f"queue-{word}" for word in ("seconds", "thankyou", "quantity1", "quantity2", "periodic-announce")),
    "queue-reporthold",
]  # fmt: skip


def render(folder, file=SMALL, languages=("zh",)):
    return sound_set_of(Maker(file, folder / "recorded", folder / "cache"), file, languages)


@pytest.mark.parametrize("name", ASKED_FOR)
def test_there_are_chinese_words_for(name):
    prompt = {**dict(numbers()), **SHIPPED.asterisk_sounds}[name]
    assert prompt.zh is not None


@pytest.mark.parametrize(
    ("name", "pinyin"),
    [
        ("digits/0", "ling2"), ("digits/1", "yi1"), ("digits/2", "er4"), ("digits/10", "shi2"),
        ("digits/90", "jiu3 shi2"), ("digits/mon-0", "yi1 yue4"), ("digits/mon-10", "shi2 yi1 yue4"),
        ("digits/hundred", "bai3"), ("digits/wan", "wan4"), ("digits/yi", "yi4"), ("digits/day-1", "xing1 qi1 yi1"),
        ("digits/oclock", "dian3"), ("minute", "fen1"), ("queue-thereare", "nin2 xian4 zai4 pai2 zai4 di4"),
        ("queue-callswaiting", "wei4 ."), ("queue-holdtime", "yu4 ji4 deng3 dai4 shi2 jian1 yue1"),
        ("queue-minutes", "fen1 zhong1 ."),
    ],
)  # fmt: skip
def test_it_sounds_right(name, pinyin):
    prompt = {**dict(numbers()), **SHIPPED.asterisk_sounds}[name]
    assert to_pinyin(prompt.zh, SHIPPED.phrases) == pinyin


def test_every_piece_is_a_short_telephone_sound_where_asterisk_looks(tmp_path):
    sounds = render(tmp_path)
    assert len(sounds) == len(dict(numbers())) + 2
    lay_out(PromptLibrary({}, {}, sounds), tmp_path / "prompts")
    laid = tmp_path / "prompts" / "sounds" / "zh"
    assert {path.relative_to(laid).with_suffix("").as_posix() for path in laid.rglob("*.wav")} == {
        name for _, name in sounds
    }
    for path in laid.rglob("*.wav"):
        with wave.open(str(path)) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
            assert 0.2 < file.getnframes() / 8000 < 2


def test_another_language_only_where_it_is_in_use(tmp_path):
    both = render(tmp_path, languages=("zh", "en"))
    assert ("en", "queue-thereare") in both
    assert ("en", "digits/wan") not in both, "there are no English words for it"


def test_a_recording_wins(tmp_path):
    recorded = tmp_path / "recorded" / "zh" / "asterisk" / "digits" / "1.wav"
    recorded.parent.mkdir(parents=True)
    with wave.open(str(recorded), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\x01\x02" * 4000)
    assert Path(render(tmp_path)["zh", "digits/1"]).read_bytes() == recorded.read_bytes()


@pytest.mark.parametrize("name", ["../x", "/etc/x", "digits/../../x", "Digits/1", "a/b/c", ""])
def test_a_sounds_name_stays_in_its_folder(name):
    with pytest.raises(ValueError, match="asterisk_sounds"):
        PromptsFile.model_validate({"prompts": {"a": {"zh": "好"}}, "asterisk_sounds": {name: {"zh": "好"}}})


def test_a_piece_that_a_language_lacks_is_silence_where_asterisk_would_take_a_foreign_one(
    tmp_path: Path,
) -> None:
    made = tmp_path / "made.wav"
    made.write_bytes(b"spoken")
    both = {("zh", "digits/wan"): made, ("zh", "digits/1"): made, ("en", "digits/1"): made}
    lay_out(PromptLibrary({}, {}, both), tmp_path / "prompts")  # type: ignore[arg-type]
    with wave.open(str(tmp_path / "prompts" / "sounds" / "en" / "digits" / "wan.wav")) as silence:
        assert 0 < silence.getnframes() < 400
        assert not any(silence.readframes(400))
    whole = {**both, ("en", "digits/wan"): made}
    lay_out(PromptLibrary({}, {}, whole), tmp_path / "prompts")  # type: ignore[arg-type]
    assert (tmp_path / "prompts" / "sounds" / "en" / "digits" / "wan.wav").read_bytes() == b"spoken"
