"""The people behind the numbers: found again by a keyed hash, readable only through the seal.

A withheld or unusable number makes no citizen.
"""

from datetime import datetime
from typing import Final

from sqlalchemy import Executable, bindparam
from sqlalchemy.dialects.postgresql import Insert as PostgresqlInsert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlmodel import Field, Session, SQLModel

from tickets.connections import connection_of


class Citizen(SQLModel, table=True):
    """诉求人: a person or an organisation, one row for each number that is a party of its own."""

    __tablename__ = "citizen"

    id: int | None = Field(default=None, primary_key=True)
    number_digest: str = Field(unique=True)
    number_sealed: str
    number_masked: str
    name_sealed: str | None = None
    name_digest: str | None = Field(default=None, index=True)
    first_seen_at: datetime
    last_seen_at: datetime


CITIZENS: Final = SQLModel.metadata.tables["citizen"]
_OF_CALLER: Final = ("number_digest", "number_sealed", "number_masked", "first_seen_at", "last_seen_at")


def find_or_add(
    session: Session, *, number_digest: str, number_sealed: str, number_masked: str, now: datetime
) -> int:
    """The id of this number's citizen; a known one keeps the sealed value and was last seen `now`."""
    connection = connection_of(session)
    told = (number_digest, number_sealed, number_masked, now, now)
    statement = _FIND_OR_ADD[connection.dialect.name]
    citizen_id: int = connection.execute(statement, dict(zip(_OF_CALLER, told, strict=True))).scalar_one()
    return citizen_id


def _find_or_add(insert: type[PostgresqlInsert] | type[SqliteInsert]) -> Executable:
    """Built once for each dialect: building costs more than running."""
    statement = insert(CITIZENS).values({name: bindparam(name) for name in _OF_CALLER})
    seen = {"last_seen_at": statement.excluded.last_seen_at}
    return statement.on_conflict_do_update(index_elements=["number_digest"], set_=seen).returning(
        CITIZENS.c.id
    )


_FIND_OR_ADD: Final = {"sqlite": _find_or_add(SqliteInsert), "postgresql": _find_or_add(PostgresqlInsert)}
