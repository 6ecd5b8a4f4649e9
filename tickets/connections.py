"""The way past the session for statements that make no objects: most of what a call costs is such statements."""

from typing import Final

from sqlalchemy import Connection
from sqlmodel import Session

CONNECTION: Final = "connection"
"""Where `hotline.database` leaves a unit of work's connection in the session's own notes."""


def connection_of(session: Session) -> Connection:
    """The connection of this unit of work. What the session has not flushed yet is not seen through it."""
    known: Connection | None = session.info.get(CONNECTION)
    return session.connection() if known is None else known
