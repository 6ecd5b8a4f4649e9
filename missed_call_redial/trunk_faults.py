"""Over which trunk a citizen was dialled, and which trunks failed of late: one that answers OPTIONS may refuse every call."""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Final

from sqlmodel import Session, col, select

from missed_call_redial.callbacks import Attempt, Callback, attempts_of
from missed_call_redial.dial_results import AttemptOutcome

log = logging.getLogger(__name__)
_RECENT: Final = timedelta(minutes=15)
"""After which a trunk that failed for others is tried again."""
_CITIZENS_IN_A_ROW: Final = 2
"""One alone may be rung again and again, and the fault be of his number."""
_LOOKED_AT: Final = 6
_ALL_INVALID: Final = 4
"""So many different citizens, one after the other, cannot all have called us from numbers that do not exist."""


def note_trunk(session: Session, attempt_id: str, trunk: str) -> None:
    """The citizen is told to be dialled over this one; the attempt is held by attempt_accepted."""
    attempt = session.get_one(Attempt, attempt_id)
    attempt.trunk = trunk
    session.add(attempt)


def trunk_faults(
    session: Session, attempt_id: str, trunks: Iterable[str], now: datetime
) -> dict[str, datetime]:
    """Which of these are to be taken last, and when each of them failed last: those whose last attempt for this debt was a
    trunk's fault, and those that failed for everybody of late."""
    mine = _told_of_debt(session, session.get_one(Attempt, attempt_id).callback_id)
    found: dict[str, datetime] = {}
    for trunk in trunks:
        last = [one for one in mine if one.trunk == trunk][:1]
        recent = [one for one in _last_attempts(session, trunk, _LOOKED_AT) if _ended(one) > now - _RECENT]
        in_a_row = list(takewhile(_is_fault, recent))
        if len(_numbers_of(session, in_a_row)) < _CITIZENS_IN_A_ROW:
            in_a_row = []
        for attempts in (list(takewhile(_is_fault, last)), in_a_row):
            if attempts:
                found[trunk] = max(_ended(attempts[0]), found.get(trunk, _ended(attempts[0])))
    return found


def warn_of_misrouting(session: Session, trunk: str) -> bool:
    """True when all of the last citizens dialled over this trunk were told to have no such number: a mistake of prefix_out,
    or the carrier's, rather than theirs."""
    last = _last_attempts(session, trunk, _ALL_INVALID)
    citizens = _numbers_of(session, [one for one in last if one.outcome == AttemptOutcome.INVALID_NUMBER])
    if len(citizens) < _ALL_INVALID:
        return False
    log.error(
        "trunk %s: the last %d citizens, who all called us, have no such number, it says: see prefix_out, ask the carrier",
        trunk,
        len(citizens),
    )
    return True


def _numbers_of(session: Session, attempts: list[Attempt]) -> set[str]:
    """Digests. A switchboard has many debts, and one number."""
    if len(attempts) < _CITIZENS_IN_A_ROW:
        return set()
    debts = {one.callback_id for one in attempts}
    return set(session.exec(select(Callback.number_digest).where(col(Callback.id).in_(debts))))


def _is_fault(attempt: Attempt) -> bool:
    return attempt.outcome == AttemptOutcome.TRUNK_FAULT


def _last_attempts(session: Session, trunk: str, count: int) -> list[Attempt]:
    """The latest first; only those whose result was told."""
    told = select(Attempt).where(col(Attempt.trunk) == trunk, col(Attempt.is_told).is_(True))
    return list(session.exec(told.order_by(col(Attempt.ended_at).desc()).limit(count)))


def _told_of_debt(session: Session, callback_id: int) -> list[Attempt]:
    """The latest first. All of them, which are few: the database would look for one trunk's among all that it ever dialled."""
    told = [one for one in attempts_of(session, callback_id) if one.is_told]
    return sorted(told, key=_ended, reverse=True)


def _ended(attempt: Attempt) -> datetime:
    assert attempt.ended_at is not None
    return attempt.ended_at
