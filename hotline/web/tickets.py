"""/api/tickets: what calls left behind, and the agent's own words on them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from hotline.accounts import Caller
from hotline.bootstrap import Hotline
from hotline.web.access import AllowedCaller, GuardedRoute, HotlineHere
from hotline.web.calls import record_of
from hotline.web.number_search import searched_digest
from hotline.web.numbers import mask_prose
from hotline.web.ownership import hidden_from, in_sight_of, require_call, require_change, require_sight
from hotline.web.paging import fetch_page, older_than, read_cursor
from hotline.web.problems import BODY, answers
from hotline.web.shapes import (
    LARGEST_ID,
    AgentNo,
    Asked,
    CallId,
    Id,
    Page,
    Period,
    Prose,
    Shown,
    Word,
    WrittenNumber,
)
from missed_call_redial.ringers import ringer_of
from tickets import tickets
from tickets.call_records import CallRecord
from tickets.citizens import Citizen
from tickets.decision import Urgency
from tickets.drafts import further_draft
from tickets.edits import TicketChanges, edit
from tickets.tickets import CallTicket, Relation, Ticket, TicketState

router = APIRouter(tags=["tickets"], route_class=GuardedRoute)


class TicketFilters(Period):
    """`since` and `until` are about the making; `queue` is that of the call which made the ticket."""

    state: list[TicketState] = Field([], max_length=len(TicketState))
    urgency: list[Urgency] = Field([], max_length=len(Urgency))
    category_code: Word | None = None
    area_code: Word | None = None
    unit_code: Word | None = None
    agent_no: AgentNo | None = None
    ticket_no: Word | None = None
    call_id: CallId | None = Field(None, description="Also tickets that this call was only linked to.")
    queue: Word | None = None
    number: WrittenNumber | None = Field(
        None, description="A citizen's whole number; found by its keyed hash, and each search is audited."
    )


class TicketShown(Shown):
    id: int
    ticket_no: str | None = Field(description="Drawn when the ticket leaves draft to be handled.")
    state: TicketState
    title: str = Field(description="In lists typed phone numbers are masked, and see is_confidential.")
    text: str = Field(description="As the title.")
    category_code: str | None
    area_code: str | None
    unit_code: str | None
    urgency: Urgency
    disposition: str | None
    is_confidential: bool = Field(
        description="Title and text are empty in an agent's lists and the ticket is not shown, unless it is his own."
    )
    call_id: str | None = Field(description="The call that made it.")
    agent_no: str | None
    rule: str | None = Field(description="The rule that made it; null: a person did.")
    why: str | None
    typed_fields: list[str] = Field(description="What a person typed; no rule overwrites it.")
    number_masked: str | None
    created_at: datetime
    updated_at: datetime
    version: int = Field(description="Send it with a change.")


class HistoryEntry(Shown):
    at: datetime
    by: str
    field: str
    from_value: str | None
    to_value: str | None
    remark: str | None


class LinkedCall(Shown):
    call_id: str
    relation: Relation


class TicketWithHistory(TicketShown):
    history: list[HistoryEntry]
    calls: list[LinkedCall]


class TicketPage(Page):
    items: list[TicketShown]


class TicketFields(Asked):
    """What a person may type. Only what is given counts; a given null empties a code."""

    title: Annotated[Prose, Field(max_length=200)] = ""
    text: Prose = ""
    category_code: Word | None = None
    area_code: Word | None = None
    unit_code: Word | None = None
    urgency: Urgency = Urgency.NORMAL
    disposition: Word | None = None
    is_confidential: bool = False
    remark: Annotated[Prose, Field(max_length=500)] | None = Field(None, description="Goes into the history.")


class TicketAsked(TicketFields):
    """A further ticket of a call; what is not given stays empty, and no rule fills it."""

    call_id: CallId = Field(description="The call that makes it; the citizen is that call's.")


class TicketPatch(TicketFields):
    """Only what is given changes; a given null empties a code. The number is drawn on leaving draft."""

    version: int = Field(
        ge=1, le=LARGEST_ID, description="The version that you read; 409 if it is not the last."
    )
    state: TicketState = TicketState.DRAFT


@router.get("/api/tickets", responses=answers(429), summary="Tickets, the latest first")
def list_tickets(
    hotline: HotlineHere, caller: AllowedCaller, filters: Annotated[TicketFilters, Query()]
) -> TicketPage:
    """Filtered by number: without the confidential ones that this caller may not read."""
    digest = searched_digest(hotline, caller, filters.number, "tickets")
    statement = _filtered(select(Ticket), filters)
    if digest is not None:
        citizen = select(Citizen.id).where(col(Citizen.number_digest) == digest)
        statement = statement.where(col(Ticket.citizen_id).in_(citizen), in_sight_of(caller))
    if filters.cursor is not None:
        created_at, ticket_id = read_cursor(filters.cursor, datetime, int)
        statement = statement.where(older_than(col(Ticket.created_at), created_at, col(Ticket.id), ticket_id))
    statement = statement.order_by(col(Ticket.created_at).desc(), col(Ticket.id).desc())
    with hotline.database.reading() as session:
        found, cursor = fetch_page(session, statement, filters.limit, lambda t: (t.created_at, t.id or 0))
        items, hidden = _shown(session, found), hidden_from(session, caller, found)
    listed = [_listed(hotline, ticket, is_hidden=ticket.id in hidden) for ticket in items]
    return TicketPage(items=listed, next_cursor=cursor)


def _listed(hotline: Hotline, ticket: TicketShown, *, is_hidden: bool) -> TicketShown:
    """Somebody may look over a shoulder at a list: it shows no number that was typed into the words."""
    words = {"title": ticket.title, "text": ticket.text}
    return ticket.model_copy(
        update={name: "" if is_hidden else mask_prose(hotline, word) for name, word in words.items()}
    )


def _filtered(statement: SelectOfScalar[Ticket], filters: TicketFilters) -> SelectOfScalar[Ticket]:
    if filters.state:
        statement = statement.where(col(Ticket.state).in_(filters.state))
    if filters.urgency:
        statement = statement.where(col(Ticket.urgency).in_(filters.urgency))
    if filters.since is not None:
        statement = statement.where(col(Ticket.created_at) >= filters.since)
    if filters.until is not None:
        statement = statement.where(col(Ticket.created_at) < filters.until)
    if filters.call_id is not None:
        linked = select(CallTicket.ticket_id).where(col(CallTicket.call_id) == filters.call_id)
        statement = statement.where(col(Ticket.id).in_(linked))
    if filters.queue is not None:
        calls = select(CallRecord.call_id).where(col(CallRecord.queue) == filters.queue)
        statement = statement.where(col(Ticket.call_id).in_(calls))
    equal = {"category_code", "area_code", "unit_code", "agent_no", "ticket_no"}
    return statement.filter_by(**filters.model_dump(include=equal, exclude_none=True))


def _shown(session: Session, found: Sequence[Ticket]) -> list[TicketShown]:
    """With the citizens' masked numbers, read in one go."""
    wanted = {ticket.citizen_id for ticket in found if ticket.citizen_id is not None}
    rows = session.exec(select(Citizen.id, Citizen.number_masked).where(col(Citizen.id).in_(wanted))).all()
    masked = dict(rows)
    return [
        TicketShown.model_validate({**ticket.model_dump(), "number_masked": masked.get(ticket.citizen_id)})
        for ticket in found
    ]


@router.get("/api/tickets/{ticket_id}", responses=answers(404), summary="One ticket with its history")
def show_ticket(
    hotline: HotlineHere, caller: AllowedCaller, ticket_id: Annotated[Id, Path()]
) -> TicketWithHistory:
    """An agent: a confidential one only if it is his own."""
    with hotline.database.reading() as session:
        ticket = tickets.get(session, ticket_id)
        require_sight(session, caller, ticket)
        return _with_history(session, ticket)


def _with_history(session: Session, ticket: Ticket) -> TicketWithHistory:
    assert ticket.id is not None
    calls = session.exec(
        select(CallTicket).where(col(CallTicket.ticket_id) == ticket.id).order_by(col(CallTicket.call_id))
    )
    return TicketWithHistory(
        **_shown(session, [ticket])[0].model_dump(),
        history=[HistoryEntry.model_validate(entry) for entry in tickets.history(session, ticket.id)],
        calls=[LinkedCall.model_validate(link) for link in calls],
    )


@router.post(
    "/api/tickets", status_code=201, responses=answers(404, *BODY), summary="A further draft of a call"
)
def add_ticket(hotline: HotlineHere, caller: AllowedCaller, asked: TicketAsked) -> TicketWithHistory:
    """For a citizen with more than one matter. An agent: only for a call that he answered, or that was lost and for which no
    other agent rings back."""
    changes = _changes(asked)
    with hotline.database.writing() as session:
        record = record_of(session, asked.call_id)
        require_call(session, caller, record)
        ringer = ringer_of(session, record.call_id)
        agent_no = ringer.agent_no if ringer is not None and ringer.has_citizen else None
        ticket = further_draft(
            session, record, caller.written, hotline.now(), changes.remark, agent_no=agent_no
        )
        assert ticket.id is not None
        return _with_history(session, _edit(session, hotline, caller, ticket.id, changes))


@router.patch("/api/tickets/{ticket_id}", responses=answers(404, 409, *BODY), summary="Change a ticket")
def change_ticket(
    hotline: HotlineHere, caller: AllowedCaller, ticket_id: Annotated[Id, Path()], patch: TicketPatch
) -> TicketWithHistory:
    """An agent: only what is his own (of a call that he answered or rings back for, or that he wrote in) or nobody's (of a
    lost call)."""
    with hotline.database.writing() as session:
        require_change(session, caller, tickets.get(session, ticket_id))
        ticket = _edit(session, hotline, caller, ticket_id, _changes(patch), patch.version)
        return _with_history(session, ticket)


def _changes(asked: TicketFields) -> TicketChanges:
    return TicketChanges(**asked.model_dump(exclude={"version", "call_id"}, exclude_unset=True))


def _edit(
    session: Session,
    hotline: Hotline,
    caller: Caller,
    ticket_id: int,
    changes: TicketChanges,
    expected_version: int | None = None,
) -> Ticket:
    configuration = hotline.running.configuration
    now = hotline.now()
    return edit(
        session,
        ticket_id,
        changes,
        caller.written,
        now,
        codes=configuration.codes,
        numbering=configuration.codes.numbering(configuration.lines.site.area6),
        local_date=now.astimezone(hotline.settings.zone).date(),
        expected_version=expected_version,
    )
