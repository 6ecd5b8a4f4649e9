"""A dispatcher that has room for so many, wherever they wait."""

from datetime import datetime

from sqlmodel import Session

from missed_call_redial.claims import Claim, claim_due, due_in_line
from missed_call_redial.policy import CallbackPolicies
from missed_call_redial.queue_line import queues_with_due


def claim_first(
    session: Session, owner: str, now: datetime, policy: CallbackPolicies, limit: int
) -> list[Claim]:
    """Up to `limit` of those who are due, first arrivals first; whom another worker holds is passed over."""
    claims: list[Claim] = []
    for due in list(due_in_line(session, now, policy, queues_with_due(session, now))):
        if len(claims) == limit:
            break
        claim = claim_due(session, owner, now, policy, due.callback_id)
        claims += [claim] if claim is not None else []
    return claims
