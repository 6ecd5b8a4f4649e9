"""One row for each call, always what its events say; everything later (rules, callbacks, pages) reads it.

The story is told by `outcome`; here it is only kept, with the caller's number sealed.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from sqlalchemy import Connection, Executable, Index, bindparam, case, update
from sqlalchemy.dialects.postgresql import Insert as PostgresqlInsert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlmodel import Field, Session, SQLModel

from tickets.call_events import hold_log, of_call
from tickets.connections import connection_of
from tickets.outcome import CallFacts, Outcome, fold
from tickets.sealing import Sealer
from vocabulary.hotline_names import ATTEMPT_CHANNEL_PREFIX
from vocabulary.phone_numbers import PhoneNumber, mask

BY_RULES: Final = "rules"
"""Stands where no person acted."""


class CallRecord(SQLModel, table=True):
    """The facts of `outcome.CallFacts`, the sealed number, and what was made of the call. `disposed_by` is a person,
    or BY_RULES. `voicemail_name`: of the file, for tickets.voicemails."""

    __tablename__ = "call_record"
    __table_args__ = (
        Index("ix_call_record_is_open_arrived_at", "is_open", "arrived_at"),
    )  # also finds those that ended in one week

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
    chosen_category: str | None = None
    broadcast: str | None = None
    """The emergency message that was on for the number called when the call came in."""
    queue: str | None = None
    agent_no: str | None = None
    outcome: str = Field(index=True)
    hangup_cause: int | None = None
    hung_up_by: str | None = None
    wait_seconds: float | None = None
    talk_seconds: float | None = None
    prio: int | None = None
    voicemail_seconds: float | None = None
    voicemail_name: str | None = None
    voicemail_sha256: str | None = None
    voicemail_at: datetime | None = None
    is_open: bool
    settled_as: str | None = None
    disposition: str | None = None
    disposed_by: str | None = None
    created_at: datetime

    @property
    def has_voicemail(self) -> bool:
        return self.voicemail_name is not None


RECORDS: Final = SQLModel.metadata.tables["call_record"]
Normaliser = Callable[[str, str | None], PhoneNumber]
"""From the raw number and the trunk's name."""


class KnownCall(Protocol):
    """What rules, tickets and debts read of a call: a CallRecord has it, and a CallNow, which costs less."""

    @property
    def call_id(self) -> str: ...
    @property
    def number_called(self) -> str: ...
    @property
    def number_kind(self) -> str: ...
    @property
    def number_digest(self) -> str | None: ...
    @property
    def number_sealed(self) -> str | None: ...
    @property
    def number_masked(self) -> str: ...
    @property
    def arrived_at(self) -> datetime: ...
    @property
    def greeted_at(self) -> datetime | None: ...
    @property
    def answered_at(self) -> datetime | None: ...
    @property
    def menu_path(self) -> str | None: ...
    @property
    def menu_version(self) -> str | None: ...
    @property
    def chosen_category(self) -> str | None: ...
    @property
    def broadcast(self) -> str | None: ...
    @property
    def queue(self) -> str | None: ...
    @property
    def agent_no(self) -> str | None: ...
    @property
    def outcome(self) -> str: ...
    @property
    def wait_seconds(self) -> float | None: ...
    @property
    def prio(self) -> int | None: ...
    @property
    def voicemail_seconds(self) -> float | None: ...
    @property
    def disposition(self) -> str | None: ...
    @property
    def disposed_by(self) -> str | None: ...
    @property
    def settled_as(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class CallNow:
    """A record as `refresh` has just written it: values, tied to no session."""

    call_id: str
    number_called: str
    number_kind: str
    number_digest: str | None
    number_sealed: str | None
    number_masked: str
    arrived_at: datetime
    greeted_at: datetime | None
    answered_at: datetime | None
    menu_path: str | None
    menu_version: str | None
    chosen_category: str | None
    broadcast: str | None
    queue: str | None
    agent_no: str | None
    outcome: str
    wait_seconds: float | None
    prio: int | None
    voicemail_seconds: float | None
    is_open: bool
    disposition: str | None
    disposed_by: str | None
    settled_as: str | None


_NEW: Final = "new_"
_FROM_FACTS: Final = tuple(entry.name for entry in fields(CallFacts) if entry.name != "caller_raw")
_MADE_ELSEWHERE: Final = frozenset(
    {"call_id", "number_sealed", "settled_as", "disposition", "disposed_by", "created_at"}
)
_TOLD_BACK: Final = ("number_sealed", "disposition", "disposed_by", "settled_as")
"""What the row may have kept, whatever was written now."""
_IN_CALL_NOW: Final = tuple(entry.name for entry in fields(CallNow) if entry.name not in _TOLD_BACK)


def refresh(
    session: Session, call_id: str, *, sealer: Sealer, normaliser: Normaliser, quick_hangup_seconds: int
) -> CallNow | None:
    """Writes the record as the events now tell it; None for a callback's own channels and for calls of which
    nothing is known. A CallRecord that this session has loaded before does not hear of it."""
    connection = hold_log(session)
    row = _row(connection, call_id, sealer, normaliser, quick_hangup_seconds)
    if row is None:
        return None
    kept = connection.execute(_UPSERT[connection.dialect.name], row).one()
    return CallNow(
        **{name: row[_NEW + name] for name in _IN_CALL_NOW}, **dict(zip(_TOLD_BACK, kept, strict=True))
    )


_RULED_BY: Final = (
    "number_called",
    "number_digest",
    "menu_path",
    "chosen_category",
    "queue",
    "agent_no",
    "arrived_at",
)
_OWED_BY: Final = (
    "number_digest",
    "prio",
    "greeted_at",
    "answered_at",
    "wait_seconds",
    "queue",
    "number_called",
)
"""What rules and tickets, and what debts are decided from; the outcome is one of both. A change of any of them settles
the call again: the same outcome may become known with less, and be refused a call back for what was only not known
yet."""


def settlement_of(record: KnownCall) -> str:
    """The facts that a settlement rests on, as one short text: a half for the ticket, and a half for the debt."""
    seen = Outcome(record.outcome).as_rules_see
    return f"{_short(record, _RULED_BY, seen)}{_short(record, (*_OWED_BY, 'arrived_at'), record.outcome)}"


def _short(record: KnownCall, names: Sequence[str], outcome: str) -> str:
    facts = "|".join([str(outcome), *(str(getattr(record, name)) for name in names)])
    if record.broadcast:  # without one as ever: what was settled before there were any stays settled
        facts += f"|{record.broadcast}"
    return hashlib.sha256(facts.encode()).hexdigest()[:16]


def is_settled(record: KnownCall) -> bool:
    """Rules and callback have run for what the record now says."""
    return record.settled_as == settlement_of(record)


def is_ticket_settled(record: KnownCall) -> bool:
    """The rules have run for what they see of the record now; of the debt this says nothing."""
    return record.settled_as is not None and record.settled_as[:16] == settlement_of(record)[:16]


def keep_settlement(session: Session, record: KnownCall) -> None:
    """Rules and callback have run for these facts."""
    connection_of(session).execute(_SETTLE, {"of_call": record.call_id, "as_now": settlement_of(record)})


def dispose_by_rules(session: Session, call_id: str, disposition: str) -> None:
    """Unless somebody has given the call a disposition already."""
    connection_of(session).execute(_DISPOSE, {"of_call": call_id, "as_now": disposition})


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
        "disposed_by": None,
        "created_at": datetime.now(UTC),
    }
    return row | {_NEW + name: value for name, value in made.items()}


def _opened(caller: str, sealer: Sealer) -> str:
    """What the caller's side sent; a telephone number holds no colon, a sealed value does."""
    return sealer.open(caller) if ":" in caller else caller


def _upsert(insert: type[PostgresqlInsert] | type[SqliteInsert]) -> Executable:
    """Built once for each dialect: building costs more than running. A number that stays keeps its seal."""
    values = {column.name: bindparam(_NEW + column.name, type_=column.type) for column in RECORDS.columns}
    statement = insert(RECORDS).values(values)
    new = statement.excluded
    changed: dict[str, Any] = {name: new[name] for name in values if name not in _MADE_ELSEWHERE}
    is_same = RECORDS.c.number_digest.is_not_distinct_from(new["number_digest"])
    changed["number_sealed"] = case((is_same, RECORDS.c.number_sealed), else_=new["number_sealed"])
    upsert = statement.on_conflict_do_update(index_elements=["call_id"], set_=changed)
    return upsert.returning(*(RECORDS.c[name] for name in _TOLD_BACK))


_UPSERT: Final = {"sqlite": _upsert(SqliteInsert), "postgresql": _upsert(PostgresqlInsert)}
_IS_IT: Final = RECORDS.c.call_id == bindparam("of_call")
_SETTLE: Final = update(RECORDS).where(_IS_IT).values(settled_as=bindparam("as_now"))
_DISPOSE: Final = (
    update(RECORDS)
    .where(_IS_IT, RECORDS.c.disposition.is_(None))
    .values(disposition=bindparam("as_now"), disposed_by=BY_RULES)
)
