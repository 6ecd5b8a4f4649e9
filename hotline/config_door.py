"""From the files that admins edit to what is in force: checked, prompts made, Asterisk's files written and taken over.

A bad file never replaces what runs.
"""

import logging
import os
from pathlib import Path

from hotline import asterisk_process, defaults_door, hold_music
from hotline.asterisk_process import AsteriskProgram
from hotline.secrets_file import load_or_make
from hotline.settings import Settings
from ivr.config_files.checker import Configuration, check
from ivr.config_files.published import load_for_start, publish
from ivr.config_files.running import Running
from ivr.lines import Lines
from ivr.prompts.rendering import (
    PromptFailed,
    PromptLibrary,
    VoiceToolsMissing,
    made_earlier,
    render_prompts,
)
from ivr.telephony.asterisk_files import AsteriskSite, render, write_changed
from vocabulary.errors import HotlineError

_log = logging.getLogger(__name__)


class NotTaken(HotlineError):
    """The new files have faults; what ran goes on running."""


def load(settings: Settings) -> Running:
    """For a start: the files if they are good, else the last good set, degraded. Raises NoGoodConfiguration."""
    found = load_for_start(settings.config_dir, settings.home_dir)
    for one in found.problems:
        _log.log(logging.ERROR if one.severity == "error" else logging.WARNING, "configuration: %s", one)
    if found.is_degraded:
        _log.error(
            "configuration: DEGRADED, running on the last good set until the problems above are mended"
        )
    prompts = make_prompts(settings, found.configuration)
    return Running(found.configuration, prompts, found.is_degraded, found.problems)


def load_changed(settings: Settings, *, is_published: bool = True) -> Running:
    """The files on disk if they are good, kept as the last good set; raises NotTaken with all problems if not."""
    configuration, problems = check(settings.config_dir)
    if configuration is None:
        raise NotTaken("\n".join(str(one) for one in problems))
    prompts = make_prompts(settings, configuration)
    if is_published:
        publish(settings.config_dir, configuration.version, settings.home_dir)
    return Running(configuration, prompts, False, tuple(problems))


def make_prompts(settings: Settings, configuration: Configuration) -> PromptLibrary:
    """The sounds of a configuration. Without voice tools the calls go on in silence, and the log says so."""
    folder = settings.prompts_dir
    try:
        return render_prompts(
            configuration.prompts,
            languages=[configuration.lines.site.language],
            recorded_dir=settings.config_dir / "prompts",
            cache_dir=folder / "cache",
            out_dir=folder,
        )
    except (VoiceToolsMissing, PromptFailed, OSError) as fault:
        _log.error("%s; what was made earlier is played", fault)
        return made_earlier(configuration.prompts, [configuration.lines.site.language], folder)


def asterisk_site(settings: Settings, program: AsteriskProgram, running: Running) -> AsteriskSite:
    """Where everything of this hotline's Asterisk lies and listens."""
    base, secrets = settings.asterisk_dir, load_or_make(settings)
    lines = running.configuration.lines
    return AsteriskSite(
        system_name=settings.system_name,
        etc_dir=str(etc_dir(settings)),
        module_dir=program.module_dir,
        data_dir=program.data_dir,
        lib_dir=str(base / "lib"),
        spool_dir=str(base / "spool"),
        run_dir=str(base / "run"),
        log_dir=str(base / "log"),
        prompts_dir=str(settings.prompts_dir / lines.site.language),
        hold_dir=str(hold_music.make(settings.hold_dir, running.prompts, lines.site.language)),
        sip_bind=settings.sip_bind,
        sip_port=settings.sip_port,
        media_address=settings.media_address,
        rtp_start=settings.rtp_start,
        rtp_end=settings.rtp_end,
        asterisk_bind=settings.asterisk_bind,
        asterisk_http_port=settings.asterisk_http_port,
        ami_port=settings.ami_port,
        ami_user=settings.ami_user,
        ami_secret=secrets.ami_secret,
        ari_user=settings.ami_user,
        ari_secret=secrets.ari_secret,
        server_address="127.0.0.1" if settings.agi_bind == "0.0.0.0" else settings.agi_bind,
        agi_address="127.0.0.1" if settings.agi_bind == "0.0.0.0" else settings.agi_bind,
        agi_port=settings.agi_port,
        agi_step_seconds=settings.agi_step_seconds,
        trunk_secrets=trunk_secrets(lines),
    )


def etc_dir(settings: Settings) -> Path:
    return (settings.asterisk_etc or settings.asterisk_dir / "etc").absolute()


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
    site = asterisk_site(settings, program, running)
    for folder in (site.lib_dir, f"{site.lib_dir}/keys", site.spool_dir, site.run_dir, site.log_dir):
        Path(folder).mkdir(parents=True, exist_ok=True, mode=0o700)
    configuration = running.configuration
    templates = defaults_door.templates(settings.config_dir)
    return render(configuration.lines, site, templates, configuration.callbacks.kinds)
