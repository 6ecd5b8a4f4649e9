"""How long agents lately talked: what the estimate of a wait rests on."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, func, select
from sqlmodel import Session

from tickets.call_records import RECORDS
from tickets.connections import connection_of

_LONGEST_CALL: Final = timedelta(hours=4)
_MEAN_TALK: Final = select(func.avg(RECORDS.c.talk_seconds)).where(
    RECORDS.c.arrived_at >= bindparam("arrived_since"),  # an index leads to these
    RECORDS.c.queue == bindparam("queue"),
    RECORDS.c.answered_at.is_not(None),
    RECORDS.c.ended_at >= bindparam("ended_since"),
)


def mean_talk_seconds(session: Session, queue: str, since: datetime) -> float | None:
    """Of the answered calls of a queue that ended since then; None if there is none. Calls that came in more than four
    hours before are left out."""
    asked = {"queue": queue, "ended_since": since, "arrived_since": since - _LONGEST_CALL}
    mean = connection_of(session).execute(_MEAN_TALK, asked).scalar()
    return None if mean is None else float(mean)
