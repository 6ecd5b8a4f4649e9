"""The command `hotline`: the third door. Every error is one line that says what to do, and an exit code."""

import asyncio
import logging
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from hotline import (
    asterisk_changes,
    asterisk_process,
    bootstrap,
    config_door,
    database,
    defaults_door,
    first_start,
    operations_cli,
    parts,
    people_cli,
    trial,
)
from hotline.environment import settings_from_environment
from hotline.settings import Settings
from ivr.config_files.checker import check as check_config
from ivr.config_files.published import NoGoodConfiguration
from vocabulary.errors import HotlineError

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="The 12345 hotline: answers calls with Asterisk, makes tickets, rings missed callers back. "
    "Where it keeps things and which ports it uses is set by HOTLINE_… variables: see `hotline settings`.",
)
asterisk_app = typer.Typer(
    no_args_is_help=True, help="Asterisk's files, and the trial Asterisk on this machine."
)
app.add_typer(asterisk_app, name="asterisk")
people_cli.add_commands(app)
operations_cli.add_commands(app)


def say(text: str) -> None:
    print(text, flush=True)


def fail(text: str, code: int = 1) -> NoReturn:
    print(f"hotline: {text}", file=sys.stderr, flush=True)
    raise typer.Exit(code)


@app.command()
def serve(
    only: Annotated[
        list[str] | None, typer.Option(help="Run just this part: agi, web or worker. May be repeated.")
    ] = None,
) -> None:
    """Run the server: the AGI door for Asterisk, the web API, and the worker that listens and rings back."""
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
    hotline = bootstrap.build(settings)

    async def run() -> None:
        await Service(hotline, parts).run()

    asyncio.run(run())


@app.command()
def up() -> None:
    """The trial on this machine: set up what is missing, run Asterisk and the server; Ctrl-C stops all."""
    settings = settings_from_environment()
    say(f"state folder {settings.home_dir}")
    written = defaults_door.lay_out(settings.config_dir)
    if written:
        say(f"config files laid out in {settings.config_dir} ({len(written)} files)")
    say("checking the configuration, making prompts …")
    running = config_door.load(settings)
    for problem in running.problems:
        say(f"  {problem}")
    program = asterisk_process.find(settings.asterisk_root)
    config_door.render_asterisk(settings, program, running)
    say("migrating the database …")
    database.migrate(settings.database)
    news = first_start.make_accounts(settings)
    trial.Trial(settings, program, say).run(lambda: say(first_start.greeting(settings, running, news)))
    say("stopped")


@app.command()
def init(folder: Annotated[Path, typer.Argument(help="Where to lay out the config files.")]) -> None:
    """Lay out the config files for a site. Nothing that is there is overwritten."""
    os.umask(0o022)  # these hold no secret, and the hotline's user shall read what root laid out
    written = defaults_door.lay_out(folder)
    say(f"{len(written)} files written to {folder}" + ("" if written else ": all were there already"))


@app.command()
def check() -> None:
    """Check all config files; every problem at once, as file:line:column, path, fault and remedy. Exit 1 if any is an error."""
    settings = settings_from_environment()
    configuration, problems = check_config(settings.config_dir)
    for problem in problems:
        say(f"{problem}" if problem.severity == "error" else f"warning: {problem}")
    if configuration is None:
        fail(f"{sum(p.severity == 'error' for p in problems)} problems in {settings.config_dir}")
    say(f"the configuration is good (version {configuration.version})")


@app.command()
def reload() -> None:
    """Take changed config files into force: checked first, then Asterisk and the server read them; no call is dropped.

    If a file has a fault, all of them are told and what runs goes on running.
    """
    settings = settings_from_environment()
    running = config_door.load_changed(settings)
    program = asterisk_process.find(settings.asterisk_root)
    changed = config_door.render_asterisk(settings, program, running)
    if asterisk_runs(settings):
        for line in asterisk_changes.take_over(settings, program, config_door.etc_dir(settings), changed):
            say(f"waits: {line}")
    if _tell_servers(settings):
        say(f"configuration {running.configuration.version} is in force")
    else:
        say("no server runs on this machine; the next start takes it")


def _tell_servers(settings: Settings) -> int:
    """SIGHUP to every server process of this hotline on this machine that reported lately; how many."""
    hotline = bootstrap.build(settings)
    with hotline.database.reading() as session:
        reports = parts.all_parts(session, hotline.now()).values()
    here = f"{socket.gethostname()}:"
    pids = {one.process.removeprefix(here) for one in reports if one.is_up and one.process.startswith(here)}
    for pid in pids:
        os.kill(int(pid), signal.SIGHUP)
    return len(pids)


@app.command()
def migrate() -> None:
    """Bring the database to this program's version. Safe to run again; the data stay."""
    settings = settings_from_environment()
    settings.home_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    database.migrate(settings.database)
    say(f"the database is at revision {database.head_revision()}")


@app.command()
def settings() -> None:
    """Print every setting with its value, secrets masked."""
    now = settings_from_environment()
    for name, field in Settings.model_fields.items():
        value = getattr(now, name)
        shown = "unset" if value is None else str(value)
        say(f"HOTLINE_{name.upper()}={shown}\n    {field.description}")


@asterisk_app.command("render")
def asterisk_render(
    to: Annotated[
        Path | None, typer.Option(help="Write to this folder instead, and tell Asterisk nothing.")
    ] = None,
) -> None:
    """Write Asterisk's files from the config; a running Asterisk takes the changes over without dropping a call."""
    now = settings_from_environment()
    program = asterisk_process.find(now.asterisk_root)
    running = config_door.load_changed(now, is_published=to is None)
    changed = config_door.render_asterisk(now, program, running, to)
    say(f"changed: {', '.join(sorted(changed)) or 'nothing'}")
    if to is None and asterisk_runs(now):
        for line in asterisk_changes.take_over(now, program, config_door.etc_dir(now), changed):
            say(f"waits: {line}")


def asterisk_runs(settings: Settings) -> bool:
    try:
        asterisk_process.ask(
            asterisk_process.find(settings.asterisk_root), config_door.etc_dir(settings), "core show uptime"
        )
    except HotlineError:
        return False
    return True


@asterisk_app.command("up")
def asterisk_up() -> None:
    """Start the trial Asterisk in the background."""
    now = settings_from_environment()
    if asterisk_runs(now):
        say("Asterisk is running already")
        return
    program = asterisk_process.find(now.asterisk_root)
    config_door.render_asterisk(now, program, config_door.load(now))
    log = now.asterisk_dir / "log" / "console.log"
    process = asterisk_process.start(program, config_door.etc_dir(now), log)
    asterisk_process.wait_until_ready(program, config_door.etc_dir(now), process, log)
    say(f"Asterisk {program.version} is running (process {process.pid})")


@asterisk_app.command("down")
def asterisk_down() -> None:
    """Stop the trial Asterisk; calls that are up are cut."""
    now = settings_from_environment()
    if not asterisk_runs(now):
        say("Asterisk is not running")
        return
    asterisk_process.ask(asterisk_process.find(now.asterisk_root), config_door.etc_dir(now), "core stop now")
    say("Asterisk is stopping")


def main() -> None:
    """Runs a command; whatever is ours to explain is one line on standard error."""
    os.umask(0o077)  # state, keys, database and logs are for their owner alone
    try:
        app(standalone_mode=True)
    except NoGoodConfiguration as fault:
        print("\n".join(str(problem) for problem in fault.problems), file=sys.stderr)
        print(f"hotline: {fault}. Mend the files and start again.", file=sys.stderr)
        sys.exit(1)
    except HotlineError as fault:
        print(f"hotline: {fault}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
