"""`hotline menus …`: menus tried out and drawn without a phone. Nothing is written, and nothing needs to run."""

import json
import sys
from datetime import datetime
from typing import Annotated, NoReturn

import typer

from hotline import menu_tables, versions_cli
from hotline.environment import settings_from_environment
from hotline.menu_trial import (
    BadSupposition,
    MenuTrial,
    Supposed,
    broadcast_of,
    by_queue,
    keys_of,
    open_trial,
    result_of,
    values_of,
)
from hotline.problem_words import how_many, told
from hotline.settings import Settings
from ivr.menus.drawing import drawing, mermaid
from ivr.menus.exploration import explore
from ivr.menus.language_page import menu_schema
from ivr.menus.simulation import SUPPOSED_MESSAGE, simulate
from ivr.menus.svg import svg

menus_app = typer.Typer(
    no_args_is_help=True,
    help="Menus: try them without a phone (simulate), draw them (graph), look up their language (schema), put them into force "
    "with all config files (publish), see what was in force when (history, diff), go back (rollback).",
)

_Name = Annotated[
    str, typer.Argument(metavar="NAME", help="The file below menus/ without .yaml, such as main.")
]


def add_commands(app: typer.Typer) -> None:
    """Registers them on the program."""
    menus_app.add_typer(versions_cli.menus)  # without a name its commands stand beside these
    app.add_typer(menus_app, name="menus")


def say(text: str) -> None:
    print(text, flush=True)


def fail(text: str, code: int = 1) -> NoReturn:
    print(f"hotline: {text}", file=sys.stderr, flush=True)
    raise typer.Exit(code)


@menus_app.command("simulate")
def menus_simulate(
    name: _Name,
    keys: Annotated[
        str,
        typer.Option(
            metavar="1,,9",
            help="What the caller presses each time a key is waited for; nothing between two commas: he presses "
            "nothing. 1,123456#,1 presses 1, then those seven keys one after the other, then 1.",
        ),
    ] = "",
    hasty: Annotated[
        bool, typer.Option("--hasty", help="He presses during the prompts, where they may be interrupted.")
    ] = False,
    number: Annotated[
        str | None,
        typer.Option(metavar="12345", help="The number that is dialled; the first one with this menu."),
    ] = None,
    at: Annotated[
        str | None, typer.Option(metavar='"2026-02-17 03:00"', help="When he calls, local time.")
    ] = None,
    caller: Annotated[str | None, typer.Option(metavar="NUMBER", help="The number that calls.")] = None,
    waiting: Annotated[
        list[str] | None,
        typer.Option(metavar="QUEUE=COUNT", help="Callers waiting in a queue. May be repeated."),
    ] = None,
    ready: Annotated[
        list[str] | None,
        typer.Option(
            metavar="QUEUE=COUNT", help="Agents of a queue who could take a call now. May be repeated."
        ),
    ] = None,
    estimated_wait: Annotated[
        list[str] | None,
        typer.Option(metavar="QUEUE=SECONDS", help="How long he would wait in a queue. May be repeated."),
    ] = None,
    repeat_caller: Annotated[
        bool | None,
        typer.Option(
            "--repeat-caller/--first-call", help="Whether he called before within repeat_caller_hours."
        ),
    ] = None,
    value: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOTLINE_NAME=VALUE",
            help="A value of the call that a branch asks for, such as HOTLINE_TRUNK=carrier-a. May be repeated.",
        ),
    ] = None,
    speaks: Annotated[
        int,
        typer.Option(
            metavar="SECONDS",
            min=0,
            max=3600,
            help="How long he speaks where a message is recorded; the key after it comes from --keys.",
        ),
    ] = SUPPOSED_MESSAGE,
    transfer: Annotated[
        str,
        typer.Option(
            metavar="RESULT",
            help="What comes of a transfer: answered, busy, no_answer or failed (no trunk could carry it).",
        ),
    ] = "answered",
    unserved: Annotated[
        bool,
        typer.Option("--unserved", help="Nobody serves him in a queue behind which the menu goes on (then)."),
    ] = False,
    broadcast: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="An emergency message of broadcasts.yaml, as if it were on."),
    ] = None,
    explore_all: Annotated[
        bool, typer.Option("--explore", help="Every path instead, each with its worst seconds.")
    ] = False,
) -> None:
    """Walk a menu without a phone, as the config files on disk have it, by the code that walks it in a call.

    Prints each step with its second, what is said, by which case of a branch he is led on and why, and where the caller
    ends. What is not supposed by an option is not known, and fits no case. Where no sound is made yet its length is
    estimated from the text (marked ~). Exit 1 if the config files have a fault.
    """
    settings = settings_from_environment()
    try:
        trial = _opened(settings, name, number)
        supposed = Supposed(
            _local(settings, at),
            caller,
            by_queue("--waiting", waiting or [], trial.configuration),
            broadcast_of(broadcast, trial.configuration),
            by_queue("--ready", ready or [], trial.configuration),
            by_queue("--estimated-wait", estimated_wait or [], trial.configuration, "SECONDS"),
            repeat_caller,
            values_of(value or []),
        )
        walker = trial.walker(supposed)
        if explore_all:
            lines = menu_tables.explored(trial, explore(walker, trial.seconds))
        else:
            lines = menu_tables.simulated(
                trial,
                supposed,
                simulate(
                    walker,
                    keys_of(keys),
                    trial.seconds,
                    is_hasty=hasty,
                    speaks=speaks,
                    transfer=result_of(transfer),
                    is_served=not unserved,
                ),
            )
    except BadSupposition as fault:
        fail(str(fault), 2)
    for line in lines:
        say(line)


def _opened(settings: Settings, name: str, number: str | None) -> MenuTrial:
    opened = open_trial(settings, name, number)
    if isinstance(opened, MenuTrial):
        return opened
    for problem in opened:
        say(told(problem, settings.language))
    fail(how_many(len(opened), settings.config_dir, settings.language))


def _local(settings: Settings, at: str | None) -> datetime | None:
    if at is None:
        return None
    try:
        return datetime.fromisoformat(at).replace(tzinfo=settings.zone)
    except ValueError:
        raise BadSupposition(f'--at {at}: write it as "2026-02-17 03:00"') from None


@menus_app.command("graph")
def menus_graph(
    name: _Name,
    as_svg: Annotated[
        bool, typer.Option("--svg", help="SVG, to open in any browser, instead of Mermaid text.")
    ] = False,
) -> None:
    """Draw a menu of the config files on disk, to standard output: nodes, and ways with what leads there.

    Mermaid text (for wikis, tickets and editors that draw it) or, with --svg, a picture made here without any
    other program: `hotline menus graph main --svg > main.svg`. Exit 1 if the config files have a fault.
    """
    settings = settings_from_environment()
    try:
        trial = _opened(settings, name, None)
    except BadSupposition as fault:
        fail(str(fault), 2)
    drawn = drawing(trial.menus[name])
    sys.stdout.write(svg(drawn, name) if as_svg else mermaid(drawn))


@menus_app.command("schema")
def menus_schema() -> None:
    """Print the JSON Schema of a menu file: every node type with its keys, values and bounds.

    The program's own models write it; editors that know JSON Schema check and complete a menu file by it. The
    same language with examples, to read: docs/menus.md of this program.
    """
    sys.stdout.write(json.dumps(menu_schema(), ensure_ascii=False, indent=2) + "\n")
