"""One row for each call, always what its events say; everything later (rules, callbacks, pages) reads it.

The story is told by `outcome`; here it is only kept, with the caller's number sealed.
"""

import hashlib
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, Final, cast

from sqlalchemy import Connection, Executable, Table, bindparam, case, select
from sqlalchemy.dialects.postgresql import Insert as PostgresqlInsert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlmodel import Field, Session, SQLModel

from tickets.call_events import hold_log, of_call
from tickets.outcome import CallFacts, Outcome, fold
from tickets.sealing import Sealer
from vocabulary.hotline_names import ATTEMPT_CHANNEL_PREFIX
from vocabulary.phone_numbers import PhoneNumber, mask


class CallRecord(SQLModel, table=True):
    """The facts of `outcome.CallFacts`, the sealed number, and what was made of the call."""

    __tablename__ = "call_record"

    call_id: str = Field(primary_key=True)
    number_called: str
    trunk: str | None = None
    number_kind: str
    number_digest: str | None = Field(default=None, index=True)
    number_sealed: str | None = None
    number_masked: str
    arrived_at: datetime = Field(index=True)
    greeted_at: datetime | None = None
    queued_at: datetime | None = None
    first_ring_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    menu_path: str | None = None
    menu_version: str | None = None
    queue: str | None = None
    agent_no: str | None = None
    outcome: str = Field(index=True)
    hangup_cause: int | None = None
    hung_up_by: str | None = None
    wait_seconds: float | None = None
    talk_seconds: float | None = None
    prio: int | None = None
    is_open: bool = Field(index=True)
    settled_as: str | None = None
    disposition: str | None = None
    created_at: datetime


RECORDS: Final = cast(Table, CallRecord.__table__)  # type: ignore[attr-defined]
Normaliser = Callable[[str, str | None], PhoneNumber]
"""From the raw number and the trunk's name."""

_NEW: Final = "new_"
_FROM_FACTS: Final = tuple(entry.name for entry in fields(CallFacts) if entry.name != "caller_raw")
_MADE_ELSEWHERE: Final = frozenset({"call_id", "number_sealed", "settled_as", "disposition", "created_at"})


def refresh(
    session: Session, call_id: str, *, sealer: Sealer, normaliser: Normaliser, quick_hangup_seconds: int
) -> CallRecord | None:
    """The record as the events now tell it, attached to the session; None for a callback's own channels and
    for calls of which nothing is known."""
    connection = hold_log(session)
    row = _row(connection, call_id, sealer, normaliser, quick_hangup_seconds)
    if row is None:
        return None
    record: CallRecord = session.execute(_UPSERT_AND_LOAD[connection.dialect.name], row).scalar_one()
    return record


def rewrite(
    session: Session, call_id: str, *, sealer: Sealer, normaliser: Normaliser, quick_hangup_seconds: int
) -> bool:
    """As `refresh`, for those who do not need the record: a fifth faster. Whether there is one."""
    connection = hold_log(session)
    row = _row(connection, call_id, sealer, normaliser, quick_hangup_seconds)
    if row is not None:
        connection.execute(_UPSERT[connection.dialect.name], row)
    return row is not None


_SETTLED_BY: Final = (
    "outcome",
    "number_called",
    "number_digest",
    "menu_path",
    "queue",
    "agent_no",
    "prio",
    "arrived_at",
    "greeted_at",
    "answered_at",
    "wait_seconds",
)
"""What rules, tickets and debts are decided from. A change of any of them settles the call again: the same outcome may
become known with less, and be refused a call back for what was only not known yet."""


def settlement_of(record: CallRecord) -> str:
    """The facts that a settlement rests on, as one short text."""
    facts = "|".join(str(getattr(record, name)) for name in _SETTLED_BY)
    return hashlib.sha256(facts.encode()).hexdigest()[:32]


def is_settled(record: CallRecord) -> bool:
    """Rules and callback have run for what the record now says."""
    return record.settled_as == settlement_of(record)


def _row(
    connection: Connection, call_id: str, sealer: Sealer, normaliser: Normaliser, quick_hangup_seconds: int
) -> dict[str, Any] | None:
    events = [] if call_id.startswith(ATTEMPT_CHANNEL_PREFIX) else of_call(connection, call_id)
    if not events:
        return None
    facts = fold(events, quick_hangup_seconds=quick_hangup_seconds)
    number = normaliser(_opened(facts.caller_raw or "", sealer), facts.trunk)
    row = {_NEW + name: getattr(facts, name) for name in _FROM_FACTS}
    made = {
        "call_id": call_id,
        "outcome": facts.outcome.value,
        "number_kind": number.kind.value,
        "number_digest": sealer.digest(number.digits) if number.digits else None,
        "number_sealed": sealer.seal(number.digits) if number.digits else None,
        "number_masked": mask(number),
        "is_open": facts.outcome is Outcome.IN_PROGRESS,
        "settled_as": None,
        "disposition": None,
        "created_at": datetime.now(UTC),
    }
    return row | {_NEW + name: value for name, value in made.items()}


def _opened(caller: str, sealer: Sealer) -> str:
    """What the caller's side sent; a telephone number holds no colon, a sealed value does."""
    return sealer.open(caller) if ":" in caller else caller


def _upsert(insert: type[PostgresqlInsert] | type[SqliteInsert]) -> PostgresqlInsert | SqliteInsert:
    """Built once for each dialect: building costs more than running. A number that stays keeps its seal."""
    values = {column.name: bindparam(_NEW + column.name, type_=column.type) for column in RECORDS.columns}
    statement = insert(RECORDS).values(values)
    new = statement.excluded
    changed: dict[str, Any] = {name: new[name] for name in values if name not in _MADE_ELSEWHERE}
    is_same = RECORDS.c.number_digest.is_not_distinct_from(new["number_digest"])
    changed["number_sealed"] = case((is_same, RECORDS.c.number_sealed), else_=new["number_sealed"])
    return statement.on_conflict_do_update(index_elements=["call_id"], set_=changed)


def _and_load(upsert: PostgresqlInsert | SqliteInsert) -> Executable:
    load = select(CallRecord).from_statement(upsert.returning(RECORDS))
    return load.execution_options(populate_existing=True)


_UPSERT: Final = {"sqlite": _upsert(SqliteInsert), "postgresql": _upsert(PostgresqlInsert)}
_UPSERT_AND_LOAD: Final = {dialect: _and_load(statement) for dialect, statement in _UPSERT.items()}
