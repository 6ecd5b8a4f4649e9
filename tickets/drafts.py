"""An agent has answered, or the call is over: its draft ticket is made, or completed where nobody typed.

Run as often as one likes: the second time finds what the first one made.
"""

from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlmodel import Session, col

from tickets.call_records import CallRecord
from tickets.citizens import find_or_add
from tickets.decision import Decision
from tickets.tickets import (
    CallTicket,
    Relation,
    Ticket,
    TicketHistory,
    TicketState,
    of_call,
    open_ticket_same_day,
    record_change,
)
from vocabulary.phone_numbers import NumberKind

BY_RULES: Final = "rules"
"""Stands in the history where no person acted."""

_CITIZENS_OWN: Final = frozenset({NumberKind.MOBILE, NumberKind.LANDLINE, NumberKind.FOREIGN})


def draft_for_call(
    session: Session,
    record: CallRecord,
    decision: Decision,
    now: datetime,
    *,
    local_day_bounds: tuple[datetime, datetime] | None = None,
) -> Ticket | None:
    """The call's ticket as the rules want it; None where they want none (then the call gets the disposition).

    With `local_day_bounds` and the rule's wish, an open ticket of the same citizen on that day is linked
    instead of a second one made. A draft that is there already stays, even if the last decision wants none:
    somebody may be typing into it.
    """
    _lock_call(session, record.call_id)
    if decision.disposition is not None and record.disposition is None:
        record.disposition = decision.disposition
        session.add(record)
    existing = of_call(session, record.call_id)
    if existing:
        ticket, relation = existing[0]
        if relation is Relation.MADE and ticket.rule is not None:  # a person's own ticket is left to him
            _complete(session, ticket, record, decision, now)
        return ticket
    if not decision.ticket:
        return None
    citizen_id = _citizen_id(session, record, now)
    if decision.link_open_ticket_same_day and citizen_id is not None and local_day_bounds is not None:
        earlier = open_ticket_same_day(session, citizen_id, local_day_bounds)
        if earlier is not None:
            _tie(session, record.call_id, earlier, Relation.LINKED)
            return earlier
    return _make(session, record, decision, citizen_id, now)


def further_draft(
    session: Session, record: CallRecord, by: str, now: datetime, remark: str | None = None
) -> Ticket:
    """One more draft of this call, made by a person and empty: no rule stands in it, and none completes it."""
    _lock_call(session, record.call_id)
    ticket = Ticket(
        call_id=record.call_id,
        citizen_id=_citizen_id(session, record, now),
        agent_no=record.agent_no,
        created_at=now,
        updated_at=now,
    )
    _add(session, ticket, by, now, remark)
    return ticket


def _lock_call(session: Session, call_id: str) -> None:
    """Two who make the same call's draft at once take turns (SQLite has one writer anyway)."""
    statement = select(col(CallRecord.call_id)).where(col(CallRecord.call_id) == call_id).with_for_update()
    session.execute(statement).scalar_one_or_none()


def _make(
    session: Session, record: CallRecord, decision: Decision, citizen_id: int | None, now: datetime
) -> Ticket:
    ticket = Ticket(call_id=record.call_id, citizen_id=citizen_id, created_at=now, updated_at=now)
    for name, value in _wanted(record, decision).items():
        setattr(ticket, name, value)
    _add(session, ticket, BY_RULES, now, decision.rule_id)
    return ticket


def _add(session: Session, ticket: Ticket, by: str, now: datetime, remark: str | None) -> None:
    """Stored, with the first line of its history, and tied to the call that made it."""
    session.add(ticket)
    session.flush()
    assert ticket.id is not None
    assert ticket.call_id is not None
    session.add(
        TicketHistory(ticket_id=ticket.id, at=now, by=by, field="state", to_value=ticket.state, remark=remark)
    )
    _tie(session, ticket.call_id, ticket, Relation.MADE)


def _complete(
    session: Session, ticket: Ticket, record: CallRecord, decision: Decision, now: datetime
) -> None:
    if ticket.state != TicketState.DRAFT.value:
        return
    changed = False
    for name, value in _wanted(record, decision).items():
        if name not in ticket.typed_fields:
            changed |= record_change(
                session, ticket, name, value, by=BY_RULES, now=now, remark=decision.rule_id
            )
    if changed:
        ticket.version += 1
        ticket.updated_at = now
        session.add(ticket)
        session.flush()


def _wanted(record: CallRecord, decision: Decision) -> dict[str, str]:
    """What the rules say of the ticket's fields; silence leaves a field as it is."""
    values = {
        "title": decision.title,
        "category_code": decision.category,
        "area_code": decision.area,
        "unit_code": decision.unit,
        "urgency": decision.urgency.value if decision.urgency is not None else None,
        "disposition": decision.disposition,
        "rule": decision.rule_id,
        "why": decision.why,
        "agent_no": record.agent_no,
    }
    return {name: value for name, value in values.items() if value is not None}


def _citizen_id(session: Session, record: CallRecord, now: datetime) -> int | None:
    if (
        record.number_digest is None
        or record.number_sealed is None
        or record.number_kind not in _CITIZENS_OWN
    ):
        return None
    citizen = find_or_add(
        session,
        number_digest=record.number_digest,
        number_sealed=record.number_sealed,
        number_masked=record.number_masked,
        now=now,
    )
    return citizen.id


def _tie(session: Session, call_id: str, ticket: Ticket, relation: Relation) -> None:
    assert ticket.id is not None
    session.add(CallTicket(call_id=call_id, ticket_id=ticket.id, relation=relation.value))
    session.flush()
