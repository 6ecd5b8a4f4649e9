"""`hotline agent|user|token …`: the people and their keys, which live in the database."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from hotline import bootstrap, first_start
from hotline.environment import settings_from_environment
from hotline.web import accounts
from hotline.web.accounts import Role
from ivr.agents import roster, states
from ivr.agents.switch import SwitchNotReached

token_app = typer.Typer(no_args_is_help=True, help="Keys for programs and pages that use the web API.")
user_app = typer.Typer(no_args_is_help=True, help="The people who may use the web API.")
agent_app = typer.Typer(no_args_is_help=True, help="The people who answer calls.")


def add_commands(app: typer.Typer) -> None:
    """Registers them on the program."""
    for name, commands in (("agent", agent_app), ("user", user_app), ("token", token_app)):
        app.add_typer(commands, name=name)


def say(text: str) -> None:
    print(text, flush=True)


def fail(text: str) -> NoReturn:
    print(f"hotline: {text}", file=sys.stderr, flush=True)
    raise typer.Exit(1)


def with_hotline(work: Callable[[bootstrap.Hotline], None]) -> None:
    """A command on the database of this hotline."""
    work(bootstrap.build(settings_from_environment()))


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
    agent_no: Annotated[str, typer.Argument(help="3 to 8 digits, such as 1001.")],
    name: Annotated[str, typer.Argument(help="The person's name.")],
    queue: Annotated[
        list[str],
        typer.Option("--queue", "-q", help="A queue, or queue:penalty (lower rings first). May be repeated."),
    ],
) -> None:
    """Add an agent, or change name and queues of one that is there. The SIP account appears without a reload."""

    def work(hotline: bootstrap.Hotline) -> None:
        queues = {one.name for one in hotline.running.configuration.lines.queues}
        _put(hotline, [roster.read_agent(agent_no, name, " ".join(queue), queues)])

    with_hotline(work)


@agent_app.command("import")
def agent_import(
    file: Annotated[Path, typer.Argument(help="CSV with a first line agent_no,name,queues.")],
) -> None:
    """Add or change all agents of a CSV file; if one line has a fault, all faults are told and nothing is stored."""

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
    """Every agent with queues and state."""

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
def agent_phone(agent_no: Annotated[str, typer.Argument(help="The agent's number.")]) -> None:
    """Write what a desk phone needs to register (user, secret, address) to a file of mode 600, and name the file."""

    def work(hotline: bootstrap.Hotline) -> None:
        with hotline.database.reading() as session:
            agent = roster.get_agent(session, agent_no)
            say(f"written to {first_start.write_phone(hotline, agent)}")

    with_hotline(work)


@user_app.command("add")
def user_add(
    name: Annotated[str, typer.Argument(help="Sign-in name.")],
    role: Annotated[Role, typer.Option(help="What the holder may do.")],
) -> None:
    """Add a user; the password is asked for, or read from standard input if that is not a terminal."""
    password = (
        typer.prompt("Password", hide_input=True, confirmation_prompt=True)
        if sys.stdin.isatty()
        else sys.stdin.readline().rstrip("\n")
    )

    def work(hotline: bootstrap.Hotline) -> None:
        with hotline.database.writing() as session:
            accounts.create_user(session, name, role, password, hotline.now())
        say(f"user {name} added as {role}")

    with_hotline(work)


@token_app.command("create")
def token_create(
    role: Annotated[Role, typer.Option(help="What the holder may do.")],
    agent: Annotated[
        str | None, typer.Option(help="For role agent: the agent whom the token acts for.")
    ] = None,
    label: Annotated[str, typer.Option(help="What it is for, shown in lists.")] = "command line",
) -> None:
    """Make a token for the web API. It is printed once, alone on the last line, and only its hash is kept."""

    def work(hotline: bootstrap.Hotline) -> None:
        with hotline.database.writing() as session:
            if agent is not None:
                roster.get_agent(session, agent)
            token = accounts.create_token(session, role, agent, label, hotline.now(), None)
        say("Send it as: Authorization: Bearer TOKEN")
        say(token)

    with_hotline(work)
