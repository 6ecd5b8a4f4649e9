"""/api/queues: each queue of the configuration, with who waits, who serves it, and today's raw counts."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field
from sqlmodel import Session, col, func, select

from hotline.bootstrap import Hotline
from hotline.web.access import GuardedRoute, HotlineHere
from hotline.web.agents import AgentDoes, word_of
from hotline.web.figures import OPEN_STATES, QueueCounts, Waiting, by_queue, midnight, waiting
from hotline.web.paging import cut, read_cursor
from hotline.web.problems import answers
from hotline.web.room_errors import NoSuchQueue
from hotline.web.shapes import Page, Paging, Shown, Word
from ivr.agents.roster import all_agents
from ivr.agents.tables import AgentState
from ivr.lines import Queue, Strategy
from missed_call_redial.callbacks import Callback

router = APIRouter(tags=["queues"], route_class=GuardedRoute)


class CountsToday(Shown):
    """Calls that arrived since local midnight. Divide as you like, and name the denominator."""

    offered: int
    queued: int
    answered: int
    answered_in_time_from_arrival: int = Field(description="Within service_level_seconds of the arrival.")
    answered_in_time_from_queue_entry: int


class AgentCounts(Shown):
    ready: int
    paused: int
    wrap_up: int
    signed_out: int


class QueueShown(Shown):
    name: str
    label: str
    strategy: Strategy
    weight: int
    ring_seconds: int
    wrap_up_seconds: int
    service_level_seconds: int
    max_waiting: int
    longest_wait_seconds: int
    waiting: int
    waiting_since: datetime | None = Field(description="Queue entry of who waits longest.")
    callbacks_open: int
    agents: AgentCounts
    today: CountsToday


class QueuePage(Page):
    items: list[QueueShown]


@router.get("/api/queues", responses=answers(), summary="Queues by name")
def list_queues(hotline: HotlineHere, paging: Annotated[Paging, Query()]) -> QueuePage:
    after = "" if paging.cursor is None else read_cursor(paging.cursor, str)[0]
    queues = sorted(hotline.running.configuration.lines.queues, key=lambda queue: queue.name)
    shown, cursor = cut([q for q in queues if q.name > after], paging.limit, lambda queue: (queue.name,))
    with hotline.database.reading() as session:
        now = _Now(session, hotline)
    return QueuePage(items=[now.shown(queue) for queue in shown], next_cursor=cursor)


@router.get("/api/queues/{name}", responses=answers(404), summary="One queue")
def show_queue(hotline: HotlineHere, name: Annotated[Word, Path()]) -> QueueShown:
    queue = hotline.running.configuration.lines.queue(name)
    if queue is None:
        raise NoSuchQueue(name)
    with hotline.database.reading() as session:
        return _Now(session, hotline).shown(queue)


class _Now:
    """What goes on in all queues at this moment, read in four queries."""

    def __init__(self, session: Session, hotline: Hotline) -> None:
        levels = {q.name: q.service_level_seconds for q in hotline.running.configuration.lines.queues}
        self._waiting = waiting(session)
        self._counts = by_queue(session, midnight(hotline.now(), hotline.settings.zone), levels)
        self._agents = _agents_by_queue(session)
        self._callbacks = _open_callbacks(session)

    def shown(self, queue: Queue) -> QueueShown:
        waits = self._waiting.get(queue.name, Waiting(0, None))
        agents = self._agents.get(queue.name, {})
        return QueueShown.model_validate(
            {
                **queue.model_dump(),
                "waiting": waits.count,
                "waiting_since": waits.since,
                "callbacks_open": self._callbacks.get(queue.name, 0),
                "agents": {state.value: agents.get(state, 0) for state in AgentDoes},
                "today": CountsToday.model_validate(self._counts.get(queue.name, QueueCounts())),
            }
        )


def _agents_by_queue(session: Session) -> dict[str, dict[AgentDoes, int]]:
    kept = {state.agent_no: word_of(state) for state in session.exec(select(AgentState))}
    found: dict[str, dict[AgentDoes, int]] = {}
    for agent in all_agents(session):
        for seat in agent.queues:
            counts = found.setdefault(seat["queue"], {})
            counts[kept[agent.agent_no]] = counts.get(kept[agent.agent_no], 0) + 1
    return found


def _open_callbacks(session: Session) -> dict[str, int]:
    statement = (
        select(Callback.queue, func.count())
        .where(col(Callback.state).in_(OPEN_STATES))
        .group_by(col(Callback.queue))
    )
    return dict(session.exec(statement).all())
