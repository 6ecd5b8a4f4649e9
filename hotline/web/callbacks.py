"""/api/callbacks: what is owed to whom (masked), since when, and what was tried."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from hotline.web.access import AllowedCaller, GuardedRoute, HotlineHere
from hotline.web.number_search import searched_digest
from hotline.web.paging import fetch_page, read_cursor
from hotline.web.problems import answers
from hotline.web.shapes import AgentNo, Id, Page, Period, Shown, Word, WrittenNumber
from missed_call_redial.callbacks import (
    AttemptState,
    Callback,
    CallbackCall,
    CallbackState,
    ClosingCode,
    NoSuchCallback,
    attempts_of,
)
from missed_call_redial.dial_results import AttemptOutcome

router = APIRouter(tags=["callbacks"], route_class=GuardedRoute)


class CallbackFilters(Period):
    """`since` and `until` are about the first missed call."""

    state: list[CallbackState] = Field([], max_length=len(CallbackState))
    closing_code: list[ClosingCode] = Field([], max_length=len(ClosingCode))
    queue: Word | None = None
    agent_no: AgentNo | None = None
    number: WrittenNumber | None = Field(
        None, description="A whole number; found by its keyed hash, and each search is audited."
    )


class CallbackShown(Shown):
    id: int
    state: CallbackState
    number_masked: str
    is_switchboard: bool
    is_critical: bool
    queue: str
    queues_wanted: list[str]
    first_call_id: str
    first_missed_at: datetime
    last_missed_at: datetime
    missed_count: int
    due_at: datetime
    deadline_at: datetime
    attempt_count: int = Field(validation_alias="attempts", description="Those that the policy counts.")
    closing_code: ClosingCode | None
    closed_at: datetime | None
    closing_call_id: str | None
    agent_no: str | None
    remark: str | None
    created_at: datetime


class AttemptShown(Shown):
    id: str
    state: AttemptState
    outcome: AttemptOutcome | None
    counts: bool
    queue: str | None = Field(description="Where its placeholder was put.")
    trunk: str | None = Field(description="Over which the citizen was to be dialled.")
    agent_no: str | None
    claimed_at: datetime
    placed_at: datetime | None
    accepted_at: datetime | None
    dialling_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    cause: int | None = Field(description="Q.850")
    remark: str | None


class MissedCallShown(Shown):
    call_id: str
    missed_at: datetime
    queue: str


class CallbackHistory(Shown):
    callback: CallbackShown
    missed_calls: list[MissedCallShown]
    attempts: list[AttemptShown]


class CallbackPage(Page):
    items: list[CallbackShown]


@router.get("/api/callbacks", responses=answers(429), summary="Callbacks, the latest made first")
def list_callbacks(
    hotline: HotlineHere, caller: AllowedCaller, filters: Annotated[CallbackFilters, Query()]
) -> CallbackPage:
    digest = searched_digest(hotline, caller, filters.number, "callbacks")
    statement = _filtered(select(Callback), filters, digest)
    if filters.cursor is not None:
        statement = statement.where(col(Callback.id) < read_cursor(filters.cursor, int)[0])
    with hotline.database.reading() as session:
        latest_first = statement.order_by(col(Callback.id).desc())
        found, cursor = fetch_page(session, latest_first, filters.limit, lambda one: (one.id or 0,))
    return CallbackPage(items=[CallbackShown.model_validate(one) for one in found], next_cursor=cursor)


def _filtered(
    statement: SelectOfScalar[Callback], filters: CallbackFilters, digest: str | None
) -> SelectOfScalar[Callback]:
    if filters.state:
        statement = statement.where(col(Callback.state).in_(filters.state))
    if filters.closing_code:
        statement = statement.where(col(Callback.closing_code).in_(filters.closing_code))
    if filters.since is not None:
        statement = statement.where(col(Callback.first_missed_at) >= filters.since)
    if filters.until is not None:
        statement = statement.where(col(Callback.first_missed_at) < filters.until)
    if digest is not None:
        statement = statement.where(col(Callback.number_digest) == digest)
    return statement.filter_by(**filters.model_dump(include={"queue", "agent_no"}, exclude_none=True))


@router.get("/api/callbacks/{callback_id}", responses=answers(404), summary="One callback with its history")
def show_callback(hotline: HotlineHere, callback_id: Annotated[Id, Path()]) -> CallbackHistory:
    with hotline.database.reading() as session:
        callback = session.get(Callback, callback_id)
        if callback is None:
            raise NoSuchCallback(callback_id)
        return CallbackHistory(
            callback=CallbackShown.model_validate(callback),
            missed_calls=_missed_calls(session, callback_id),
            attempts=[AttemptShown.model_validate(one) for one in attempts_of(session, callback_id)],
        )


def _missed_calls(session: Session, callback_id: int) -> list[MissedCallShown]:
    statement = select(CallbackCall).where(col(CallbackCall.callback_id) == callback_id)
    rows = session.exec(statement.order_by(col(CallbackCall.missed_at), col(CallbackCall.call_id)))
    return [MissedCallShown.model_validate(row) for row in rows]
