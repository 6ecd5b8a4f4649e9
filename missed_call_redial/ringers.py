"""Who rings the citizen of a lost call back: read from the attempts of its debt, and never kept in the call's record."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from missed_call_redial.callbacks import Attempt, AttemptState, CallbackCall
from missed_call_redial.dial_results import AttemptOutcome
from tickets.tickets import CallTicket, Relation

_RUNNING: Final = (AttemptState.ACCEPTED.value, AttemptState.DIALLING.value)


@dataclass(frozen=True)
class Ringer:
    """`has_citizen`: his attempt runs, or he spoke with the citizen. Else he was the last who tried."""

    agent_no: str
    has_citizen: bool


def ringer_of(session: Session, call_id: str) -> Ringer | None:
    """The agent who tries now; else the last who spoke with the citizen; else the last who tried. None: nobody was ever
    told to dial."""
    tried = session.exec(
        select(Attempt)
        .join(CallbackCall, col(CallbackCall.callback_id) == col(Attempt.callback_id))
        .where(
            col(CallbackCall.call_id) == call_id,
            col(Attempt.agent_no).is_not(None),
            col(Attempt.outcome).is_distinct_from(AttemptOutcome.NOT_DIALLED),
        )
        .order_by(col(Attempt.accepted_at).desc(), col(Attempt.id))
    ).all()
    best = max(tried, key=_nearness, default=None)  # of several the first, which accepted last
    if best is None or best.agent_no is None:
        return None
    return Ringer(best.agent_no, _nearness(best) > 0)


def _nearness(attempt: Attempt) -> int:
    if attempt.state in _RUNNING:
        return 2
    return 1 if attempt.outcome == AttemptOutcome.CONNECTED else 0


def ticketed_call(session: Session, callback_id: int | None) -> str | None:
    """The first call of this debt that made a ticket: an earlier miss that becomes known late makes no second one."""
    made = (
        select(CallTicket.call_id)
        .join(CallbackCall, col(CallbackCall.call_id) == col(CallTicket.call_id))
        .where(col(CallbackCall.callback_id) == callback_id, col(CallTicket.relation) == Relation.MADE)
        .order_by(col(CallTicket.ticket_id))
        .limit(1)
    )
    return session.exec(made).first()


def has_citizen() -> ColumnElement[bool]:
    """Of an Attempt: its agent has the citizen on the line, or spoke with him."""
    return col(Attempt.state).in_(_RUNNING) | (col(Attempt.outcome) == AttemptOutcome.CONNECTED)


def agents_with_citizen(session: Session, call_ids: Collection[str]) -> set[str]:
    """Those who ring back for one of these calls now, or spoke with its citizen then."""
    found = (
        select(Attempt.agent_no)
        .join(CallbackCall, col(CallbackCall.callback_id) == col(Attempt.callback_id))
        .where(col(CallbackCall.call_id).in_(call_ids), has_citizen())
    )
    return {agent_no for agent_no in session.exec(found) if agent_no is not None}
