"""A due callback is taken by one worker and put into the queue: claimed in one transaction, then placed."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from heapq import merge
from typing import Any, Final

from sqlalchemy import ColumnElement, null
from sqlmodel import Session, col, select, update

from missed_call_redial.attempts import NO_TRUNK_ALLOWS
from missed_call_redial.callbacks import (
    Attempt,
    AttemptState,
    Callback,
    CallbackState,
    ClosingCode,
    attempt_channels,
    new_attempt_id,
)
from missed_call_redial.dial_results import AttemptOutcome
from missed_call_redial.policy import CallbackPolicies
from missed_call_redial.queue_line import Floor, where_it_stands
from missed_call_redial.settling import lock_attempt, settle, show_in_progress
from tickets.call_events import hold_log
from tickets.call_records import CallRecord

_MOST_IDS: Final = 500  # named in one statement


@dataclass(frozen=True)
class Claim:
    """What a dispatcher needs to place one attempt."""

    attempt_id: str
    callback_id: int
    queue: str
    prio: int
    number_sealed: str
    first_call_id: str


@dataclass(frozen=True)
class Due:
    """A debt that could be claimed now, as far as is seen without holding it."""

    callback_id: int
    queue: str
    prio: int
    number_digest: str
    number_sealed: str
    queues_wanted: Sequence[str]
    number_called: str | None
    """Which number of ours its first call dialled; looked up for those of `late_in` alone."""


_DUE: Final = (
    Callback.id,
    Callback.queue,
    Callback.prio,
    Callback.number_digest,
    Callback.number_sealed,
    Callback.queues_wanted,
)


def due_in_line(
    session: Session,
    now: datetime,
    policy: CallbackPolicies,
    queues: Collection[str],
    page: int = 200,
    *,
    late_in: Collection[str] = (),
    only_critical: bool = False,
) -> Iterator[Due]:
    """All that are due in these queues, first arrivals first, read `page` by `page`: whoever has enough stops.

    `late_in`: of these queues, which are not among the others, only the debts of which half the time is gone.
    """
    queue, found = col(Callback.queue), _is_due(now, policy)
    if only_critical:
        found.append(col(Callback.is_critical).is_(True))
    lines = [_in_pages(session, [*found, queue.in_(sorted(queues))], null(), page)]
    if late_in:  # a line of its own: either/or in one statement keeps SQLite from reading a page by its index
        is_late = [queue.in_(sorted(late_in)), col(Callback.deadline_at) <= now + policy.deadline / 2]
        number = select(CallRecord.number_called).where(
            col(CallRecord.call_id) == col(Callback.first_call_id)
        )
        lines.append(_in_pages(session, [*found, *is_late], number.scalar_subquery(), page))
    yield from merge(*lines, key=lambda due: (-due.prio, due.callback_id))


def _in_pages(
    session: Session, found: list[ColumnElement[bool]], number_called: ColumnElement[Any], page: int
) -> Iterator[Due]:
    last: Due | None = None
    while True:
        behind = (
            []
            if last is None
            else [
                col(Callback.prio)
                <= last.prio,  # a range that the index knows; the rest only sorts equals out
                (col(Callback.prio) < last.prio) | (col(Callback.id) > last.callback_id),
            ]
        )
        rows = session.exec(
            select(*_DUE, number_called)  # type: ignore[call-overload]
            .where(*found, *behind)
            .order_by(col(Callback.prio).desc(), col(Callback.id))
            .limit(page)
        ).all()
        for row in rows:
            last = Due(*row)
            yield last
        if len(rows) < page:
            return


def _is_due(now: datetime, policy: CallbackPolicies) -> list[ColumnElement[bool]]:
    return [
        col(Callback.state) == CallbackState.OWED,
        col(Callback.due_at) <= now,
        col(Callback.deadline_at) > now,
        col(Callback.attempts) < policy.max_attempts,
    ]


def claim_due(
    session: Session,
    owner: str,
    now: datetime,
    policy: CallbackPolicies,
    callback_id: int,
    *,
    queue: str | None = None,
) -> Claim | None:
    """For one worker only, if it is due still and nobody else holds it; commit before placing.

    `queue`: where it shall stand, if not in its own."""
    due = (
        select(Callback)
        .where(col(Callback.id) == callback_id, *_is_due(now, policy))
        .with_for_update(skip_locked=True)
    )
    callback = session.exec(due.execution_options(populate_existing=True)).first()
    if callback is None:
        return None
    until = now + timedelta(seconds=policy.lease_seconds)
    return _claim(session, callback, queue or callback.queue, owner, now, until)


def _claim(
    session: Session, callback: Callback, queue: str, owner: str, now: datetime, until: datetime
) -> Claim | None:
    assert callback.id is not None
    taken = session.exec(
        update(Callback)
        .where(col(Callback.id) == callback.id, col(Callback.state) == CallbackState.OWED)
        .values(state=CallbackState.CLAIMED, lease_owner=owner, lease_until=until)
        .execution_options(synchronize_session=False)
    )
    if taken.rowcount != 1:
        return None
    attempt_id = new_attempt_id()
    channel_id, other_channel_id = attempt_channels(attempt_id)
    attempt = Attempt(
        id=attempt_id,
        callback_id=callback.id,
        channel_id=channel_id,
        other_channel_id=other_channel_id,
        queue=queue,
        lease_owner=owner,
        lease_until=until,
        claimed_at=now,
    )
    session.add(attempt)
    claim = Claim(
        attempt_id,
        callback.id,
        queue,
        callback.prio,
        callback.number_sealed,
        callback.first_call_id,
    )
    session.flush()
    session.expire(callback)
    return claim


@dataclass(frozen=True)
class Owed:
    """A debt that waits, due or not."""

    callback_id: int
    number_digest: str
    number_sealed: str


def all_owed(session: Session) -> list[Owed]:
    """Those that nobody works on, as plain rows."""
    return _owed(session, col(Callback.state) == CallbackState.OWED)


def overdue(session: Session, now: datetime) -> list[Owed]:
    """Whose deadline passed while nobody was working on them."""
    return _owed(session, *_is_overdue(now))


def _owed(session: Session, *where: ColumnElement[bool]) -> list[Owed]:
    rows = select(col(Callback.id), col(Callback.number_digest), col(Callback.number_sealed)).where(*where)
    return [
        Owed(number, digest, sealed) for number, digest, sealed in session.exec(rows) if number is not None
    ]


def _is_overdue(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return col(Callback.state) == CallbackState.OWED, col(Callback.deadline_at) <= now


def expire_overdue(session: Session, now: datetime, not_by_plan: Sequence[int] = ()) -> int:
    """Close debts whose deadline passed while nobody was working on them; how many. Those in `not_by_plan` get the remark
    that no trunk allows their numbers."""
    hold_log(session)  # as every one who locks several debts
    for n in range(0, len(not_by_plan), _MOST_IDS):
        session.exec(
            update(Callback)
            .where(*_is_overdue(now), col(Callback.id).in_(not_by_plan[n : n + _MOST_IDS]))
            .values(remark=NO_TRUNK_ALLOWS)
            .execution_options(synchronize_session="fetch")
        )
    closed = session.exec(
        update(Callback)
        .where(*_is_overdue(now))
        .values(state=CallbackState.CLOSED, closing_code=ClosingCode.EXPIRED, closed_at=now)
        .execution_options(synchronize_session="fetch")
    )
    return closed.rowcount


@dataclass(frozen=True)
class Standing:
    """A placeholder that nobody accepted yet."""

    attempt_id: str
    queue: str
    is_critical: bool
    callback_id: int
    number_digest: str
    number_sealed: str


def standing_placeholders(session: Session) -> tuple[list[str], list[Standing]]:
    """Attempts whose debt is closed although they stand (the citizen called again and was answered), and the others, those
    with the latest place first."""
    standing = (
        select(
            Attempt.id,
            where_it_stands(),
            Callback.is_critical,
            Callback.id,
            Callback.number_digest,
            Callback.number_sealed,
            Callback.state,
        )  # type: ignore[call-overload]
        .join(Callback, col(Attempt.callback_id) == col(Callback.id))
        .where(col(Attempt.state) == AttemptState.PLACED)
        .order_by(col(Callback.prio), col(Attempt.claimed_at).desc())
    )
    settled, owed = [], []
    for *one, state in session.exec(standing):
        found = Standing(*one)
        if state == CallbackState.CLOSED:
            settled.append(found.attempt_id)
        else:
            owed.append(found)
    return settled, owed


def surplus_of(
    standing: Iterable[Standing], floor: Floor, policy: CallbackPolicies, live_queue: Callable[[str], str]
) -> list[str]:
    """Which of them must give way to citizens who wait live, in the order given."""
    leaving = []
    for one in standing:
        queue = live_queue(one.queue)
        if floor.has_surplus(queue, policy):
            leaving.append(one.attempt_id)
            floor = floor.with_placeholders(queue, -1)
    return leaving


def claimed_among(session: Session, attempt_ids: Collection[str]) -> list[str]:
    """Those of which nobody knows yet that they were placed."""
    claimed = session.exec(select(Attempt.id).where(col(Attempt.state) == AttemptState.CLAIMED))
    return [attempt_id for attempt_id in claimed if attempt_id in attempt_ids]


def mark_placed(session: Session, attempt_id: str, now: datetime) -> bool:
    """The placeholder is on its way into the queue. False: unknown, or further on already."""
    found = lock_attempt(session, attempt_id)
    if found is None or found[1].placed_at is not None:
        return False
    callback, attempt = found
    attempt.placed_at = now
    if attempt.state == AttemptState.CLAIMED:
        attempt.state = AttemptState.PLACED
        show_in_progress(callback)
    return True


def placing_failed(
    session: Session, attempt_id: str, why: str, now: datetime, *, policy: CallbackPolicies, zone: tzinfo
) -> bool:
    """It is certain that nothing was placed: owed again."""
    found = lock_attempt(session, attempt_id)
    if found is None or found[1].state != AttemptState.CLAIMED:
        return False
    callback, attempt = found
    attempt.finish(AttemptOutcome.NOT_PLACED, now, why)
    settle(session, callback, policy, zone, now)
    return True
