"""Whose a call or a ticket is: what an agent may change, and which confidential tickets he may read.

His own are those of calls that he answered, of lost ones whose citizen he rings back or rang back and spoke with, and
what he wrote in. Nobody's are those of calls that are over, that nobody answered and for which nobody rings back just now.
Shift leaders and admins work on all.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import ColumnElement, or_, true
from sqlmodel import Session, col, select

from hotline.accounts import Caller, Role
from hotline.web.access import NotAllowed
from missed_call_redial.callbacks import Attempt, CallbackCall
from missed_call_redial.ringers import agents_with_citizen, has_citizen
from tickets.call_records import CallRecord
from tickets.tickets import CallTicket, Ticket, TicketHistory

_WHO_MAY: Final = "shift leaders and admins may"


def require_call(session: Session, caller: Caller, record: CallRecord) -> None:
    """Raises NotAllowed for an agent and a call that another answered or rings back for, or that nobody has answered yet."""
    if caller.role is not Role.AGENT or record.agent_no == caller.agent_no:
        return
    ringers = agents_with_citizen(session, [record.call_id])
    if caller.agent_no in ringers:
        return
    if ringers:
        raise NotAllowed(f"another agent rings this citizen back, not agent {caller.agent_no}; {_WHO_MAY}")
    if record.agent_no is not None:
        raise NotAllowed(f"another agent answered this call; agent {caller.agent_no} did not; {_WHO_MAY}")
    if record.is_open:
        raise NotAllowed(f"this call is not over, and agent {caller.agent_no} did not answer it; {_WHO_MAY}")


def require_citizen(session: Session, caller: Caller, record: CallRecord) -> None:
    """Raises NotAllowed for an agent who neither answered this call nor rings its citizen back."""
    if caller.role is not Role.AGENT or record.agent_no == caller.agent_no:
        return
    if caller.agent_no not in agents_with_citizen(session, [record.call_id]):
        raise NotAllowed(
            f"agent {caller.agent_no} did not answer this call and does not ring back; {_WHO_MAY}"
        )


def require_message(session: Session, caller: Caller, record: CallRecord, found: Sequence[Ticket]) -> None:
    """Raises NotAllowed for an agent and the message of a call that is another's, unless one of its tickets (`found`) is his
    own; and for a confidential ticket that is not his."""
    for ticket in found:
        require_sight(session, caller, ticket)
    if caller.role is not Role.AGENT or not _own(session, caller, found):
        require_call(session, caller, record)


def require_change(session: Session, caller: Caller, ticket: Ticket) -> None:
    """Raises NotAllowed for an agent and a ticket that is another's, or confidential and not his own."""
    if caller.role is not Role.AGENT or _own(session, caller, [ticket]):
        return
    require_sight(session, caller, ticket)
    if ticket.agent_no is not None or _is_somebodys(session, ticket):
        raise NotAllowed(f"this ticket is another's, not that of agent {caller.agent_no}; {_WHO_MAY}")


def require_sight(session: Session, caller: Caller, ticket: Ticket) -> None:
    """Raises NotAllowed for an agent and a confidential ticket that is not his own."""
    if ticket.id in hidden_from(session, caller, [ticket]):
        raise NotAllowed(f"this ticket is confidential, and not that of agent {caller.agent_no}; {_WHO_MAY}")


def hidden_from(session: Session, caller: Caller, found: Sequence[Ticket]) -> set[int | None]:
    """The ids of those whose words this caller may not read."""
    confidential = [ticket for ticket in found if ticket.is_confidential]
    if caller.role is not Role.AGENT or not confidential:
        return set()
    return {ticket.id for ticket in confidential} - _own(session, caller, confidential)


def in_sight_of(caller: Caller) -> ColumnElement[bool]:
    """What `hidden_from` leaves, said to the database: for a search, whose answer may not even tell that there is one."""
    if caller.role is not Role.AGENT:
        return true()
    return or_(col(Ticket.is_confidential).is_(False), _is_own(caller))


def _own(session: Session, caller: Caller, found: Sequence[Ticket]) -> set[int | None]:
    ids = [ticket.id for ticket in found]
    return set(session.exec(select(Ticket.id).where(col(Ticket.id).in_(ids), _is_own(caller))))


def _is_own(caller: Caller) -> ColumnElement[bool]:
    """Of the row of `ticket` in the statement around it."""
    answered = (
        select(CallTicket.ticket_id)
        .join(CallRecord, col(CallRecord.call_id) == col(CallTicket.call_id))
        .where(col(CallTicket.ticket_id) == col(Ticket.id), col(CallRecord.agent_no) == caller.agent_no)
    )
    rang_back = (
        select(CallTicket.ticket_id)
        .join(CallbackCall, col(CallbackCall.call_id) == col(CallTicket.call_id))
        .join(Attempt, col(Attempt.callback_id) == col(CallbackCall.callback_id))
        .where(
            col(CallTicket.ticket_id) == col(Ticket.id),
            col(Attempt.agent_no) == caller.agent_no,
            has_citizen(),
        )
    )
    wrote = select(TicketHistory.ticket_id).where(
        col(TicketHistory.ticket_id) == col(Ticket.id), col(TicketHistory.by) == caller.written
    )
    return or_(col(Ticket.agent_no) == caller.agent_no, answered.exists(), rang_back.exists(), wrote.exists())


def _is_somebodys(session: Session, ticket: Ticket) -> bool:
    """Of an agent who answered one of its calls, or rings back for one."""
    calls = session.exec(select(CallTicket.call_id).where(col(CallTicket.ticket_id) == ticket.id)).all()
    answered = select(CallRecord.call_id).where(
        col(CallRecord.call_id).in_(calls), col(CallRecord.agent_no).is_not(None)
    )
    return session.exec(answered.limit(1)).first() is not None or bool(agents_with_citizen(session, calls))
