"""The command `hotline`: the third door. Every error is one line that says what to do, and an exit code."""

import asyncio
import contextlib
import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from sqlalchemy.exc import SQLAlchemyError

from hotline import (
    accounts_cli,
    as_found,
    asterisk_cli,
    asterisk_process,
    bootstrap,
    broadcast_cli,
    config_door,
    database,
    defaults_door,
    first_start,
    into_force,
    leftovers,
    menus_cli,
    operations_cli,
    own_server,
    people_cli,
    prompts_cli,
    render_check,
    trial,
    versions_cli,
)
from hotline.early_signals import EarlySignals
from hotline.environment import settings_from_environment
from hotline.problem_words import Language, how_many, marked, said, told
from hotline.settings import Settings
from hotline.stop_request import StopAsked, StopRequest
from ivr.config_files.published import NoGoodConfiguration, check_further, note
from ivr.config_files.running import Running
from vocabulary.errors import HotlineError

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="The 12345 hotline: answers calls with Asterisk, makes tickets, rings missed callers back. "
    "Where it keeps things and which ports it uses is set by HOTLINE_… variables: see `hotline settings`.",
)
app.add_typer(asterisk_cli.asterisk_app, name="asterisk")
people_cli.add_commands(app)
accounts_cli.add_commands(app)
operations_cli.add_commands(app)
prompts_cli.add_commands(app)
menus_cli.add_commands(app)
broadcast_cli.add_commands(app)


def say(text: str) -> None:
    print(text, flush=True)


def fail(text: str, code: int = 1) -> NoReturn:
    print(f"hotline: {text}", file=sys.stderr, flush=True)
    raise typer.Exit(code)


@app.command()
def serve(
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PART",
            help="Run just this part: agi (Asterisk's scripts), web (the API) or worker (the listener, and what "
            "rings back). May be repeated. Left out: all three in one process.",
        ),
    ] = None,
) -> None:
    """Run the server in the foreground, for a service manager; Asterisk is started apart.

    Needs `hotline migrate` before, and Asterisk's files by `hotline asterisk render`. Several processes may share
    the work: any number of agi, web and worker beside one Asterisk; of the workers one listens, the others stand
    by. SIGTERM ends it in order, SIGHUP publishes changed config files and takes
    them, SIGUSR1 takes what was published. A start takes the set in force. The log goes to standard error.
    """
    stop, early = StopRequest(), EarlySignals()
    stop.listen()
    early.listen()  # a closed terminal too: as later, it stops no server
    from hotline.serve import ALL_PARTS, Service  # the whole program is only loaded when it is run

    parts = tuple(only or ALL_PARTS)
    if unknown := set(parts) - set(ALL_PARTS):
        fail(f"--only {', '.join(sorted(unknown))}: choose from {', '.join(ALL_PARTS)}", 2)
    settings = settings_from_environment()
    logging.basicConfig(
        level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    for name in ("apscheduler", "httpx", "httpcore", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)

    async def run() -> None:
        await Service(hotline, parts, asked_early=early.noted).run()

    # until the service has handlers of its own: at a start a voice may be at work, which must not outlive us
    with contextlib.suppress(StopAsked), stop.may_break_off():
        hotline = bootstrap.build_server(settings)
        asyncio.run(run())


@app.command()
def up() -> None:
    """Run the whole hotline on this machine, for a trial: set up what is missing, start Asterisk and the server.

    Runs until Ctrl-C (or SIGTERM), which stops all of it; a part that dies is started again. It says where the
    web API is, how to place a test call, and which file holds the accounts that a first start makes. What a killed
    `hotline up` left running in the same HOTLINE_HOME is ended first.
    """
    stop = StopRequest()
    stop.listen()
    settings = settings_from_environment()
    with contextlib.suppress(StopAsked), leftovers.only_one(settings) as note:
        with stop.may_break_off():
            made = _prepare(settings, note)
        made.trial(stop, note).run(made.greet)
    say("stopped")


@dataclass(frozen=True)
class _Prepared:
    settings: Settings
    program: asterisk_process.AsteriskProgram
    running: Running
    is_first: bool

    def trial(self, stop: StopRequest, note: leftovers.UpNote) -> trial.Trial:
        return trial.Trial(self.settings, self.program, say, stop, note.server_started)

    def greet(self, parts: own_server.Parts) -> None:
        not_in_force = config_door.told_of_the_folder(self.settings)
        say(first_start.greeting(self.settings, self.running, self.is_first, parts, not_in_force))


def _prepare(settings: Settings, note: leftovers.UpNote) -> _Prepared:
    """All that `up` does before it starts a process that stays."""
    say(f"state folder {settings.home_dir}")
    written = defaults_door.lay_out(settings.config_dir)
    if written:
        say(f"config files laid out in {settings.config_dir} ({len(written)} files)")
    say("checking the configuration, making prompts …")
    running = config_door.load(settings)
    for problem in running.problems:
        say(f"  {told(problem, settings.language)}")
    program = asterisk_process.find(settings.asterisk_root)
    leftovers.clear(settings, program, note.left, say)  # once nothing but that is in the way of a start
    config_door.render_asterisk(settings, program, running)
    say("migrating the database …")
    database.migrate(settings.database)
    return _Prepared(settings, program, running, first_start.make_accounts(settings))


@app.command()
def init(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder for the files; made if it is not there.")
    ],
) -> None:
    """Lay out the shipped config files in DIR: numbers, queues, menus, prompts, rules, callbacks.

    A file that is there is left as it is, edited or not, and named. Edit the files, look at them with
    HOTLINE_CONFIG=DIR hotline check, and start the hotline with the same HOTLINE_CONFIG.
    """
    os.umask(0o022)  # these hold no secret, and the hotline's user shall read what root laid out
    written = defaults_door.lay_out(folder)
    for left in sorted(set(defaults_door.laid_out_files()) - set(written)):
        if (folder / left).exists():
            say(f"left as it is: {left}")
    say(f"{len(written)} files written to {folder}")


@app.command()
def check(
    language: Annotated[
        Language | None, typer.Option(help="zh or en; else HOTLINE_LANGUAGE, else the shell's LANG.")
    ] = None,
) -> None:
    """Check all config files in HOTLINE_CONFIG; changes nothing, and nothing needs to run.

    Every problem is told at once, as file:line:column, path, fault and remedy. Exit 1 if any is an error;
    warnings alone are exit 0.
    """
    settings = settings_from_environment()
    configuration, problems = check_further(
        settings.config_dir,
        lambda folder, found: render_check.problems(settings, folder, found, is_only_looked_at=True),
    )
    chosen = language or settings.language
    for problem in problems:
        say(marked(problem, chosen))
    if configuration is None:
        count = sum(p.severity == "error" for p in problems)
        fail(how_many(count, settings.config_dir, chosen))
    say(said(f"the configuration is good (version {configuration.version})", chosen))


@app.command()
def reload() -> None:
    """Take changed config files into force: checked first, then Asterisk and the server read them; no call is dropped.

    If a file has a fault, all of them are told, what runs goes on running, and the exit code is 1. A change that
    must wait (for calls to end, or for a restart of Asterisk) is named and taken when it can be. Server processes
    on other machines are told there.
    """
    settings = settings_from_environment()
    program = asterisk_process.find(settings.asterisk_root)  # before anything comes into force
    ready = into_force.make_ready(settings, program, config_door.checked(settings))
    by = note("reload", os.environ.get("SUDO_USER", ""))
    into_force.bring(
        settings,
        program,
        ready,
        lambda: config_door.put_in_force(settings, ready.running, by),
        versions_cli.say,
    )


@app.command()
def migrate() -> None:
    """Make the database, or bring its tables to this program's version; the data stay. Safe to run again.

    SQLite in HOTLINE_HOME, or what HOTLINE_DATABASE_URL names. Back up before an upgrade (`hotline backup`): a
    database that was migrated is refused by an older program.
    """
    settings = settings_from_environment()
    settings.home_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    database.migrate(settings.database)
    say(f"the database is at revision {database.head_revision()}")


@app.command()
def settings() -> None:
    """Print every setting with its value and what it is for, secrets masked.

    Each is an environment variable of the name shown; `HOTLINE_HOME=/srv/a hotline settings` shows what that
    would bring. "unset" says that the text below names what is taken instead.
    """
    now = settings_from_environment()
    for name, field in Settings.model_fields.items():
        value = getattr(now, name)
        shown = "unset" if value is None else str(value)
        say(f"HOTLINE_{name.upper()}={shown}\n    {field.description}")


def _let_helps_flow(commands: typer.Typer) -> None:
    """Paragraphs of a help lose the source's line ends: the terminal's width breaks the lines."""
    for one in commands.registered_commands:
        text = one.callback.__doc__ or "" if one.callback else ""
        one.help = "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))
    for group in commands.registered_groups:
        if group.typer_instance is not None:
            _let_helps_flow(group.typer_instance)


_let_helps_flow(app)


def main() -> None:
    """Runs a command; whatever is ours to explain is one line on standard error."""
    os.umask(0o077)  # state, keys, database and logs are for their owner alone
    try:
        app(standalone_mode=True)
    except NoGoodConfiguration as fault:
        chosen = settings_from_environment().language  # good, since the fault came up after it was read
        print("\n".join(told(problem, chosen) for problem in fault.problems), file=sys.stderr)
        print(f"hotline: {fault}. Mend the files and start again.", file=sys.stderr)
        sys.exit(1)
    except HotlineError as fault:
        print(f"hotline: {said(str(fault), _readers_language())}", file=sys.stderr)
        sys.exit(1)
    except SQLAlchemyError as fault:
        words = as_found.first_line(fault)
        print(
            f"hotline: the database cannot be used: {words}. Does it run, and is HOTLINE_DATABASE_URL right?",
            file=sys.stderr,
        )
        sys.exit(1)
    except OSError as fault:
        where = f" ({fault.filename})" if fault.filename else ""
        words = f"{fault.strerror or fault}{where}. Look at rights, space and the HOTLINE_ variables."
        print(f"hotline: {said(words, _readers_language())}", file=sys.stderr)
        sys.exit(1)


def _readers_language() -> Language | None:
    """Of a fault that may be that of the environment itself."""
    try:
        return settings_from_environment().language
    except HotlineError:
        return None


if __name__ == "__main__":
    main()
