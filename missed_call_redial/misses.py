"""What a debt is made of: a miss opens one or comes to the open one, is taken out again, or is handed over to another debt.

Works inside the caller's transaction; which misses are owed at all is decided in missed_call_redial.owing.
"""

from datetime import datetime, tzinfo

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from missed_call_redial.callbacks import (
    AttemptState,
    Callback,
    CallbackCall,
    CallbackState,
    ClosingCode,
    attempts_of,
    lock_open_callback,
)
from missed_call_redial.dial_results import AttemptOutcome
from missed_call_redial.missed import Missed
from missed_call_redial.policy import CallbackPolicies, first_attempt_at
from missed_call_redial.settling import SPOKEN_WITH, show_in_progress


def merge_or_open(
    session: Session, missed: Missed, policy: CallbackPolicies, zone: tzinfo, now: datetime
) -> Callback:
    if missed.is_switchboard:
        return _open(session, missed, policy, zone, now)
    found = _lock_debt_for(session, missed)
    if found is None:
        try:
            with session.begin_nested():
                return _open(session, missed, policy, zone, now)
        except IntegrityError:  # another worker opened one for this number at the same moment
            found = _lock_debt_for(session, missed)
            if found is None:
                raise
    _merge(session, found, missed, policy, zone)
    return found


def _lock_debt_for(session: Session, missed: Missed) -> Callback | None:
    """A closed debt in which the citizen was spoken with after this miss; else the open one."""
    assert missed.number_digest is not None
    spoken_with = (
        select(Callback)
        .where(
            col(Callback.number_digest) == missed.number_digest,
            col(Callback.closing_code).in_(SPOKEN_WITH),
            col(Callback.closed_at) > missed.missed_at,
            col(Callback.is_switchboard).is_(False),
        )
        .order_by(col(Callback.closed_at))
        .with_for_update()
    )
    return session.exec(spoken_with).first() or lock_open_callback(session, missed.number_digest)


def _open(
    session: Session, missed: Missed, policy: CallbackPolicies, zone: tzinfo, now: datetime
) -> Callback:
    assert missed.number_digest is not None
    assert missed.number_sealed is not None
    callback = Callback(
        number_digest=missed.number_digest,
        number_sealed=missed.number_sealed,
        number_masked=missed.number_masked,
        is_switchboard=missed.is_switchboard,
        is_critical=missed.is_critical,
        queue=missed.queue,
        queues_wanted=[missed.queue],
        prio=missed.place(policy),
        first_call_id=missed.call_id,
        first_missed_at=missed.missed_at,
        last_missed_at=missed.missed_at,
        due_at=first_attempt_at(policy, missed.missed_at, zone, is_critical=missed.is_critical),
        deadline_at=missed.missed_at + policy.deadline,
        created_at=now,
    )
    session.add(callback)
    session.flush()
    _link(session, callback, missed, policy)
    return callback


def _link(session: Session, callback: Callback, missed: Missed, policy: CallbackPolicies) -> CallbackCall:
    assert callback.id is not None
    link = CallbackCall(
        call_id=missed.call_id,
        callback_id=callback.id,
        missed_at=missed.missed_at,
        queue=missed.queue,
        prio=missed.place(policy),
        is_critical=missed.is_critical,
    )
    session.add(link)
    session.flush()
    return link


def _merge(
    session: Session, callback: Callback, missed: Missed, policy: CallbackPolicies, zone: tzinfo
) -> None:
    if session.get(CallbackCall, missed.call_id, populate_existing=True) is not None:
        return  # another worker was faster with this very call
    _take_in(callback, _link(session, callback, missed, policy), policy, zone)
    session.flush()


def _take_in(callback: Callback, link: CallbackCall, policy: CallbackPolicies, zone: tzinfo) -> None:
    """The earliest miss keeps the place; the latest moves the deadline on and brings the next try forward:
    the citizen is at the phone just now.
    """
    if link.missed_at < callback.first_missed_at:
        callback.first_missed_at, callback.first_call_id = link.missed_at, link.call_id
        callback.queue = link.queue
    callback.prio = max(callback.prio, link.prio)  # a later miss may be the critical one
    callback.missed_count += 1
    if link.queue not in callback.queues_wanted:
        callback.queues_wanted = [*callback.queues_wanted, link.queue]
    if link.missed_at > callback.last_missed_at:
        callback.last_missed_at = link.missed_at
        callback.deadline_at = max(callback.deadline_at, link.missed_at + policy.deadline)
        if callback.state == CallbackState.OWED:
            is_critical = callback.is_critical or link.is_critical
            soon = first_attempt_at(policy, link.missed_at, zone, is_critical=is_critical)
            callback.due_at = min(callback.due_at, soon)
    bring_forward_if_critical(callback, link, policy, zone)


def bring_forward_if_critical(
    callback: Callback, link: CallbackCall, policy: CallbackPolicies, zone: tzinfo
) -> None:
    """An emergency does not wait for the end of the quiet hours, nor for another miss that is none."""
    if not link.is_critical or callback.is_critical:
        return
    callback.is_critical = True
    if callback.state == CallbackState.OWED:
        soon = first_attempt_at(policy, link.missed_at, zone, is_critical=True)
        callback.due_at = min(callback.due_at, soon)


def take_out(
    session: Session, callback: Callback, link: CallbackCall, policy: CallbackPolicies, zone: tzinfo
) -> None:
    """More is known of this miss now, and it is owed nothing: the debt becomes what it would be without it."""
    session.delete(link)
    session.flush()
    left = misses_of(session, callback)
    if not left:
        session.delete(callback)
    else:
        first, last = left[0], left[-1]
        callback.first_missed_at, callback.first_call_id = first.missed_at, first.call_id
        callback.prio = max(link.prio for link in left)
        ask_for_queues_of(callback, left)
        callback.is_critical = any(link.is_critical for link in left)
        callback.missed_count, callback.last_missed_at = len(left), last.missed_at
        callback.due_at = first_attempt_at(policy, first.missed_at, zone, is_critical=callback.is_critical)
        callback.deadline_at = last.missed_at + policy.deadline
        session.add(callback)
    session.flush()


def ask_for_queues_of(callback: Callback, misses: list[CallbackCall]) -> None:
    """What stands already has the queue of its attempt."""
    callback.queue = misses[0].queue
    callback.queues_wanted = list(dict.fromkeys(link.queue for link in misses))


def misses_of(session: Session, callback: Callback) -> list[CallbackCall]:
    """The earliest first."""
    links = select(CallbackCall).where(col(CallbackCall.callback_id) == callback.id)
    return list(session.exec(links.order_by(col(CallbackCall.missed_at), col(CallbackCall.call_id))))


def hand_over(session: Session, closed: Callback, policy: CallbackPolicies, zone: tzinfo) -> None:
    """The open debt gets the misses of this one, as if they had come to it: their place, their queues, the emergency among
    them, and their tickets; and the attempts of which the result is not told yet, since it ends that debt. What a talk settled
    stays where it is."""
    session.refresh(closed)
    standing = lock_open_callback(session, closed.number_digest)
    assert closed.id is not None
    tried = attempts_of(session, closed.id)
    talk = next((attempt for attempt in tried if attempt.outcome == AttemptOutcome.CONNECTED), None)
    misses = misses_of(session, closed)
    closed.closing_code = ClosingCode.MERGED
    if talk is not None and talk.ended_at is not None:
        spoken_at = talk.ended_at
        closed.close(ClosingCode.CONNECTED, spoken_at, agent_no=talk.agent_no)
        misses = [link for link in misses if link.missed_at > spoken_at]
    if standing is not None and standing.id is not None and misses:
        closed.remark = f"callback {standing.id} stands for it"
        closed.missed_count -= len(misses)
        for link in misses:
            link.callback_id = standing.id
            _take_in(standing, link, policy, zone)
        for attempt in tried if talk is None else ():
            if not attempt.is_told:
                attempt.callback_id = standing.id
            if attempt.state != AttemptState.DONE:
                show_in_progress(standing)
    session.flush()
