"""How a queue stands now, as far as placing callbacks is concerned; read from records and attempts."""

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


def read_line(session: Session, queue: str, policy: CallbackPolicies, now: datetime) -> QueueLine:
    return QueueLine(
        _live_waiting(session, queue, now),
        _placeholders(session, queue),
        RecentAccepts(
            _live_accepts(session, queue, now - policy.share_window),
            _callback_accepts(session, queue, now - policy.share_window),
        ),
    )


def _live_waiting(session: Session, queue: str, now: datetime) -> int:
    waiting = select(func.count()).where(
        col(CallRecord.is_open).is_(True),
        col(CallRecord.queue) == queue,
        col(CallRecord.queued_at) > now - _LONGEST_WAIT,
        col(CallRecord.answered_at).is_(None),
    )
    return session.exec(waiting).one()


def _placeholders(session: Session, queue: str) -> int:
    standing = (
        select(func.count())
        .select_from(Attempt)
        .join(Callback, col(Attempt.callback_id) == col(Callback.id))
        .where(
            col(Callback.queue) == queue,
            col(Attempt.state).in_([AttemptState.CLAIMED, AttemptState.PLACED]),
        )
    )
    return session.exec(standing).one()


def _live_accepts(session: Session, queue: str, since: datetime) -> int:
    answered = select(func.count()).where(col(CallRecord.queue) == queue, col(CallRecord.answered_at) > since)
    return session.exec(answered).one()


def _callback_accepts(session: Session, queue: str, since: datetime) -> int:
    accepted = (
        select(func.count())
        .select_from(Attempt)
        .join(Callback, col(Attempt.callback_id) == col(Callback.id))
        .where(col(Callback.queue) == queue, col(Attempt.accepted_at) > since)
    )
    return session.exec(accepted).one()
