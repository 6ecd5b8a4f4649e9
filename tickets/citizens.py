"""The people behind the numbers: found again by a keyed hash, readable only through the seal.

A withheld or unusable number makes no citizen.
"""

from datetime import datetime
from typing import Final, cast

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import Field, Session, SQLModel


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


CITIZENS: Final = cast(Table, Citizen.__table__)  # type: ignore[attr-defined]


def find_or_add(
    session: Session, *, number_digest: str, number_sealed: str, number_masked: str, now: datetime
) -> Citizen:
    """The citizen of this number; a known one keeps the sealed value and was last seen `now`."""
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    insert = (postgresql_insert if is_postgresql else sqlite_insert)(Citizen).values(
        number_digest=number_digest,
        number_sealed=number_sealed,
        number_masked=number_masked,
        first_seen_at=now,
        last_seen_at=now,
    )
    statement = insert.on_conflict_do_update(
        index_elements=["number_digest"], set_={"last_seen_at": insert.excluded.last_seen_at}
    ).returning(Citizen)
    citizen: Citizen = session.execute(statement, execution_options={"populate_existing": True}).scalar_one()
    return citizen
