"""Which of several workers does what only one may do: a row, taken by a conditional UPDATE and renewed while its holder lives."""

from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, insert, or_, select, update
from sqlmodel import Field, Session, SQLModel, col

from tickets.connections import connection_of


class Lease(SQLModel, table=True):
    __tablename__ = "lease"

    name: str = Field(primary_key=True, max_length=40)
    owner: str = Field(max_length=80)
    until: datetime


class QueueLogPosition(SQLModel, table=True):
    """How far queue_log was read: committed together with what was read, so no line is lost or counted twice.

    `read_until`: the last moment at which it was read to its end, and all that it said was taken in.
    """

    __tablename__ = "queue_log_position"

    name: str = Field(primary_key=True, max_length=40)
    position: str
    read_until: datetime


class LeaseLost(Exception):
    """Somebody else has taken over: what was being done is undone, and he does it."""


_LEASES: Final = SQLModel.metadata.tables["lease"]
_POSITIONS: Final = SQLModel.metadata.tables["queue_log_position"]
# Built once: the listener runs these several times a second.
_TAKE: Final = (
    update(_LEASES)
    .where(
        _LEASES.c.name == bindparam("of"),
        or_(_LEASES.c.owner == bindparam("holder"), _LEASES.c.until < bindparam("at")),
    )
    .values(owner=bindparam("holder"), until=bindparam("then"))
)
_MOVE_ON: Final = (
    update(_POSITIONS)
    .where(_POSITIONS.c.name == bindparam("of"), _POSITIONS.c.position == bindparam("before"))
    .values(position=bindparam("after"))
)
_BEGIN: Final = insert(_POSITIONS)
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
_READ: Final = (
    update(_POSITIONS).where(_POSITIONS.c.name == bindparam("of")).values(read_until=bindparam("at"))
)
_READ_UNTIL: Final = select(_POSITIONS.c.read_until).where(_POSITIONS.c.name == bindparam("of"))
_WHERE_WE_ARE: Final = select(_POSITIONS.c.position).where(_POSITIONS.c.name == bindparam("of"))


def hold(session: Session, name: str, owner: str, now: datetime, lasting: timedelta) -> bool:
    """Takes or renews the lease; False if somebody else holds it."""
    connection = connection_of(session)
    wanted = {"of": name, "holder": owner, "at": now, "then": now + lasting}
    if connection.execute(_TAKE, wanted).rowcount == 1:
        return True
    if session.get(Lease, name) is not None:
        return False
    session.add(Lease(name=name, owner=owner, until=now + lasting))
    session.flush()
    return True


def let_go(session: Session, name: str, owner: str, now: datetime) -> None:
    """The next worker need not wait for the end of the lease."""
    session.execute(update(Lease).where(col(Lease.name) == name, col(Lease.owner) == owner).values(until=now))


def position_of(session: Session, name: str) -> str | None:
    """None before the first line."""
    found: str | None = connection_of(session).execute(_WHERE_WE_ARE, {"of": name}).scalar_one_or_none()
    return found


def read_until(session: Session, name: str) -> datetime | None:
    """None before the first line."""
    found: datetime | None = connection_of(session).execute(_READ_UNTIL, {"of": name}).scalar_one_or_none()
    return found


def note_read_until(session: Session, name: str, now: datetime) -> None:
    """It has been read to its end; to be said by the lease's holder, every few seconds."""
    connection_of(session).execute(_READ, {"of": name, "at": now})


def move_on(session: Session, name: str, before: str | None, after: str) -> None:
    """From the position that was read from. Raises LeaseLost if it is not the one any more: whoever slept past the end
    of his lease, in the middle of his work, can write nothing twice."""
    connection = connection_of(session)
    if before is None:
        connection.execute(_BEGIN, {"name": name, "position": after, "read_until": _NEVER})
    elif connection.execute(_MOVE_ON, {"of": name, "before": before, "after": after}).rowcount != 1:
        raise LeaseLost
