"""Adding and changing agents: number, name, queues with penalties, and the random secret of their SIP account."""

import csv
import re
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlmodel import Session, col, select

from ivr.agents.tables import Agent, AgentEvent, AgentState, QueueSeat
from tickets.sealing import Sealer
from vocabulary.errors import HotlineError

_AGENT_NO: Final = re.compile(r"[1-9][0-9]{2,7}")
_LONGEST_NAME: Final = 60
MOST_PENALTY: Final = 100


class NoSuchAgent(HotlineError):
    def __init__(self, agent_no: str) -> None:
        self.agent_no = agent_no
        super().__init__(f"there is no agent {agent_no}; `hotline agent list` shows all")


class BadAgent(HotlineError):
    """What was given does not describe an agent; `line` is the line of an imported file, 0 outside one."""

    def __init__(self, fault: str, remedy: str, line: int = 0) -> None:
        self.fault, self.remedy, self.line = fault, remedy, line
        where = f"line {line}: " if line else ""
        super().__init__(f"{where}{fault}. {remedy}")


@dataclass(frozen=True)
class NewAgent:
    """Queues in the order given; the penalty is the number after ':' (general:0 heating:5), 0 if left out."""

    agent_no: str
    name: str
    queues: tuple[tuple[str, int], ...]


def read_agent(
    agent_no: str, name: str, queues: str, known_queues: Collection[str], line: int = 0
) -> NewAgent:
    """Checks what a person typed. Raises BadAgent with the fault and the remedy."""
    agent_no, name = agent_no.strip(), name.strip()
    if not _AGENT_NO.fullmatch(agent_no):
        raise BadAgent(
            f"agent number {agent_no!r} is not 3 to 8 digits", "Write digits, not starting with 0", line
        )
    if not name or len(name) > _LONGEST_NAME or not name.isprintable() or set(name) & set('"\\;|<>[]'):
        raise BadAgent(
            f"name {name!r} cannot stand",
            f'Write 1 to {_LONGEST_NAME} letters without " \\ ; | < > [ ]',
            line,
        )
    return NewAgent(
        agent_no,
        name,
        tuple(_read_queue(text, known_queues, line) for text in queues.replace(",", " ").split()),
    )


def _read_queue(text: str, known: Collection[str], line: int) -> tuple[str, int]:
    queue, _, penalty = text.partition(":")
    if queue not in known:
        raise BadAgent(f"no queue {queue!r}", f"The queues are: {', '.join(sorted(known))}", line)
    if penalty and not (penalty.isascii() and penalty.isdecimal() and int(penalty) <= MOST_PENALTY):
        raise BadAgent(
            f"penalty {penalty!r} of {queue} is not 0 to {MOST_PENALTY}",
            "Write queue:0 or just the queue",
            line,
        )
    return queue, int(penalty or 0)


def read_csv(lines: Iterable[str], known_queues: Collection[str]) -> tuple[list[NewAgent], list[BadAgent]]:
    """Columns agent_no,name,queues (queues with blanks between). All faults at once; nothing is stored here."""
    reader = csv.DictReader(lines)
    wanted = {"agent_no", "name", "queues"}
    if not wanted <= set(reader.fieldnames or ()):
        return [], [BadAgent("the first line does not name the columns", "Write: agent_no,name,queues", 1)]
    agents: list[NewAgent] = []
    faults: list[BadAgent] = []
    seen: dict[str, int] = {}
    for row in reader:
        try:
            agent_no, name, queues = (row[key] or "" for key in ("agent_no", "name", "queues"))
            agent = read_agent(agent_no, name, queues, known_queues, reader.line_num)
            if agent.agent_no in seen:
                raise BadAgent(
                    f"agent {agent.agent_no} stands in line {seen[agent.agent_no]} already",
                    "Keep one",
                    reader.line_num,
                )
            seen[agent.agent_no] = reader.line_num
            agents.append(agent)
        except BadAgent as fault:
            faults.append(fault)
    return agents, faults


def put_agent(session: Session, new: NewAgent, sealer: Sealer, by: str, now: datetime) -> tuple[Agent, str]:
    """Adds the agent, or changes name and queues of one that is there (secret kept). Gives the SIP secret too."""
    queues = [QueueSeat(queue=queue, penalty=penalty) for queue, penalty in new.queues]
    agent = session.get(Agent, new.agent_no)
    if agent is None:
        secret = secrets.token_urlsafe(24)
        agent = Agent(
            agent_no=new.agent_no,
            name=new.name,
            queues=queues,
            sip_secret_sealed=sealer.seal(secret),
            created_at=now,
        )
        session.add(agent)
        session.flush()
        session.add(AgentState(agent_no=new.agent_no, changed_at=now))
        session.add(AgentEvent(agent_no=new.agent_no, at=now, what="added", by=by))
        return agent, secret
    agent.name, agent.queues, agent.is_active = new.name, queues, True
    session.add(agent)
    session.add(AgentEvent(agent_no=new.agent_no, at=now, what="changed", by=by))
    return agent, sealer.open(agent.sip_secret_sealed)


def get_agent(session: Session, agent_no: str) -> Agent:
    """Raises NoSuchAgent."""
    agent = session.get(Agent, agent_no)
    if agent is None or not agent.is_active:
        raise NoSuchAgent(agent_no)
    return agent


def all_agents(session: Session) -> list[Agent]:
    """Active agents by number."""
    return list(session.exec(select(Agent).where(col(Agent.is_active)).order_by(col(Agent.agent_no))))
