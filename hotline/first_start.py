"""What a first start makes for a newcomer: two agents and an admin token, random, in files of mode 600; and the greeting."""

import shlex
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pydantic import SecretStr
from sqlmodel import Session, select

from hotline import accounts, asterisk_process, bootstrap, own_server
from hotline.secrets_file import write_private
from hotline.settings import Settings
from ivr.agents import roster
from ivr.agents.tables import Agent
from ivr.config_files.running import Running

_FIRST_AGENTS: Final = (("1001", "坐席 1001"), ("1002", "坐席 1002"))


def make_accounts(settings: Settings) -> bool:
    """True if this was the first start of a trial, so accounts were made. A database with agents gets none."""
    hotline = bootstrap.build(settings)
    try:
        return _make(settings, hotline)
    finally:
        hotline.database.engine.dispose()


def _make(settings: Settings, hotline: bootstrap.Hotline) -> bool:
    queues = tuple((queue.name, 0) for queue in hotline.running.configuration.lines.queues)
    now = datetime.now(UTC)
    with hotline.database.writing() as session:
        if session.exec(select(Agent.agent_no).limit(1)).first() is not None:
            return False
        made = [
            roster.put_agent(session, roster.NewAgent(no, name, queues), hotline.sealer, "first start", now)
            for no, name in _FIRST_AGENTS
        ]
        text = "\n".join(
            [
                f"admin token: {_token(session, now)}",
                *(_phone_lines(settings, agent, secret) for agent, secret in made),
            ]
        )
        # before the commit: killed in between, the next start makes both anew, and no secret is lost with nobody told
        write_private(accounts_file(settings), text + "\n")
    return True


def _token(session: Session, now: datetime) -> str:
    return accounts.create_token(session, accounts.Role.ADMIN, None, "first start", now, None)


def accounts_file(settings: Settings) -> Path:
    return settings.home_dir / "first-start-accounts.txt"


def write_phone(hotline: bootstrap.Hotline, agent: Agent) -> Path:
    """What a desk phone needs to register, in a file for its owner only."""
    path = hotline.settings.home_dir / "phones" / f"{agent.agent_no}.txt"
    write_private(
        path, _phone_lines(hotline.settings, agent, hotline.sealer.open(agent.sip_secret_sealed)) + "\n"
    )
    return path


def _phone_lines(settings: Settings, agent: Agent, secret: str) -> str:
    return (
        f"agent {agent.agent_no} ({agent.name}): SIP user agent-{agent.agent_no}, secret {secret}, "
        f"server {settings.media_address}:{settings.sip_port}"
    )


def greeting(
    settings: Settings,
    running: Running,
    is_first: bool,
    parts: own_server.Parts,
    not_in_force: Sequence[str] = (),
) -> str:
    """What the person at the terminal wants to know now. `not_in_force`: what is told of edits that were not published."""
    number = running.configuration.lines.numbers[0].number
    own = f"`{in_another_terminal(settings)} "  # a newcomer's PATH has no `hotline`
    lines = [
        "",
        f"The hotline is ready{' (DEGRADED: see the problems above)' if running.is_impaired else ''}.",
        f"  Web API          {own_server.address(settings)}/openapi.json",
        f"  A test call      {in_another_terminal(settings)} call {number}",
        f"  A call by SIPp   sipp -sn uac -s {number} {settings.media_address}:{settings.sip_port} -m 1 -d 20000",
        f"  Accounts         {accounts_file(settings)}{'' if is_first else ' (from the first start)'}",
        f"  Config files     {settings.config_dir}",
        f"  Logs             {settings.home_dir / 'server.log'}, {settings.asterisk_dir / 'log'}",
        *(
            f"  WARNING          {said}"
            for said in own_server.what_is_down(parts, running.configuration.lines)
        ),
        *(
            f"  {'WARNING' if n == 0 else '':<17}{line.replace('`hotline ', own)}"
            for n, line in enumerate(not_in_force)
        ),
        "Ctrl-C stops everything.",
    ]
    if settings.database_url is not None:  # a secret: not to be printed
        lines.insert(4, "                   (there HOTLINE_DATABASE_URL must be set as it is here)")
    return "\n".join(lines)


def in_another_terminal(settings: Settings) -> str:
    """The program `hotline` as one types it in any folder of this machine: its path, and before it what was set here."""
    own = Path(sys.executable).with_name("hotline")
    program = [str(own)] if own.is_file() else [sys.executable, "-m", "hotline.cli"]
    variables = [f"HOTLINE_{name.upper()}={shlex.quote(value)}" for name, value in _variables(settings)]
    return " ".join([*variables, *(shlex.quote(word) for word in program)])


def _variables(settings: Settings) -> Iterator[tuple[str, str]]:
    """HOTLINE_HOME always: its default is below the folder in which one stands. An Asterisk that is found anyway: not."""
    yield "home", str(settings.home_dir)
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        is_usual = value in (field.default, asterisk_process.PREPARED)
        if name != "home" and not is_usual and not isinstance(value, SecretStr):
            yield name, str(value.absolute() if isinstance(value, Path) else value)
