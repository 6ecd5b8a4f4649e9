"""A call was lost: from here on a call back is owed, or the reason why not is on record.

Every function works inside the caller's transaction, may be called again with the same call, and gives the
same result whatever the order in which calls become known.
"""

from datetime import datetime, tzinfo

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, exists, select

from missed_call_redial.callbacks import (
    AttemptState,
    Callback,
    CallbackCall,
    CallbackIsClosed,
    CallbackRefusal,
    CallbackState,
    ClosingCode,
    attempts_of,
    lock_callback,
    lock_open_callback,
)
from missed_call_redial.missed import Missed
from missed_call_redial.misses import (
    ask_for_queues_of,
    bring_forward_if_critical,
    hand_over,
    merge_or_open,
    misses_of,
    take_out,
)
from missed_call_redial.policy import (
    CallbackPolicies,
    LostCall,
    RefusalReason,
    first_attempt_at,
    reason_to_refuse,
)
from missed_call_redial.settling import settle
from tickets.call_records import CallRecord
from tickets.outcome import LOST, Outcome


def owe(
    session: Session, missed: Missed, policy: CallbackPolicies, zone: tzinfo, now: datetime
) -> Callback | RefusalReason:
    """Owe a call back, merge the miss into the debt that is open, or state why nothing is owed."""
    link = session.get(CallbackCall, missed.call_id)
    if link is not None:
        if missed.is_switchboard or not _was_answered_since(session, missed):
            reopened = _reopen_what_it_closed(session, missed, policy, zone)
            _bring_due(session, reopened, missed, policy, zone, now)
        callback = lock_callback(session, link.callback_id)
        reason = _policy_refuses(missed, policy)
        if reason is not None and _is_untouched(session, callback):
            take_out(session, callback, link, policy, zone)
            return _state_refusal(session, missed, reason, now)
        if missed.queue != link.queue:
            link.queue = missed.queue
            session.flush()
            ask_for_queues_of(callback, misses_of(session, callback))
        link.prio = max(link.prio, missed.place(policy))
        callback.prio = max(callback.prio, link.prio)
        link.is_critical = link.is_critical or missed.is_critical
        bring_forward_if_critical(callback, link, policy, zone)
        session.flush()
        return callback
    reason = _reason_to_refuse(session, missed, policy)
    reopened = None
    if reason is not RefusalReason.ANSWERED_SINCE:
        reopened = _reopen_what_it_closed(session, missed, policy, zone)
    if reason is None:
        refusal = session.get(CallbackRefusal, missed.call_id)
        if refusal is not None:
            session.delete(refusal)
        callback = merge_or_open(session, missed, policy, zone, now)
        _bring_due(session, reopened, missed, policy, zone, now)
        return callback
    _bring_due(session, reopened, missed, policy, zone, now)
    return _state_refusal(session, missed, reason, now)


def _state_refusal(session: Session, missed: Missed, reason: RefusalReason, now: datetime) -> RefusalReason:
    stated = session.get(CallbackRefusal, missed.call_id) or CallbackRefusal(
        call_id=missed.call_id, outcome="", reason="", stated_at=now
    )
    stated.outcome, stated.reason, stated.stated_at = missed.outcome, reason, now
    session.add(stated)
    session.flush()
    return reason


def _is_untouched(session: Session, callback: Callback) -> bool:
    """No agent was rung for it yet: so it may still be taken back."""
    assert callback.id is not None
    return callback.state == CallbackState.OWED and not attempts_of(session, callback.id)


def _policy_refuses(missed: Missed, policy: CallbackPolicies) -> RefusalReason | None:
    if not missed.number_digest or not missed.number_sealed:
        return RefusalReason.WITHHELD_NUMBER
    was_turned_away = missed.was_turned_away and not missed.is_critical
    lost = LostCall(
        missed.outcome, missed.number_kind, missed.wait_seconds, missed.was_greeted, was_turned_away
    )
    return reason_to_refuse(policy, lost)


def _reason_to_refuse(session: Session, missed: Missed, policy: CallbackPolicies) -> RefusalReason | None:
    reason = _policy_refuses(missed, policy)
    if reason is None and not missed.is_switchboard and _was_answered_since(session, missed):
        return RefusalReason.ANSWERED_SINCE
    return reason


def _was_answered_since(session: Session, missed: Missed) -> bool:
    """After an outage a miss may become known when the citizen has long called again and was answered."""
    answered = exists().where(
        col(CallRecord.number_digest) == missed.number_digest,
        col(CallRecord.outcome) == Outcome.ANSWERED,
        col(CallRecord.answered_at) > missed.missed_at,
        col(CallRecord.call_id) != missed.call_id,
    )
    return session.exec(select(1).where(answered)).first() is not None


def _reopen_what_it_closed(
    session: Session, missed: Missed, policy: CallbackPolicies, zone: tzinfo
) -> Callback | None:
    """This call had been taken for answered, and closed a debt; it was lost, so the debt is owed still."""
    held = (
        select(Callback)
        .where(
            col(Callback.closing_call_id) == missed.call_id,
            col(Callback.closing_code) == ClosingCode.RESOLVED_BY_INBOUND,
        )
        .with_for_update()
    )
    closed = session.exec(held.execution_options(populate_existing=True)).first()
    if closed is None or closed.id is None:
        return None
    is_tried = any(attempt.state != AttemptState.DONE for attempt in attempts_of(session, closed.id))
    try:
        with session.begin_nested():
            closed.reopen(CallbackState.IN_PROGRESS if is_tried else CallbackState.OWED)
            session.add(closed)
            session.flush()
    except IntegrityError:  # another debt of this number is open by now: that one is paid for both
        hand_over(session, closed, policy, zone)
        return None
    return closed


def _bring_due(
    session: Session,
    reopened: Callback | None,
    missed: Missed,
    policy: CallbackPolicies,
    zone: tzinfo,
    now: datetime,
) -> None:
    """A reopened debt is what its attempts made of it meanwhile; if it is owed, soon after this call."""
    if reopened is None or reopened.id is None:
        return
    reopened.deadline_at = max(reopened.deadline_at, missed.missed_at + policy.deadline)
    if attempts_of(session, reopened.id):
        settle(session, reopened, policy, zone, now)
    if reopened.state == CallbackState.OWED:
        reopened.due_at = first_attempt_at(policy, missed.missed_at, zone, is_critical=reopened.is_critical)
    session.add(reopened)
    session.flush()


def close_by_inbound(session: Session, number_digest: str, call_id: str, answered_at: datetime) -> bool:
    """An inbound call of this number was answered. False: no open debt, or another miss since then.

    Placeholders that still stand are withdrawn by the dispatcher; of who is being dialled already, the attempt keeps the
    result, and the debt stays closed."""
    callback = lock_open_callback(session, number_digest)
    if callback is None or callback.last_missed_at > answered_at:
        return False
    _close_by(session, callback, call_id, answered_at)
    return True


def close_by_own_call(session: Session, call_id: str, answered_at: datetime) -> bool:
    """This very call of a switchboard, which had been taken for lost, was answered. The switchboard's other debts are other
    people's and stay. False: it has no open debt."""
    link = session.get(CallbackCall, call_id)
    if link is None:
        return False
    callback = lock_callback(session, link.callback_id)
    if not callback.is_switchboard or callback.state == CallbackState.CLOSED:
        return False
    _close_by(session, callback, call_id, answered_at)
    return True


def _close_by(session: Session, callback: Callback, call_id: str, at: datetime) -> None:
    callback.close(ClosingCode.RESOLVED_BY_INBOUND, at, call_id=call_id)
    session.add(callback)
    session.flush()


def cancel(
    session: Session, callback_id: int, why: str, now: datetime, *, agent_no: str | None = None
) -> Callback:
    """A person decided that this debt is not paid. Raises NoSuchCallback, CallbackIsClosed."""
    callback = lock_callback(session, callback_id)
    if callback.closing_code is not None:
        raise CallbackIsClosed(callback_id, callback.closing_code)
    callback.close(ClosingCode.CANCELLED, now, agent_no=agent_no)
    callback.remark = why
    session.add(callback)
    session.flush()
    return callback


def nothing_forgotten(session: Session, since: datetime, until: datetime) -> list[str]:
    """Ids of lost calls that arrived in this period and have neither a call back owed nor a stated reason.

    It must be empty. Calls still in progress are not lost yet.
    """
    forgotten = (
        select(CallRecord.call_id)
        .where(
            col(CallRecord.arrived_at) >= since,
            col(CallRecord.arrived_at) < until,
            col(CallRecord.is_open).is_(False),
            col(CallRecord.outcome).in_(sorted(LOST)),
            ~exists().where(col(CallbackCall.call_id) == col(CallRecord.call_id)),
            ~exists().where(col(CallbackRefusal.call_id) == col(CallRecord.call_id)),
        )
        .order_by(col(CallRecord.arrived_at))
    )
    return list(session.exec(forgotten))
