"""Who looked behind a mask, searched by a number, disposed of a call, listened to a message or switched a broadcast, when and
why: rows are added,
never changed, and hold no number themselves.
"""

from datetime import datetime
from enum import StrEnum

from sqlmodel import Field, Session, SQLModel

from hotline.accounts import Caller


class AuditedAction(StrEnum):
    NUMBER_REVEALED = "number_revealed"
    NUMBER_SEARCHED = "number_searched"
    CALL_DISPOSED = "call_disposed"
    VOICEMAIL_HEARD = "voicemail_heard"
    BROADCAST_ON = "broadcast_on"
    BROADCAST_OFF = "broadcast_off"


class AuditEntry(SQLModel, table=True):
    """`subject` names what it is about: "call hl1-1767571200.3", or "number …" with the keyed hash of one."""

    __tablename__ = "audit_entry"
    __table_args__ = {"sqlite_autoincrement": True}

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(index=True)
    action: str = Field(max_length=40)
    subject: str = Field(index=True, max_length=200)
    reason: str = Field(max_length=500)
    token_id: int = Field(foreign_key="api_token.id", index=True)
    role: str = Field(max_length=20)
    agent_no: str | None = Field(default=None, max_length=10)


def note(
    session: Session, caller: Caller, action: AuditedAction, subject: str, reason: str, now: datetime
) -> None:
    session.add(
        AuditEntry(
            at=now,
            action=action,
            subject=subject,
            reason=reason,
            token_id=caller.token_id,
            role=caller.role,
            agent_no=caller.agent_no,
        )
    )
    session.flush()
