"""An agent has answered, or the call is over: its draft ticket is made, or completed where nobody typed.

Run as often as one likes: the second time finds what the first one made.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, insert, select
from sqlmodel import Session, SQLModel

from tickets.call_records import BY_RULES, RECORDS, CallRecord, KnownCall, dispose_by_rules
from tickets.citizens import find_or_add
from tickets.connections import connection_of
from tickets.decision import Decision
from tickets.tickets import (
    CallTicket,
    Relation,
    Ticket,
    TicketState,
    history,
    locked,
    of_call,
    open_ticket_same_day,
    record_change,
)
from vocabulary.phone_numbers import NumberKind

__all__ = ["BY_RULES", "close_draft", "draft_for_call", "further_draft", "give_draft", "link"]

_CITIZENS_OWN: Final = frozenset({NumberKind.MOBILE, NumberKind.LANDLINE, NumberKind.FOREIGN})
_TICKETS: Final = SQLModel.metadata.tables["ticket"]
_LINKS: Final = SQLModel.metadata.tables["call_ticket"]
_RECORD: Final = RECORDS.c.call_id == bindparam("of_call")
# Built once: building a statement costs more than running it, and every call runs these.
_LOCK: Final = select(RECORDS.c.call_id).where(_RECORD).with_for_update()
_DISPOSED_BY: Final = select(RECORDS.c.disposed_by).where(_RECORD)
_TIED: Final = (
    select(_LINKS.c.ticket_id, _LINKS.c.relation)
    .where(_LINKS.c.call_id == bindparam("of_call"))
    .order_by(_LINKS.c.ticket_id)
    .limit(1)
)
_ADD: Final = insert(_TICKETS).returning(_TICKETS.c.id)
_NOTE: Final = insert(SQLModel.metadata.tables["ticket_history"])
_TIE: Final = insert(_LINKS)
_BLANK: Final = {
    name: field.default
    for name, field in Ticket.model_fields.items()
    if not field.is_required() and name != "id"
}


def draft_for_call(
    session: Session,
    record: KnownCall,
    decision: Decision,
    now: datetime,
    *,
    local_day_bounds: tuple[datetime, datetime] | None = None,
    ringer: str | None = None,
) -> int | None:
    """The id of the call's ticket as the rules want it; None where they want none (then the call gets the
    disposition), or where a person has said that it needs none.

    With `local_day_bounds` and the rule's wish, an open ticket of the same citizen on that day is linked
    instead of a second one made. A draft that is there already stays, even if the last decision wants none:
    somebody may be typing into it.

    `ringer`: the agent who rings this call's citizen back, or spoke with him: the ticket is his.
    """
    connection = _lock_call(session, record.call_id)
    if decision.disposition is not None and record.disposition is None:
        dispose_by_rules(session, record.call_id, decision.disposition)
    tied = connection.execute(_TIED, {"of_call": record.call_id}).one_or_none()
    if tied is not None:
        ticket_id, relation = int(tied.ticket_id), tied.relation
        if ringer is not None and relation == Relation.MADE.value:
            _reopen(session, record.call_id, ticket_id, now)
        _complete_first(session, record.call_id, _wanted(record, decision, ringer), decision.rule_id, now)
        return ticket_id
    if not decision.ticket or _is_disposed_of(connection, record.call_id):
        return None
    citizen_id = _citizen_id(session, record, now)
    if decision.link_open_ticket_same_day and citizen_id is not None and local_day_bounds is not None:
        earlier = open_ticket_same_day(session, citizen_id, local_day_bounds)
        if earlier is not None and earlier.id is not None:
            _tie(connection, record.call_id, earlier.id, Relation.LINKED)
            return earlier.id
    values = {"citizen_id": citizen_id, **_wanted(record, decision, ringer)}
    return _make(connection, record.call_id, values, BY_RULES, now, decision.rule_id)


def further_draft(
    session: Session,
    record: CallRecord,
    by: str,
    now: datetime,
    remark: str | None = None,
    *,
    agent_no: str | None = None,
) -> Ticket:
    """One more draft of this call, made by a person and empty: no rule stands in it, and none completes it.

    `agent_no`: whose it is, if not his who answered the call.
    """
    connection = _lock_call(session, record.call_id)
    values = {"citizen_id": _citizen_id(session, record, now), "agent_no": agent_no or record.agent_no}
    return session.get_one(Ticket, _make(connection, record.call_id, values, by, now, remark))


def _lock_call(session: Session, call_id: str) -> Connection:
    """Two who make the same call's draft at once take turns (SQLite has one writer anyway)."""
    connection = connection_of(session)
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK, {"of_call": call_id})
    return connection


def _is_disposed_of(connection: Connection, call_id: str) -> bool:
    """By a person. Asked anew: the call is held since a moment ago, and he may have spoken while it was waited for."""
    disposed_by = connection.execute(_DISPOSED_BY, {"of_call": call_id}).scalar_one_or_none()
    return disposed_by not in (None, BY_RULES)


def _make(
    connection: Connection,
    call_id: str,
    values: Mapping[str, Any],
    by: str,
    now: datetime,
    remark: str | None,
) -> int:
    """Stored, with the first line of its history, and tied to the call that made it."""
    made = {"call_id": call_id, "typed_fields": [], "created_at": now, "updated_at": now}
    ticket_id: int = connection.execute(_ADD, {**_BLANK, **made, **values}).scalar_one()
    first = {"field": "state", "to_value": TicketState.DRAFT.value, "remark": remark}
    connection.execute(_NOTE, {"ticket_id": ticket_id, "at": now, "by": by, **first})
    _tie(connection, call_id, ticket_id, Relation.MADE)
    return ticket_id


def _complete_first(
    session: Session, call_id: str, wanted: Mapping[str, str | None], rule_id: str, now: datetime
) -> None:
    found, relation = of_call(session, call_id)[0]
    if relation is not Relation.MADE or found.id is None:
        return
    if all(getattr(found, name) == value for name, value in wanted.items()):
        return
    ticket = locked(session, found.id)  # nobody types between the look and the writing
    if ticket.rule is None or ticket.state != TicketState.DRAFT.value:
        return  # a person's own ticket is left to him
    changed = False
    for name, value in wanted.items():
        if name not in ticket.typed_fields:
            changed |= record_change(session, ticket, name, value, by=BY_RULES, now=now, remark=rule_id)
    if changed:
        _keep(session, ticket, now)


def close_draft(session: Session, ticket: Ticket, disposition: str | None, now: datetime, why: str) -> None:
    """Nobody was reached, and nobody typed: it ends without a number. Hold the ticket's row."""
    record_change(session, ticket, "state", TicketState.CLOSED.value, by=BY_RULES, now=now, remark=why)
    if disposition is not None:
        record_change(session, ticket, "disposition", disposition, by=BY_RULES, now=now, remark=why)
    _keep(session, ticket, now)


def give_draft(session: Session, ticket: Ticket, agent_no: str | None, now: datetime, why: str) -> None:
    """It is this agent's from now on. Hold the ticket's row."""
    if record_change(session, ticket, "agent_no", agent_no, by=BY_RULES, now=now, remark=why):
        _keep(session, ticket, now)


def link(session: Session, call_id: str, ticket_id: int) -> None:
    """The call is about this ticket too; it may have been linked before."""
    if session.get(CallTicket, {"call_id": call_id, "ticket_id": ticket_id}) is None:
        _tie(connection_of(session), call_id, ticket_id, Relation.LINKED)


def _reopen(session: Session, call_id: str, ticket_id: int, now: datetime) -> None:
    """A draft that was closed because nobody was reached: now an agent has the citizen after all. What a person closed
    stays closed, and what he said of the call holds."""
    ticket = locked(session, ticket_id)
    if ticket.state != TicketState.CLOSED.value or ticket.typed_fields:
        return
    if _is_disposed_of(connection_of(session), call_id):
        return
    steps = [line for line in history(session, ticket_id) if line.field == "state"]
    if steps and steps[-1].by == BY_RULES:
        record_change(session, ticket, "state", TicketState.DRAFT.value, by=BY_RULES, now=now)
        _keep(session, ticket, now)


def _keep(session: Session, ticket: Ticket, now: datetime) -> None:
    ticket.version += 1
    ticket.updated_at = now
    session.add(ticket)
    session.flush()


def _wanted(record: KnownCall, decision: Decision, ringer: str | None) -> dict[str, str | None]:
    """What the rules say of the ticket's fields; silence leaves a field as it is, but for the disposition of a call that
    was lost and is now rung back."""
    values = {
        "title": decision.title,
        "text": decision.text,
        "category_code": decision.category,
        "area_code": decision.area,
        "unit_code": decision.unit,
        "urgency": decision.urgency.value if decision.urgency is not None else None,
        "disposition": decision.disposition,
        "rule": decision.rule_id,
        "why": decision.why,
        "agent_no": ringer or record.agent_no,
    }
    is_rung_back = ringer is not None
    return {
        name: value
        for name, value in values.items()
        if value is not None or (is_rung_back and name == "disposition")
    }


def _citizen_id(session: Session, record: KnownCall, now: datetime) -> int | None:
    if (
        record.number_digest is None
        or record.number_sealed is None
        or record.number_kind not in _CITIZENS_OWN
    ):
        return None
    return find_or_add(
        session,
        number_digest=record.number_digest,
        number_sealed=record.number_sealed,
        number_masked=record.number_masked,
        now=now,
    )


def _tie(connection: Connection, call_id: str, ticket_id: int, relation: Relation) -> None:
    connection.execute(_TIE, {"call_id": call_id, "ticket_id": ticket_id, "relation": relation.value})
