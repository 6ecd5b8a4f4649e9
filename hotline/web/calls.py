"""/api/calls: what happened on each call, from arrival to end, with the caller's number masked.

Behind the mask only by POST …/reveal, which needs a reason and leaves a row in the audit. A person may say
how a call ended that needs no ticket; nothing else of a call is changed here.
"""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from fastapi.responses import FileResponse
from pydantic import Field
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from hotline.bootstrap import Hotline, voicemails
from hotline.web.access import AllowedCaller, GuardedRoute, HotlineHere
from hotline.web.audit import AuditedAction, note
from hotline.web.number_search import searched_digest
from hotline.web.numbers import NumberIsWithheld, mask_text
from hotline.web.ownership import require_call, require_citizen, require_message
from hotline.web.paging import fetch_page, older_than, read_cursor
from hotline.web.problems import BODY, answers
from hotline.web.room_errors import NoSuchCall
from hotline.web.shapes import AgentNo, Asked, CallId, Page, Period, Reason, Shown, Word, WrittenNumber
from missed_call_redial.callbacks import CallbackCall, CallbackRefusal
from tickets import tickets
from tickets.call_events import CallEvent, EventKind, EventSource
from tickets.call_records import CallRecord
from tickets.edits import dispose
from tickets.outcome import LOST, Outcome
from vocabulary.phone_numbers import NumberKind, PhoneNumber, national

router = APIRouter(tags=["calls"], route_class=GuardedRoute)

# Of an event's data only these are shown; `caller` and what a call was transferred to are masked.
_PLAIN_DATA = frozenset(
    {"number_called", "trunk", "prio", "path", "version", "queue", "position", "agent", "ring_ms"}
    | {"hold", "talk", "by", "wait", "kind", "status", "abandoned", "cause", "seconds"}
)


class CallFilters(Period):
    """`since` and `until` are about the arrival."""

    outcome: list[Outcome] = Field([], max_length=len(Outcome))
    is_lost: bool | None = Field(None, description="呼损: asked for a person and did not reach one.")
    is_open: bool | None = None
    queue: Word | None = None
    agent_no: AgentNo | None = None
    number_called: Word | None = None
    broadcast: Word | None = Field(
        None, description="The emergency message that was on when the citizen called; `spoken`: one by --say."
    )
    number: WrittenNumber | None = Field(
        None,
        description="A whole number as it is dialled; found by its keyed hash, and each search is audited.",
    )


class CallShown(Shown):
    call_id: str
    number_called: str
    trunk: str | None
    number_kind: NumberKind
    number_masked: str
    arrived_at: datetime
    greeted_at: datetime | None
    queued_at: datetime | None
    first_ring_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    menu_path: str | None
    menu_version: str | None
    broadcast: str | None = Field(description="The emergency message that was on when the citizen called.")
    queue: str | None
    agent_no: str | None
    outcome: Outcome
    is_open: bool
    hangup_cause: int | None = Field(description="Q.850")
    hung_up_by: str | None
    wait_seconds: float | None = Field(description="From queue entry, not from arrival.")
    talk_seconds: float | None
    disposition: str | None
    has_voicemail: bool = Field(description="He left a message: GET …/voicemail.")
    voicemail_seconds: float | None


class TimelineEntry(Shown):
    id: int = Field(description="Rises in the order in which the hotline learnt of it.")
    at: datetime
    kind: EventKind
    source: EventSource
    data: dict[str, str]


class LinkedTicket(Shown):
    ticket_id: int
    ticket_no: str | None
    relation: tickets.Relation


class CallWithTimeline(CallShown):
    timeline: list[TimelineEntry] = Field(description="In order of time.")
    tickets: list[LinkedTicket]
    callback_id: int | None = Field(description="The callback that this missed call belongs to.")
    not_rung_back_because: str | None = Field(
        description="The stated reason, when a lost call is not rung back."
    )


class CallPage(Page):
    items: list[CallShown]


class CallPatch(Asked):
    disposition: Word = Field(description="A code of dispositions in codes.yaml.")


class RevealAsked(Asked):
    reason: Reason


class RevealedNumber(Shown):
    call_id: str
    number: str = Field(description="As it is dialled inside the country.")


@router.get("/api/calls", responses=answers(429), summary="Calls, the latest first")
def list_calls(
    hotline: HotlineHere, caller: AllowedCaller, filters: Annotated[CallFilters, Query()]
) -> CallPage:
    digest = searched_digest(hotline, caller, filters.number, "calls")
    statement = _filtered(select(CallRecord), filters, digest)
    if filters.cursor is not None:
        arrived_at, call_id = read_cursor(filters.cursor, datetime, str)
        statement = statement.where(
            older_than(col(CallRecord.arrived_at), arrived_at, col(CallRecord.call_id), call_id)
        )
    statement = statement.order_by(col(CallRecord.arrived_at).desc(), col(CallRecord.call_id).desc())
    with hotline.database.reading() as session:
        found, cursor = fetch_page(session, statement, filters.limit, lambda r: (r.arrived_at, r.call_id))
    return CallPage(items=[CallShown.model_validate(record) for record in found], next_cursor=cursor)


def _filtered(
    statement: SelectOfScalar[CallRecord], filters: CallFilters, digest: str | None
) -> SelectOfScalar[CallRecord]:
    if filters.outcome:
        statement = statement.where(col(CallRecord.outcome).in_(filters.outcome))
    if filters.is_lost is not None:
        is_lost = col(CallRecord.outcome).in_(sorted(LOST))
        statement = statement.where(is_lost if filters.is_lost else ~is_lost)
    if filters.is_open is not None:
        statement = statement.where(col(CallRecord.is_open).is_(filters.is_open))
    if digest is not None:
        statement = statement.where(col(CallRecord.number_digest) == digest)
    if filters.since is not None:
        statement = statement.where(col(CallRecord.arrived_at) >= filters.since)
    if filters.until is not None:
        statement = statement.where(col(CallRecord.arrived_at) < filters.until)
    given = filters.model_dump(include={"queue", "agent_no", "number_called", "broadcast"}, exclude_none=True)
    return statement.filter_by(**given)


@router.get("/api/calls/{call_id}", responses=answers(404), summary="One call with its timeline")
def show_call(hotline: HotlineHere, call_id: Annotated[CallId, Path()]) -> CallWithTimeline:
    with hotline.database.reading() as session:
        return _with_timeline(session, record_of(session, call_id), hotline)


def _with_timeline(session: Session, record: CallRecord, hotline: Hotline) -> CallWithTimeline:
    link = session.get(CallbackCall, record.call_id)
    refusal = session.get(CallbackRefusal, record.call_id)
    return CallWithTimeline(
        **_fields(record),
        timeline=_timeline(session, record, hotline),
        tickets=[
            LinkedTicket(ticket_id=ticket.id or 0, ticket_no=ticket.ticket_no, relation=relation)
            for ticket, relation in tickets.of_call(session, record.call_id)
        ],
        callback_id=None if link is None else link.callback_id,
        not_rung_back_because=None if refusal is None else refusal.reason,
    )


def record_of(session: Session, call_id: str, *, is_held: bool = False) -> CallRecord:
    """Held: nobody else writes it until the transaction ends. Raises NoSuchCall."""
    record = session.get(CallRecord, call_id, with_for_update=is_held or None)
    if record is None:
        raise NoSuchCall(call_id)
    return record


def _fields(record: CallRecord) -> dict[str, Any]:
    return CallShown.model_validate(record).model_dump()


def _timeline(session: Session, record: CallRecord, hotline: Hotline) -> list[TimelineEntry]:
    statement = (
        select(CallEvent)
        .where(col(CallEvent.call_id) == record.call_id)
        .order_by(col(CallEvent.at), col(CallEvent.seq), col(CallEvent.id))
    )
    return [
        TimelineEntry(
            id=event.id or 0,
            at=event.at,
            kind=EventKind(event.kind),
            source=EventSource(event.source),
            data=_shown_data(event, record, hotline),
        )
        for event in session.exec(statement)
    ]


def _shown_data(event: CallEvent, record: CallRecord, hotline: Hotline) -> dict[str, str]:
    shown = {name: value for name, value in event.data.items() if name in _PLAIN_DATA}
    if "caller" in event.data:
        shown["caller"] = record.number_masked
    if "to" in event.data:
        shown["to"] = mask_text(hotline, event.data["to"])
    return shown


@router.patch(
    "/api/calls/{call_id}",
    responses=answers(404, *BODY),
    summary="How a call ended that needs no ticket",
)
def change_call(
    hotline: HotlineHere, caller: AllowedCaller, call_id: Annotated[CallId, Path()], patch: CallPatch
) -> CallWithTimeline:
    """An agent: only for a call that he answered, or that was lost and for which no other agent rings back or has rung back.
    No rule changes the disposition afterwards. A draft of this call into which nobody typed is closed with it; a ticket that
    somebody worked on stays as it is."""
    codes = hotline.running.configuration.codes
    now = hotline.now()
    with hotline.database.writing() as session:
        record = record_of(session, call_id, is_held=True)
        require_call(session, caller, record)
        what = f"{record.disposition or 'none'} → {patch.disposition}"
        dispose(
            session,
            record,
            patch.disposition,
            caller.written,
            now,
            codes=codes,
            numbering=codes.numbering(hotline.running.configuration.lines.site.area6),
            local_date=now.astimezone(hotline.settings.zone).date(),
        )
        note(session, caller, AuditedAction.CALL_DISPOSED, f"call {call_id}", what, now)
        return _with_timeline(session, record, hotline)


@router.post(
    "/api/calls/{call_id}/reveal",
    responses=answers(404, 409, *BODY),
    summary="The whole number, with an audited reason",
)
def reveal_number(
    hotline: HotlineHere, caller: AllowedCaller, call_id: Annotated[CallId, Path()], asked: RevealAsked
) -> RevealedNumber:
    """An agent: only for a call that he answered, or whose citizen he rings back or rang back. The audit has it before the
    number is told."""
    with hotline.database.writing() as session:
        record = record_of(session, call_id)
        require_citizen(session, caller, record)
        if record.number_sealed is None:
            raise NumberIsWithheld(call_id)
        note(session, caller, AuditedAction.NUMBER_REVEALED, f"call {call_id}", asked.reason, hotline.now())
        number = PhoneNumber(hotline.sealer.open(record.number_sealed), NumberKind(record.number_kind))
    return RevealedNumber(call_id=call_id, number=national(number))


@router.get(
    "/api/calls/{call_id}/voicemail",
    responses={
        **answers(404),
        200: {"content": {"audio/wav": {}}, "description": "WAV, 8 kHz, mono, 16 bit"},
    },
    response_class=FileResponse,
    summary="The message that the caller left, as sound",
)
def play_voicemail(
    hotline: HotlineHere, caller: AllowedCaller, call_id: Annotated[CallId, Path()]
) -> FileResponse:
    """An agent: of a call that he answered or rings back for, of a ticket that he works on, or where nobody answered the caller,
    as most who leave a message. Not where the call's ticket is confidential and another's. The audit has it before the
    first byte is sent."""
    with hotline.database.writing() as session:
        record = record_of(session, call_id)
        require_message(session, caller, record, [ticket for ticket, _ in tickets.of_call(session, call_id)])
        path = voicemails(hotline).path_of(record.voicemail_name or "", call_id)
        heard = f"{record.voicemail_seconds or 0:g} s"
        note(session, caller, AuditedAction.VOICEMAIL_HEARD, f"call {call_id}", heard, hotline.now())
    return FileResponse(path, media_type="audio/wav", headers={"Cache-Control": "no-store"})
