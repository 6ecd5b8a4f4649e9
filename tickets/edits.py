"""A person changes a ticket, or says that a call needs none: what was typed stays typed, and the history
says who did it.

A ticket that leaves draft to be handled gets its number here.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final

from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import Session

from tickets.call_records import CallRecord
from tickets.codes import Codes, TicketNumbering
from tickets.decision import Urgency
from tickets.numbering import draw
from tickets.ticket_errors import TicketChanged, UnknownCode, WrongState
from tickets.tickets import ALLOWED_NEXT, Relation, Ticket, TicketState, locked, of_call, record_change

_LISTS: Final = {
    "category_code": "categories",
    "area_code": "areas",
    "unit_code": "units",
    "disposition": "dispositions",
}


class TicketChanges(BaseModel):
    """What a person wants changed; only what is given counts, and a given null empties the field."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = Field(default="", max_length=200)
    text: str = Field(default="", max_length=20_000)
    category_code: str | None = None
    area_code: str | None = None
    unit_code: str | None = None
    urgency: Urgency = Urgency.NORMAL
    disposition: str | None = None
    is_confidential: bool = False
    state: TicketState = TicketState.DRAFT
    remark: str | None = Field(default=None, max_length=500)


def edit(
    session: Session,
    ticket_id: int,
    changes: TicketChanges,
    by: str,
    now: datetime,
    *,
    codes: Codes,
    numbering: TicketNumbering,
    local_date: date,
    expected_version: int | None = None,
) -> Ticket:
    """The ticket afterwards, one version on if anything changed.

    Raises NoSuchTicket, TicketChanged (it is not at `expected_version`), WrongState (closed, or no such
    step) and UnknownCode. `local_date` is the day whose sequence numbers a ticket that leaves draft.
    """
    ticket = locked(session, ticket_id)
    if expected_version is not None and ticket.version != expected_version:
        raise TicketChanged(ticket_id, ticket.version)
    given = changes.model_dump(mode="json", include=changes.model_fields_set - {"remark"})
    _check(ticket, given, codes)
    changed = [
        name
        for name, value in given.items()
        if record_change(session, ticket, name, value, by=by, now=now, remark=changes.remark)
    ]
    # What a person confirmed unchanged is typed as well: a rule must not change it behind his back.
    typed = [name for name in given if name != "state" and name not in ticket.typed_fields]
    if not changed and not typed:
        return ticket
    if _is_handled(ticket) and ticket.ticket_no is None:
        number = draw(session, numbering, local_date)
        record_change(session, ticket, "ticket_no", number, by=by, now=now)
    ticket.typed_fields = sorted({*ticket.typed_fields, *typed})
    ticket.version += 1
    ticket.updated_at = now
    session.add(ticket)
    session.flush()
    return ticket


def dispose(
    session: Session,
    record: CallRecord,
    disposition: str,
    by: str,
    now: datetime,
    *,
    codes: Codes,
    numbering: TicketNumbering,
    local_date: date,
) -> None:
    """The call gets this disposition, which the rules then leave alone, and they make no draft any more; its drafts into
    which nobody typed are closed with it. Hold the record's row. Raises UnknownCode.
    """
    _check_codes({"disposition": disposition}, codes)
    record.disposition, record.disposed_by = disposition, by
    session.add(record)
    closing = TicketChanges(state=TicketState.CLOSED, disposition=disposition)
    for made, relation in of_call(session, record.call_id):
        if relation is Relation.MADE and made.id is not None and _is_untouched(locked(session, made.id)):
            edit(
                session,
                made.id,
                closing,
                by,
                now,
                codes=codes,
                numbering=numbering,
                local_date=local_date,
            )


def _is_handled(ticket: Ticket) -> bool:
    """It left draft to be worked on, or worked on it was. A draft closed with a disposition is no matter at all, and
    would leave a gap in the numbers that are seen."""
    if ticket.state == TicketState.CLOSED.value:
        return ticket.disposition is None
    return ticket.state != TicketState.DRAFT.value


def _is_untouched(ticket: Ticket) -> bool:
    return ticket.state == TicketState.DRAFT.value and not ticket.typed_fields


def _check(ticket: Ticket, given: dict[str, object], codes: Codes) -> None:
    assert ticket.id is not None
    state = TicketState(ticket.state)
    wanted = TicketState(str(given.get("state", state.value)))
    if state is TicketState.CLOSED or (wanted is not state and wanted not in ALLOWED_NEXT[state]):
        raise WrongState(ticket.id, state.value, wanted.value)
    _check_codes(given, codes)


def _check_codes(given: Mapping[str, object], codes: Codes) -> None:
    for name, listed in _LISTS.items():
        code = given.get(name)
        if isinstance(code, str) and code not in codes.codes_of(listed):
            raise UnknownCode(listed, code)
