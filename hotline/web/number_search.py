"""A search by a citizen's number, which could find a masked one by trying them all: the audit has each before it is
answered, and a token has as many as a person at a desk needs.
"""

import logging
from datetime import datetime, timedelta
from math import ceil
from typing import Final

from sqlmodel import Session, col, select

from hotline.accounts import ApiToken, Caller
from hotline.bootstrap import Hotline
from hotline.web.audit import AuditedAction, AuditEntry, note
from hotline.web.numbers import digest_of
from vocabulary.errors import HotlineError

log = logging.getLogger(__name__)

WINDOW: Final = timedelta(minutes=1)


class TooManySearches(HotlineError):
    """This token searched by number as often as it may; again after `retry_after_seconds`."""

    def __init__(self, most: int, retry_after_seconds: int) -> None:
        super().__init__(f"a token may search by number {most} times a minute")
        self.retry_after_seconds = retry_after_seconds


def searched_digest(hotline: Hotline, caller: Caller, number: str | None, room: str) -> str | None:
    """The keyed hash of the number that a list is filtered by, noted; None: by none. `room`: calls, tickets, callbacks.

    Raises NotANumber, and TooManySearches, which tells nothing about the number.
    """
    if number is None:
        return None
    digest = digest_of(hotline, number)
    now, most = hotline.now(), hotline.settings.number_searches_a_minute
    with hotline.database.writing() as session:
        # of two at once the second waits here, and counts the first
        session.exec(select(ApiToken.id).where(col(ApiToken.id) == caller.token_id).with_for_update()).one()
        lately = _lately(session, caller.token_id, since=now - WINDOW)
        if len(lately) < most:
            note(session, caller, AuditedAction.NUMBER_SEARCHED, f"number {digest}", f"list of {room}", now)
            return digest
    log.warning("token %s (%s) searched by number too often", caller.token_id, caller.written)
    raise TooManySearches(most, max(1, ceil((lately[-most] + WINDOW - now).total_seconds())))


def _lately(session: Session, token_id: int, since: datetime) -> list[datetime]:
    """The moments of this token's searches, the oldest first."""
    statement = select(AuditEntry.at).where(
        col(AuditEntry.at) > since,
        col(AuditEntry.token_id) == token_id,
        col(AuditEntry.action) == AuditedAction.NUMBER_SEARCHED,
    )
    return list(session.exec(statement.order_by(col(AuditEntry.at))))
