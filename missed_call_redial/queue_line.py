"""How a queue stands now, as far as placing callbacks is concerned; read from records and attempts."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlmodel import Session, col, func, select

from missed_call_redial.callbacks import Attempt, AttemptState, Callback, CallbackState
from missed_call_redial.policy import CallbackPolicies, RecentAccepts, may_place
from tickets.call_records import CallRecord

# A citizen who seems to wait for longer has hung up without our hearing it: he must not hold callbacks back.
_LONGEST_WAIT = timedelta(hours=2)
_PLACING_LOCK = 0x12345_CB  # any constant; one dispatcher at a time counts and claims


@dataclass(frozen=True)
class QueueLine:
    live_waiting: int
    placeholders: int
    recent_accepts: RecentAccepts

    def room(self, policy: CallbackPolicies) -> int:
        """How many more placeholders may be put into this queue now."""
        more = 0
        while may_place(
            policy,
            live_waiting=self.live_waiting,
            placeholders=self.placeholders + more,
            recent_accepts=self.recent_accepts,
        ):
            more += 1
        return more


def hold_placing(session: Session) -> None:
    """Until the transaction ends no other worker counts and claims: two would both fill the same room.

    SQLite needs nothing, its writing units stand in line anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _PLACING_LOCK})


def queues_with_due(session: Session, now: datetime) -> list[str]:
    due = (
        select(Callback.queue)
        .where(col(Callback.state) == CallbackState.OWED, col(Callback.due_at) <= now)
        .distinct()
        .order_by(col(Callback.queue))
    )
    return list(session.exec(due))


def as_named(queue: str) -> str:
    return queue


def read_line(
    session: Session,
    queue: str,
    policy: CallbackPolicies,
    now: datetime,
    live_queue: Callable[[str], str] = as_named,
) -> QueueLine:
    """`live_queue` says in which queue the debts of each queue stand; all that stand in this one share its room."""
    since = now - policy.share_window

    def of_this(counts: Iterable[tuple[str, int]]) -> int:
        return sum(count for name, count in counts if live_queue(name) == queue)

    return QueueLine(
        _live_waiting(session, queue, now),
        of_this(_placeholders(session)),
        RecentAccepts(_live_accepts(session, queue, since), of_this(_callback_accepts(session, since))),
    )


def _live_waiting(session: Session, queue: str, now: datetime) -> int:
    waiting = select(func.count()).where(
        col(CallRecord.is_open).is_(True),
        col(CallRecord.queue) == queue,
        col(CallRecord.queued_at) > now - _LONGEST_WAIT,
        col(CallRecord.answered_at).is_(None),
    )
    return session.exec(waiting).one()


def _placeholders(session: Session) -> Iterable[tuple[str, int]]:
    standing = (
        select(Callback.queue, func.count())
        .select_from(Attempt)
        .join(Callback, col(Attempt.callback_id) == col(Callback.id))
        .where(col(Attempt.state).in_([AttemptState.CLAIMED, AttemptState.PLACED]))
        .group_by(col(Callback.queue))
    )
    return session.exec(standing).all()


def _live_accepts(session: Session, queue: str, since: datetime) -> int:
    answered = select(func.count()).where(col(CallRecord.queue) == queue, col(CallRecord.answered_at) > since)
    return session.exec(answered).one()


def _callback_accepts(session: Session, since: datetime) -> Iterable[tuple[str, int]]:
    accepted = (
        select(Callback.queue, func.count())
        .select_from(Attempt)
        .join(Callback, col(Attempt.callback_id) == col(Callback.id))
        .where(col(Attempt.accepted_at) > since)
        .group_by(col(Callback.queue))
    )
    return session.exec(accepted).all()
