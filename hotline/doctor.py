"""`hotline doctor`: looks at everything that the hotline stands on, and changes nothing.

Each fault comes with what to do.
"""

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from hotline import as_found, doctor_asterisk, doctor_machine, problem_words, render_check
from hotline.asterisk_view import AsteriskNotReached, AsteriskView
from hotline.database import head_revision
from hotline.database_copies import key_proofs
from hotline.findings import Finding, Level, fail, ok, warn
from hotline.settings import Settings
from ivr.config_files.checker import Configuration
from ivr.config_files.published import check_further, in_force, load_published
from ivr.config_files.unpublished import unpublished
from ivr.lines import Lines
from ivr.prompts.voices import chosen
from tickets.sealing import KeyFileIsUnusable, Sealer
from vocabulary.config_problem import ConfigProblem


@dataclass(frozen=True)
class Examined:
    """What was looked up once and several checks need."""

    settings: Settings
    now: datetime
    asterisk: AsteriskView | AsteriskNotReached
    processes: tuple[str, ...]
    configuration: Configuration | None
    faults: tuple[str, ...]
    in_force: Configuration | None
    last_good: Configuration | None

    @property
    def is_server_up(self) -> bool:
        return bool(self.processes)

    @property
    def is_asterisk_up(self) -> bool:
        return isinstance(self.asterisk, AsteriskView)

    @property
    def lines(self) -> Lines | None:
        found = self.in_force or self.configuration or self.last_good
        return found.lines if found else None


def examine(settings: Settings, now: datetime) -> Examined:
    def further(folder: Path, found: Configuration) -> list[ConfigProblem]:
        return render_check.problems(settings, folder, found, is_only_looked_at=True)

    configuration, problems = check_further(settings.config_dir, further)
    return Examined(
        settings,
        now,
        doctor_asterisk.running_asterisk(settings),
        tuple(as_found.server_processes(settings, now)),
        configuration,
        tuple(problem_words.told(one, settings.language) for one in problems if one.severity == "error"),
        in_force(settings.home_dir, further)[0],
        load_published(settings.home_dir),
    )


def findings(seen: Examined) -> Iterator[Finding]:
    """In the order in which a person would mend them."""
    settings = seen.settings
    yield _server(seen)
    yield from doctor_machine.rights(settings, is_before_first_start=_is_before_first_start(settings))
    yield from _keys(settings)
    yield from doctor_machine.disk(settings)
    yield from doctor_machine.clock(seen.now, doctor_machine.is_clock_steered())
    yield from doctor_machine.host_name(socket.gethostname())
    yield from doctor_machine.ports(
        settings,
        is_server_up=seen.is_server_up,
        is_asterisk_up=seen.is_asterisk_up,
        transports=doctor_asterisk.transports(settings) if seen.is_asterisk_up else None,
    )
    yield from doctor_machine.voice_tools()
    yield from _voice(seen)
    yield from _configuration(seen)
    yield from _database(settings)
    yield from doctor_asterisk.program(settings)
    yield from doctor_asterisk.running(seen.asterisk, seen.is_server_up)
    yield from doctor_asterisk.trunk_secrets(seen.lines)
    yield from doctor_asterisk.trunks(seen.lines, seen.asterisk)
    yield from doctor_asterisk.queue_log(settings, seen.now, seen.is_server_up, seen.is_asterisk_up)


def is_healthy(found: list[Finding]) -> bool:
    return all(one.level is not Level.FAIL for one in found)


def _server(seen: Examined) -> Finding:
    if seen.is_server_up:
        return ok("server", f"runs as {', '.join(seen.processes)}")
    return ok("server", "does not run")


def _is_before_first_start(settings: Settings) -> bool:
    """No keys, and nothing in the database that they would open. A database that cannot be asked may hold such."""
    try:
        if settings.keys_path.exists():
            return False
        path = as_found.sqlite_file(settings.database)
        if path is not None and not path.is_file():
            return True
        with as_found.database_found(settings) as database, database.reading() as session:
            return not key_proofs(session.connection())
    except (as_found.NoDatabase, SQLAlchemyError, PermissionError):
        return False


def _keys(settings: Settings) -> Iterator[Finding]:
    if os.path.isfile(settings.keys_path):  # no error where this user may not look
        try:
            Sealer.from_file(settings.keys_path)
        except (KeyFileIsUnusable, OSError) as fault:
            yield fail("keys", str(fault), "Restore the file of keys from its own backup.")


def _configuration(seen: Examined) -> Iterator[Finding]:
    """What runs first; edits that are not published stop nothing, faulty or not."""
    settings = seen.settings
    draft = unpublished(settings.config_dir, settings.home_dir)
    if seen.in_force is not None:
        yield ok("config", f"the set in force is good (version {seen.in_force.version})")
        if seen.faults:
            said = f"{len(seen.faults)} faults in {settings.config_dir}, so it cannot be published; the first: {seen.faults[0]}"
            yield warn("config", said, "`hotline check` tells all of them.")
        if draft is not None:
            fact, what_to_do = draft.sentences(settings.zone)
            yield warn("config", fact, what_to_do)
    elif seen.faults:
        then = "an older set runs" if seen.last_good else "and there is no good set to run on"
        said = f"{len(seen.faults)} faults in {settings.config_dir}, {then}; the first: {seen.faults[0]}"
        yield fail("config", said, "`hotline check` tells all of them.")
    elif seen.configuration is not None:
        yield ok("config", f"{settings.config_dir} is good (version {seen.configuration.version})")
        if seen.last_good is not None:
            said = "the set in force cannot be used any more, an older one runs"
            yield warn("config", said, "`hotline reload` puts the files in the folder in force.")


def _voice(seen: Examined) -> Iterator[Finding]:
    """The site's own; espeak-ng is looked for with the tools."""
    found = seen.in_force or seen.configuration or seen.last_good
    if found is None or found.prompts.voice.engine == "espeak":
        return
    voice = chosen(found.prompts.voice)
    why = voice.missing()
    if why is None:
        yield ok("voice", f"the voice {voice.name} is there")
    else:
        said = f"the voice {voice.name} cannot serve: {why}; espeak speaks in its place"
        yield warn("voice", said, "Install what is missing, or choose another engine in prompts.yaml.")


def _database(settings: Settings) -> Iterator[Finding]:
    try:
        with as_found.database_found(settings) as database, database.reading() as session:
            found = as_found.revision_of(session)
            kind = database.engine.dialect.name
    except (as_found.NoDatabase, SQLAlchemyError) as fault:
        yield fail(
            "database", str(fault), "Check HOTLINE_DATABASE_URL and HOTLINE_HOME, and that the database runs."
        )
        return
    if found == head_revision():
        yield ok("database", f"{kind}, revision {found}")
    elif found is None or found in as_found.known_revisions():
        yield fail(
            "database",
            f"{kind}, at revision {found or 'none'}, {head_revision()} is needed",
            "hotline migrate",
        )
    else:
        yield fail(
            "database",
            f"{kind}, revision {found} was made by a newer hotline",
            "Install that newer version again; or restore a backup from before the upgrade.",
        )
