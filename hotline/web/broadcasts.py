"""/api/broadcasts: emergency messages, switched on and off by shift leaders; what callers hear now, for everybody to see."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field
from sqlmodel import col

from hotline import broadcast_door
from hotline.bootstrap import Hotline
from hotline.web.access import AllowedCaller, GuardedRoute, HotlineHere
from hotline.web.audit import AuditedAction, note
from hotline.web.paging import fetch_page, read_cursor
from hotline.web.problems import BODY, answers
from hotline.web.shapes import Asked, Id, Moment, Page, Paging, Prose, Shown, Word
from ivr.calls import broadcasts
from ivr.calls.broadcasts import Broadcast, Wanted

router = APIRouter(tags=["broadcasts"], route_class=GuardedRoute)


class BroadcastAsked(Asked):
    name: Word | None = Field(None, description="A message of broadcasts.yaml. Without it, `say` is needed.")
    say: Prose | None = Field(
        None, description="What is said, in the site's language, in place of a prepared message."
    )
    numbers: list[Word] | None = Field(
        None, min_length=1, max_length=500, description="Only callers of these; left out: all."
    )
    until: Moment | None = Field(
        None, description="When it ends; left out: as broadcasts.yaml says. It always ends."
    )


class BroadcastShown(Shown):
    id: int
    name: str = Field(description="Calls that come in while it is on carry it. `spoken`: nobody prepared it.")
    say: str | None = Field(validation_alias="text")
    numbers: list[str] | None = Field(description="null: every number of the hotline.")
    started_at: datetime
    started_by: str
    until: datetime
    ended_at: datetime | None = Field(description="When somebody switched it off, before its time.")
    ended_by: str | None


class BroadcastNow(BroadcastShown):
    is_on: bool
    is_played: bool = Field(
        description="false: its message is in broadcasts.yaml no more; callers go on at once."
    )


class BroadcastOn(BroadcastNow):
    seconds: float = Field(description="How long every caller hears it; estimated where it is prepared.")
    is_long: bool = Field(description="Longer than is good: people are waiting behind it.")


class Prepared(Shown):
    name: str
    label: str
    minutes: int


class BroadcastPage(Page):
    """Of those that are on for a number, callers hear the one that stands first."""

    items: list[BroadcastNow]
    ready: list[Prepared]


class BroadcastFilters(Paging):
    which: Literal["on", "all"] = Field("on", description="`all`: those that are over too.")


@router.get("/api/broadcasts", responses=answers(), summary="What is on now, the latest first; what is ready")
def list_broadcasts(hotline: HotlineHere, filters: Annotated[BroadcastFilters, Query()]) -> BroadcastPage:
    known = hotline.running.configuration.broadcasts
    statement = broadcasts.latest_first(hotline.now() if filters.which == "on" else None)
    if filters.cursor is not None:
        statement = statement.where(col(Broadcast.id) < read_cursor(filters.cursor, int)[0])
    with hotline.database.reading() as session:
        found, cursor = fetch_page(session, statement, filters.limit, lambda one: (one.id or 0,))
    ready = [
        Prepared(name=one.name, label=one.label, minutes=known.minutes_of(one.name))
        for one in known.broadcasts
    ]
    return BroadcastPage(items=[_now(hotline, one) for one in found], ready=ready, next_cursor=cursor)


@router.post("/api/broadcasts", status_code=201, responses=answers(*BODY), summary="Switch a message on")
def switch_on(hotline: HotlineHere, caller: AllowedCaller, asked: BroadcastAsked) -> BroadcastOn:
    """For calls that come in from about a second later. Whoever is in a menu already is not disturbed."""
    numbers = None if asked.numbers is None else tuple(asked.numbers)
    wanted = Wanted(asked.name, asked.say, numbers, asked.until)
    broadcast = broadcast_door.prepare(hotline, wanted, caller.written)
    with hotline.database.writing() as session:
        broadcasts.switch_on(session, broadcast)
        subject = f"broadcast {broadcast.id}"
        note(session, caller, AuditedAction.BROADCAST_ON, subject, broadcast.name, hotline.now())
    seconds = broadcast_door.seconds_of(hotline, broadcast)
    shown = _now(hotline, broadcast).model_dump() | {"text": broadcast.text}
    return BroadcastOn.model_validate(
        {**shown, "seconds": round(seconds, 1), "is_long": broadcast_door.is_long(seconds)}
    )


@router.delete("/api/broadcasts/{broadcast_id}", responses=answers(404), summary="Switch a message off")
def switch_off(
    hotline: HotlineHere, caller: AllowedCaller, broadcast_id: Annotated[Id, Path()]
) -> BroadcastNow:
    """One that is over already stays as it is, and is answered so."""
    now = hotline.now()
    with hotline.database.writing() as session:
        broadcast = broadcasts.switch_off(session, broadcast_id, caller.written, now)
        if broadcast.ended_at == now:
            subject = f"broadcast {broadcast_id}"
            note(session, caller, AuditedAction.BROADCAST_OFF, subject, broadcast.name, now)
    return _now(hotline, broadcast)


def _now(hotline: Hotline, one: Broadcast) -> BroadcastNow:
    is_played = broadcast_door.is_played(hotline.running, one)
    told = {"is_on": one.is_on(hotline.now()), "is_played": is_played}
    return BroadcastNow.model_validate(one.model_dump() | told)
