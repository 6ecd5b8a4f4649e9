"""Which of several workers does what only one may do: a row, taken by a conditional UPDATE and renewed while its holder lives."""

from datetime import datetime, timedelta

from sqlalchemy import or_, update
from sqlmodel import Field, Session, SQLModel, col


class Lease(SQLModel, table=True):
    __tablename__ = "lease"

    name: str = Field(primary_key=True, max_length=40)
    owner: str = Field(max_length=80)
    until: datetime


class QueueLogPosition(SQLModel, table=True):
    """How far queue_log was read: committed together with what was read, so no line is lost or counted twice."""

    __tablename__ = "queue_log_position"

    name: str = Field(primary_key=True, max_length=40)
    position: str
    read_until: datetime


def hold(session: Session, name: str, owner: str, now: datetime, lasting: timedelta) -> bool:
    """Takes or renews the lease; False if somebody else holds it."""
    if session.get(Lease, name) is None:
        session.add(Lease(name=name, owner=owner, until=now + lasting))
        session.flush()
        return True
    mine_or_free = or_(col(Lease.owner) == owner, col(Lease.until) < now)
    statement = (
        update(Lease).where(col(Lease.name) == name, mine_or_free).values(owner=owner, until=now + lasting)
    )
    # SQLAlchemy types the result of an UPDATE as one without rowcount, though it always has it
    return session.execute(statement).rowcount == 1  # type: ignore[attr-defined, no-any-return]


def let_go(session: Session, name: str, owner: str, now: datetime) -> None:
    """The next worker need not wait for the end of the lease."""
    session.execute(update(Lease).where(col(Lease.name) == name, col(Lease.owner) == owner).values(until=now))
