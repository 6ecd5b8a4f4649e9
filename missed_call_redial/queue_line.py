"""How the queues stand now, as far as placing callbacks is concerned; read from records, attempts and who is at work.

Queues that share an agent are one line: a placeholder in one of them takes the agent for whom somebody waits live in
the other.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

from sqlalchemy import ColumnElement, text
from sqlmodel import Session, col, exists, func, select

from missed_call_redial.callbacks import Attempt, AttemptState, Callback, CallbackState
from missed_call_redial.policy import CallbackPolicies, RecentAccepts, may_place, surplus
from tickets.call_records import CallRecord

# A citizen who seems to wait, or a talk that seems to last, for longer has ended without our hearing it.
_LONGEST_WAIT = timedelta(hours=2)
_PLACING_LOCK = 0x12345_CB  # any constant; one dispatcher at a time counts and claims


@dataclass(frozen=True)
class OnDuty:
    """An agent who is signed in, and the queues whose calls ring at his desk."""

    agent_no: str
    queues: frozenset[str]
    is_paused: bool = False


@dataclass(frozen=True)
class Line:
    """`free_agents`: signed in, not paused, not in talk; None: nobody is even signed in."""

    live_waiting: int
    placeholders: int
    free_agents: int | None
    recent_accepts: RecentAccepts


@dataclass(frozen=True)
class Floor:
    """Every queue at one moment. Counters are by queue; `placeholders` are those that nobody accepted yet."""

    live_waiting: Counter[str]
    placeholders: Counter[str]
    live_accepts: Counter[str]
    callback_accepts: Counter[str]
    on_duty: Sequence[OnDuty]
    talking: Set[str]

    def line(self, queue: str) -> Line:
        """The queue together with all that share agents with it, directly or through another one."""
        return self._of(_joined(queue, self.on_duty))

    def has_room(self, queue: str, policy: CallbackPolicies) -> bool:
        """May one more placeholder be put into this queue? Its own agents must be able to take it, and those of its line."""
        own, line = self._of(frozenset({queue})), self.line(queue)
        if own.free_agents is None or line.free_agents is None:
            return False  # it would stand there for nobody
        return may_place(
            policy,
            live_waiting=0,
            placeholders=own.placeholders,
            free_agents=own.free_agents,
            recent_accepts=own.recent_accepts,
        ) and may_place(
            policy,
            live_waiting=line.live_waiting,
            placeholders=line.placeholders,
            free_agents=line.free_agents,
            recent_accepts=line.recent_accepts,
        )

    def is_staffed(self, queue: str) -> bool:
        """Somebody is signed in to it."""
        return any(queue in agent.queues for agent in self.on_duty)

    def has_surplus(self, queue: str, policy: CallbackPolicies) -> bool:
        line = self.line(queue)
        return (
            surplus(
                policy,
                live_waiting=line.live_waiting,
                placeholders=line.placeholders,
                recent_accepts=line.recent_accepts,
            )
            > 0
        )

    def with_placeholders(self, queue: str, more: int) -> Self:
        """As it will be when `more` have come, or, below 0, have gone."""
        placeholders = Counter(self.placeholders)
        placeholders[queue] += more
        return replace(self, placeholders=placeholders)

    def _of(self, queues: Set[str]) -> Line:
        serving = [agent for agent in self.on_duty if not agent.queues.isdisjoint(queues)]
        free = sum(not agent.is_paused and agent.agent_no not in self.talking for agent in serving)
        return Line(
            _sum(self.live_waiting, queues),
            _sum(self.placeholders, queues),
            free if serving else None,
            RecentAccepts(_sum(self.live_accepts, queues), _sum(self.callback_accepts, queues)),
        )


def _joined(queue: str, on_duty: Iterable[OnDuty]) -> frozenset[str]:
    joined, before = frozenset({queue}), frozenset[str]()
    served = [agent.queues for agent in on_duty]
    while joined != before:
        before = joined
        joined = joined.union(*(queues for queues in served if not queues.isdisjoint(joined)))
    return joined


def _sum(counts: Counter[str], queues: Set[str]) -> int:
    return sum(counts[queue] for queue in queues)


def hold_placing(session: Session) -> None:
    """Until the transaction ends no other worker counts and claims: two would both fill the same room.

    SQLite needs nothing, its writing units stand in line anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _PLACING_LOCK})


def has_due(session: Session, now: datetime) -> bool:
    """Somebody waits to be placed; asked each second."""
    due = exists().where(col(Callback.state) == CallbackState.OWED, col(Callback.due_at) <= now)
    return session.exec(select(1).where(due)).first() is not None


def queues_with_due(session: Session, now: datetime) -> list[str]:
    """Those whose first debt has the oldest place come first."""
    due = (
        select(Callback.queue)
        .where(col(Callback.state) == CallbackState.OWED, col(Callback.due_at) <= now)
        .group_by(col(Callback.queue))
        .order_by(func.max(col(Callback.prio)).desc(), col(Callback.queue))
    )
    return list(session.exec(due))


def where_it_stands() -> ColumnElement[str]:
    """The queue of an attempt's placeholder; attempts from before this was kept stood in that of their debt."""
    return func.coalesce(col(Attempt.queue), col(Callback.queue))


def as_named(queue: str) -> str:
    return queue


def read_floor(
    session: Session,
    policy: CallbackPolicies,
    now: datetime,
    on_duty: Sequence[OnDuty],
    live_queue: Callable[[str], str] = as_named,
) -> Floor:
    """`live_queue` says in which queue the debts of each queue stand."""
    since = now - policy.share_window

    def where_they_stand(counts: Iterable[tuple[str, int]]) -> Counter[str]:
        found: Counter[str] = Counter()
        for queue, count in counts:
            found[live_queue(queue)] += count
        return found

    return Floor(
        _live_waiting(session, now),
        where_they_stand(_placeholders(session)),
        _live_accepts(session, since),
        where_they_stand(_callback_accepts(session, since)),
        on_duty,
        _talking(session, now),
    )


def _live_waiting(session: Session, now: datetime) -> Counter[str]:
    waiting = (
        select(CallRecord.queue, func.count())
        .where(
            col(CallRecord.is_open).is_(True),
            col(CallRecord.queued_at) > now - _LONGEST_WAIT,
            col(CallRecord.answered_at).is_(None),
        )
        .group_by(col(CallRecord.queue))
    )
    return Counter({queue: count for queue, count in session.exec(waiting) if queue})


def _placeholders(session: Session) -> Iterable[tuple[str, int]]:
    queue = where_it_stands()
    standing = (
        select(queue, func.count())
        .select_from(Attempt)
        .join(Callback, col(Attempt.callback_id) == col(Callback.id))
        .where(
            col(Attempt.state).in_([AttemptState.CLAIMED, AttemptState.PLACED]),
            col(Callback.state) != CallbackState.CLOSED,  # those are being withdrawn
        )
        .group_by(queue)
    )
    return session.exec(standing).all()


def _live_accepts(session: Session, since: datetime) -> Counter[str]:
    answered = (
        select(CallRecord.queue, func.count())
        .where(
            col(CallRecord.answered_at) > since,
            col(CallRecord.arrived_at) > since - _LONGEST_WAIT,  # there is an index of arrivals only
        )
        .group_by(col(CallRecord.queue))
    )
    return Counter({queue: count for queue, count in session.exec(answered) if queue})


def _callback_accepts(session: Session, since: datetime) -> Iterable[tuple[str, int]]:
    queue = where_it_stands()
    accepted = (
        select(queue, func.count())
        .select_from(Attempt)
        .join(Callback, col(Attempt.callback_id) == col(Callback.id))
        .where(col(Attempt.accepted_at) > since)
        .group_by(queue)
    )
    return session.exec(accepted).all()


def _talking(session: Session, now: datetime) -> frozenset[str]:
    """Agents with a citizen on the line, or with one whose phone rings for them."""
    live = select(CallRecord.agent_no).where(
        col(CallRecord.is_open).is_(True), col(CallRecord.answered_at) > now - _LONGEST_WAIT
    )
    called_back = select(Attempt.agent_no).where(
        col(Attempt.state).in_([AttemptState.ACCEPTED, AttemptState.DIALLING])
    )
    found = [*session.exec(live), *session.exec(called_back)]
    return frozenset(agent_no for agent_no in found if agent_no)
