"""`hotline broadcast …`: an emergency message that callers hear before their queue, switched on and off by one command."""

import getpass
import os
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Annotated, Final, NoReturn

import typer
from sqlalchemy.exc import OperationalError

from hotline import as_found, bootstrap, broadcast_door, config_door
from hotline.environment import settings_from_environment
from hotline.people_cli import with_hotline
from hotline.settings import Settings
from ivr.calls import broadcasts, broadcasts_meanwhile
from ivr.calls.broadcasts import BadBroadcast, Broadcast, Wanted

broadcast_app = typer.Typer(
    no_args_is_help=True,
    help="Emergency messages: callers hear what is known and what to do, then go on to their queue. Prepared ones stand in "
    "broadcasts.yaml. It ends by itself; calls that came meanwhile carry its name.",
)
_FOR = re.compile(r"(?:(\d{1,3})h)?(?:(\d{1,4})m?)?", re.ASCII)
_UNTIL = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)", re.ASCII)


def add_commands(app: typer.Typer) -> None:
    """Registers them on the program."""
    app.add_typer(broadcast_app, name="broadcast")


def say(text: str) -> None:
    print(text, flush=True)


def fail(text: str, code: int = 1) -> NoReturn:
    print(f"hotline: {text}", file=sys.stderr, flush=True)
    raise typer.Exit(code)


@broadcast_app.command("on")
def broadcast_on(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="A message of broadcasts.yaml, such as storm.")
    ] = None,
    text: Annotated[
        str | None,
        typer.Option("--say", metavar="TEXT", help="What is said, in the site's language, spoken now."),
    ] = None,
    numbers: Annotated[
        str | None,
        typer.Option(metavar="12345,12319", help="Only callers of these numbers; left out: all."),
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="HH:MM", help="When it ends, local time; the next such moment.")
    ] = None,
    lasting: Annotated[
        str | None, typer.Option("--for", metavar="2h", help="How long it is on, such as 2h, 90m or 1h30m.")
    ] = None,
) -> None:
    """Switch an emergency message on, for calls that come in from now on (about a second later).

    NAME is prepared in broadcasts.yaml; --say speaks a text that nobody prepared, under the name "spoken", or in
    place of NAME's own words. It ends at --until, after --for, or as broadcasts.yaml says. Where several are on for a
    number, callers hear the one that was switched on last. Whoever is in a menu already is not disturbed.
    """

    def work(hotline: bootstrap.Hotline) -> None:
        try:
            end = end_of(until, lasting, hotline.now(), hotline.settings.zone)
        except BadBroadcast as fault:
            fail(str(fault), 2)
        wanted = Wanted(name, text, None if numbers is None else _listed(numbers), end)
        broadcast = broadcast_door.switch_on(hotline, wanted, _whose())
        say(f"on: {_words(hotline, broadcast)}")
        seconds = broadcast_door.seconds_of(hotline, broadcast)
        if broadcast_door.is_long(seconds):
            say(
                f"warning: it lasts {seconds:.0f} s, and every caller hears it before a person. Shorter is better."
            )

    def without(settings: Settings) -> None:
        now = datetime.now(UTC)
        try:
            end = end_of(until, lasting, now, settings.zone)
        except BadBroadcast as fault:
            fail(str(fault), 2)
        wanted = Wanted(name, text, None if numbers is None else _listed(numbers), end)
        configuration = config_door.load_in_force(settings).configuration
        broadcast = broadcast_door.prepared(settings, configuration, wanted, _whose(), now)
        broadcast_door.meanwhile(settings).note(broadcasts_meanwhile.of(broadcast))
        say(f"on: {broadcast.name}, until {_local(broadcast.until, settings.zone)}. {_ON_ITS_WAY}")

    _with_or_without(work, without)


@broadcast_app.command("off")
def broadcast_off(
    which: Annotated[
        str | None,
        typer.Argument(metavar="[ID|NAME]", help="As `list` shows it; left out: all that are on."),
    ] = None,
) -> None:
    """Switch off what is on, all of it unless one is named. Calls that come in from now on hear it no more."""

    def work(hotline: bootstrap.Hotline) -> None:
        now, by = hotline.now(), _whose()
        with hotline.database.writing() as session:
            found = [one for one in broadcasts.all_on(session, now) if which in (None, one.name, str(one.id))]
            for one in found:
                broadcasts.switch_off(session, one.id or 0, by, now)
        for one in found:
            say(f"off: {_words(hotline, one)}")
        if not found:
            fail(f"no broadcast {which} is on" if which else "no broadcast is on")

    def without(settings: Settings) -> None:
        off = broadcasts_meanwhile.Switched(datetime.now(UTC), _whose(), which)
        broadcast_door.meanwhile(settings).note(off)
        say(f"off: {which or 'all'}. {_ON_ITS_WAY}")

    _with_or_without(work, without)


_ON_ITS_WAY: Final = "This machine's servers play it so within a second, all others once the database is back"


def _with_or_without(work: Callable[[bootstrap.Hotline], None], without: Callable[[Settings], None]) -> None:
    """`without`: if the database cannot be reached. Had it gone in the moment of its commit, one that was switched on would be in
    the table twice: it is heard once, and ended by its name."""
    try:
        with_hotline(work)
    except OperationalError as fault:
        settings = settings_from_environment()
        if not broadcast_door.has_run(settings):
            raise
        say(f"the database cannot be reached: {as_found.first_line(fault)}")
        without(settings)


@broadcast_app.command("list")
def broadcast_list(
    show_all: Annotated[
        bool, typer.Option("--all", help="The last that were on too, with who switched them.")
    ] = False,
) -> None:
    """List what is on now, the one that is played first on top, and what broadcasts.yaml has ready."""

    def work(hotline: bootstrap.Hotline) -> None:
        with hotline.database.reading() as session:
            found = broadcasts.latest(session) if show_all else broadcasts.all_on(session, hotline.now())
        for one in found:
            say(_words(hotline, one))
        if not found:
            say("no broadcast is on" if not show_all else "none was ever on")
        known = hotline.running.configuration.broadcasts
        for place, ready in enumerate(known.broadcasts, 1):
            say(f"ready: {ready.name}  {ready.label}  by phone {place}, {known.minutes_of(ready.name)} min")

    with_hotline(work)


def _words(hotline: bootstrap.Hotline, one: Broadcast) -> str:
    zone = hotline.settings.zone
    numbers = "all numbers" if one.numbers is None else ",".join(one.numbers)
    words = f"{one.id}  {one.name}  {numbers}  {_local(one.started_at, zone)} by {one.started_by}"
    words += f", until {_local(one.until, zone)}"
    if one.ended_at is not None:
        words += f", ended {_local(one.ended_at, zone)} by {one.ended_by}"
    if one.text is not None:
        words += f"  “{' '.join(one.text.split())}”"
    elif one.is_on(hotline.now()) and not broadcast_door.is_played(hotline.running, one):
        words += "  NOT PLAYED: it is in broadcasts.yaml no more"
    return words


def _local(moment: datetime, zone: tzinfo) -> str:
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def _listed(numbers: str) -> tuple[str, ...]:
    return tuple(one.strip() for one in numbers.split(",") if one.strip())


def _whose() -> str:
    """A shift leader may act through sudo: then it is he, not root."""
    try:
        return f"command line {os.environ.get('SUDO_USER') or getpass.getuser()}"
    except (OSError, KeyError):  # an account without a name, as in a container
        return "command line"


def end_of(until: str | None, lasting: str | None, now: datetime, zone: tzinfo) -> datetime | None:
    """`until`: the next moment at which the clock of the site shows that. Raises BadBroadcast."""
    if until is not None and lasting is not None:
        raise BadBroadcast("--until and --for both say when it ends", "Give one of them")
    if lasting is not None:
        found = _FOR.fullmatch(lasting)
        minutes = int(found[1] or 0) * 60 + int(found[2] or 0) if found else 0
        if not minutes:
            raise BadBroadcast(f"--for {lasting} is no time", "Write it as 2h, 90m or 1h30m")
        return now + timedelta(minutes=minutes)
    if until is not None:
        shown = _UNTIL.fullmatch(until)
        if shown is None or (int(shown[1]) == 24 and shown[2] != "00"):
            raise BadBroadcast(f"--until {until} is no time of day", "Write it as 18:30")
        local = now.astimezone(zone)
        end = datetime.combine(local.date(), time(int(shown[1]) % 24, int(shown[2])), tzinfo=zone)
        return end if end > local else datetime.combine(local.date() + timedelta(days=1), end.timetz())
    return None


__all__ = ["add_commands", "end_of"]
