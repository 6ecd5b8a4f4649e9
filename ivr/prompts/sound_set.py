"""What Asterisk says by itself (positions and hold times in a queue, numbers, dates), in the hotline's languages.

Asterisk puts such sentences together from files with names of its own: SayNumber and the like in its main/say.c, the queue's
in its apps/app_queue.c. Words come from prompts.yaml (`asterisk_sounds`), numbers are made here.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from ivr.lines import Language
from ivr.prompts.english import MONTHS
from ivr.prompts.rendering import Maker
from ivr.prompts.schema import Prompt, PromptsFile
from ivr.prompts.speech import in_characters

RECORDED_IN: Final = "asterisk"
"""A recording prompts/zh/asterisk/digits/1.wav wins over the voice, as for any prompt."""
_NUMBERS: Final = (*range(21), *range(30, 100, 10))
"""Chinese needs no 11 to 19, English does."""


def sound_set_of(
    maker: Maker, file: PromptsFile, languages: Iterable[Language]
) -> Mapping[tuple[Language, str], Path]:
    """The finished sounds by language and Asterisk's name, such as digits/1; by the maker that makes the prompts too. Raises
    VoiceToolsMissing, PromptFailed, OSError."""
    return maker.make_all(_pieces(file), languages, below=f"{RECORDED_IN}/")


def sound_set_at_hand(
    maker: Maker, file: PromptsFile, languages: Iterable[Language]
) -> Mapping[tuple[Language, str], Path]:
    """Of these what was made before."""
    return maker.all_at_hand(_pieces(file), languages, below=f"{RECORDED_IN}/")


def _pieces(file: PromptsFile) -> Mapping[str, Prompt]:
    return {**dict(numbers()), **file.asterisk_sounds}


def numbers() -> Iterator[tuple[str, Prompt]]:
    """digits/0 to digits/90, and the months, which Asterisk counts from 0."""
    for number in _NUMBERS:
        yield f"digits/{number}", Prompt(zh=in_characters(number), en=str(number))
    for month in range(12):
        yield f"digits/mon-{month}", Prompt(zh=f"{in_characters(month + 1)}月", en=MONTHS[month])
