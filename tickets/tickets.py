"""工单: what a call leaves behind. Tables, and finding a ticket again.

Drafts are made from calls in `drafts`, people change tickets in `edits`.
"""

from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import JSON, Column, ForeignKey, Index, Integer, func, select
from sqlmodel import Field, Session, SQLModel, col

from tickets.call_records import CallRecord
from tickets.decision import Urgency
from tickets.ticket_errors import NoSuchTicket


class TicketState(StrEnum):
    """Words of requirements 5.2; the others come with dispatch."""

    DRAFT = "draft"
    PENDING_DISPATCH = "pending_dispatch"
    CLOSED = "closed"


class Relation(StrEnum):
    """Whether a call made the ticket, or came about one that was there."""

    MADE = "made"
    LINKED = "linked"


ALLOWED_NEXT: Final = {
    TicketState.DRAFT: frozenset({TicketState.PENDING_DISPATCH, TicketState.CLOSED}),
    TicketState.PENDING_DISPATCH: frozenset({TicketState.CLOSED}),
    TicketState.CLOSED: frozenset[TicketState](),
}


class Ticket(SQLModel, table=True):
    """`typed_fields` names what a person typed: no rule ever overwrites it. `version` rises with every
    change."""

    __tablename__ = "ticket"

    id: int | None = Field(default=None, primary_key=True)
    ticket_no: str | None = Field(default=None, unique=True)
    state: str = Field(default=TicketState.DRAFT.value, index=True)
    title: str = ""
    text: str = ""
    category_code: str | None = Field(default=None, index=True)
    area_code: str | None = None
    unit_code: str | None = Field(default=None, index=True)
    urgency: str = Urgency.NORMAL.value
    call_id: str | None = Field(default=None, index=True)
    citizen_id: int | None = Field(default=None, foreign_key="citizen.id", index=True)
    rule: str | None = None
    why: str | None = None
    disposition: str | None = None
    is_confidential: bool = False
    typed_fields: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    created_at: datetime = Field(index=True)
    updated_at: datetime
    version: int = 1
    agent_no: str | None = None


class TicketHistory(SQLModel, table=True):
    """Who changed what, when, from what to what; never changed itself."""

    __tablename__ = "ticket_history"

    id: int | None = Field(default=None, primary_key=True)
    ticket_id: int = Field(sa_column=Column(Integer, ForeignKey("ticket.id"), nullable=False, index=True))
    at: datetime
    by: str
    field: str
    from_value: str | None = None
    to_value: str | None = None
    remark: str | None = None


class CallTicket(SQLModel, table=True):
    """A call may have several tickets, a ticket several calls."""

    __tablename__ = "call_ticket"
    __table_args__ = (Index("ix_call_ticket_ticket_id", "ticket_id"),)

    call_id: str = Field(primary_key=True)
    ticket_id: int = Field(primary_key=True, foreign_key="ticket.id")
    relation: str


def get(session: Session, ticket_id: int) -> Ticket:
    """Raises NoSuchTicket."""
    ticket = session.get(Ticket, ticket_id)
    if ticket is None:
        raise NoSuchTicket(ticket_id)
    return ticket


def locked(session: Session, ticket_id: int) -> Ticket:
    """Read anew and held until the transaction ends, so that what is compared is what is really there. Raises
    NoSuchTicket."""
    statement = select(Ticket).where(col(Ticket.id) == ticket_id).with_for_update()
    statement = statement.execution_options(populate_existing=True)
    found: Ticket | None = session.execute(statement).scalars().first()
    if found is None:
        raise NoSuchTicket(ticket_id)
    return found


def of_call(session: Session, call_id: str) -> list[tuple[Ticket, Relation]]:
    """All tickets that a call made or was linked to, the oldest first."""
    statement = (
        select(Ticket, col(CallTicket.relation))
        .join(CallTicket, col(CallTicket.ticket_id) == col(Ticket.id))
        .where(col(CallTicket.call_id) == call_id)
        .order_by(col(Ticket.id))
    )
    return [(ticket, Relation(relation)) for ticket, relation in session.execute(statement).all()]


def history(session: Session, ticket_id: int) -> list[TicketHistory]:
    """Everything that happened to a ticket, in order."""
    statement = select(TicketHistory).where(col(TicketHistory.ticket_id) == ticket_id)
    return list(session.execute(statement.order_by(col(TicketHistory.id))).scalars())


def open_ticket_same_day(
    session: Session, citizen_id: int, local_day_bounds: tuple[datetime, datetime]
) -> Ticket | None:
    """The citizen's youngest ticket that is not closed, of a call that arrived on that local day (from, until): after an
    outage the ticket may be younger than that."""
    since, until = local_day_bounds
    day = func.coalesce(col(CallRecord.arrived_at), col(Ticket.created_at))
    statement = (
        select(Ticket)
        .outerjoin(CallRecord, col(CallRecord.call_id) == col(Ticket.call_id))
        .where(
            col(Ticket.citizen_id) == citizen_id,
            col(Ticket.state) != TicketState.CLOSED.value,
            day >= since,
            day < until,
        )
        .order_by(col(Ticket.id).desc())
        .limit(1)
    )
    return session.execute(statement).scalars().first()


def record_change(
    session: Session,
    ticket: Ticket,
    name: str,
    to_value: object,
    *,
    by: str,
    now: datetime,
    remark: str | None = None,
) -> bool:
    """Sets a field and writes the history line; nothing if it has that value already."""
    before = getattr(ticket, name)
    if before == to_value:
        return False
    setattr(ticket, name, to_value)
    session.add(
        TicketHistory(
            ticket_id=_id_of(ticket),
            at=now,
            by=by,
            field=name,
            from_value=_text(before),
            to_value=_text(to_value),
            remark=remark,
        )
    )
    return True


def _id_of(ticket: Ticket) -> int:
    assert ticket.id is not None
    return ticket.id


def _text(value: object) -> str | None:
    return None if value is None else str(value)
