"""Which parts of the hotline are up, kept in the database so that every process can tell, whoever runs the part.

Each process reports its parts every few seconds; a report that is older than STALE means that the part is down.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import JSON, Column
from sqlmodel import Field, Session, SQLModel, select

STALE: Final = timedelta(seconds=10)
REPORT_EVERY_SECONDS: Final = 3
# /readyz is 200 only when all of these are up
PARTS: Final = ("database", "config", "agi", "asterisk", "listener", "dispatcher", "trunks")


class PartReport(SQLModel, table=True):
    """`detail` says what a person needs: versions, trunk states, the words of a problem."""

    __tablename__ = "part_report"

    name: str = Field(primary_key=True, max_length=40)
    is_up: bool
    at: datetime
    process: str = Field(max_length=80)
    detail: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))


def report(
    session: Session, name: str, is_up: bool, detail: dict[str, Any], process: str, now: datetime
) -> None:
    row = session.get(PartReport, name)
    if row is None:
        row = PartReport(name=name, is_up=is_up, at=now, process=process, detail=detail)
    row.is_up, row.at, row.process, row.detail = is_up, now, process, detail
    session.add(row)


def all_parts(session: Session, now: datetime) -> dict[str, PartReport]:
    """One entry for every name in PARTS; a part never heard of, or not lately, is down and says so.

    "database" is up by the fact that this can be read.
    """
    rows = {row.name: row for row in session.exec(select(PartReport))}
    found: dict[str, PartReport] = {}
    for name in PARTS:
        row = rows.get(name)
        if name == "database":
            row = PartReport(name=name, is_up=True, at=now, process="", detail={})
        elif row is None:
            row = PartReport(name=name, is_up=False, at=now, process="", detail={"reason": "never reported"})
        elif now - row.at > STALE:
            seconds = round((now - row.at).total_seconds())
            row = PartReport(
                name=name,
                is_up=False,
                at=row.at,
                process=row.process,
                detail={"reason": f"silent for {seconds} s"},
            )
        found[name] = row
    return found
