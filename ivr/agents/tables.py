"""Who answers: agents, the state each is in, and the account of every change. People live in the database, not in YAML."""

from datetime import datetime

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel
from typing_extensions import TypedDict  # pydantic wants this one below Python 3.12


class QueueSeat(TypedDict):
    """One queue that an agent serves; a lower penalty is rung first."""

    queue: str
    penalty: int


class Agent(SQLModel, table=True):
    """`sip_secret_sealed` is random, never typed by anybody and never shown again."""

    __tablename__ = "agent"

    agent_no: str = Field(primary_key=True, max_length=10)
    name: str = Field(max_length=60)
    queues: list[QueueSeat] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    is_active: bool = True
    sip_secret_sealed: str
    created_at: datetime


class AgentState(SQLModel, table=True):
    """What the agent wants and what we decided; Asterisk is brought to it, never the other way round."""

    __tablename__ = "agent_state"

    agent_no: str = Field(primary_key=True, foreign_key="agent.agent_no")
    is_signed_in: bool = False
    signed_in_at: datetime | None = None
    pause_reason: str | None = None
    paused_at: datetime | None = None
    missed_rings: int = 0
    wrap_up_until: datetime | None = None
    changed_at: datetime


class AgentEvent(SQLModel, table=True):
    """Sign-ins, pauses with their reason, and who brought them about: rows are added, never changed."""

    __tablename__ = "agent_event"

    id: int | None = Field(default=None, primary_key=True)
    agent_no: str = Field(foreign_key="agent.agent_no", index=True)
    at: datetime
    what: str = Field(max_length=20)
    reason: str | None = Field(default=None, max_length=40)
    by: str = Field(max_length=60)
