"""What a debt is after one of its attempts ended: paid, owed again, or given up with a reason."""

import logging
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

from sqlmodel import Session, col, exists, select

from missed_call_redial.callbacks import (
    Attempt,
    AttemptState,
    Callback,
    CallbackCall,
    CallbackState,
    ClosingCode,
    attempts_of,
    lock_callback,
    lock_open_callback,
)
from missed_call_redial.dial_results import AttemptOutcome
from missed_call_redial.policy import CallbackPolicies, first_attempt_at, next_attempt_at
from tickets.call_events import hold_log
from tickets.call_records import CallRecord
from tickets.outcome import Outcome

log = logging.getLogger(__name__)
SPOKEN_WITH: Final = (ClosingCode.CONNECTED, ClosingCode.RESOLVED_BY_INBOUND, ClosingCode.SETTLED)
"""Ends of a debt in which somebody spoke with the citizen: they settle every miss that came before them."""
# Ends that a late "connected" corrects: they were concluded without knowing of the talk.
_CORRECTED_BY_TALK = (ClosingCode.UNREACHABLE_AFTER_N, ClosingCode.EXPIRED, ClosingCode.INVALID_NUMBER)
# Ends that rest on what the attempts were taken for, which a result that is told late may change.
_RESTS_ON_THE_TALLY = (ClosingCode.UNREACHABLE_AFTER_N, ClosingCode.INVALID_NUMBER)
_INVALID_IN_A_ROW: Final = 2
"""The citizen has just called us from that number: the first "no such number" is more likely a prefix, or a route, gone wrong."""


def lock_attempt(session: Session, attempt_id: str) -> tuple[Callback, Attempt] | None:
    """Both rows as they are now. First the log, then the debt, then the attempt: every worker locks in this order, since
    who ends several attempts in one transaction would else wait for another who ends them in another order."""
    hold_log(session)
    callback_id = session.exec(select(Attempt.callback_id).where(col(Attempt.id) == attempt_id)).first()
    if callback_id is None:
        return None
    callback = lock_callback(session, callback_id)
    held = select(Attempt).where(col(Attempt.id) == attempt_id).with_for_update()
    return callback, session.exec(held.execution_options(populate_existing=True)).one()


def show_in_progress(callback: Callback) -> None:
    if callback.state != CallbackState.CLOSED:
        callback.state = CallbackState.IN_PROGRESS


def settle(
    session: Session, callback: Callback, policy: CallbackPolicies, zone: tzinfo, now: datetime
) -> None:
    """To be called when an attempt ended; the debt's row is locked."""
    session.flush()
    assert callback.id is not None
    attempts = attempts_of(session, callback.id)
    tally = _tally(callback, attempts, policy.max_attempts)
    callback.attempts = tally.counted
    talk = next((attempt for attempt in attempts if attempt.outcome == AttemptOutcome.CONNECTED), None)
    if talk is not None and talk.ended_at is not None:
        if callback.state != CallbackState.CLOSED or callback.closing_code in _CORRECTED_BY_TALK:
            callback.close(ClosingCode.CONNECTED, talk.ended_at, agent_no=talk.agent_no)
            reopen_later_misses(session, callback, talk.ended_at, policy, zone, now)
        session.flush()
        return
    is_given_up = callback.closing_code in _RESTS_ON_THE_TALLY
    if is_given_up and not tally.is_invalid and tally.counted < policy.max_attempts:
        _reopen_what_was_given_up(session, callback, attempts)
    elif is_given_up:
        callback.closing_code = (
            ClosingCode.INVALID_NUMBER if tally.is_invalid else ClosingCode.UNREACHABLE_AFTER_N
        )
    if callback.state != CallbackState.CLOSED:
        _go_on(callback, attempts, tally, policy, zone, now)
    session.flush()


def _reopen_what_was_given_up(session: Session, callback: Callback, attempts: list[Attempt]) -> None:
    """Its last attempt turned out to be none; unless the citizen was spoken with since, or a newer debt stands for him."""
    if not callback.is_switchboard:
        newer = lock_open_callback(session, callback.number_digest)
        why = f"callback {newer.id} is open" if newer is not None else _spoken_with_since(session, callback)
        if why is not None:
            callback.remark = f"not reopened: {why}"
            return
    log.warning(
        "call %s: callback %s was given up too early, it is open again", callback.first_call_id, callback.id
    )
    runs = any(attempt.state != AttemptState.DONE for attempt in attempts)
    callback.reopen(CallbackState.IN_PROGRESS if runs else CallbackState.OWED)


def _spoken_with_since(session: Session, callback: Callback) -> str | None:
    answered = exists().where(
        col(CallRecord.number_digest) == callback.number_digest,
        col(CallRecord.outcome) == Outcome.ANSWERED,
        col(CallRecord.answered_at) > callback.last_missed_at,
    )
    settled = exists().where(
        col(Callback.number_digest) == callback.number_digest,
        col(Callback.closing_code).in_(SPOKEN_WITH),
        col(Callback.closed_at) > callback.last_missed_at,
    )
    return None if session.exec(select(1).where(answered | settled)).first() is None else "spoken with since"


@dataclass(frozen=True)
class _Tally:
    counted: int
    is_invalid: bool
    begins_anew: bool
    """The last attempt would have been the end, but the citizen called us, in vain, after it was dialled."""


def _ended(attempts: list[Attempt]) -> list[tuple[datetime, str, Attempt]]:
    return sorted(
        (attempt.ended_at, attempt.id, attempt) for attempt in attempts if attempt.ended_at is not None
    )


def _tally(callback: Callback, attempts: list[Attempt], most: int) -> _Tally:
    """Counts from the last attempt that a later miss kept from being the end."""
    counted, invalid_in_a_row, is_invalid, begins_anew = 0, 0, False, False
    for _, _, attempt in _ended(attempts):
        counted += attempt.counts
        begins_anew = False
        if attempt.counts:
            found_invalid = attempt.outcome == AttemptOutcome.INVALID_NUMBER
            invalid_in_a_row = invalid_in_a_row + 1 if found_invalid else 0
        found_invalid = attempt.counts and invalid_in_a_row >= min(_INVALID_IN_A_ROW, most)
        if found_invalid or (attempt.counts and counted >= most):
            dialled_at = attempt.dialling_at or attempt.accepted_at or attempt.claimed_at
            if callback.last_missed_at > dialled_at and attempt.outcome != AttemptOutcome.CONNECTED:
                counted, invalid_in_a_row, begins_anew = 0, 0, True
            else:
                is_invalid = is_invalid or found_invalid
    return _Tally(counted, is_invalid, begins_anew)


def _go_on(
    callback: Callback,
    attempts: list[Attempt],
    tally: _Tally,
    policy: CallbackPolicies,
    zone: tzinfo,
    now: datetime,
) -> None:
    ended = _ended(attempts)
    outcomes = [AttemptOutcome(attempt.outcome) for _, _, attempt in ended if attempt.outcome is not None]
    if tally.is_invalid:
        callback.close(ClosingCode.INVALID_NUMBER, now)
    elif any(attempt.state != AttemptState.DONE for attempt in attempts):
        return
    elif callback.attempts >= policy.max_attempts:
        callback.close(ClosingCode.UNREACHABLE_AFTER_N, now)
    elif callback.deadline_at <= now:
        callback.close(ClosingCode.EXPIRED, now)
    else:
        callback.state = CallbackState.OWED
        ended_at = ended[-1][0]
        callback.due_at = (
            first_attempt_at(policy, ended_at, zone, is_critical=callback.is_critical)
            if tally.begins_anew
            else next_attempt_at(policy, outcomes, ended_at, zone, is_critical=callback.is_critical)
        )
        callback.lease_owner, callback.lease_until = None, None


def reopen_later_misses(
    session: Session,
    closed: Callback,
    spoken_at: datetime,
    policy: CallbackPolicies,
    zone: tzinfo,
    now: datetime,
) -> Callback | None:
    """Misses that came after the talk that closed this debt become a debt of their own."""
    later = list(
        session.exec(
            select(CallbackCall)
            .where(col(CallbackCall.callback_id) == closed.id, col(CallbackCall.missed_at) > spoken_at)
            .order_by(col(CallbackCall.missed_at), col(CallbackCall.call_id))
        )
    )
    if not later:
        return None
    first, last = later[0], later[-1]
    is_critical = any(link.is_critical for link in later)
    closed.missed_count -= len(later)
    session.add(closed)
    session.flush()
    reopened = Callback(
        number_digest=closed.number_digest,
        number_sealed=closed.number_sealed,
        number_masked=closed.number_masked,
        is_switchboard=closed.is_switchboard,
        queue=first.queue,
        queues_wanted=list(dict.fromkeys(link.queue for link in later)),
        is_critical=is_critical,
        prio=max(link.prio for link in later),
        first_call_id=first.call_id,
        first_missed_at=first.missed_at,
        last_missed_at=last.missed_at,
        missed_count=len(later),
        due_at=first_attempt_at(policy, last.missed_at, zone, is_critical=is_critical),
        deadline_at=last.missed_at + policy.deadline,
        created_at=now,
    )
    session.add(reopened)
    session.flush()
    assert reopened.id is not None
    for link in later:
        link.callback_id = reopened.id
        session.add(link)
    session.flush()
    return reopened
