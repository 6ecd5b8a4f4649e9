"""What config/prompts.yaml may say: the voice, phrases and their sounds, every prompt's text."""

import re
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from ivr.lines import Language
from ivr.plain_text import Name, Written, invisible, refusal, shown

LONGEST_TEXT: Final = 600
LARGEST_RECORDING: Final = 10_000_000
"""Bytes. Four minutes of a studio: no prompt is that long."""
_SYLLABLE: Final = r"[a-z]{1,6}[1-5]"
_PINYIN: Final = re.compile(rf"{_SYLLABLE}([ ,.?!]+{_SYLLABLE})*[ ,.?!]*", re.ASCII)
_CHINESE: Final = re.compile(r"[\u4e00-\u9fff]{1,20}")


def _check_text(text: str) -> str:
    hidden = invisible(text.replace("\n", " "))
    if hidden:
        raise refusal(f"has the invisible character {hidden}", "Delete it.")
    if not text.strip():
        raise refusal("has no words", "Write what is to be said.")
    if len(text) > LONGEST_TEXT:
        raise refusal(f"has {len(text)} characters", f"Keep it to {LONGEST_TEXT}: callers are waiting.")
    return text


def _check_pinyin(text: str) -> str:
    if _PINYIN.fullmatch(text) is None:
        raise refusal(
            f"{shown(text)} is not pinyin with tones",
            "Write syllables with a tone number, such as nin2 hao3.",
        )
    return text


def _check_chinese(text: str) -> str:
    if _CHINESE.fullmatch(text) is None:
        raise refusal(f"{shown(text)} is no phrase", "Write 1 to 20 Chinese characters.")
    return text


SpokenText = Annotated[str, AfterValidator(_check_text)]
Pinyin = Annotated[str, Field(max_length=2000), AfterValidator(_check_pinyin)]
Phrase = Annotated[str, AfterValidator(_check_chinese)]
SoundName = Annotated[str, Field(pattern=r"^([a-z]{1,20}/)?[a-z0-9][a-z0-9_-]{0,39}$")]
Argument = Annotated[str, Field(min_length=1, max_length=1000, pattern=r"^[^\x00]+$")]


class Voice(Written):
    """Who speaks what nobody recorded, and how; the same for all prompts."""

    engine: Literal["espeak", "command", "sherpa"] = "espeak"
    command: Annotated[list[Argument], Field(min_length=1, max_length=30)] | None = None
    """For engine command: a program and its arguments, run without a shell; text in, wav out."""
    model_dir: Annotated[str, Field(pattern=r"^/[^\x00]*$", max_length=400)] | None = None
    """For engine sherpa: an absolute path."""
    speaker: Annotated[int, Field(ge=0, le=10_000)] = 0
    """For engine sherpa: which of the model's voices."""
    variant: Annotated[str, Field(pattern=r"^[fm][1-8]$")] = "f3"
    speed: Annotated[int, Field(ge=80, le=300)] = 160
    """Words a minute."""
    pitch: Annotated[int, Field(ge=0, le=99)] = 45
    gap: Annotated[int, Field(ge=0, le=20)] = 2
    """Pause between words, in 10 ms."""

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        needs = {"command": "command", "sherpa": "model_dir"}.get(self.engine)
        if needs is not None and getattr(self, needs) is None:
            remedy = {
                "command": "Write the program and its arguments as a list.",
                "sherpa": "Name the model's folder.",
            }
            raise refusal(f"{needs} is missing", remedy[self.engine], "engine")
        return self


class Prompt(Written):
    """What is said, by language. A recorded file of the same name is played instead."""

    zh: SpokenText | None = None
    en: SpokenText | None = None
    pinyin: Pinyin | None = None
    """How `zh` sounds, where the reading found by itself is wrong."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.zh is None and self.en is None:
            raise refusal("has no text", "Write zh: and what is to be said.")
        return self

    def text(self, language: Language) -> str | None:
        return self.zh if language == "zh" else self.en


class PromptsFile(Written):
    voice: Voice = Voice()
    phrases: dict[Phrase, Pinyin] = Field(default_factory=dict)
    prompts: Annotated[dict[Name, Prompt], Field(min_length=1, max_length=2000)]
    asterisk_sounds: Annotated[dict[SoundName, Prompt], Field(max_length=500)] = Field(default_factory=dict)
    """What Asterisk says by itself, under its own names; what a site leaves out is said as shipped."""

    @model_validator(mode="after")
    def _a_sound_for_each_character(self) -> Self:
        for phrase, pinyin in self.phrases.items():
            sounds = len(re.findall(_SYLLABLE, pinyin))
            if sounds != len(phrase):
                fault = f"{len(phrase)} characters, but {sounds} syllables"
                raise refusal(fault, "Write one syllable for each character.", "phrases", phrase)
        return self
