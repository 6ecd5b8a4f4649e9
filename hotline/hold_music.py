"""What waiting callers hear, over and over: the prompt hold_on, then some quiet seconds of a soft chord.

Each sound lies in a folder of its own, named after all that it is made of: a new prompt is a new folder, so Asterisk's file
differs and is read anew, and what it plays until then, and to those who wait longer, stays where it is.
"""

import hashlib
import logging
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Final

from ivr.lines import Language
from ivr.prompts.rendering import NoSuchPrompt, PromptLibrary

_log = logging.getLogger(__name__)
_SOUND: Final = "hold.wav"
_RECIPE: Final = b"1"
"""Change it when the programs' arguments change."""
_KEPT_SECONDS: Final = 24 * 3600
"""Longer than anybody waits: at each repetition Asterisk opens the file anew that a caller began with."""


def make(folder: Path, prompts: PromptLibrary, language: Language) -> Path:
    """The folder below `folder` that Asterisk shall play. What cannot be made leaves the one before in force."""
    try:
        spoken = Path(f"{prompts.sound('hold_on', language)}.wav").read_bytes()
    except (NoSuchPrompt, OSError):
        spoken = b""
    own = folder / hashlib.sha256(_RECIPE + spoken).hexdigest()[:12]
    if (own / _SOUND).is_file():
        return own
    try:
        own.mkdir(parents=True, exist_ok=True)
        _mix(spoken, own / _SOUND)
    except (OSError, subprocess.SubprocessError) as fault:
        _log.error("the hold music could not be made: %s", fault)
        return max(
            folder.glob(f"*/{_SOUND}"), key=lambda one: one.stat().st_mtime, default=own / _SOUND
        ).parent
    return own


def forget_old(folder: Path, before: str, now_read: str) -> None:
    """After Asterisk has read `now_read` in place of `before` (both the text of musiconhold.conf): removes what nobody hears
    any more."""
    for own in [one for one in folder.glob("*") if one.is_dir() and str(one) not in now_read]:
        if str(own) in before:
            os.utime(own)  # from now on it is old
        elif time.time() - own.stat().st_mtime > _KEPT_SECONDS:
            shutil.rmtree(own, ignore_errors=True)


def _mix(spoken: bytes, target: Path) -> None:
    form = ["-r", "8000", "-c", "1", "-b", "16"]
    chord = [word for note in ("C3", "E3", "G3") for word in ("pluck", note)]
    with tempfile.TemporaryDirectory() as aside:
        tune, prompt, whole = (Path(aside, name) for name in ("tune.wav", "prompt.wav", "whole.wav"))
        made = ["synth", "14", *chord, "fade", "t", "1", "14", "5", "gain", "-18"]
        subprocess.run(["sox", "-D", "-n", *form, str(tune), *made], check=True, timeout=60)
        prompt.write_bytes(spoken)
        parts = [str(prompt)] if spoken else []
        subprocess.run(["sox", "-D", *parts, str(tune), *form, str(whole)], check=True, timeout=60)
        draft = target.with_suffix(".new")
        draft.write_bytes(whole.read_bytes())
        draft.replace(target)
