"""Who speaks a prompt that nobody recorded: espeak-ng, a program of the site's choice, or a neural voice.

A voice gives a wav of any rate; bringing it to the telephone, and keeping it, is ivr.prompts.rendering's.
"""

import importlib
import importlib.util
import os
import shutil
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from ivr.lines import Language
from ivr.prompts.programs import ProgramFailed, SoundsStopped, call, run
from ivr.prompts.schema import Voice as VoiceChoice
from ivr.prompts.sounds import need, wav

_FOR_PROGRAMS: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")
"""What a site's program sees of our environment: the rest holds secrets of trunks and database."""
_SPARE_SECONDS: Final = 20


@dataclass(frozen=True)
class Words:
    """What is to be said."""

    language: Language
    text: str
    """As it was written; empty where only `pinyin:` was."""
    sounds: str
    """The same for espeak-ng: pinyin with tones, or English with its numbers as they are spoken."""


class Voice(Protocol):
    @property
    def name(self) -> str: ...

    def recipe(self, words: Words) -> str:
        """All that its sound depends on: a finished sound is kept under its hash."""
        ...

    def missing(self) -> str | None:
        """Why it cannot speak at all on this machine; None if it can."""
        ...

    def speak(self, words: Words) -> bytes:
        """A wav, of any rate. Raises ProgramFailed, VoiceToolsMissing, SoundsStopped."""
        ...


@dataclass(frozen=True)
class Espeak:
    """The voice that always serves."""

    choice: VoiceChoice
    name: str = "espeak"

    def recipe(self, words: Words) -> str:
        return "\n".join(["espeak-2", words.language, *self._settings(), words.sounds])

    def missing(self) -> str | None:
        return None if shutil.which("espeak-ng") else "espeak-ng is not installed"

    def speak(self, words: Words) -> bytes:
        need(("espeak-ng", "sox"))
        # Never "-v cmn": on Debian 12 it reads Chinese as English. Pinyin is right.
        name = {"zh": "cmn-latn-pinyin", "en": "en"}[words.language]
        voice = f"{name}+{self.choice.variant}"
        return run(
            ["espeak-ng", "-v", voice, *self._settings(), "--stdin", "--stdout"], words.sounds.encode()
        )

    def _settings(self) -> list[str]:
        one = self.choice
        return ["-s", str(one.speed), "-p", str(one.pitch), "-g", str(one.gap)]


@dataclass(frozen=True)
class Command:
    """Any program: text on its standard input, a wav on its standard output. No shell is in between."""

    command: tuple[str, ...]
    name: str = "command"

    def recipe(self, words: Words) -> str:
        return "\n".join(["command-1", *self.command, words.language, words.text, words.sounds])

    def missing(self) -> str | None:
        return None if shutil.which(self.command[0]) else f"there is no program {self.command[0]}"

    def speak(self, words: Words) -> bytes:
        told = {"PROMPT_LANGUAGE": words.language, "PROMPT_SOUNDS": words.sounds}
        ours = {key: os.environ[key] for key in _FOR_PROGRAMS if key in os.environ}
        return run(self.command, words.text.encode(), seconds=_SPARE_SECONDS, environment=ours | told)


class _Spoken(Protocol):
    samples: Sequence[float]
    """From -1 to 1."""
    sample_rate: int


class _Engine(Protocol):
    def generate(self, text: str, *, sid: int, speed: float) -> _Spoken: ...


class Sherpa:
    """A neural voice by sherpa-onnx, which is no part of us: the user installs it and brings a model of the kind VITS."""

    name = "sherpa"

    def __init__(self, model_dir: Path, speaker: int) -> None:
        self._model_dir = model_dir
        self._speaker = speaker
        self._engine: _Engine | None = None

    def recipe(self, words: Words) -> str:
        facts = [f"{one.name} {one.stat().st_size}" for one in self._files("*")]
        return "\n".join(["sherpa-1", str(self._speaker), *facts, words.language, words.text])

    def missing(self) -> str | None:
        if importlib.util.find_spec("sherpa_onnx") is None:
            return "the package sherpa-onnx is not installed (the extra `neural`)"
        lacking = [pattern for pattern in ("*.onnx", "tokens.txt") if not self._files(pattern)]
        return f"the folder {self._model_dir} has no {' and no '.join(lacking)}" if lacking else None

    def speak(self, words: Words) -> bytes:
        try:
            return call(lambda: self._generated(words))
        except SoundsStopped:
            raise
        except Exception as fault:  # the engine documents no errors; told, and espeak-ng serves
            raise ProgramFailed(f"sherpa-onnx: {fault}") from fault

    def _generated(self, words: Words) -> bytes:
        # a model is big: read once, and only if a sound is missing
        self._engine = self._engine or self._loaded()
        made = self._engine.generate(words.text, sid=self._speaker, speed=1.0)
        samples = array("h", (round(32767 * max(-1.0, min(1.0, one))) for one in made.samples))
        return wav(samples.tobytes(), int(made.sample_rate))

    def _loaded(self) -> _Engine:
        sherpa = importlib.import_module("sherpa_onnx")
        vits = sherpa.OfflineTtsVitsModelConfig(
            model=str(self._files("*.onnx")[0]),
            lexicon=",".join(str(one) for one in self._files("lexicon*.txt")),
            tokens=str(self._model_dir / "tokens.txt"),
        )
        model = sherpa.OfflineTtsModelConfig(vits=vits, num_threads=1)
        rules = ",".join(str(one) for one in self._files("*.fst"))
        engine: _Engine = sherpa.OfflineTts(sherpa.OfflineTtsConfig(model=model, rule_fsts=rules))
        return engine

    def _files(self, pattern: str) -> list[Path]:
        return sorted(one for one in self._model_dir.glob(pattern) if one.is_file())


def chosen(choice: VoiceChoice) -> Voice:
    """The voice that prompts.yaml asks for."""
    if choice.engine == "command" and choice.command:
        return Command(tuple(choice.command))
    if choice.engine == "sherpa" and choice.model_dir:
        return Sherpa(Path(choice.model_dir), choice.speaker)
    return Espeak(choice)
