"""`hotline prompts …`: what callers hear, looked at, made, played, and recordings brought in. Nothing here is part of a call."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Final, NoReturn, cast, get_args

import typer

from hotline import prompt_door
from hotline.environment import settings_from_environment
from hotline.problem_words import told
from hotline.settings import Settings
from ivr.config_files.checker import Configuration, check
from ivr.config_files.set_store import own
from ivr.config_files.sources import RECORDINGS
from ivr.lines import Language
from ivr.plain_text import cleaned
from ivr.prompts.importing import read_recording
from ivr.prompts.sound_set import RECORDED_IN, numbers
from ivr.prompts.sounds import length, write_whole

prompts_app = typer.Typer(no_args_is_help=True, help="Prompts: what callers and agents hear.")
_PLAYERS: Final = (("paplay",), ("aplay", "-q"), ("play", "-q"), ("afplay",))
LanguageOption = Annotated[
    str | None, typer.Option("--language", help="zh or en; left out: the language of the site.")
]
NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="A prompt of prompts.yaml, such as greeting.")
]


def add_commands(app: typer.Typer) -> None:
    """Registers them on the program."""
    app.add_typer(prompts_app, name="prompts")


def say(text: str) -> None:
    print(text, flush=True)


def fail(text: str) -> NoReturn:
    print(f"hotline: {text}", file=sys.stderr, flush=True)
    raise typer.Exit(1)


@prompts_app.command("list")
def list_prompts(language: LanguageOption = None) -> None:
    """List every prompt of the files: name, seconds (- if no sound is made yet), who speaks it (recorded, or the voice
    that does), its words.
    """
    settings = settings_from_environment()
    configuration = _configuration(settings)
    chosen = _language(language, configuration)
    for name, prompt, who, sound in prompt_door.spoken_by(settings, configuration, chosen):
        seconds = f"{length(sound):5.1f} s" if sound else "    -  "
        words = cleaned((prompt.text(chosen) or "").replace("\n", " "), 100)
        say(f"{name:28} {seconds}  {who:8}  {words}")


@prompts_app.command("render")
def render(language: LanguageOption = None) -> None:
    """Make the sounds that are missing, as a publish would; those that are there are kept.

    Puts nothing into force: what runs goes on with its own sounds until `hotline menus publish`.
    """
    settings = settings_from_environment()
    configuration = _configuration(settings)
    chosen = _language(language, configuration)
    made = prompt_door.render(settings, configuration, chosen)
    seconds = sum(made.seconds.values())
    say(
        f"{len(made.paths)} prompts ({seconds:.0f} s) and {len(made.asterisk_sounds)} sounds of Asterisk's are ready"
    )


@prompts_app.command("play")
def play(name: NameArgument, language: LanguageOption = None) -> None:
    """Play a prompt on this machine, if it has a player; its file is named in any case."""
    settings = settings_from_environment()
    configuration = _configuration(settings)
    chosen = _language(language, configuration)
    _known(name, configuration)
    path = prompt_door.sound(prompt_door.render(settings, configuration, chosen), name, chosen)
    seconds = length(path)
    say(f"{path}  {seconds:.1f} s")
    player = next((one for one in _PLAYERS if shutil.which(one[0])), None)
    if player is None:
        say("there is no player on this machine: copy the file to one that has")
        return
    try:
        subprocess.run([*player, str(path)], check=True, timeout=seconds + 10, capture_output=True)
    except (OSError, subprocess.SubprocessError):
        say(f"{player[0]} could not play it here: copy the file to a machine with a loudspeaker")


@prompts_app.command("import")
def import_recording(
    name: NameArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="wav, mp3, flac or ogg, at most 10 MB.")],
    language: LanguageOption = None,
) -> None:
    """Take a recording for a prompt: converted and levelled for the telephone, then kept in the config folder.

    Its length, loudness and clipping are checked. It is a draft, as every changed file there: callers hear it in place
    of the voice once it is published. A piece of Asterisk's own sentences is named asterisk/NAME, such as
    asterisk/digits/1.
    """
    settings = settings_from_environment()
    configuration = _configuration(settings)
    chosen = _language(language, configuration)
    _known(name, configuration)
    recording = read_recording(file)
    target = _recorded(settings, chosen, name)
    os.umask(0o022)  # it holds no secret, and the hotline's user shall read what root brought in
    new = [path for path in (*target.parents, target) if not path.exists()]
    write_whole(target, recording.sound)
    for path in new:
        own(path, settings.config_dir)
    for warning in recording.warnings:
        say(f"warning: {warning}")
    say(f"{target}  {recording.seconds:.1f} s, {recording.loudness:.0f} dB")
    say(
        "a draft, which callers do not hear yet: "
        f"`hotline menus publish --only {target.relative_to(settings.config_dir)} --why TEXT` puts it in force"
    )


def _configuration(settings: Settings) -> Configuration:
    configuration, problems = check(settings.config_dir)
    if configuration is None:
        fail(
            "\n".join(["the config files have faults:", *(told(one, settings.language) for one in problems)])
        )
    return configuration


def _language(asked: str | None, configuration: Configuration) -> Language:
    if asked is None:
        return configuration.lines.site.language
    for language in get_args(Language):
        if language == asked:
            return cast(Language, language)
    fail(f"--language {cleaned(asked, 20)}: choose zh or en")


def _known(name: str, configuration: Configuration) -> None:
    spoken = prompt_door.spoken(configuration)
    own = {f"{RECORDED_IN}/{one}" for one in (*dict(numbers()), *spoken.asterisk_sounds)}
    if name not in own and name not in spoken.prompts:
        fail(
            f"there is no prompt {cleaned(name, 60)!r} in prompts.yaml; `hotline prompts list` names them all"
        )


def _recorded(settings: Settings, language: Language, name: str) -> Path:
    return settings.config_dir / RECORDINGS / language / f"{name}.wav"
