"""What an agent may do, and in which state that leaves him: signed in, paused with a reason, in wrap-up, signed out.

The database decides; each function gives the Seat to which the caller brings the switch after the commit.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sql
from sqlmodel import Session, col, select, update

from ivr.agents.roster import all_agents, get_agent
from ivr.agents.switch import Seat
from ivr.agents.tables import Agent, AgentEvent, AgentState
from tickets.connections import connection_of
from vocabulary.errors import HotlineError

MISSED_RINGS: Final = "missed_rings"
WRAP_UP: Final = "wrap_up"
OURS: Final = frozenset({MISSED_RINGS, WRAP_UP})
_DUE: Final = (
    sql.select(col(AgentState.agent_no))
    .where(col(AgentState.pause_reason) == WRAP_UP, col(AgentState.wrap_up_until) <= sql.bindparam("now"))
    .limit(1)
)


class NotSignedIn(HotlineError):
    def __init__(self, agent_no: str) -> None:
        self.agent_no = agent_no
        super().__init__(f"agent {agent_no} is not signed in; sign in first")


class NoSuchReason(HotlineError):
    def __init__(self, reason: str, known: Collection[str]) -> None:
        self.reason, self.known = reason, tuple(sorted(known))
        super().__init__(f"no pause reason {reason!r}; the reasons are: {', '.join(self.known)}")


def seat_of(agent: Agent, state: AgentState) -> Seat:
    queues = tuple((seat["queue"], seat["penalty"]) for seat in agent.queues)
    return Seat(agent.agent_no, queues, state.is_signed_in and agent.is_active, state.pause_reason)


def all_seats(session: Session) -> list[Seat]:
    """Every active agent's seat, for resynchronising the switch."""
    states = {state.agent_no: state for state in session.exec(select(AgentState))}
    return [seat_of(agent, states[agent.agent_no]) for agent in all_agents(session)]


def current_seat(session: Session, agent_no: str) -> Seat | None:
    """As the database has it now; None if there is no such agent (any more). Only reads, locks nothing."""
    agent = session.get(Agent, agent_no, populate_existing=True)
    state = session.get(AgentState, agent_no, populate_existing=True)
    return None if agent is None or state is None else seat_of(agent, state)


def state_of(session: Session, agent_no: str) -> tuple[Agent, AgentState]:
    """Raises NoSuchAgent. The row is locked until the end of the transaction where the database can."""
    agent = get_agent(session, agent_no)
    statement = select(AgentState).where(col(AgentState.agent_no) == agent_no).with_for_update()
    return agent, session.exec(statement).one()


def sign_in(session: Session, agent_no: str, by: str, now: datetime) -> Seat:
    """Also clears a pause: who signs in is ready. Signing in twice changes nothing."""
    agent, state = state_of(session, agent_no)
    if not state.is_signed_in:
        state.is_signed_in, state.signed_in_at, state.missed_rings = True, now, 0
        _unpause(state)
        _note(session, state, "signed_in", None, by, now)
    return seat_of(agent, state)


def sign_out(session: Session, agent_no: str, by: str, now: datetime) -> Seat:
    agent, state = state_of(session, agent_no)
    if state.is_signed_in:
        state.is_signed_in, state.signed_in_at, state.missed_rings = False, None, 0
        _unpause(state)
        _note(session, state, "signed_out", None, by, now)
    return seat_of(agent, state)


def pause(
    session: Session, agent_no: str, reason: str, known: Collection[str], by: str, now: datetime
) -> Seat:
    """Raises NotSignedIn, NoSuchReason. A changed reason starts a new interval (its own row in agent_event)."""
    if reason not in known:
        raise NoSuchReason(reason, known)
    agent, state = state_of(session, agent_no)
    if not state.is_signed_in:
        raise NotSignedIn(agent_no)
    if state.pause_reason != reason:
        state.pause_reason, state.paused_at, state.wrap_up_until = reason, now, None
        _note(session, state, "paused", reason, by, now)
    return seat_of(agent, state)


def resume(session: Session, agent_no: str, by: str, now: datetime) -> Seat:
    """Ends any pause, wrap-up and missed rings among them. Raises NotSignedIn."""
    agent, state = state_of(session, agent_no)
    if not state.is_signed_in:
        raise NotSignedIn(agent_no)
    if state.pause_reason is not None:
        reason = state.pause_reason
        _unpause(state)
        state.missed_rings = 0
        _note(session, state, "resumed", reason, by, now)
    return seat_of(agent, state)


def ring_missed(session: Session, agent_no: str, limit: int, now: datetime) -> Seat | None:
    """One more ring that the agent let pass; at `limit` in a row the agent is paused by us. None: nothing to bring."""
    agent, state = state_of(session, agent_no)
    if not state.is_signed_in or state.pause_reason is not None:
        return None
    state.missed_rings += 1
    if state.missed_rings < limit:
        session.add(state)
        return None
    state.pause_reason, state.paused_at = MISSED_RINGS, now
    _note(session, state, "paused", MISSED_RINGS, "hotline", now)
    return seat_of(agent, state)


def ring_answered(session: Session, agent_no: str) -> None:
    """The row of missed rings is broken."""
    state = session.get(AgentState, agent_no)
    if state is not None and state.missed_rings:
        state.missed_rings = 0
        session.add(state)


def begin_wrap_up(session: Session, agent_no: str, seconds: int, now: datetime) -> Seat | None:
    """After a talk: a pause of ours that ends by itself. Not over another pause; None: nothing to bring."""
    agent, state = state_of(session, agent_no)
    if seconds <= 0 or not state.is_signed_in or state.pause_reason is not None:
        return None
    state.pause_reason, state.paused_at = WRAP_UP, now
    state.wrap_up_until = now + timedelta(seconds=seconds)
    _note(session, state, "paused", WRAP_UP, "hotline", now)
    return seat_of(agent, state)


def has_due_wrap_ups(session: Session, now: datetime) -> bool:
    """Only reads, so that asking every second costs nothing."""
    return connection_of(session).execute(_DUE, {"now": now}).first() is not None


def end_due_wrap_ups(session: Session, now: datetime) -> list[Seat]:
    """Wrap-ups whose time is over, also those that began before a restart. A pause that was set meanwhile stands."""
    is_due = (col(AgentState.pause_reason) == WRAP_UP, col(AgentState.wrap_up_until) <= now)
    due = select(AgentState.agent_no).where(*is_due).order_by(col(AgentState.agent_no))
    seats = []
    for agent_no in session.exec(due).all():
        # the condition again: another unit of work may have changed the row since it was read
        ended = session.exec(
            update(AgentState)
            .where(col(AgentState.agent_no) == agent_no, *is_due)
            .values(pause_reason=None, paused_at=None, wrap_up_until=None)
            .execution_options(synchronize_session=False)
        )
        if ended.rowcount != 1:
            continue
        agent = session.get(Agent, agent_no)
        state = session.get_one(AgentState, agent_no, populate_existing=True)
        _note(session, state, "resumed", WRAP_UP, "hotline", now)
        if agent is not None:
            seats.append(seat_of(agent, state))
    return seats


def _unpause(state: AgentState) -> None:
    state.pause_reason = state.paused_at = state.wrap_up_until = None


def _note(session: Session, state: AgentState, what: str, reason: str | None, by: str, now: datetime) -> None:
    state.changed_at = now
    session.add(state)
    session.add(AgentEvent(agent_no=state.agent_no, at=now, what=what, reason=reason, by=by))
