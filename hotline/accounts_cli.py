"""`hotline user|token …`: who may use the web API."""

import sys
from typing import Annotated, Final

import typer

from hotline import accounts, bootstrap
from hotline.accounts import Role
from hotline.people_cli import say, with_hotline
from ivr.agents import roster

_MAY: Final = (
    "agent: reads (confidential tickets only the agent's own), and changes only what is that agent's own or of a lost "
    "call; shift_leader and admin: the whole API."
)
token_app = typer.Typer(
    no_args_is_help=True, help="Tokens: what a program, a desk or a user shows to the web API."
)
user_app = typer.Typer(
    no_args_is_help=True,
    help="Users: people with a name and a role, whose tokens end when they are disabled.",
)
_KnownName = Annotated[
    str, typer.Argument(metavar="NAME", help="The user's name, as `hotline user list` shows it.")
]


def add_commands(app: typer.Typer) -> None:
    """Registers them on the program."""
    for name, commands in (("user", user_app), ("token", token_app)):
        app.add_typer(commands, name=name)


@user_app.command("add")
def user_add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The user's name, 1 to 60 letters.")],
    role: Annotated[Role, typer.Option(help=_MAY)],
) -> None:
    """Add a user with a role and a password of at least 12 letters.

    The password is asked for twice, or read as one line from standard input if that is no terminal; only a slow
    hash of it is kept. There is no page to sign in to yet: until there is, give the user a token by
    `hotline token create --role ROLE --user NAME`.
    """
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


@user_app.command("list")
def user_list() -> None:
    """List every user, one line each: name, role, active or disabled, and since when (UTC)."""

    def work(hotline: bootstrap.Hotline) -> None:
        with hotline.database.reading() as session:
            for user in accounts.all_users(session):
                say(
                    f"{user.name}  {user.role}  {'active' if user.is_active else 'disabled'}  "
                    f"since {user.created_at:%Y-%m-%d %H:%M}"
                )

    with_hotline(work)


@user_app.command("disable")
def user_disable(name: _KnownName) -> None:
    """Shut a user out: from now on the user's tokens are refused. Nothing is deleted; `hotline user enable` undoes it."""
    _set_active(name, is_active=False)


@user_app.command("enable")
def user_enable(name: _KnownName) -> None:
    """Let a disabled user in again, with the tokens that were not revoked."""
    _set_active(name, is_active=True)


def _set_active(name: str, *, is_active: bool) -> None:
    def work(hotline: bootstrap.Hotline) -> None:
        with hotline.database.writing() as session:
            accounts.set_active(session, name, is_active=is_active)
        say(f"user {name} is {'active' if is_active else 'disabled'}")

    with_hotline(work)


@token_app.command("create")
def token_create(
    role: Annotated[Role, typer.Option(help=_MAY)],
    agent: Annotated[
        str | None,
        typer.Option(metavar="AGENT_NO", help="The agent whom a token with the role agent acts for."),
    ] = None,
    user: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="The user whom the token belongs to; refused when the user is disabled."
        ),
    ] = None,
    label: Annotated[
        str, typer.Option(metavar="TEXT", help="What it is for; lists and histories show it.")
    ] = "command line",
) -> None:
    """Make a token for the web API. It is printed once, alone on the last line, and only its hash is kept.

    It is sent as the header Authorization: Bearer TOKEN, and holds until `hotline token revoke`.
    """

    def work(hotline: bootstrap.Hotline) -> None:
        with hotline.database.writing() as session:
            if agent is not None:
                roster.get_agent(session, agent)
            owner = None if user is None else accounts.user_named(session, user)
            token = accounts.create_token(session, role, agent, label, hotline.now(), user=owner)
        say("Send it as: Authorization: Bearer TOKEN")
        say(token)

    with_hotline(work)


@token_app.command("list")
def token_list() -> None:
    """List every token, one line each: its number, role, whom it acts for, label, last use (UTC), and if it is revoked."""

    def work(hotline: bootstrap.Hotline) -> None:
        with hotline.database.reading() as session:
            for token, user_name in accounts.all_tokens(session):
                used = f"{token.last_used_at:%Y-%m-%d %H:%M}" if token.last_used_at else "never"
                of = (
                    f"  agent {token.agent_no}"
                    if token.agent_no
                    else f"  user {user_name}"
                    if user_name
                    else ""
                )
                say(
                    f"{token.id}  {token.role}{of}  {token.label}  last used {used}"
                    f"{'  revoked' if token.is_revoked else ''}"
                )

    with_hotline(work)


@token_app.command("revoke")
def token_revoke(
    token_id: Annotated[
        int, typer.Argument(metavar="TOKEN_ID", help="Its number, as `hotline token list` shows it.")
    ],
) -> None:
    """Refuse a token from now on; it cannot be undone. Its line stays in the list."""

    def work(hotline: bootstrap.Hotline) -> None:
        with hotline.database.writing() as session:
            accounts.revoke_token(session, token_id)
        say(f"token {token_id} is revoked")

    with_hotline(work)
