"""An attempt from the agent's acceptance to its result; claims.py brings it that far.

What became of a dial is told by lines of queue_log, which may reach us late, twice or in another order; the
debt is settled anew from its attempts each time. Once DIALLING was seen, no second dial follows without a
result.
"""

import logging
from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final

from sqlmodel import Session, col, exists, select

from missed_call_redial.callbacks import Attempt, AttemptState, Callback, CallbackState, ClosingCode
from missed_call_redial.dial_results import AttemptOutcome, attempt_result
from missed_call_redial.policy import CallbackPolicies, may_dial_now
from missed_call_redial.settling import lock_attempt, settle, show_in_progress
from missed_call_redial.trunk_faults import warn_of_misrouting
from tickets.call_records import CallRecord

log = logging.getLogger(__name__)

# A record that has been open for longer is taken for one whose end we have not heard yet.
_LONGEST_CALL = timedelta(hours=2)

NO_TRUNK_ALLOWS: Final = "no_trunk_allows"
NO_TRUNK_IS_UP: Final = "no_trunk_is_up"


@dataclass(frozen=True)
class DialDecision:
    """May the citizen be dialled now? `why` says why not; yes is given once in an attempt's life."""

    dial: bool
    why: str
    callback_id: int | None = None
    number_sealed: str | None = None
    first_call_id: str | None = None


def attempt_accepted(
    session: Session,
    attempt_id: str,
    agent_no: str,
    now: datetime,
    *,
    policy: CallbackPolicies,
    zone: tzinfo,
    is_log_read: bool = True,
) -> DialDecision:
    """An agent accepted the placeholder: the last look before the citizen's phone rings.

    `is_log_read`: queue_log was read to its end just now. While it is not, nobody knows whether the citizen has called
    again meanwhile and was answered.
    """
    found = lock_attempt(session, attempt_id)
    if found is None:
        return DialDecision(False, "no_such_attempt")
    callback, attempt = found
    if attempt.state not in {AttemptState.CLAIMED, AttemptState.PLACED}:
        return DialDecision(False, "not_this_attempt_again", callback.id)
    attempt.agent_no = agent_no
    attempt.accepted_at = now
    why = _why_not_to_dial(session, callback, policy, zone, now, is_log_read=is_log_read)
    if why is None:
        attempt.state = AttemptState.ACCEPTED
        show_in_progress(callback)
        return DialDecision(True, "owed", callback.id, callback.number_sealed, callback.first_call_id)
    attempt.finish(AttemptOutcome.NOT_DIALLED, now, why)
    settle(session, callback, policy, zone, now)
    return DialDecision(False, why, callback.id)


def refuse_dial(
    session: Session, attempt_id: str, why: str, now: datetime, *, policy: CallbackPolicies, zone: tzinfo
) -> bool:
    """After attempt_accepted's yes it turned out that the citizen cannot be dialled, and he was not.

    It is owed again, also with NO_TRUNK_ALLOWS: plans change. False: no such attempt, or it has no yes or is
    further on.
    """
    found = lock_attempt(session, attempt_id)
    if found is None or found[1].state != AttemptState.ACCEPTED:
        return False
    callback, attempt = found
    attempt.finish(AttemptOutcome.NOT_DIALLED, now, why)
    settle(session, callback, policy, zone, now)
    if why == NO_TRUNK_ALLOWS and callback.closing_code == ClosingCode.EXPIRED:
        callback.remark = why
    return True


def _why_not_to_dial(
    session: Session,
    callback: Callback,
    policy: CallbackPolicies,
    zone: tzinfo,
    now: datetime,
    *,
    is_log_read: bool,
) -> str | None:
    if callback.state == CallbackState.CLOSED:
        return "closed"
    if callback.deadline_at <= now:
        return "expired"
    if not may_dial_now(policy, now, zone, is_critical=callback.is_critical):
        return "quiet_hours"
    if not is_log_read:
        return "queue_log_not_read"
    if callback.is_switchboard:
        return None
    if _is_on_the_line(session, callback.number_digest, now):
        return "citizen_is_calling"
    if _is_being_dialled(session, callback.number_digest):
        return "citizen_is_being_dialled"
    return None


def _is_on_the_line(session: Session, number_digest: str, now: datetime) -> bool:
    calling = exists().where(
        col(CallRecord.number_digest) == number_digest,
        col(CallRecord.is_open).is_(True),
        col(CallRecord.arrived_at) > now - _LONGEST_CALL,
    )
    return session.exec(select(1).where(calling)).first() is not None


def _is_being_dialled(session: Session, number_digest: str) -> bool:
    """By an attempt of an earlier debt, which was closed while the phone already rang."""
    dialled_already = exists().where(
        col(Attempt.callback_id) == col(Callback.id),
        col(Callback.number_digest) == number_digest,
        col(Attempt.state).in_([AttemptState.ACCEPTED, AttemptState.DIALLING]),
    )
    return session.exec(select(1).where(dialled_already)).first() is not None


def on_dialling(session: Session, attempt_id: str, at: datetime) -> bool:
    """The dialplan wrote HOTLINE_DIALLING: from now on only a result, or recover(), ends this attempt.

    False: no such attempt, or known already; a result also tells that it was dialled.
    """
    found = lock_attempt(session, attempt_id)
    if found is None or found[1].dialling_at is not None:
        return False
    callback, attempt = found
    attempt.dialling_at = at
    _dials_after_all(callback, attempt)
    return True


def _dials_after_all(callback: Callback, attempt: Attempt) -> None:
    """Whatever was concluded from silence until now."""
    attempt.state = AttemptState.DIALLING
    attempt.outcome, attempt.ended_at, attempt.remark = None, None, None
    show_in_progress(callback)


def on_reached(session: Session, attempt_id: str, at: datetime) -> bool:
    """The dialplan wrote HOTLINE_REACHED: the citizen picked up, heard who calls, and was joined with the agent. The result,
    or recover(), still has to come.

    False: no such attempt, or known already.
    """
    found = lock_attempt(session, attempt_id)
    if found is None or found[1].is_told or found[1].answered_at is not None:
        return False
    callback, attempt = found
    attempt.answered_at = at
    attempt.dialling_at = attempt.dialling_at or at
    _dials_after_all(callback, attempt)
    return True


def on_dialled(
    session: Session,
    attempt_id: str,
    dial_status: str,
    cause: int | None,
    sip: str,
    talk_seconds: float,
    at: datetime,
    *,
    policy: CallbackPolicies,
    zone: tzinfo,
    now: datetime,
    saw_ringing: bool | None = None,
) -> AttemptOutcome | None:
    """The dialplan wrote HOTLINE_DIALLED. None: no such attempt, or its result is known already."""
    found = lock_attempt(session, attempt_id)
    if found is None:
        return None
    callback, attempt = found
    if attempt.is_told:
        return None
    outcome = attempt_result(dial_status, cause, sip, saw_ringing, talk_seconds=talk_seconds)
    attempt.finish(outcome, at)
    attempt.is_told = True
    attempt.dialling_at = attempt.dialling_at or at - timedelta(seconds=talk_seconds)
    if attempt.answered_at is None and talk_seconds > 0:
        attempt.answered_at = at - timedelta(seconds=talk_seconds)
    attempt.cause = cause
    attempt.sip_text = sip[:80] or None
    settle(session, callback, policy, zone, now)
    if outcome is AttemptOutcome.INVALID_NUMBER and attempt.trunk is not None:
        warn_of_misrouting(session, attempt.trunk)
    return outcome


def on_placeholder_left(
    session: Session,
    attempt_id: str,
    how: str,
    at: datetime,
    *,
    policy: CallbackPolicies,
    zone: tzinfo,
    now: datetime,
) -> bool:
    """The placeholder left the queue undialled (`how`: timeout, withdrawn, abandoned): owed again soon.

    Feed it from queue_log only, in its order: an AMI event of the same may overtake HOTLINE_DIALLING.
    """
    found = lock_attempt(session, attempt_id)
    if found is None:
        return False
    callback, attempt = found
    if attempt.state in {AttemptState.DIALLING, AttemptState.DONE}:
        return False
    attempt.finish(AttemptOutcome.AGENT_DECLINED, at, how)
    settle(session, callback, policy, zone, now)
    return True


def runs_any(session: Session) -> bool:
    """Some attempt has not come to its end. States are named one by one, or every row that there is would be read."""
    running = [state for state in AttemptState if state is not AttemptState.DONE]
    return session.exec(select(1).where(exists().where(col(Attempt.state).in_(running)))).first() is not None


def recover(
    session: Session,
    *,
    live_attempts: Set[str],
    seen_at: datetime,
    log_read_until: datetime,
    policy: CallbackPolicies,
    zone: tzinfo,
    now: datetime,
) -> list[str]:
    """End the attempts whose lease passed and of which no channel lived at `seen_at`; returns their ids.

    Nothing is concluded before queue_log was read beyond `seen_at` and its lines were handed to the other
    functions: else a dial that nobody told us of yet would be repeated. Told to dial without a result counts,
    and is a talk if the citizen picked up; what was never told to dial does not count.
    """
    if log_read_until <= seen_at:
        return []
    silent = session.exec(
        select(Attempt.id).where(
            col(Attempt.state) != AttemptState.DONE,
            col(Attempt.lease_until) < seen_at,
            col(Attempt.id).not_in(sorted(live_attempts)),
        )
    ).all()
    return [attempt_id for attempt_id in silent if _end_silent(session, attempt_id, policy, zone, now)]


_SILENCE_MEANS = {
    AttemptState.CLAIMED: AttemptOutcome.NOT_PLACED,
    AttemptState.PLACED: AttemptOutcome.AGENT_DECLINED,
    AttemptState.ACCEPTED: AttemptOutcome.UNKNOWN,
    AttemptState.DIALLING: AttemptOutcome.UNKNOWN,
}


def _end_silent(
    session: Session, attempt_id: str, policy: CallbackPolicies, zone: tzinfo, now: datetime
) -> bool:
    found = lock_attempt(session, attempt_id)
    if found is None or found[1].state == AttemptState.DONE:
        return False
    callback, attempt = found
    was_reached = attempt.answered_at is not None
    outcome = AttemptOutcome.CONNECTED if was_reached else _SILENCE_MEANS[AttemptState(attempt.state)]
    log.warning("attempt %s of call %s vanished: %s", attempt_id, callback.first_call_id, outcome)
    if attempt.answered_at is None:
        attempt.finish(outcome, now, "vanished")
    else:  # a miss after he picked up is one that this talk did not settle
        attempt.finish(outcome, attempt.answered_at, "vanished")
    settle(session, callback, policy, zone, now)
    return True
