"""Prompts as sound files, made when configuration is published and never in a call.

A recorded file always wins; otherwise a voice speaks (ivr.prompts.voices). Every sound lies in a cache under the hash of
all that made it, so a second run starts no program. Files appear whole: they are written aside and renamed.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Final

from ivr.lines import Language
from ivr.prompts import voices
from ivr.prompts.english import english_words
from ivr.prompts.programs import ProgramFailed
from ivr.prompts.schema import LARGEST_RECORDING, Prompt, PromptsFile
from ivr.prompts.side_by_side import side_by_side
from ivr.prompts.sounds import (
    LEVELLED,
    LONGEST_SECONDS,
    VoiceToolsMissing,
    a_moment_of_silence,
    content_name,
    is_telephone_sound,
    is_wav,
    length,
    put,
    to_telephone,
    write_whole,
)
from ivr.prompts.speech import to_pinyin
from ivr.prompts.voices import Espeak, Voice, Words
from vocabulary.config_problem import ConfigProblem
from vocabulary.errors import HotlineError
from vocabulary.hotline_names import UNHEARD

_log = logging.getLogger(__name__)


class PromptFailed(HotlineError):
    def __init__(self, prompt: str, why: str) -> None:
        self.prompt, self.why = prompt, why
        super().__init__(f'prompt "{prompt}" could not be made: {why}')


class NoSuchPrompt(HotlineError):
    def __init__(self, prompt: str, language: str) -> None:
        self.prompt, self.language = prompt, language
        super().__init__(f'there is no prompt "{prompt}" in "{language}"')


@dataclass(frozen=True)
class PromptLibrary:
    """The finished sounds, by language and prompt name."""

    paths: Mapping[tuple[Language, str], Path]
    seconds: Mapping[tuple[Language, str], float]
    asterisk_sounds: Mapping[tuple[Language, str], Path] = field(default_factory=dict)
    """What Asterisk says by itself, under its own names."""
    fault: ConfigProblem | None = None
    """Why some of it could not be made; None: all of it is there."""

    def sound(self, prompt: str, language: Language) -> str:
        """What Asterisk plays: the file's path without .wav. Raises NoSuchPrompt."""
        try:
            return str(self.paths[language, prompt].with_suffix(""))
        except KeyError:
            raise NoSuchPrompt(prompt, language) from None

    def length(self, prompt: str, language: Language) -> float:
        """Seconds. Raises NoSuchPrompt."""
        try:
            return self.seconds[language, prompt]
        except KeyError:
            raise NoSuchPrompt(prompt, language) from None


class Maker:
    """Makes what is missing in cache_dir, several at once; no file that is there changes. A voice that cannot speak is told
    once, and espeak-ng serves from there on. Recordings are looked for as recorded_dir/<language>/<prompt>.wav.

    `told_at`: the level of the log at which that is told."""

    def __init__(
        self, file: PromptsFile, recorded_dir: Path, cache_dir: Path, told_at: int = logging.ERROR
    ) -> None:
        self._file = file
        self._told_at = told_at
        self._recorded_dir = recorded_dir
        self._cache_dir = cache_dir
        self._espeak = Espeak(file.voice)
        self._voice = voices.chosen(file.voice)
        self._voices_turn = Lock()
        why = self._voice.missing()
        if why is not None and self._voice.name != self._espeak.name:
            self._give_up(why)

    def library(self, languages: Iterable[Language]) -> PromptLibrary:
        """All prompts of the file: where they lie and how long they are. Raises VoiceToolsMissing, PromptFailed, OSError."""
        paths = self.make_all(self._file.prompts, languages)
        return PromptLibrary(paths, {key: length(path) for key, path in paths.items()})

    def make_all(
        self, prompts: Mapping[str, Prompt], languages: Iterable[Language], *, below: str = ""
    ) -> dict[tuple[Language, str], Path]:
        """Every prompt that has words or a recording; recordings are looked for under `below` + name."""
        wanted = [(language, name) for language in sorted(set(languages)) for name in prompts]
        made = side_by_side(lambda one: self.make(f"{below}{one[1]}", prompts[one[1]], one[0]), wanted)
        return {key: path for key, path in zip(wanted, made, strict=True) if path is not None}

    def make(self, name: str, prompt: Prompt, language: Language) -> Path | None:
        """The finished sound in the cache; None where there are neither words nor a recording in this language. Raises
        VoiceToolsMissing, PromptFailed, OSError."""
        recorded = self._recorded_dir / language / f"{name}.wav"
        cached = self._recording(name, recorded)
        if cached is not None:
            return cached
        words = words_of(prompt, language, self._file.phrases)
        if words is None:
            if not recorded.is_file():
                return None
            raise PromptFailed(
                name, f"the recording cannot be used, and there is no {language} text to speak"
            )
        return self._speech(name, words)

    def at_hand(self, name: str, prompt: Prompt, language: Language) -> Path | None:
        """What of `make` needs no program: the recording, or these very words if they were spoken before."""
        try:
            cached = self._recording(name, self._recorded_dir / language / f"{name}.wav")
        except (VoiceToolsMissing, OSError):
            cached = None
        words = words_of(prompt, language, self._file.phrases)
        if cached is not None or words is None:
            return cached
        spoken = (self._cached(voice, words) for voice in (self._voice, self._espeak))
        return next((one for one in spoken if is_telephone_sound(one)), None)

    def spoken_by(self, name: str, prompt: Prompt, language: Language) -> tuple[str, Path | None]:
        """Who speaks it: "recorded", or the voice; and its sound, if it was made. For a look: nothing is made or kept."""
        recorded = self._recorded_dir / language / f"{name}.wav"
        if is_wav(recorded):
            return "recorded", recorded
        words = words_of(prompt, language, self._file.phrases)
        for voice in (self._voice, self._espeak) if words else ():
            if words and is_telephone_sound(self._cached(voice, words)):
                return voice.name, self._cached(voice, words)
        return self._voice.name, None

    def all_at_hand(
        self, prompts: Mapping[str, Prompt], languages: Iterable[Language], *, below: str = ""
    ) -> dict[tuple[Language, str], Path]:
        """As `make_all`, without what is not there."""
        wanted = [(language, name) for language in sorted(set(languages)) for name in prompts]
        found = {key: self.at_hand(f"{below}{key[1]}", prompts[key[1]], key[0]) for key in wanted}
        return {key: path for key, path in found.items() if path is not None}

    def _recording(self, name: str, recorded: Path) -> Path | None:
        """The recording as the telephone wants it; None if there is none that can be used."""
        if not recorded.is_file():
            return None
        try:
            return self._brought_to_the_telephone(recorded)
        except ProgramFailed as error:
            _log.warning("the recording %s is not used, the text is spoken instead: %s", recorded, error)
            return None

    def _brought_to_the_telephone(self, recorded: Path) -> Path:
        """Raises ProgramFailed."""
        size = recorded.stat().st_size
        if size > LARGEST_RECORDING:
            raise ProgramFailed(f"it has {size / 1e6:.1f} MB, at most {LARGEST_RECORDING / 1e6:g} are played")
        data = recorded.read_bytes()
        cached = self._cache_dir / f"{content_name('recorded', data)}.wav"
        if not is_telephone_sound(cached):
            write_whole(cached, data if is_telephone_sound(recorded) else to_telephone(recorded))
        seconds = length(cached)
        if seconds > LONGEST_SECONDS:
            raise ProgramFailed(f"it lasts {seconds:.0f} s, at most {LONGEST_SECONDS:g} are played")
        return cached

    def _speech(self, name: str, words: Words) -> Path:
        # a site's own voice may bear no two at once (one model in memory, one licence)
        with self._voices_turn:
            if self._voice.name != self._espeak.name:
                try:
                    return self._spoken(self._voice, words)
                except ProgramFailed as fault:
                    self._give_up(str(fault))
        try:
            return self._spoken(self._espeak, words)
        except ProgramFailed as fault:
            raise PromptFailed(name, fault.why) from fault

    def _spoken(self, voice: Voice, words: Words) -> Path:
        cached = self._cached(voice, words)
        if not is_telephone_sound(cached):
            write_whole(cached, to_telephone(voice.speak(words), LEVELLED))
            if not is_telephone_sound(cached):
                cached.unlink(missing_ok=True)
                raise ProgramFailed("the voice made no sound")
        return cached

    def _cached(self, voice: Voice, words: Words) -> Path:
        return self._cache_dir / f"{content_name(voice.recipe(words))}.wav"

    def _give_up(self, why: str) -> None:
        words = "the voice %s cannot serve: %s. espeak serves in its place"
        _log.log(self._told_at, words, self._voice.name, why)
        self._voice = self._espeak


def words_of(prompt: Prompt, language: Language, phrases: Mapping[str, str]) -> Words | None:
    """Raises Unspeakable."""
    text = prompt.text(language)
    if language == "zh" and prompt.pinyin is not None:
        return Words(language, text or "", prompt.pinyin)
    if text is None:
        return None
    return Words(language, text, to_pinyin(text, phrases) if language == "zh" else english_words(text))


ASTERISK_SOUNDS: Final = "sounds"


def lay_out(library: PromptLibrary, out_dir: Path) -> None:
    """The same as out_dir/<language>/<prompt>.wav, for the dialplan, which knows prompts by name; Asterisk's own as
    out_dir/sounds/<language>/<name>.wav. One that is being played is played to its end as it was."""
    for (language, name), path in library.asterisk_sounds.items():
        put(path, out_dir / ASTERISK_SOUNDS / language / f"{name}.wav")
        unheard = out_dir / ASTERISK_SOUNDS / f"{language}_{UNHEARD}" / f"{name}.wav"
        if not unheard.exists():
            write_whole(unheard, a_moment_of_silence())
    _silence_what_is_not_said(library, out_dir / ASTERISK_SOUNDS)
    for (language, name), path in library.paths.items():
        target = out_dir / language / f"{name}.wav"
        if path != target:
            put(path, target)


def _silence_what_is_not_said(library: PromptLibrary, sounds_dir: Path) -> None:
    """Asterisk would take a piece that one language lacks from another."""
    languages = {language for language, _ in library.asterisk_sounds}
    for language in languages:
        for name in {name for _, name in library.asterisk_sounds}:
            missing = sounds_dir / language / f"{name}.wav"
            if (language, name) not in library.asterisk_sounds and not missing.exists():
                write_whole(missing, a_moment_of_silence())


def made_earlier(file: PromptsFile, languages: Iterable[Language], out_dir: Path) -> PromptLibrary:
    """What an earlier run laid out, by name: whoever asks knows that the words are still the same."""
    there = {
        (language, name): out_dir / language / f"{name}.wav"
        for language in languages
        for name in file.prompts
        if is_telephone_sound(out_dir / language / f"{name}.wav")
    }
    return PromptLibrary(there, {key: length(path) for key, path in there.items()})


__all__ = [
    "Maker",
    "NoSuchPrompt",
    "PromptFailed",
    "PromptLibrary",
    "VoiceToolsMissing",
    "lay_out",
    "made_earlier",
    "words_of",
]
