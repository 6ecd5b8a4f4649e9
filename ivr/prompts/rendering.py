"""Prompts as sound files, made when configuration is published and never in a call.

A recorded file always wins; otherwise espeak-ng speaks. Every sound lies in a cache under the hash of all
that made it, so a second run starts no program. Files appear whole: they are written aside and renamed.
"""

import hashlib
import io
import logging
import os
import shutil
import subprocess
import tempfile
import wave
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ivr.lines import Language
from ivr.prompts.english import english_words
from ivr.prompts.schema import Prompt, PromptsFile, Voice
from ivr.prompts.speech import to_pinyin
from vocabulary.errors import HotlineError

_log = logging.getLogger(__name__)
_FORMAT: Final = ("-r", "8000", "-c", "1", "-b", "16", "-e", "signed-integer")
_TELEPHONE: Final = ("highpass", "150", "lowpass", "3400", "norm", "-3")
_RECIPE: Final = "2"
"""Change it when the programs' arguments change: sounds in old caches are then made anew."""
_PATIENCE_SECONDS: Final = 60


class VoiceToolsMissing(HotlineError):
    def __init__(self, tools: Iterable[str]) -> None:
        self.tools = tuple(tools)
        super().__init__(
            f"prompts cannot be spoken: {' and '.join(self.tools)} not found. "
            "Install espeak-ng and sox, or record every prompt."
        )


class PromptFailed(HotlineError):
    def __init__(self, prompt: str, why: str) -> None:
        self.prompt = prompt
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


def render_prompts(
    file: PromptsFile, *, languages: Iterable[Language], recorded_dir: Path, cache_dir: Path
) -> PromptLibrary:
    """Makes what is missing in cache_dir and tells where all lie and how long they are. No file that is there changes.

    Recordings are looked for as recorded_dir/<language>/<prompt>.wav.
    """
    paths: dict[tuple[Language, str], Path] = {}
    seconds: dict[tuple[Language, str], float] = {}
    for language in sorted(set(languages)):
        for name, prompt in file.prompts.items():
            text = prompt.text(language)
            recorded = recorded_dir / language / f"{name}.wav"
            if text is None and not recorded.is_file():
                continue
            cached = _recording(name, recorded, cache_dir) or _speech(name, prompt, language, file, cache_dir)
            paths[language, name] = cached
            seconds[language, name] = _length(cached)
    return PromptLibrary(paths, seconds)


def lay_out(library: PromptLibrary, out_dir: Path) -> None:
    """The same as out_dir/<language>/<prompt>.wav, for the dialplan, which knows prompts by name. One that is being
    played is played to its end as it was."""
    for (language, name), path in library.paths.items():
        target = out_dir / language / f"{name}.wav"
        if path != target:
            _put(path, target)


def made_earlier(file: PromptsFile, languages: Iterable[Language], out_dir: Path) -> PromptLibrary:
    """What an earlier run left, for when nothing can be made now: an old prompt is better than silence."""
    there = {
        (language, name): out_dir / language / f"{name}.wav"
        for language in languages
        for name in file.prompts
        if _is_telephone_sound(out_dir / language / f"{name}.wav")
    }
    return PromptLibrary(there, {key: _length(path) for key, path in there.items()})


def _recording(name: str, recorded: Path, cache_dir: Path) -> Path | None:
    """The recording as the telephone wants it; None if there is none that can be used."""
    if not recorded.is_file():
        return None
    data = recorded.read_bytes()
    cached = cache_dir / f"{_hash('recorded', data)}.wav"
    if not _is_telephone_sound(cached):
        if _is_telephone_sound(recorded):
            _write(cached, data)
            return cached
        _need(("sox",))
        try:
            _write(cached, _wav(_run(name, ["sox", str(recorded), *_FORMAT, "-D", "-t", "raw", "-"], b"")))
        except PromptFailed as error:
            _log.warning("the recording %s is not used, the text is spoken instead: %s", recorded, error)
            return None
    return cached


def _speech(name: str, prompt: Prompt, language: Language, file: PromptsFile, cache_dir: Path) -> Path:
    words = _words(prompt, language, file)
    if words is None:
        raise PromptFailed(name, f"the recording cannot be used, and there is no {language} text to speak")
    cached = cache_dir / f"{_hash(_RECIPE, language, file.voice.model_dump_json(), words)}.wav"
    if not _is_telephone_sound(cached):
        _need(("espeak-ng", "sox"))
        spoken = _run(name, _espeak(language, file.voice), words.encode())
        to_telephone = ["sox", "-t", "wav", "-", *_FORMAT, "-D", "-t", "raw", "-", *_TELEPHONE]
        _write(cached, _wav(_run(name, to_telephone, spoken)))
        if not _is_telephone_sound(cached):
            raise PromptFailed(name, "the voice made no sound")
    return cached


def _words(prompt: Prompt, language: Language, file: PromptsFile) -> str | None:
    text = prompt.text(language)
    if language == "zh" and prompt.pinyin is not None:
        return prompt.pinyin
    if text is None:
        return None
    return to_pinyin(text, file.phrases) if language == "zh" else english_words(text)


def _espeak(language: Language, voice: Voice) -> list[str]:
    # Never "-v cmn": on Debian 12 it reads Chinese as English. Pinyin is right.
    name = {"zh": "cmn-latn-pinyin", "en": "en"}[language]
    settings = ["-s", str(voice.speed), "-p", str(voice.pitch), "-g", str(voice.gap)]
    return ["espeak-ng", "-v", f"{name}+{voice.variant}", *settings, "--stdin", "--stdout"]


def _need(tools: Iterable[str]) -> None:
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        raise VoiceToolsMissing(missing)


def _run(prompt: str, command: list[str], given: bytes) -> bytes:
    try:
        done = subprocess.run(
            command, input=given, capture_output=True, timeout=_PATIENCE_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PromptFailed(prompt, str(error)) from error
    if done.returncode != 0:
        raise PromptFailed(prompt, done.stderr.decode("utf-8", "replace").strip() or command[0])
    return done.stdout


def _wav(samples: bytes) -> bytes:
    """With a header of ours: a wav that a program writes into a pipe does not know its own length."""
    whole = io.BytesIO()
    with wave.open(whole, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(samples)
    return whole.getvalue()


def _hash(*parts: str | bytes) -> str:
    whole = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        whole.update(len(data).to_bytes(8, "big") + data)
    return whole.hexdigest()[:32]


def _put(source: Path, target: Path) -> None:
    data = source.read_bytes()
    if not (target.is_file() and target.read_bytes() == data):
        _write(target, data)


def _write(target: Path, data: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, aside = tempfile.mkstemp(dir=target.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(aside, 0o644)
        os.replace(aside, target)
    except BaseException:  # Ctrl-C too: no half-written file is left
        os.unlink(aside)
        raise


def _is_telephone_sound(path: Path) -> bool:
    """Whole, 8 kHz, mono, 16 bit, and not empty."""
    try:
        with wave.open(str(path), "rb") as sound:
            frames = sound.getnframes()
            shape = (sound.getframerate(), sound.getnchannels(), sound.getsampwidth())
            return shape == (8000, 1, 2) and frames > 800 and len(sound.readframes(frames)) == 2 * frames
    except (OSError, EOFError, wave.Error):
        return False


def _length(path: Path) -> float:
    with wave.open(str(path), "rb") as sound:
        return sound.getnframes() / sound.getframerate()
