"""How long a prompt will last, told by its text alone: for a check and a simulation, when no sound has been made yet."""

import re
from typing import Final

from ivr.lines import Language
from ivr.prompts.english import english_words
from ivr.prompts.schema import Prompt, PromptsFile
from ivr.prompts.speech import Unspeakable, to_pinyin

_SYLLABLE: Final = 0.29
_PAUSE: Final = 0.5
_ENDS: Final = 0.4
_ENGLISH_LETTER: Final = 0.075
"""Seconds of espeak-ng at its shipped speed, measured over the shipped prompts; a test holds them to a fifth."""
_MEASURED_SPEED: Final = 160


def estimated_seconds(prompt: Prompt, language: Language, file: PromptsFile) -> float:
    """0 where there is no text in that language: then nothing is heard."""
    text = prompt.text(language)
    if text is None:
        return 0.0
    if language == "en":
        spoken = _ENGLISH_LETTER * len(english_words(text))
    else:
        sounds = _sounds(prompt, text, file).rstrip(" ,.?!")
        pauses = sum(sounds.count(sign) for sign in ",.?!")
        spoken = _SYLLABLE * len(re.findall(r"[a-z]+[1-5]", sounds)) + _PAUSE * pauses
    return (spoken + _ENDS) * _MEASURED_SPEED / file.voice.speed


def _sounds(prompt: Prompt, text: str, file: PromptsFile) -> str:
    if prompt.pinyin is not None:
        return prompt.pinyin
    try:
        return to_pinyin(text, file.phrases)
    except Unspeakable:  # the check says so at its own place
        return "a1 " * len(text)
