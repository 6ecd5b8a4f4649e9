"""From the files that admins edit to what is in force: checked, prompts made, Asterisk's files written and taken over.

A bad file never replaces what runs.
"""

import logging
import os
from pathlib import Path

import yaml

from hotline import asterisk_process, asterisk_site, defaults_door, hold_music, render_check
from hotline.asterisk_process import AsteriskProgram
from hotline.secrets_file import load_or_make
from hotline.settings import Settings
from ivr.config_files.checker import Configuration, check
from ivr.config_files.published import (
    Further,
    NoGoodConfiguration,
    check_further,
    folder_of,
    load_for_start,
    load_published,
    publish,
    version_in_force,
)
from ivr.config_files.references import REQUIRED_PROMPTS
from ivr.config_files.running import Running
from ivr.lines import Lines
from ivr.prompts.in_use import note_in_use
from ivr.prompts.rendering import (
    PromptFailed,
    PromptLibrary,
    VoiceToolsMissing,
    lay_out,
    made_earlier,
    render_prompts,
)
from ivr.prompts.schema import PromptsFile
from ivr.telephony.asterisk_files import AsteriskSite, render, write_changed
from vocabulary.errors import HotlineError

_log = logging.getLogger(__name__)


class NotTaken(HotlineError):
    """The new files have faults; what ran goes on running."""


def load(settings: Settings) -> Running:
    """For a start: the files if they are good, else the last good set, degraded. Raises NoGoodConfiguration."""
    found = load_for_start(settings.config_dir, settings.home_dir, _cannot_be_rendered(settings))
    for one in found.problems:
        _log.log(logging.ERROR if one.severity == "error" else logging.WARNING, "configuration: %s", one)
    if found.is_degraded:
        _log.error(
            "configuration: DEGRADED, running on the last good set until the problems above are mended"
        )
    prompts = make_prompts(settings, found.configuration)
    _put_in_force(settings, prompts)
    return Running(found.configuration, prompts, found.is_degraded, found.problems)


def load_changed(settings: Settings, *, is_published: bool = True) -> Running:
    """The files on disk if they are good, kept as the last good set; raises NotTaken with all problems if not."""
    configuration, problems = check_further(settings.config_dir, _cannot_be_rendered(settings))
    if configuration is None:
        raise NotTaken("\n".join(str(one) for one in problems))
    prompts = make_prompts(settings, configuration)
    if is_published:
        publish(settings.config_dir, configuration.version, settings.home_dir)
        _put_in_force(settings, prompts)
    return Running(configuration, prompts, False, tuple(problems))


def load_in_force(settings: Settings) -> Running:
    """For a command that only wants to know what runs, without a sound: nothing is written, nothing comes into force.

    Before the first start: the files. Raises NoGoodConfiguration.
    """
    configuration = load_published(settings.home_dir)
    if configuration is None:
        configuration, problems = check(settings.config_dir)
        if configuration is None:
            raise NoGoodConfiguration(problems)
    return Running(configuration, PromptLibrary({}, {}), False)


def _cannot_be_rendered(settings: Settings) -> Further:
    """A set that is in force was rendered where the trunks' secrets are. Whoever runs it further and writes nothing for
    Asterisk needs none of them, so for that set a missing one is a warning; what does render asks again."""
    in_force = version_in_force(settings.home_dir)
    return lambda folder, configuration: render_check.problems(
        settings, folder, configuration, is_only_looked_at=configuration.version == in_force
    )


def make_prompts(settings: Settings, configuration: Configuration) -> PromptLibrary:
    """The sounds of a configuration. Without voice tools the calls go on in silence, and the log says so."""
    languages = [configuration.lines.site.language]
    spoken = _with_shipped_words(configuration.prompts)
    try:
        return render_prompts(
            spoken,
            languages=languages,
            recorded_dir=settings.config_dir / "prompts",
            cache_dir=settings.prompts_dir / "cache",
        )
    except (VoiceToolsMissing, PromptFailed, OSError) as fault:
        _log.error("%s; what was made earlier is played", fault)
        return made_earlier(spoken, languages, settings.prompts_dir)


def _with_shipped_words(own: PromptsFile) -> PromptsFile:
    """What the hotline says by itself, and a site's file does not have (yet): as shipped."""
    missing = [name for name in REQUIRED_PROMPTS if name not in own.prompts]
    if not missing:
        return own
    text = (defaults_door.shipped() / "prompts.yaml").read_text("utf-8")
    shipped = PromptsFile.model_validate(yaml.safe_load(text))
    return own.model_copy(
        update={
            "prompts": {**own.prompts, **{name: shipped.prompts[name] for name in missing}},
            "phrases": {**shipped.phrases, **own.phrases},
        }
    )


def _put_in_force(settings: Settings, prompts: PromptLibrary) -> None:
    """For the dialplan, which plays by name; callers in a menu hear the set that they began with."""
    try:
        lay_out(prompts, settings.prompts_dir)
        note_in_use(prompts, settings.prompts_dir / "cache", settings.prompts_dir / "sets")
    except OSError as fault:
        _log.error("prompts could not be laid out: %s; what was made earlier is played", fault)


def site_in_force(settings: Settings, program: AsteriskProgram, running: Running) -> AsteriskSite:
    """Where everything of this hotline's Asterisk lies and listens. Raises NotTaken."""
    lines = running.configuration.lines
    hold = hold_music.make(settings.hold_dir, running.prompts, lines.site.language)
    return asterisk_site.site_of(settings, program, load_or_make(settings), lines, hold, trunk_secrets(lines))


def etc_dir(settings: Settings) -> Path:
    return asterisk_site.etc_dir(settings)


def trunk_secrets(lines: Lines) -> dict[str, str]:
    """From the environment variables that the trunks name. Raises NotTaken, naming the missing ones."""
    wanted = {trunk.name: trunk.secret_env for trunk in lines.trunks if trunk.secret_env}
    missing = [name for name in wanted.values() if not os.environ.get(name)]
    if missing:
        raise NotTaken(f"trunk secrets are missing from the environment: set {', '.join(sorted(missing))}")
    return {trunk: os.environ[name] for trunk, name in wanted.items()}


def render_asterisk(
    settings: Settings, program: AsteriskProgram, running: Running, to: Path | None = None
) -> dict[str, str]:
    """Writes Asterisk's files where they changed; gives name → the text before. `to`: another folder than its own.

    Under a running Asterisk nothing is in force before asterisk_changes.take_over.
    """
    own = etc_dir(settings)
    is_running = to is None and asterisk_process.is_running(program, own)
    return write_changed(asterisk_files(settings, program, running), to or own, is_running=is_running)


def asterisk_files(settings: Settings, program: AsteriskProgram, running: Running) -> dict[str, str]:
    """Asterisk's files as they shall be, by name; the folders that they speak of are there afterwards."""
    site = site_in_force(settings, program, running)
    for folder in (site.lib_dir, f"{site.lib_dir}/keys", site.spool_dir, site.run_dir, site.log_dir):
        Path(folder).mkdir(parents=True, exist_ok=True, mode=0o700)
    configuration = running.configuration
    own = folder_of(settings.home_dir, configuration.version) if running.is_degraded else settings.config_dir
    templates = defaults_door.templates(own)
    return render(configuration.lines, site, templates, configuration.callbacks.kinds)
