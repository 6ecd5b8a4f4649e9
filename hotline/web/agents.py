"""/api/agents: who answers, in which state, and what an agent does: sign in, sign out, pause, resume.

The database decides and is committed first; then the switch is brought to it.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import Field
from sqlmodel import Session, col, select

from hotline.accounts import Caller
from hotline.bootstrap import Hotline
from hotline.web.access import AllowedCaller, GuardedRoute, HotlineHere, require_own
from hotline.web.paging import cut, read_cursor
from hotline.web.problems import BODY, answers
from hotline.web.shapes import AgentNo, Asked, Page, Paging, Shown, Word
from ivr.agents import states
from ivr.agents.roster import all_agents, get_agent
from ivr.agents.switch import Seat, SwitchNotReached
from ivr.agents.tables import Agent, AgentEvent, AgentState, QueueSeat
from tickets.call_records import CallRecord

log = logging.getLogger(__name__)
router = APIRouter(tags=["agents"], route_class=GuardedRoute)

_EVENTS_SHOWN = 100


class AgentDoes(StrEnum):
    """One word for where an agent stands; `ready` says nothing of whether his phone is in use."""

    SIGNED_OUT = "signed_out"
    READY = "ready"
    PAUSED = "paused"
    WRAP_UP = "wrap_up"


class AgentFilters(Paging):
    state: list[AgentDoes] = Field([], max_length=len(AgentDoes))
    queue: Word | None = Field(None, description="Agents who serve this queue.")


class AgentShown(Shown):
    agent_no: str
    name: str
    queues: list[QueueSeat]
    state: AgentDoes
    signed_in_at: datetime | None
    pause_reason: str | None
    paused_at: datetime | None
    wrap_up_until: datetime | None
    missed_rings: int = Field(description="In a row; at the queue's limit the agent is paused.")
    changed_at: datetime
    call_id: str | None = Field(description="The call that he is talking in.")


class AgentEventShown(Shown):
    at: datetime
    what: str
    reason: str | None
    by: str


class AgentWithEvents(AgentShown):
    events: list[AgentEventShown] = Field(description=f"The last {_EVENTS_SHOWN}, the latest first.")


class AgentPage(Page):
    items: list[AgentShown]


class AgentChanged(AgentShown):
    is_in_effect: bool = Field(
        description="False: stored, but the switch was not reached; it is brought to it when it is back."
    )


class PauseAsked(Asked):
    reason: Word = Field(description="A code of pause_reasons in hotline.yaml.")


def word_of(state: AgentState) -> AgentDoes:
    if not state.is_signed_in:
        return AgentDoes.SIGNED_OUT
    if state.pause_reason is None:
        return AgentDoes.READY
    return AgentDoes.WRAP_UP if state.pause_reason == states.WRAP_UP else AgentDoes.PAUSED


@router.get("/api/agents", responses=answers(), summary="Agents by number")
def list_agents(hotline: HotlineHere, filters: Annotated[AgentFilters, Query()]) -> AgentPage:
    """A centre has some hundred agents: they are filtered here, not by the database."""
    after = "" if filters.cursor is None else read_cursor(filters.cursor, str)[0]
    with hotline.database.reading() as session:
        kept = {state.agent_no: state for state in session.exec(select(AgentState))}
        talking = _talking(session)
        found = [
            _shown(agent, kept[agent.agent_no], talking)
            for agent in all_agents(session)
            if agent.agent_no > after and _fits(agent, kept[agent.agent_no], filters)
        ]
    items, cursor = cut(found, filters.limit, lambda agent: (agent.agent_no,))
    return AgentPage(items=list(items), next_cursor=cursor)


def _fits(agent: Agent, state: AgentState, filters: AgentFilters) -> bool:
    if filters.state and word_of(state) not in filters.state:
        return False
    return filters.queue is None or any(seat["queue"] == filters.queue for seat in agent.queues)


def _talking(session: Session) -> dict[str, str]:
    """Agent → the open call that he answered."""
    statement = select(CallRecord.agent_no, CallRecord.call_id).where(
        col(CallRecord.is_open).is_(True), col(CallRecord.agent_no).is_not(None)
    )
    return {agent_no: call_id for agent_no, call_id in session.exec(statement) if agent_no is not None}


def _shown(agent: Agent, state: AgentState, talking: dict[str, str]) -> AgentShown:
    return AgentShown(**_fields(agent, state, talking))


def _fields(agent: Agent, state: AgentState, talking: dict[str, str]) -> dict[str, Any]:
    return {
        **state.model_dump(exclude={"is_signed_in"}),
        "name": agent.name,
        "queues": agent.queues,
        "state": word_of(state),
        "call_id": talking.get(agent.agent_no),
    }


@router.get("/api/agents/{agent_no}", responses=answers(404), summary="One agent with what happened lately")
def show_agent(hotline: HotlineHere, agent_no: Annotated[AgentNo, Path()]) -> AgentWithEvents:
    with hotline.database.reading() as session:
        agent = get_agent(session, agent_no)
        state = session.get_one(AgentState, agent_no)
        events = session.exec(
            select(AgentEvent)
            .where(col(AgentEvent.agent_no) == agent_no)
            .order_by(col(AgentEvent.id).desc())
            .limit(_EVENTS_SHOWN)
        )
        return AgentWithEvents(
            **_fields(agent, state, _talking(session)),
            events=[AgentEventShown.model_validate(event) for event in events],
        )


@router.post("/api/agents/{agent_no}/sign-in", responses=answers(404), summary="签入: ready for calls")
def sign_in(
    hotline: HotlineHere, caller: AllowedCaller, agent_no: Annotated[AgentNo, Path()]
) -> AgentChanged:
    """Also ends a pause that is left over: who signs in is ready."""
    return _change(hotline, caller, agent_no, lambda s, now: states.sign_in(s, agent_no, caller.written, now))


@router.post("/api/agents/{agent_no}/sign-out", responses=answers(404), summary="签出: no calls any more")
def sign_out(
    hotline: HotlineHere, caller: AllowedCaller, agent_no: Annotated[AgentNo, Path()]
) -> AgentChanged:
    return _change(
        hotline, caller, agent_no, lambda s, now: states.sign_out(s, agent_no, caller.written, now)
    )


@router.post(
    "/api/agents/{agent_no}/pause", responses=answers(404, 409, *BODY), summary="示忙: no calls for a while"
)
def pause(
    hotline: HotlineHere, caller: AllowedCaller, agent_no: Annotated[AgentNo, Path()], asked: PauseAsked
) -> AgentChanged:
    known = {reason.code for reason in hotline.running.configuration.lines.pause_reasons}
    return _change(
        hotline,
        caller,
        agent_no,
        lambda s, now: states.pause(s, agent_no, asked.reason, known, caller.written, now),
    )


@router.post("/api/agents/{agent_no}/resume", responses=answers(404, 409), summary="示闲: ready again")
def resume(hotline: HotlineHere, caller: AllowedCaller, agent_no: Annotated[AgentNo, Path()]) -> AgentChanged:
    """Ends every pause, also one that the hotline set (missed_rings, wrap_up)."""
    return _change(hotline, caller, agent_no, lambda s, now: states.resume(s, agent_no, caller.written, now))


def _change(
    hotline: Hotline, caller: Caller, agent_no: str, change: Callable[[Session, datetime], Seat]
) -> AgentChanged:
    require_own(caller, agent_no)
    with hotline.database.writing() as session:
        seat = change(session, hotline.now())
        session.flush()
        fields = _fields(
            get_agent(session, agent_no), session.get_one(AgentState, agent_no), _talking(session)
        )
    return AgentChanged(**fields, is_in_effect=_bring(hotline, seat))


def _bring(hotline: Hotline, seat: Seat) -> bool:
    queues = [queue.name for queue in hotline.running.configuration.lines.queues]
    try:
        hotline.switch.bring(seat, queues)
    except SwitchNotReached as error:
        log.warning("agent %s: stored, not yet in effect: %s", seat.agent_no, error)
        return False
    return True
