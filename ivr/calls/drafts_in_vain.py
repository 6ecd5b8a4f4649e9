"""A debt ended: what becomes of the draft that stood on the screens of those who rang back.

They talked: it is his who talked. They did not: it is closed as the rules want a lost call's to be, unless somebody typed
into it, or another call goes on with it. A debt that is settled by a call of the citizen's own hands over to that call.
Told again and again from what the database says, so it holds whatever closed the debt, and when.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import String, cast, func
from sqlmodel import Session, col, or_, select
from sqlmodel.sql.expression import SelectOfScalar

from ivr.calls.ledger import Ledger
from missed_call_redial.callbacks import Attempt, Callback, CallbackCall, CallbackState, ClosingCode
from missed_call_redial.dial_results import AttemptOutcome
from missed_call_redial.ringers import ringer_of
from tickets.call_events import hold_log
from tickets.call_records import BY_RULES, CallRecord
from tickets.drafts import close_draft, give_draft, link
from tickets.outcome import LOST, Outcome
from tickets.tickets import CallTicket, Relation, Ticket, TicketHistory, TicketState, locked, of_call

MOST: Final = 200
"""Looked at in one round; the others have their turn in the next."""
_AT_ONCE: Final = 500
"""Debts named in one statement: a database takes only so many values."""
TOLD_LATE: Final = timedelta(days=2)
"""So long after the debt's deadline a result may still become known and open a draft again: an outage over a weekend."""
_NOBODY_TYPED: Final = (
    col(CallTicket.relation) == Relation.MADE,
    col(Callback.closing_code).is_not(None),  # closed; by its state SQLite would walk all that ever were
    col(Ticket.rule).is_not(None),
    col(Ticket.agent_no).is_not(None),
    cast(col(Ticket.typed_fields), String) == "[]",
)
"""And its debt is closed."""


def left_open(session: Session, after: int = 0) -> list[int]:
    """Drafts that may have to be closed, or given to him who talked: at most MOST of those whose id is greater than
    `after`. Begins with what is draft now, which is little, whatever the years have left behind."""
    is_anothers = col(Ticket.agent_no).is_distinct_from(col(Callback.agent_no))
    is_talk = col(Callback.closing_code) == ClosingCode.CONNECTED
    statement = (
        select(Ticket.id)
        .join(CallTicket, col(CallTicket.ticket_id) == col(Ticket.id))
        .join(CallbackCall, col(CallbackCall.call_id) == col(CallTicket.call_id))
        .join(Callback, col(Callback.id) == col(CallbackCall.callback_id))
        .where(
            col(Ticket.state) == TicketState.DRAFT,
            col(Ticket.id) > after,
            *_NOBODY_TYPED,
            or_(~is_talk, is_anothers),
        )
        .distinct()
        .order_by(col(Ticket.id))
        .limit(MOST)
    )
    return [ticket_id for ticket_id in session.exec(statement) if ticket_id is not None]


def closed_too_early(session: Session, since: datetime, after: int = 0) -> list[int]:
    """Tickets that we closed, and then it was heard that they had talked; at most MOST of those whose id is greater than
    `after`, of talks that an agent accepted after `since`. What a person said of the call holds.

    Begins with the talks of these days, so that the closed tickets of all years are not walked. Asked in steps, since
    SQLite, if it is left the choice, begins with whatever has the most rows.
    """
    talked = select(Attempt.callback_id).where(
        col(Attempt.outcome) == AttemptOutcome.CONNECTED, col(Attempt.accepted_at) >= since
    )
    debts = sorted(set(session.exec(talked)))
    found: set[int] = set()
    for first in range(0, len(debts), _AT_ONCE):
        statement = _closed_of(debts[first : first + _AT_ONCE])
        found.update(one for one in session.exec(statement) if one > after)
    return sorted(found)[:MOST]


def _closed_of(debts: Sequence[int]) -> SelectOfScalar[int]:
    """Tickets of these debts that we closed, and nobody after us. `lower`: an index of states must not look useful."""
    closed_by = (
        select(TicketHistory.by)
        .where(col(TicketHistory.ticket_id) == col(Ticket.id), col(TicketHistory.field) == "state")
        .order_by(col(TicketHistory.id).desc())
        .limit(1)
        .scalar_subquery()
    )
    return (
        select(CallTicket.ticket_id)
        .join_from(CallbackCall, Callback, col(Callback.id) == col(CallbackCall.callback_id))
        .join(CallRecord, col(CallRecord.call_id) == col(CallbackCall.call_id))
        .join(CallTicket, col(CallTicket.call_id) == col(CallbackCall.call_id))
        .join(Ticket, col(Ticket.id) == col(CallTicket.ticket_id))
        .where(
            col(CallbackCall.callback_id).in_(debts),
            *_NOBODY_TYPED,
            func.lower(col(Ticket.state), type_=String) == TicketState.CLOSED.value,
            or_(col(CallRecord.disposed_by).is_(None), col(CallRecord.disposed_by) == BY_RULES),
            closed_by == BY_RULES,
        )
        .distinct()
    )


def settle_draft(session: Session, ledger: Ledger, ticket_id: int, now: datetime) -> bool:
    """True if the ticket is another now. Whoever types at the same moment comes before or after, never in between."""
    hold_log(session)
    records = _held(session, _calls(session, ticket_id, Relation.MADE))
    ticket = locked(session, ticket_id)
    version = ticket.version
    for record in records:
        debt = _debt_of(session, record.call_id)
        if debt is None or debt.state != CallbackState.CLOSED or ticket.typed_fields:
            return False
        ringer = ringer_of(session, record.call_id)
        if ringer is not None and ringer.has_citizen:
            ledger.write_ticket(session, record, now)
        elif ticket.state == TicketState.DRAFT:
            _end(session, ledger, ticket, record, debt, now)
    return ticket.version != version


def _held(session: Session, call_ids: Sequence[str]) -> Sequence[CallRecord]:
    """Before the ticket, and in one order for all: so does who gives a call its disposition."""
    statement = select(CallRecord).where(col(CallRecord.call_id).in_(call_ids))
    statement = statement.order_by(col(CallRecord.call_id)).with_for_update()
    return session.exec(statement.execution_options(populate_existing=True)).all()


def _end(
    session: Session, ledger: Ledger, ticket: Ticket, record: CallRecord, debt: Callback, now: datetime
) -> None:
    decision = ledger.decide_for(session, record)
    if Outcome(record.outcome) not in LOST or decision.ticket or debt.closing_code == ClosingCode.SETTLED:
        return  # the rules want it for the call itself, or a person says that the matter was talked over
    assert ticket.id is not None
    others = _calls(session, ticket.id, Relation.LINKED)
    if any(_goes_on(session, call_id) for call_id in others):
        if debt.closing_call_id in others:
            talk = session.get_one(CallRecord, debt.closing_call_id)
            give_draft(session, ticket, talk.agent_no, now, f"call {talk.call_id}")
        return
    why = f"callback {debt.id}: {debt.closing_code}"
    followed = _ticket_of(session, debt.closing_call_id)
    if followed is not None and followed != ticket.id:
        link(session, record.call_id, followed)
        why += f", ticket {followed}"
    close_draft(session, ticket, decision.disposition, now, why)


def _goes_on(session: Session, call_id: str) -> bool:
    """Another call that the ticket is about was answered, or is still to be rung back."""
    record = session.get(CallRecord, call_id, populate_existing=True)
    debt = _debt_of(session, call_id)
    if record is not None and Outcome(record.outcome) not in LOST:
        return True
    return debt is not None and (
        debt.state != CallbackState.CLOSED or debt.closing_code == ClosingCode.CONNECTED
    )


def _calls(session: Session, ticket_id: int, relation: Relation) -> list[str]:
    statement = select(CallTicket.call_id).where(
        col(CallTicket.ticket_id) == ticket_id, col(CallTicket.relation) == relation
    )
    return list(session.exec(statement))


def _debt_of(session: Session, call_id: str) -> Callback | None:
    statement = (
        select(Callback)
        .join(CallbackCall, col(CallbackCall.callback_id) == col(Callback.id))
        .where(col(CallbackCall.call_id) == call_id)
    )
    return session.exec(statement.execution_options(populate_existing=True)).first()


def _ticket_of(session: Session, call_id: str | None) -> int | None:
    """The first ticket of the call in which the citizen was answered."""
    found = of_call(session, call_id) if call_id else []
    return found[0][0].id if found else None
