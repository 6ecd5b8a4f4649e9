"""Whether a number called before: rules and menus treat a repeat call (重复来电) in their own way."""

from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, select
from sqlmodel import Session

from tickets.call_records import RECORDS
from tickets.connections import connection_of

_EARLIER: Final = (
    select(RECORDS.c.call_id)
    .where(
        RECORDS.c.number_digest == bindparam("digest"),
        RECORDS.c.call_id != bindparam("this"),
        RECORDS.c.arrived_at < bindparam("until"),
        RECORDS.c.arrived_at >= bindparam("since"),
    )
    .limit(1)
)


def has_called_before(session: Session, digest: str, this: str, since: datetime, until: datetime) -> bool:
    """The number of that digest, by another call than `this`, which came from `since` on and before `until`."""
    asked = {"digest": digest, "this": this, "until": until, "since": since}
    return connection_of(session).execute(_EARLIER, asked).first() is not None
