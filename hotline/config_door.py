"""From the files that admins edit to what is in force: checked, prompts made, Asterisk's files written and taken over.

A bad file never replaces what runs.
"""

import logging
import os
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from hotline import (
    asterisk_data,
    asterisk_process,
    asterisk_site,
    defaults_door,
    hold_music,
    prompt_door,
    render_check,
)
from hotline.asterisk_process import AsteriskProgram
from hotline.problem_words import said, told
from hotline.secrets_file import load_or_make
from hotline.settings import Settings
from ivr.config_files import rollback
from ivr.config_files.checker import Configuration, check
from ivr.config_files.history import Entry, How, Note, entries, went_out
from ivr.config_files.published import (
    Further,
    NoGoodConfiguration,
    check_further,
    folder_of,
    kept_set,
    load_for_start,
    load_published,
    note,
    publish,
    store_of,
)
from ivr.config_files.putting_back import finish_putting_back
from ivr.config_files.rollback import RolledBack
from ivr.config_files.running import Running
from ivr.config_files.set_store import current, is_whole
from ivr.config_files.unpublished import unpublished
from ivr.lines import Lines
from ivr.prompts.rendering import ASTERISK_SOUNDS, PromptLibrary
from ivr.telephony.asterisk_files import AsteriskSite, render, write_changed
from vocabulary.config_problem import ConfigProblem
from vocabulary.errors import HotlineError

_log = logging.getLogger(__name__)
_LONGEST_CALL: Final = timedelta(days=1)
_RECENT_SETS: Final = 3


class NotTaken(HotlineError):
    """The new files have faults; what ran goes on running."""


def load(settings: Settings, how: How = "start") -> Running:
    """For a start: the set in force. The files only where there is none that can be used; else an older set, degraded.

    `how`: what the history says if the files come into force. Raises NoGoodConfiguration.
    """
    found = load_for_start(settings.config_dir, settings.home_dir, _cannot_be_rendered(settings), how)
    for one in found.problems:
        _log.log(
            logging.ERROR if one.severity == "error" else logging.WARNING,
            "configuration: %s",
            told(one, settings.language),
        )
    if found.is_degraded:
        _log.error("configuration: DEGRADED, running on an older set until a good one is published")
    folder = _kept_or(settings.config_dir, settings, found.configuration)
    prompts = prompt_door.make_or_find(settings, found.configuration, folder)
    prompt_door.put_in_force(settings, prompts)
    return Running(found.configuration, prompts, found.is_degraded, found.problems + _fault_of(prompts))


def load_to_render(settings: Settings) -> Running:
    """For Asterisk's files: what a start would run, but no older set. Raises NotTaken, NoGoodConfiguration."""
    running = load(settings, "render")
    if running.is_degraded:
        raise NotTaken(_lines(settings, running.problems))
    return running


def told_of_the_folder(settings: Settings) -> list[str]:
    """Whoever edits must never wonder why nothing changes: which files are not in force, what to do, and their faults."""
    found = unpublished(settings.config_dir, settings.home_dir)
    if found is None:
        return []
    _, problems = check_further(settings.config_dir, _cannot_be_rendered(settings))
    faults = [told(one, settings.language) for one in problems if one.severity == "error"]
    first, then = (said(sentence, settings.language) for sentence in found.sentences(settings.zone))
    return [first, *faults, then]


def load_changed(settings: Settings, *, by: Note | None) -> Running:
    """The files on disk if they are good. `by` None: only to look at, they do not come into force, and whether their prompts
    can be made is not asked. Raises NotTaken."""
    if by is None:
        finish_rollback(settings)
        return _with_what_there_is(settings, settings.config_dir)
    running = checked(settings)
    put_in_force(settings, running, by)
    return running


def load_told(settings: Settings) -> Running:
    """For a server that was told of a publish: the set in force, whatever is being edited meanwhile. Raises NotTaken."""
    in_force = current(store_of(settings.home_dir))
    folder = folder_of(settings.home_dir, in_force or "none")
    if not is_whole(folder):
        raise NotTaken(f"{folder}: no whole set is there")
    running = _with_what_there_is(settings, folder)
    prompt_door.put_in_force(settings, running.prompts)
    return running


def other_in_force(settings: Settings, own: str) -> str | None:
    """For a server that runs the set `own`: which one is in force instead. Asked at each report, so it reads one line."""
    found = current(store_of(settings.home_dir))
    return found if found != own else None


def load_asked(settings: Settings, own: str) -> Running:
    """For a server whom a person tells to look (SIGHUP), and that runs the set `own`: what was put in force since; if
    nothing was, the files on disk, which come into force. Raises NotTaken."""
    if other_in_force(settings, own) is not None:
        try:
            return load_told(settings)
        except NotTaken as fault:
            _log.error("configuration: the set in force is good no more here: %s", fault)
    return load_changed(settings, by=note("reload"))


def put_in_force(settings: Settings, running: Running, by: Note, *, onto: str | None = None) -> Entry | None:
    """What was `checked`; only `onto` that set, if one is named. None: these files were in force already. Raises
    FilesChanged, SetChanged, OSError."""
    folder = running.folder or settings.config_dir
    entry = publish(folder, running.configuration, settings.home_dir, by, onto=onto)
    prompt_door.put_in_force(settings, running.prompts)
    return entry


def checked(settings: Settings, folder: Path | None = None) -> Running:
    """The files on disk, or those in `folder`, with their prompts, not in force; raises NotTaken with all problems if
    they are not good or a prompt cannot be made."""
    finish_rollback(settings)
    return _made_ready(settings, folder or settings.config_dir)


def finish_rollback(settings: Settings) -> None:
    """One that was cut leaves a mixture of two sets in the folder. Raises NotTaken."""
    try:
        finish_putting_back(settings.config_dir, settings.home_dir)
    except OSError as fault:
        raise NotTaken(
            f"a rollback was cut, and its files cannot be put back into {settings.config_dir} ({fault.strerror}): "
            "say `hotline reload` as a user who may write there"
        ) from fault


def _made_ready(settings: Settings, folder: Path) -> Running:
    """The set in that folder with all its prompts, or NotTaken with all its problems."""
    configuration, problems = _good(settings, folder)
    try:
        prompts = prompt_door.make(settings, configuration, folder)
    except prompt_door.PromptsNotMade as fault:
        raise NotTaken(told(fault.problem, settings.language)) from fault
    return Running(configuration, prompts, False, tuple(problems), folder)


def _with_what_there_is(settings: Settings, folder: Path) -> Running:
    """The same; but what cannot be made is missing, and told."""
    configuration, problems = _good(settings, folder)
    prompts = prompt_door.make_or_find(settings, configuration, folder)
    return Running(configuration, prompts, False, (*problems, *_fault_of(prompts)), folder)


def _good(settings: Settings, folder: Path) -> tuple[Configuration, list[ConfigProblem]]:
    """With its warnings. Raises NotTaken."""
    configuration, problems = check_further(folder, _cannot_be_rendered(settings))
    if configuration is None:
        raise NotTaken(_lines(settings, problems))
    return configuration, problems


def _fault_of(prompts: PromptLibrary) -> tuple[ConfigProblem, ...]:
    return () if prompts.fault is None else (prompts.fault,)


def _lines(settings: Settings, problems: Iterable[ConfigProblem]) -> str:
    return "\n".join(told(one, settings.language) for one in problems)


def checked_kept(settings: Settings, version: str) -> Running:
    """A kept set with its prompts, not in force. Raises NotTaken if it is good no more."""
    return _made_ready(settings, folder_of(settings.home_dir, version))


def roll_back(settings: Settings, running: Running, by: Note, *, onto: str | None = None) -> RolledBack:
    """A kept set, which was `checked_kept`, comes into force again, its files into the config folder; only `onto` that
    set, if one is named."""
    version = running.configuration.version
    done = rollback.roll_back(settings.config_dir, settings.home_dir, version, by, onto=onto)
    prompt_door.put_in_force(settings, running.prompts)
    return done


def load_recent(settings: Settings, now: datetime) -> list[Running]:
    """Sets that calls still up may have begun with, the oldest first: those that went out of force within a day."""
    store = store_of(settings.home_dir)
    recent: list[Running] = []
    for version in went_out(entries(store, current(store)), now - _LONGEST_CALL)[-_RECENT_SETS:]:
        configuration = kept_set(store, version).configuration
        if configuration is not None:
            # of the voice the set in force has told already
            folder = folder_of(settings.home_dir, version)
            prompts = prompt_door.make_or_find(settings, configuration, folder, voice_told_at=logging.INFO)
            recent.append(Running(configuration, prompts, False))
    return recent


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
    in_force = current(store_of(settings.home_dir))
    return lambda folder, configuration: render_check.problems(
        settings, folder, configuration, is_only_looked_at=configuration.version == in_force
    )


def site_in_force(settings: Settings, program: AsteriskProgram, running: Running) -> AsteriskSite:
    """Where everything of this hotline's Asterisk lies and listens. Raises NotTaken."""
    lines = running.configuration.lines
    languages = prompt_door.heard_languages(running.configuration)
    hold = {one: hold_music.make(settings.hold_dir, running.prompts, one) for one in languages}
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
    asterisk_data.lay_out(Path(site.data_dir), Path(program.data_dir), settings.prompts_dir / ASTERISK_SOUNDS)
    for folder in (site.lib_dir, f"{site.lib_dir}/keys", site.spool_dir, site.run_dir, site.log_dir):
        Path(folder).mkdir(parents=True, exist_ok=True, mode=0o700)
    configuration = running.configuration
    templates = defaults_door.templates(_own_files(settings, running))
    return render(configuration.lines, site, templates, configuration.callbacks.kinds)


def _own_files(settings: Settings, running: Running) -> Path:
    return _kept_or(running.folder or settings.config_dir, settings, running.configuration)


def _kept_or(folder: Path, settings: Settings, configuration: Configuration) -> Path:
    """The set itself, where it is kept: the folder may hold a draft. Not kept: what is only looked at, or could not be."""
    kept = folder_of(settings.home_dir, configuration.version)
    return kept if is_whole(kept) else folder
