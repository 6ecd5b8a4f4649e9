"""Everything that was heard about a call, from whatever side, kept in the order in which we learnt it.

What the events mean together is decided in `outcome`; this is only the log.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import JSON, Column, Connection, bindparam, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import Field, Session, SQLModel

from tickets.connections import connection_of
from tickets.sealing import Sealer

_LOG_LOCK: Final = 0x12345_CA11  # any constant; one lock for the whole log


class EventKind(StrEnum):
    """What happened. Behind each kind: the fields of `data`, all of them text."""

    ARRIVED = "arrived"  # caller, number_called, trunk, prio
    GREETED = "greeted"
    MENU_WALKED = (
        "menu_walked"  # path, version; queue and category if the menu names them, broadcast if one was on
    )
    QUEUED = "queued"  # queue, caller, position
    RANG = "rang"  # agent
    RING_MISSED = "ring_missed"  # agent, ring_ms
    RING_CANCELLED = "ring_cancelled"  # agent
    CONNECTED = "connected"  # agent, hold
    COMPLETED = "completed"  # agent, talk, by: citizen | agent
    ABANDONED = "abandoned"  # position, wait
    TIMED_OUT = "timed_out"  # wait
    LEFT_EMPTY = "left_empty"
    KEY_EXIT = "key_exit"
    WITHDRAWN = "withdrawn"
    TRANSFERRED = "transferred"  # kind, to
    TRANSFER_DIALLED = "transfer_dialled"  # transfer, trunk
    TRANSFER_ANSWERED = "transfer_answered"  # transfer, trunk
    TRANSFER_OVER = "transfer_over"  # transfer, trunk, result, dial_status, cause, talk, sip, ring_ms
    NOT_TAKEN = "not_taken"  # status: he stood in no line, since nobody was signed in or it was full; queue
    ENDED = "ended"  # status, abandoned, agent, cause, by; queue if known
    SWITCH_RESTARTED = "switch_restarted"
    TOOK_NUMBER = "took_number"
    DIALLING = "dialling"  # attempt
    DIALLED = "dialled"  # attempt, dial_status, cause, talk, sip
    VOICEMAIL = "voicemail"  # seconds; name and sha256 if it is long enough to be a message
    VANISHED = "vanished"  # its channel is gone, and nobody said how it ended


class EventSource(StrEnum):
    """Who told us. ami only hints: a caller can forge its events (their text is not ours)."""

    AGI = "agi"
    AMI = "ami"
    QUEUE_LOG = "queue_log"
    WATCH = "watch"  # we ourselves: comparing open calls with living channels, or finding a recorded message


@dataclass(frozen=True, slots=True)
class Event:
    """`at` is aware UTC; `seq` orders events of one source with the same `at`; `key` names the event for
    ever, so that hearing it again changes nothing."""

    call_id: str
    kind: EventKind
    source: EventSource
    at: datetime
    seq: int
    data: Mapping[str, str] = field(default_factory=dict)
    key: str = ""


PERSONAL: Final = frozenset({"caller", "to"})
"""Fields of `data` that may be somebody's number: they are kept sealed."""


def sealed(event: Event, sealer: Sealer) -> Event:
    """The same event with its personal fields sealed; done before `append`."""
    found = PERSONAL & event.data.keys()
    if not any(event.data[name] for name in found):
        return event
    return replace(
        event,
        data={**event.data} | {name: sealer.seal(event.data[name]) for name in found if event.data[name]},
    )


class CallEvent(SQLModel, table=True):
    """`id` rises in the order of commits, so a follower that remembers the last one misses nothing."""

    __tablename__ = "call_event"
    __table_args__ = {"sqlite_autoincrement": True}

    id: int | None = Field(default=None, primary_key=True)
    call_id: str = Field(index=True)
    kind: str
    source: str
    at: datetime
    seq: int
    data: dict[str, str] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    key: str = Field(unique=True)


EVENTS: Final = SQLModel.metadata.tables["call_event"]
_COLUMNS: Final = (
    EVENTS.c.kind,
    EVENTS.c.source,
    EVENTS.c.at,
    EVENTS.c.seq,
    EVENTS.c.data,
    EVENTS.c.key,
)
# Built once: building a statement costs more than running it, and every leg of every call runs these.
_OF_CALL: Final = select(*_COLUMNS).where(EVENTS.c.call_id == bindparam("wanted")).order_by(EVENTS.c.id)
_ADD: Final = {
    "sqlite": sqlite_insert(EVENTS)
    .on_conflict_do_nothing(index_elements=["key"])
    .returning(EVENTS.c.call_id),
    "postgresql": postgresql_insert(EVENTS)
    .on_conflict_do_nothing(index_elements=["key"])
    .returning(EVENTS.c.call_id),
}
_KINDS: Final = {kind.value: kind for kind in EventKind}
_SOURCES: Final = {source.value: source for source in EventSource}


def append(session: Session, events: Iterable[Event]) -> list[str]:
    """Adds what is new; gives the call ids that gained an event, each once, in the order given."""
    rows = [_row(event) for event in events]
    if not rows:
        return []
    connection = hold_log(session)
    gained = set(connection.execute(_ADD[connection.dialect.name], rows).scalars())
    return list(dict.fromkeys(row["call_id"] for row in rows if row["call_id"] in gained))


def of_call(connection: Connection, call_id: str) -> list[Event]:
    """All that is known of one call, in the order in which we learnt it."""
    rows = connection.execute(_OF_CALL, {"wanted": call_id})
    return [
        Event(call_id, _KINDS[kind], _SOURCES[source], at, seq, data, key)
        for kind, source, at, seq, data, key in rows
    ]


def hold_log(session: Session) -> Connection:
    """Until this transaction ends nobody else adds events: ids commit in rising order, and a record is
    made from all events that there are. (SQLite has one writer anyway.) Gives the session's connection."""
    connection = connection_of(session)
    if connection.dialect.name == "postgresql":
        transaction = connection.get_transaction()
        if session.info.get("holds_log") is not transaction:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOG_LOCK})")
            session.info["holds_log"] = transaction
    return connection


def _row(event: Event) -> dict[str, Any]:
    if not event.key:
        raise ValueError("an event without a key cannot be told from its own repetition")
    return {
        "call_id": event.call_id,
        "kind": event.kind.value,
        "source": event.source.value,
        "at": event.at,
        "seq": event.seq,
        "data": dict(event.data),
        "key": event.key,
    }
