"""Which parts of the hotline are up, kept in the database so that every process can tell, whoever runs the part.

Each process reports its parts every few seconds; a report that is older than STALE means that the part is down.
A part that several processes run is up while one of them says so; beside the parts each process has a row of its own,
by which all that run can be found.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import JSON, Column, delete
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import Field, Session, SQLModel, col, select

STALE: Final = timedelta(seconds=10)
REPORT_EVERY_SECONDS: Final = 3
FORGOTTEN_AFTER: Final = timedelta(hours=1)
_PROCESS: Final = "process-"
# /readyz is 200 only when all of these are up
PARTS: Final = ("database", "config", "agi", "asterisk", "listener", "dispatcher", "trunks")

NOT_BY_PLAN: Final = "not_by_plan"
"""In the dispatcher's detail: how many debts wait since no trunk's plan allows their numbers."""


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
    """One statement: two processes may report a part for the first time at the same moment."""
    said = {"is_up": is_up, "at": now, "process": process, "detail": detail}
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    insert = (postgresql_insert if is_postgresql else sqlite_insert)(PartReport).values(name=name, **said)
    session.execute(insert.on_conflict_do_update(index_elements=["name"], set_=said))


def report_process(session: Session, process: str, now: datetime) -> None:
    """`process`, as host:pid, runs. Those that have long been silent are forgotten."""
    name = _PROCESS + hashlib.sha256(process.encode()).hexdigest()[:24]
    report(session, name, True, {}, process, now)
    long_gone = col(PartReport.at) < now - FORGOTTEN_AFTER
    session.execute(delete(PartReport).where(col(PartReport.name).startswith(_PROCESS), long_gone))


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
