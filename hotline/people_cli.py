"""`hotline agent …`: the people who answer calls, who live in the database."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from hotline import bootstrap, first_start
from hotline.environment import settings_from_environment
from ivr.agents import roster, states
from ivr.agents.switch import SwitchNotReached

agent_app = typer.Typer(no_args_is_help=True, help="Agents: the people who answer calls.")


def add_commands(app: typer.Typer) -> None:
    """Registers them on the program."""
    app.add_typer(agent_app, name="agent")


def say(text: str) -> None:
    print(text, flush=True)


def fail(text: str) -> NoReturn:
    print(f"hotline: {text}", file=sys.stderr, flush=True)
    raise typer.Exit(1)


def with_hotline(work: Callable[[bootstrap.Hotline], None]) -> None:
    """A command on the database of this hotline."""
    hotline = bootstrap.build(settings_from_environment())
    try:
        work(hotline)
    finally:
        hotline.database.engine.dispose()


def _put(hotline: bootstrap.Hotline, new: list[roster.NewAgent]) -> None:
    made = []
    with hotline.database.writing() as session:
        for one in new:
            agent, secret = roster.put_agent(session, one, hotline.sealer, "command line", hotline.now())
            made.append((agent.agent_no, agent.name, secret))
    for agent_no, name, secret in made:
        try:
            hotline.switch.put_account(agent_no, name, secret)
            say(f"agent {agent_no} {name}: stored, SIP account ready in Asterisk")
        except SwitchNotReached:
            say(
                f"agent {agent_no} {name}: stored; Asterisk is not running, the SIP account is made when it starts"
            )


@agent_app.command("add")
def agent_add(
    agent_no: Annotated[str, typer.Argument(metavar="AGENT_NO", help="3 to 8 digits, such as 1001.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="The person's name.")],
    queue: Annotated[
        list[str],
        typer.Option(
            "--queue",
            "-q",
            metavar="QUEUE",
            help=f"A queue of hotline.yaml, or QUEUE:PENALTY (0 to {roster.MOST_PENALTY}; lower rings first). "
            "May be repeated.",
        ),
    ],
) -> None:
    """Add an agent, or change name and queues of one that is there.

    The agent's SIP account appears in a running Asterisk at once, without a reload; if Asterisk is off, at its next
    start. `hotline agent phone` gives what the desk phone needs. Signing in is done by phone or by the web API.
    """

    def work(hotline: bootstrap.Hotline) -> None:
        queues = {one.name for one in hotline.running.configuration.lines.queues}
        _put(hotline, [roster.read_agent(agent_no, name, " ".join(queue), queues)])

    with_hotline(work)


@agent_app.command("import")
def agent_import(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.csv", help="CSV in UTF-8 with a first line agent_no,name,queues.")
    ],
) -> None:
    """Add or change all agents of a CSV file; if one line has a fault, all faults are told and nothing is stored.

    A line is such as 1001,王芳,general heating:5 with the queues between blanks, each QUEUE or QUEUE:PENALTY.
    Agents that are not in the file stay as they are. SIP accounts as with `hotline agent add`.
    """

    def work(hotline: bootstrap.Hotline) -> None:
        queues = {one.name for one in hotline.running.configuration.lines.queues}
        try:
            text = file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as fault:
            fail(f"{file} cannot be read as UTF-8 text: {fault}")
        new, faults = roster.read_csv(text.splitlines(), queues)
        if faults:
            fail(f"{file}: nothing was stored\n  " + "\n  ".join(str(one) for one in faults))
        _put(hotline, new)

    with_hotline(work)


@agent_app.command("list")
def agent_list() -> None:
    """List every agent, one line each: number, name, queues with penalties, and signed out, ready or paused."""

    def work(hotline: bootstrap.Hotline) -> None:
        with hotline.database.reading() as session:
            for agent in roster.all_agents(session):
                _, state = states.state_of(session, agent.agent_no)
                queues = " ".join(f"{seat['queue']}:{seat['penalty']}" for seat in agent.queues)
                doing = f"paused ({state.pause_reason})" if state.pause_reason else "ready"
                say(
                    f"{agent.agent_no}  {agent.name}  {queues}  {doing if state.is_signed_in else 'signed out'}"
                )

    with_hotline(work)


@agent_app.command("phone")
def agent_phone(
    agent_no: Annotated[str, typer.Argument(metavar="AGENT_NO", help="The agent's number, such as 1001.")],
) -> None:
    """Write what an agent's desk phone needs to register to a file in HOTLINE_HOME/phones, and name the file.

    User, secret and address of Asterisk. The secret is not printed; the file is for its owner alone (mode 600).
    """

    def work(hotline: bootstrap.Hotline) -> None:
        with hotline.database.reading() as session:
            agent = roster.get_agent(session, agent_no)
            say(f"written to {first_start.write_phone(hotline, agent)}")

    with_hotline(work)
