"""`hotline menus publish|history|diff|rollback`: what is in force for new calls, how it came there, and the way back.

All config files are one set: a menu, its prompts and the numbers that lead to it change together or not at all.
"""

import os
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Annotated

import typer

from hotline import asterisk_process, config_door, into_force
from hotline.environment import settings_from_environment
from hotline.problem_words import marked, said
from hotline.settings import Settings
from ivr.config_files.checker import check_files
from ivr.config_files.chosen_files import Chosen, with_chosen
from ivr.config_files.differences import Difference, SetOfFiles, difference
from ivr.config_files.history import Entry, entries
from ivr.config_files.published import kept_set, note, store_of
from ivr.config_files.rollback import NoSuchSet, version_before, version_meant
from ivr.config_files.set_store import by_age, current
from ivr.config_files.sources import read_sources
from vocabulary.errors import HotlineError

menus = typer.Typer(
    no_args_is_help=True,
    help="The menus and all config files with them: publish the files, see what was in force when, go back.",
)
Why = Annotated[str, typer.Option(help="Kept in the history, for whoever asks later.")]
By = Annotated[
    str | None,
    typer.Option(help="Who publishes, if not the account of this shell (under sudo: who called it)."),
]


class NoReason(HotlineError):
    """Whoever asks later why would find nothing."""

    def __init__(self) -> None:
        super().__init__("--why has no word in it: say why, for whoever asks later")


def say(text: str) -> None:
    """In the language of whoever reads it, where the list has the words."""
    print(said(text, settings_from_environment().language), flush=True)


def _because(why: str) -> str:
    """Raises NoReason."""
    if not any(one.isalnum() for one in why):
        raise NoReason
    return why


def _who(by: str | None) -> str:
    return by or os.environ.get("SUDO_USER", "")


@menus.command("publish")
def publish(
    why: Why,
    by: By = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE",
            help="This file alone, such as menus/tax.yaml, or tax for a menu; may be repeated. Others stay drafts.",
        ),
    ] = None,
) -> None:
    """Check the files in HOTLINE_CONFIG and put them in force for new calls, all or nothing; who, when and why is kept.

    A call in a menu walks on in the version that it began with. If a file has a fault, or Asterisk refuses what is made
    of them, nothing changes, all faults are told, and the exit code is 1. `hotline menus diff` shows beforehand what
    would change. With --only the set in force with that file changed is checked and published as a whole.
    """
    by_whom = note("publish", _who(by), _because(why))
    settings = settings_from_environment()
    program = asterisk_process.find(settings.asterisk_root)  # before anything comes into force
    with _chosen(settings, only) as chosen:
        running = config_door.checked(settings, chosen.folder)
        for problem in running.problems:
            say(marked(problem, settings.language))
        ready = into_force.make_ready(settings, program, running)

        def put() -> Entry | None:
            entry = config_door.put_in_force(settings, running, by_whom, onto=chosen.onto)
            if entry is None:
                say("these files are in force already")
            else:
                _show(Difference(entry.files, entry.paths, entry.untold))
            return entry

        into_force.bring(settings, program, ready, put, say)
    for line in config_door.told_of_the_folder(settings):
        say(line)


def _chosen(settings: Settings, only: list[str] | None) -> AbstractContextManager[Chosen]:
    """What is to be published."""
    if not only:
        return nullcontext(Chosen(settings.config_dir))
    config_door.finish_rollback(settings)
    return with_chosen(settings.config_dir, settings.home_dir, only)


@menus.command("history")
def history(
    limit: Annotated[int, typer.Option(min=1, help="So many, the newest last.")] = 20,
    paths: Annotated[
        bool, typer.Option("--paths", help="With the files and paths that each one changed.")
    ] = False,
) -> None:
    """Show which set of files was in force from when, who put it there and why. Needs no database.

    The number or the version in a line is what `diff` and `rollback` take. The file itself is
    HOTLINE_HOME/published/history.jsonl.
    """
    settings = settings_from_environment()
    store = store_of(settings.home_dir)
    now, kept = current(store), set(by_age(store))
    found = entries(store, now)
    for one in found[-limit:]:
        state = "" if one.version in kept else "(files kept no more)"
        is_now = one is found[-1] and one.version == now
        state = said("(in force)" if is_now else state, settings.language)
        print(f"{_line(one, settings)}  {state}".rstrip(), flush=True)
        if paths:
            for line in Difference(one.files, one.paths, one.untold).lines():
                print(f"      {said(line, settings.language)}", flush=True)
    if not found:
        say("nothing was published here yet")


def _line(one: Entry, settings: Settings) -> str:
    try:
        at = datetime.fromisoformat(one.note.at).astimezone(settings.zone).strftime("%Y-%m-%d %H:%M")
    except ValueError:
        at = one.note.at
    why = f"  {one.note.why}" if one.note.why else ""
    return f"{one.number:4}  {at}  {one.note.how:8}  {one.note.who}  {one.version}{why}"


@menus.command("diff")
def diff(
    before: Annotated[
        str | None, typer.Argument(help="A version, its first letters, or its number in the history.")
    ] = None,
    after: Annotated[str | None, typer.Argument(help="Another; left out: what is in force.")] = None,
) -> None:
    """Show what changes for callers: which key presses lead elsewhere, and which files differ. Changes nothing.

    Without a version: from what is in force to the files in HOTLINE_CONFIG. With one: from it to what is in force.
    """
    settings = settings_from_environment()
    store = store_of(settings.home_dir)
    if before is None:
        files, _ = read_sources(settings.config_dir)
        later = SetOfFiles(files, check_files(files)[0])
        found = difference(kept_set(store, _in_force(settings)), later)
        if later.configuration is None:
            say("the files have faults and cannot be published: `hotline check` names them")
    else:
        home = settings.home_dir
        later_version = _in_force(settings) if after is None else version_meant(home, after)
        found = difference(kept_set(store, version_meant(home, before)), kept_set(store, later_version))
    _show(found)


def _in_force(settings: Settings) -> str:
    version = current(store_of(settings.home_dir))
    if version is None:
        raise NoSuchSet("diff", "nothing is in force yet")
    return version


def _show(found: Difference) -> None:
    for line in found.lines():
        say(line)
    if found.is_none:
        say("nothing changes")
    elif not found.paths:
        say("no path through the menus changes")


@menus.command("rollback")
def rollback(
    why: Why,
    version: Annotated[
        str | None,
        typer.Argument(
            help="Of the history. Left out: the set before the one in force; again: one further back."
        ),
    ] = None,
    by: By = None,
) -> None:
    """Put an earlier set in force again for new calls, and its files back into HOTLINE_CONFIG, all or nothing.

    Files there that were never published are kept aside first, and it is said where. Recorded prompts go back too.
    """
    by_whom = note("rollback", _who(by), _because(why))
    settings = settings_from_environment()
    program = asterisk_process.find(settings.asterisk_root)
    home = settings.home_dir
    onto = current(store_of(home)) if version is None else None  # "the one before" is before this one
    meant = version_before(home, onto) if version is None else version_meant(home, version)
    ready = into_force.make_ready(settings, program, config_door.checked_kept(settings, meant))

    def put() -> Entry | None:
        done = config_door.roll_back(settings, ready.running, by_whom, onto=onto)
        if done.aside is not None:
            say(f"files that were not published are kept in {done.aside}")
        if done.entry is None:
            say("that set was in force already; its files are back in place")
        else:
            _show(Difference(done.entry.files, done.entry.paths, done.entry.untold))
        return done.entry

    into_force.bring(settings, program, ready, put, say)
