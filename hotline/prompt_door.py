"""The sounds of a configuration: made before it comes into force, then laid where the dialplan and Asterisk find them."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import yaml

from hotline import defaults_door
from hotline.settings import Settings
from ivr.config_files.checker import Configuration
from ivr.config_files.problems import problem
from ivr.config_files.reader import Document, read
from ivr.config_files.references import REQUIRED_PROMPTS
from ivr.config_files.sources import RECORDINGS
from ivr.lines import Language
from ivr.menus.languages import chosen_languages
from ivr.prompts.in_use import note_in_use
from ivr.prompts.rendering import (
    Maker,
    NoSuchPrompt,
    PromptFailed,
    PromptLibrary,
    VoiceToolsMissing,
    lay_out,
)
from ivr.prompts.schema import Prompt, PromptsFile
from ivr.prompts.sound_set import RECORDED_IN, sound_set_at_hand, sound_set_of
from ivr.prompts.sounds import length
from vocabulary.config_problem import ConfigProblem
from vocabulary.errors import HotlineError

_log = logging.getLogger(__name__)
_FILE = "prompts.yaml"
_NO_SOUND = (VoiceToolsMissing, PromptFailed, OSError)
SAID = "broadcasts"
"""Its own folder below that of the prompts: what a site publishes meanwhile clears the cache, and not this."""


class PromptsNotMade(HotlineError):
    """`problem`: why, where, and what to do."""

    def __init__(self, problem: ConfigProblem) -> None:
        self.problem = problem
        super().__init__(str(problem))


def make(settings: Settings, configuration: Configuration, folder: Path) -> PromptLibrary:
    """For a set that is to come into force: all of it. `folder`: that of the set, with its recordings. Raises
    PromptsNotMade."""
    language = configuration.lines.site.language
    maker = _maker(settings, configuration, folder)
    try:
        return _with_asterisks(maker, configuration, language, _prompts(maker, configuration, language))
    except _NO_SOUND as fault:
        raise PromptsNotMade(_problem(settings, folder, fault)) from fault


def make_or_find(
    settings: Settings, configuration: Configuration, folder: Path, *, voice_told_at: int = logging.ERROR
) -> PromptLibrary:
    """For a set that is in force: calls go on without what cannot be made, and the library and the log say so. Other words
    that were made earlier are not played, since the keys may be others too.

    `voice_told_at`: the level of the log at which it is told that another voice serves than the site's."""
    language = configuration.lines.site.language
    maker = _maker(settings, configuration, folder, voice_told_at)
    try:
        return _with_asterisks(maker, configuration, language, _prompts(maker, configuration, language))
    except _NO_SOUND as fault:
        _log.error(
            "%s; callers hear of this set what was made before, and silence in place of the rest", fault
        )
        found = _at_hand(maker, configuration, language)
        return replace(found, fault=_problem(settings, folder, fault))


def _at_hand(maker: Maker, configuration: Configuration, language: Language) -> PromptLibrary:
    file = spoken(configuration)
    paths = maker.all_at_hand(file.prompts, {language, *chosen_languages(configuration.menus)})
    sounds = sound_set_at_hand(maker, file, [language])
    return PromptLibrary(paths, {key: length(path) for key, path in paths.items()}, sounds)


def _problem(settings: Settings, folder: Path, fault: Exception) -> ConfigProblem:
    """Of one of _NO_SOUND."""
    if isinstance(fault, OSError):
        words = f"the prompts cannot be made ({fault.strerror or fault})"
        where = str(fault.filename or settings.prompts_dir)
        return problem(where, (1, 1), (), words, "Look at rights and space there.")
    if isinstance(fault, PromptFailed):
        name = fault.prompt.removeprefix(f"{RECORDED_IN}/")
        path = ("prompts" if name == fault.prompt else "asterisk_sounds", name)
        remedy = "`hotline doctor` looks at the programs that speak; a recording (`hotline prompts import`) needs none."
        return _in_the_file(folder, path, f"this prompt cannot be made ({fault.why})", remedy)
    missing = " and ".join(fault.tools) if isinstance(fault, VoiceToolsMissing) else str(fault)
    remedy = "Install espeak-ng and sox, or record every prompt."
    return _in_the_file(folder, (), f"the prompts cannot be spoken: {missing} not found", remedy)


def _in_the_file(folder: Path, path: tuple[str, ...], fault: str, remedy: str) -> ConfigProblem:
    try:
        document = read(_FILE, (folder / _FILE).read_bytes())
    except OSError:  # moved meanwhile; the place is not what matters most
        document = Document(_FILE)
    return document.problem(path, fault, remedy, at=document.key_place(path))


def render(settings: Settings, configuration: Configuration, language: Language) -> PromptLibrary:
    """The same of the config folder, for somebody who looks on. Raises VoiceToolsMissing, PromptFailed, OSError."""
    maker = _maker(settings, configuration, settings.config_dir)
    return _with_asterisks(maker, configuration, language, _prompts(maker, configuration, language))


def spoken_by(
    settings: Settings, configuration: Configuration, language: Language
) -> Iterator[tuple[str, Prompt, str, Path | None]]:
    """Of each prompt of the config folder: name, words, who speaks it, and its sound if it was made."""
    maker = _maker(settings, configuration, settings.config_dir)
    for name, prompt in spoken(configuration).prompts.items():
        yield (name, prompt, *maker.spoken_by(name, prompt, language))


def heard_languages(configuration: Configuration) -> list[Language]:
    """That of the site first, then those that callers choose in a menu."""
    own = configuration.lines.site.language
    return [own, *sorted(chosen_languages(configuration.menus) - {own})]


def sound(made: PromptLibrary, name: str, language: Language) -> Path:
    """A prompt's file, or that of asterisk/<name>. Raises NoSuchPrompt."""
    own = made.asterisk_sounds.get((language, name.removeprefix(f"{RECORDED_IN}/")))
    found = own if name.startswith(f"{RECORDED_IN}/") else made.paths.get((language, name))
    if found is None:
        raise NoSuchPrompt(name, language)
    return found


def said(settings: Settings, configuration: Configuration, text: str) -> Path:
    """The sound of an emergency message that nobody prepared, made now if it was not before, by the site's own voice.

    Raises VoiceToolsMissing, PromptFailed, Unspeakable, OSError.
    """
    language = configuration.lines.site.language
    folder = settings.prompts_dir / SAID
    maker = Maker(spoken(configuration), recorded_dir=folder, cache_dir=folder)
    made = maker.make("a broadcast", Prompt.model_validate({language: text}), language)
    if made is None:
        raise NoSuchPrompt("a broadcast", language)
    return made


def forget_said(settings: Settings, before: float) -> None:
    """Sounds of messages that were made before that moment (seconds since 1970) and cannot be on any more."""
    for sound in (settings.prompts_dir / SAID).glob("*.wav"):
        with suppress(OSError):
            if sound.stat().st_mtime < before:
                sound.unlink()


def spoken(configuration: Configuration) -> PromptsFile:
    """What the hotline and Asterisk say by themselves, and a site's file does not have (yet): as shipped."""
    own = configuration.prompts
    text = (defaults_door.shipped() / "prompts.yaml").read_text("utf-8")
    shipped = PromptsFile.model_validate(yaml.safe_load(text))
    missing = [name for name in REQUIRED_PROMPTS if name not in own.prompts]
    return own.model_copy(
        update={
            "prompts": {**own.prompts, **{name: shipped.prompts[name] for name in missing}},
            "asterisk_sounds": _in_every_language(shipped.asterisk_sounds, own.asterisk_sounds),
            "phrases": {**shipped.phrases, **own.phrases} if missing else own.phrases,
        }
    )


def _in_every_language(shipped: Mapping[str, Prompt], own: Mapping[str, Prompt]) -> dict[str, Prompt]:
    """A piece that the site says in one language only is said as shipped in the other: who chose that one waits too."""
    found = dict(shipped)
    for name, prompt in own.items():
        there = shipped.get(name, prompt)
        if prompt.en is None:
            prompt = prompt.model_copy(update={"en": there.en})
        if prompt.zh is None:
            prompt = prompt.model_copy(update={"zh": there.zh, "pinyin": there.pinyin})
        found[name] = prompt
    return found


def put_in_force(settings: Settings, prompts: PromptLibrary) -> None:
    """For the dialplan, which plays by name; callers in a menu hear the set that they began with."""
    try:
        lay_out(prompts, settings.prompts_dir)
        note_in_use(prompts, settings.prompts_dir / "cache", settings.prompts_dir / "sets")
    except OSError as fault:
        _log.error("prompts could not be laid out: %s; what was made earlier is played", fault)


def _maker(
    settings: Settings, configuration: Configuration, folder: Path, told_at: int = logging.ERROR
) -> Maker:
    """One for prompts and Asterisk's own words, so that a voice that cannot serve is tried and told once."""
    return Maker(spoken(configuration), folder / RECORDINGS, settings.prompts_dir / "cache", told_at)


def _prompts(maker: Maker, configuration: Configuration, language: Language) -> PromptLibrary:
    return maker.library({language, *heard_languages(configuration)})


def _with_asterisks(
    maker: Maker, configuration: Configuration, language: Language, made: PromptLibrary
) -> PromptLibrary:
    languages = {language, *heard_languages(configuration)}
    return replace(made, asterisk_sounds=sound_set_of(maker, spoken(configuration), languages))
