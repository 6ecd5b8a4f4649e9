"""Lines of queue_log that could not be taken in, kept until a mended program takes them: one bad line must not stop all.

The text is sealed, since it may hold a number. A row is an alarm: see `hotline status` and /metrics.
"""

from datetime import datetime

from sqlalchemy import UniqueConstraint, func
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, NotSupportedError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolIsEmpty
from sqlmodel import Field, Session, SQLModel, col, select

from hotline.database import DatabaseIsBusy
from ivr.telephony.queue_log import LogLine
from tickets.sealing import Sealer


class SetAsideLine(SQLModel, table=True):
    """One line, where it stood, and what went wrong with it (kind and place of the fault, no words of the line)."""

    __tablename__ = "set_aside_line"
    __table_args__ = (UniqueConstraint("file_id", "line_offset"),)

    id: int | None = Field(default=None, primary_key=True)
    file_id: str
    line_offset: int
    text_sealed: str
    fault: str
    at: datetime


def set_aside(session: Session, line: LogLine, fault: str, sealer: Sealer, now: datetime) -> None:
    """Kept, to be tried again."""
    session.add(
        SetAsideLine(
            file_id=line.file_id,
            line_offset=line.offset,
            text_sealed=sealer.seal(line.text),
            fault=fault[:200],
            at=now,
        )
    )


def opened(row: SetAsideLine, sealer: Sealer) -> LogLine:
    """The line as it stood in the file."""
    return LogLine(row.file_id, row.line_offset, sealer.open(row.text_sealed))


def waiting(session: Session, limit: int, *, behind: int = 0) -> list[SetAsideLine]:
    """The oldest first; `behind`: those with a higher id."""
    found = select(SetAsideLine).where(col(SetAsideLine.id) > behind)
    return list(session.exec(found.order_by(col(SetAsideLine.id)).limit(limit)))


def how_many(session: Session) -> int:
    """0, always, where nothing is wrong."""
    return session.scalar(select(func.count()).select_from(SetAsideLine)) or 0


def is_outage(fault: BaseException) -> bool:
    """The database, the disk or the memory is away or full: nothing is wrong with what was to be written."""
    if isinstance(fault, DBAPIError):
        own = isinstance(fault, DataError | IntegrityError | ProgrammingError | NotSupportedError)
        return fault.connection_invalidated or not own
    return isinstance(fault, DatabaseIsBusy | PoolIsEmpty | OSError | MemoryError)
