"""The raw counts behind /metrics and /api/queues: a handful of grouped queries, no person in any of them.

Rates are left to who reads them: each count says what it counts, so no denominator is hidden.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta, tzinfo
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Float,
    SQLColumnExpression,
    String,
    and_,
    case,
    cast,
    extract,
    func,
    select,
)
from sqlmodel import Session, col

from hotline.set_aside import how_many
from hotline.web.agents import AgentDoes, word_of
from ivr.agents.roster import all_agents
from ivr.agents.tables import AgentState
from missed_call_redial.callbacks import Attempt, Callback, CallbackState
from missed_call_redial.dial_results import AttemptOutcome
from missed_call_redial.owing import nothing_forgotten
from tickets.call_records import CallRecord
from tickets.outcome import Outcome
from tickets.tickets import Ticket

UNDER_WAY: Final = "under_way"
"""Stands for the outcome of an attempt that has none yet."""
NO_QUEUE: Final = ""
"""Stands for the queue of calls that never came to one."""
OPEN_STATES: Final = tuple(state for state in CallbackState if state is not CallbackState.CLOSED)
"""Named one by one: "not closed" would read every callback that there ever was."""
_STANDARD_SECONDS: Final = 15
"""GB/T 33358, for calls of a queue that the configuration no longer has."""


@dataclass
class QueueCounts:
    """Calls that arrived today, by the queue they came to; a person answered `answered` of them."""

    offered: int = 0
    queued: int = 0
    answered: int = 0
    answered_in_time_from_arrival: int = 0
    answered_in_time_from_queue_entry: int = 0


@dataclass(frozen=True)
class Waiting:
    """Callers in the queue now who talk to nobody yet."""

    count: int
    since: datetime | None


@dataclass
class Figures:
    by_outcome: Counter[str] = field(default_factory=Counter)
    by_queue: dict[str, QueueCounts] = field(default_factory=dict)
    waiting: dict[str, Waiting] = field(default_factory=dict)
    open_calls: int = 0
    callbacks: Counter[str] = field(default_factory=Counter)
    callbacks_closed: Counter[str] = field(default_factory=Counter)
    attempts: Counter[str] = field(default_factory=Counter)
    """Callbacks that an agent accepted today, by outcome."""
    connects: int = 0
    """Those of them in which agent and citizen talked."""
    connect_seconds: float = 0.0
    """From the arrival of the first missed call until the citizen picked up, of all `connects` together."""
    oldest_owed_at: datetime | None = None
    agents: Counter[AgentDoes] = field(default_factory=Counter)
    last_arrival_at: datetime | None = None
    forgotten: int = 0
    """Lost calls of the last week with neither a callback nor a stated reason: must be 0, always."""
    open_long: int = 0
    """Open calls that arrived more than two hours ago: a very long talk, or an end that nobody heard."""
    set_aside: int = 0
    """Lines of queue_log that could not be taken in: must be 0."""


COUNTED_EVERY: Final = timedelta(minutes=1)
_LOOKED_BACK: Final = timedelta(days=7)
_LONG_CALL: Final = timedelta(hours=2)


def collect(session: Session, now: datetime, zone: tzinfo, service_levels: Mapping[str, int]) -> Figures:
    """`service_levels`: seconds by queue. Today is the local day of `now`."""
    today = midnight(now, zone)
    is_open = col(Callback.state).in_(OPEN_STATES)
    oldest = select(func.min(col(Callback.first_missed_at))).where(is_open)
    connects, connect_seconds = _connects(session, today)
    return Figures(
        by_outcome=_by_outcome(session, today),
        by_queue=by_queue(session, today, service_levels),
        waiting=waiting(session),
        open_calls=session.scalar(select(func.count()).where(col(CallRecord.is_open).is_(True))) or 0,
        callbacks=_grouped(session, col(Callback.state), is_open),
        callbacks_closed=_grouped(session, col(Callback.closing_code), col(Callback.closed_at) >= today),
        attempts=_attempts(session, today),
        connects=connects,
        connect_seconds=connect_seconds,
        oldest_owed_at=session.scalar(oldest),
        agents=_agents(session),
        last_arrival_at=session.scalar(select(func.max(col(CallRecord.arrived_at)))),
        forgotten=len(nothing_forgotten(session, now - _LOOKED_BACK, now)),
        open_long=_open_since(session, now - _LONG_CALL),
        set_aside=how_many(session),
    )


@dataclass
class TicketCounts:
    """All tickets that there are, by state: the one figure for which the whole past is counted, so not at each scrape."""

    counted_at: datetime | None = None
    _by_state: Counter[str] = field(default_factory=Counter)

    def by_state(self, session: Session, now: datetime) -> Counter[str]:
        """As they were at most COUNTED_EVERY ago."""
        if self.counted_at is None or not timedelta(0) <= now - self.counted_at < COUNTED_EVERY:
            self._by_state = _grouped(session, col(Ticket.state))
            self.counted_at = now
        return self._by_state


def _attempts(session: Session, today: datetime) -> Counter[str]:
    """By the moment of accepting, which every dial has and an index finds: the whole past is never read."""
    found = _grouped(session, col(Attempt.outcome), col(Attempt.accepted_at) >= today)
    return Counter({outcome or UNDER_WAY: count for outcome, count in found.items()})


def _connects(session: Session, today: datetime) -> tuple[int, float]:
    waited = _seconds(session, col(Callback.first_missed_at), col(Attempt.answered_at))
    statement = (
        select(func.count(), func.coalesce(func.sum(waited), 0.0))
        .join_from(Attempt, Callback, col(Callback.id) == col(Attempt.callback_id))
        .where(
            col(Attempt.accepted_at) >= today,
            col(Attempt.outcome) == AttemptOutcome.CONNECTED,
            col(Attempt.answered_at).is_not(None),
        )
    )
    count, seconds = session.execute(statement).one()
    return int(count), float(seconds)


def _open_since(session: Session, arrived_before: datetime) -> int:
    statement = select(func.count()).where(
        col(CallRecord.is_open).is_(True), col(CallRecord.arrived_at) < arrived_before
    )
    return session.scalar(statement) or 0


def midnight(now: datetime, zone: tzinfo) -> datetime:
    """The beginning of the local day."""
    return datetime.combine(now.astimezone(zone).date(), time(), zone)


def _by_outcome(session: Session, today: datetime) -> Counter[str]:
    """`lower` changes nothing (the words are lower case), but grouped by the bare column SQLite walks all calls that there
    ever were, in the order of its index, rather than sort those of today."""
    outcome = func.lower(col(CallRecord.outcome), type_=String)
    return _grouped(session, outcome, col(CallRecord.arrived_at) >= today)


def by_queue(session: Session, today: datetime, service_levels: Mapping[str, int]) -> dict[str, QueueCounts]:
    level: Any = (
        case(dict(service_levels), value=col(CallRecord.queue), else_=_STANDARD_SECONDS)
        if service_levels
        else _STANDARD_SECONDS
    )
    is_answered = col(CallRecord.outcome) == Outcome.ANSWERED
    from_arrival = _seconds(session, col(CallRecord.arrived_at), col(CallRecord.answered_at))
    statement = (
        select(
            col(CallRecord.queue),
            func.count(),
            _count(col(CallRecord.queued_at).is_not(None)),
            _count(is_answered),
            _count(and_(is_answered, from_arrival <= level)),
            _count(and_(is_answered, col(CallRecord.wait_seconds) <= level)),
        )
        .where(col(CallRecord.arrived_at) >= today)
        .group_by(col(CallRecord.queue))
    )
    return {
        queue or NO_QUEUE: QueueCounts(*map(int, counts)) for queue, *counts in session.execute(statement)
    }


def waiting(session: Session) -> dict[str, Waiting]:
    """By queue."""
    statement = (
        select(col(CallRecord.queue), func.count(), func.min(col(CallRecord.queued_at)))
        .where(
            col(CallRecord.is_open).is_(True),
            col(CallRecord.queued_at).is_not(None),
            col(CallRecord.answered_at).is_(None),
        )
        .group_by(col(CallRecord.queue))
    )
    return {queue or NO_QUEUE: Waiting(count, since) for queue, count, since in session.execute(statement)}


def _agents(session: Session) -> Counter[AgentDoes]:
    kept = {state.agent_no: state for state in session.execute(select(AgentState)).scalars()}
    return Counter(word_of(kept[agent.agent_no]) for agent in all_agents(session))


def _grouped(session: Session, by: SQLColumnExpression[Any], *where: ColumnElement[bool]) -> Counter[str]:
    rows = session.execute(select(by, func.count()).where(*where).group_by(by))
    return Counter({word: count for word, count in rows})


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _seconds(
    session: Session, begin: SQLColumnExpression[Any], end: SQLColumnExpression[Any]
) -> ColumnElement[float]:
    """Each database counts time in its own way."""
    if session.get_bind().dialect.name == "postgresql":
        return cast(extract("epoch", end - begin), Float)
    days = func.julianday(end) - func.julianday(begin)
    return func.round(days * timedelta(days=1).total_seconds(), 3)
