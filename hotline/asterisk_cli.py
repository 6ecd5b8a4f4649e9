"""`hotline asterisk …`: Asterisk's files on any site, and the Asterisk of a trial on this machine."""

from pathlib import Path
from typing import Annotated

import typer

from hotline import asterisk_changes, asterisk_process, config_door, into_force
from hotline.environment import settings_from_environment
from hotline.settings import Settings
from vocabulary.errors import HotlineError

asterisk_app = typer.Typer(
    no_args_is_help=True,
    help="Asterisk's files (render), and an Asterisk of our own on this machine for a trial (up, down).",
)


def say(text: str) -> None:
    print(text, flush=True)


@asterisk_app.command("render")
def asterisk_render(
    to: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write to this folder instead what the files in HOTLINE_CONFIG would make; Asterisk is told nothing.",
        ),
    ] = None,
) -> None:
    """Write Asterisk's files for the set of config files that is in force, to where this Asterisk reads them.

    They go to HOTLINE_HOME/asterisk/etc, or HOTLINE_ASTERISK_ETC. An Asterisk that runs takes the changes over
    without dropping a call; what must wait for calls to end or for a restart is named. Before anything was published,
    the files in HOTLINE_CONFIG come into force first, if they are good. With --to: what those files would make, in
    force or not. Exit 1 if a config file that is needed has a fault: then nothing is written.
    """
    now = settings_from_environment()
    program = asterisk_process.find(now.asterisk_root)
    if to is not None:
        running = config_door.load_changed(now, by=None)
        changed = tuple(config_door.render_asterisk(now, program, running, to))
        say(f"changed: {', '.join(changed) or 'nothing'}")
        return
    with into_force.one_at_a_time(now):
        running = config_door.load_to_render(now)
        files = config_door.asterisk_files(now, program, running)
        laid = asterisk_changes.lay(now, program, config_door.etc_dir(now), files)
    say(f"changed: {', '.join(laid.changed) or 'nothing'}")
    for line in laid.waits:
        say(f"waits: {line}")
    _tell_of_the_folder(now)


def _tell_of_the_folder(settings: Settings) -> None:
    for line in config_door.told_of_the_folder(settings):
        say(line)


def asterisk_runs(settings: Settings) -> bool:
    """The Asterisk of this HOTLINE_HOME answers on its control socket."""
    try:
        asterisk_process.ask(
            asterisk_process.find(settings.asterisk_root), config_door.etc_dir(settings), "core show uptime"
        )
    except HotlineError:
        return False
    return True


@asterisk_app.command("up")
def asterisk_up() -> None:
    """Start an Asterisk for this HOTLINE_HOME in the background, and wait until it is ready; the files are rendered first.

    For a trial: on a site the service manager starts Asterisk, and `hotline up` brings its own. It runs until
    `hotline asterisk down`. If it runs already, nothing is done.
    """
    now = settings_from_environment()
    if asterisk_runs(now):
        say("Asterisk is running already")
        return
    program = asterisk_process.find(now.asterisk_root)
    config_door.render_asterisk(now, program, config_door.load(now))
    log = now.asterisk_dir / "log" / "console.log"
    process = asterisk_process.start(program, config_door.etc_dir(now), log)
    try:
        asterisk_process.wait_until_ready(program, config_door.etc_dir(now), process, log)
    except BaseException:  # Ctrl-C too: one that did not come up is not left behind
        asterisk_process.stop(process)
        raise
    say(f"Asterisk {program.version} is running (process {process.pid})")
    _tell_of_the_folder(now)


@asterisk_app.command("down")
def asterisk_down() -> None:
    """Stop the Asterisk of this HOTLINE_HOME, and wait until it is gone; calls that are up are cut.

    One that does not answer any more is killed.
    """
    now = settings_from_environment()
    folder = config_door.etc_dir(now)
    if asterisk_process.listening_process(folder) is None:
        say("Asterisk is not running")
        return
    asterisk_process.end(asterisk_process.find(now.asterisk_root), folder, is_forced=True)
    say("Asterisk has stopped")
