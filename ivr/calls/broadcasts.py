"""Emergency messages that are on: who switched which on for which numbers, and until when. Kept here, played in a walk.

What was prepared stands in config/broadcasts.yaml; what each process plays is ivr.calls.broadcast_board.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import JSON, Column
from sqlmodel import Field, Session, SQLModel, col, select
from sqlmodel.sql.expression import SelectOfScalar

from ivr.config_files.checker import Configuration
from ivr.config_files.schema_words import did_you_mean
from ivr.menus.broadcasts import SPOKEN
from ivr.plain_text import shown
from vocabulary.errors import HotlineError

MOST_LISTED = 100


class Broadcast(SQLModel, table=True):
    """`numbers` None: all of the hotline. `text`: what is said in place of prepared prompts. `ended_at` None: nobody switched
    it off, so it ends at `until`."""

    __tablename__ = "broadcast"
    __table_args__ = {"sqlite_autoincrement": True}

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=40)
    text: str | None = None
    numbers: list[str] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    started_at: datetime
    started_by: str = Field(max_length=80)
    until: datetime = Field(index=True)
    ended_at: datetime | None = None
    ended_by: str | None = Field(default=None, max_length=80)

    def is_on(self, now: datetime) -> bool:
        return self.ended_at is None and now < self.until


class BadBroadcast(HotlineError):
    """It cannot be switched on as asked; the text says why, `remedy` what to do."""

    def __init__(self, fault: str, remedy: str) -> None:
        super().__init__(f"{fault}. {remedy}")
        self.fault, self.remedy = fault, remedy


class NoSuchBroadcast(HotlineError):
    def __init__(self, broadcast_id: int) -> None:
        super().__init__(f"there is no broadcast {broadcast_id}")
        self.broadcast_id = broadcast_id


@dataclass(frozen=True)
class Wanted:
    """What somebody asks for. `name` None: nothing prepared, only `text`. `until` None: as long as the file says."""

    name: str | None
    text: str | None = None
    numbers: tuple[str, ...] | None = None
    until: datetime | None = None


def planned(configuration: Configuration, wanted: Wanted, by: str, now: datetime) -> Broadcast:
    """What would be switched on, checked against the files in force. Raises BadBroadcast."""
    broadcasts, name = configuration.broadcasts, wanted.name or SPOKEN
    if wanted.name is None and wanted.text is None:
        raise BadBroadcast("nothing is said", "Name a message of broadcasts.yaml, or give a text")
    if wanted.name is not None and broadcasts.named(wanted.name) is None:
        known = did_you_mean(wanted.name, [one.name for one in broadcasts.broadcasts], "None is prepared.")
        raise BadBroadcast(f"no broadcast {shown(wanted.name)} in broadcasts.yaml", known.rstrip("."))
    for number in wanted.numbers or ():
        called = configuration.lines.number(number)
        if called is None:
            known = did_you_mean(number, [one.number for one in configuration.lines.numbers])
            raise BadBroadcast(f"no number {shown(number)}", known.rstrip("."))
        if called.is_emergency:
            fault = f"callers of {number} hear none: it is for emergencies (is_emergency in hotline.yaml)"
            raise BadBroadcast(fault, "Leave that number out")
    if wanted.numbers is not None and not wanted.numbers:
        raise BadBroadcast("no number is named", "Name some, or none at all for every number")
    until = wanted.until or now + timedelta(minutes=broadcasts.minutes_of(name))
    if until <= now:
        raise BadBroadcast("it would be over already", "Choose a later end")
    if until > now + timedelta(minutes=broadcasts.longest_minutes):
        longest = f"{broadcasts.longest_minutes} minutes (longest_minutes in broadcasts.yaml)"
        raise BadBroadcast(f"it would be on for more than {longest}", "Choose an earlier end")
    return Broadcast(
        name=name,
        text=wanted.text,
        numbers=None if wanted.numbers is None else list(dict.fromkeys(wanted.numbers)),
        started_at=now,
        started_by=by[:80],
        until=until,
    )


def switch_on(session: Session, broadcast: Broadcast) -> Broadcast:
    """With its id. Another one that is on stays so: for each number the one switched on last is played."""
    session.add(broadcast)
    session.flush()
    return broadcast


def switch_off(session: Session, broadcast_id: int, by: str, now: datetime) -> Broadcast:
    """One that is over already stays as it is. Raises NoSuchBroadcast."""
    broadcast = session.get(Broadcast, broadcast_id)
    if broadcast is None:
        raise NoSuchBroadcast(broadcast_id)
    if broadcast.is_on(now):
        broadcast.ended_at, broadcast.ended_by = now, by[:80]
        session.add(broadcast)
        session.flush()
    return broadcast


def all_on(session: Session, now: datetime) -> list[Broadcast]:
    """The latest first: the one that is played where several concern a number."""
    return list(session.exec(latest_first(now)))


def latest(session: Session, most: int = MOST_LISTED) -> list[Broadcast]:
    return list(session.exec(latest_first().limit(most)))


def latest_first(on_at: datetime | None = None) -> SelectOfScalar[Broadcast]:
    """`on_at`: only those that are on at that moment."""
    statement = select(Broadcast).order_by(col(Broadcast.id).desc())
    if on_at is None:
        return statement
    return statement.where(col(Broadcast.until) > on_at, col(Broadcast.ended_at).is_(None))
