"""The calls we owe: one row per debt, its missed calls, its attempts, and a reason for what is not owed.

Tables and their words only: owing.py makes and closes debts, attempts.py pays them.
"""

from datetime import datetime
from enum import StrEnum
from uuid import uuid4

from sqlalchemy import Index, text
from sqlmodel import JSON, Column, Field, Session, SQLModel, col, select

from missed_call_redial.dial_results import AttemptOutcome
from vocabulary.errors import HotlineError
from vocabulary.hotline_names import ATTEMPT_CHANNEL_PREFIX


class CallbackState(StrEnum):
    OWED = "owed"
    CLAIMED = "claimed"
    """A dispatcher has it and no placeholder is known to stand in a queue."""
    IN_PROGRESS = "in_progress"
    CLOSED = "closed"


class ClosingCode(StrEnum):
    """How a debt ended (requirements, section 4)."""

    CONNECTED = "connected"
    RESOLVED_BY_INBOUND = "resolved_by_inbound"
    UNREACHABLE_AFTER_N = "unreachable_after_n"
    INVALID_NUMBER = "invalid_number"
    REFUSED = "refused"
    WITHHELD_NUMBER = "withheld_number"
    BLOCKLISTED = "blocklisted"
    EXPIRED = "expired"
    MERGED = "merged"
    CANCELLED = "cancelled"
    SETTLED = "settled"


class AttemptState(StrEnum):
    CLAIMED = "claimed"
    PLACED = "placed"
    ACCEPTED = "accepted"
    DIALLING = "dialling"
    DONE = "done"


class Callback(SQLModel, table=True):
    """One debt. `queue` and `first_call_id` are those of the earliest missed call; `prio` is the best place that any of its
    misses gives: that of the earliest, unless a critical one with its credit comes before."""

    __tablename__ = "callback"
    __table_args__ = (
        Index(
            "uq_callback_one_open_per_number",
            "number_digest",
            unique=True,
            sqlite_where=text("state <> 'closed' AND NOT is_switchboard"),
            postgresql_where=text("state <> 'closed' AND NOT is_switchboard"),
        ),
        Index("ix_callback_line", "state", "queue", "prio"),
    )

    id: int | None = Field(default=None, primary_key=True)
    number_digest: str = Field(index=True)
    number_sealed: str
    number_masked: str
    is_switchboard: bool = False
    is_critical: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    """One of its misses is an emergency by the rules."""
    queue: str
    queues_wanted: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    prio: int
    first_call_id: str
    first_missed_at: datetime
    last_missed_at: datetime
    missed_count: int = 1
    state: str = CallbackState.OWED
    due_at: datetime = Field(index=True)
    deadline_at: datetime
    attempts: int = 0
    """Attempts that count against max_attempts; fewer than all if a later miss made them count anew."""
    lease_owner: str | None = None
    lease_until: datetime | None = None
    closing_code: str | None = None
    closed_at: datetime | None = Field(default=None, index=True)
    closing_call_id: str | None = None
    agent_no: str | None = None
    remark: str | None = None
    created_at: datetime

    def close(
        self, code: ClosingCode, at: datetime, *, agent_no: str | None = None, call_id: str | None = None
    ) -> None:
        self.state = CallbackState.CLOSED
        self.closing_code = code
        self.closed_at = at
        self.agent_no = agent_no
        self.closing_call_id = call_id
        self.lease_owner = None
        self.lease_until = None

    def reopen(self, state: CallbackState) -> None:
        """What closed it turned out not to have settled it."""
        self.state = state
        self.closing_code = None
        self.closed_at = None
        self.agent_no = None
        self.closing_call_id = None


class CallbackCall(SQLModel, table=True):
    """A missed call and the debt it belongs to."""

    __tablename__ = "callback_call"

    call_id: str = Field(primary_key=True)
    callback_id: int = Field(foreign_key="callback.id", index=True)
    missed_at: datetime
    queue: str
    prio: int
    is_critical: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})


class CallbackRefusal(SQLModel, table=True):
    """A lost call that is not rung back, and why (RefusalReason); judged anew if its outcome changes."""

    __tablename__ = "callback_refusal"

    call_id: str = Field(primary_key=True)
    outcome: str
    reason: str = Field(index=True)
    stated_at: datetime


class Attempt(SQLModel, table=True):
    """One try: a placeholder in the queue, then at most one dial."""

    __tablename__ = "callback_attempt"
    __table_args__ = (Index("ix_callback_attempt_trunk", "trunk", "ended_at"),)

    id: str = Field(primary_key=True)
    callback_id: int = Field(foreign_key="callback.id", index=True)
    state: str = Field(default=AttemptState.CLAIMED, index=True)
    outcome: str | None = None
    counts: bool = False
    is_told: bool = False
    """The outcome is the dial's own; else it was concluded from silence or the queue, and may be replaced."""
    remark: str | None = None
    channel_id: str
    other_channel_id: str
    queue: str | None = None
    """Where its placeholder was put, which need not be the queue that the citizen called."""
    trunk: str | None = None
    """Over which the citizen was to be dialled."""
    lease_owner: str | None = None
    lease_until: datetime
    claimed_at: datetime
    placed_at: datetime | None = None
    accepted_at: datetime | None = Field(default=None, index=True)
    agent_no: str | None = None
    dialling_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    cause: int | None = None
    sip_text: str | None = None

    def finish(self, outcome: AttemptOutcome, at: datetime, remark: str | None = None) -> None:
        self.state = AttemptState.DONE
        self.outcome = outcome
        self.counts = outcome.counts
        self.ended_at = at
        self.remark = remark


class NoSuchCallback(HotlineError):
    def __init__(self, callback_id: int) -> None:
        super().__init__(f"there is no callback {callback_id}")
        self.callback_id = callback_id


class CallbackIsClosed(HotlineError):
    def __init__(self, callback_id: int, closing_code: str) -> None:
        super().__init__(f"callback {callback_id} is closed: {closing_code}")
        self.callback_id = callback_id
        self.closing_code = closing_code


def new_attempt_id() -> str:
    return f"a{uuid4().hex[:12]}"


def attempt_channels(attempt_id: str) -> tuple[str, str]:
    """The ids of the placeholder's two halves: what is found under them in channels and queue_log is ours."""
    return f"{ATTEMPT_CHANNEL_PREFIX}{attempt_id}-1", f"{ATTEMPT_CHANNEL_PREFIX}{attempt_id}-2"


def attempt_of_channel(channel_id: str) -> str | None:
    """The attempt that a channel half belongs to, or None for every other channel."""
    if not channel_id.startswith(ATTEMPT_CHANNEL_PREFIX):
        return None
    attempt_id, _, half = channel_id.removeprefix(ATTEMPT_CHANNEL_PREFIX).rpartition("-")
    return attempt_id if attempt_id and half in {"1", "2"} else None


def lock_callback(session: Session, callback_id: int) -> Callback:
    """The row as it is now, held against other workers until the transaction ends."""
    held = select(Callback).where(col(Callback.id) == callback_id).with_for_update()
    callback = session.exec(held.execution_options(populate_existing=True)).first()
    if callback is None:
        raise NoSuchCallback(callback_id)
    return callback


def lock_open_callback(session: Session, number_digest: str) -> Callback | None:
    """The one open debt towards a number; switchboards, which may have many, are not looked at."""
    held = (
        select(Callback)
        .where(
            col(Callback.number_digest) == number_digest,
            col(Callback.state) != CallbackState.CLOSED,
            col(Callback.is_switchboard).is_(False),
        )
        .with_for_update()
    )
    return session.exec(held.execution_options(populate_existing=True)).first()


def attempts_of(session: Session, callback_id: int) -> list[Attempt]:
    """Oldest first."""
    return list(
        session.exec(
            select(Attempt)
            .where(col(Attempt.callback_id) == callback_id)
            .order_by(col(Attempt.claimed_at), col(Attempt.id))
        )
    )
