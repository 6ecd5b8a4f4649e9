"""`hotline status`: the line as it is at this moment, for a person or, as JSON, for a program."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, tzinfo
from typing import Any, Final

from sqlalchemy import func, select
from sqlmodel import Session, col

from hotline import as_found, config_door
from hotline.asterisk_view import AsteriskNotReached, AsteriskView, look
from hotline.parts import all_parts
from hotline.problem_words import said
from hotline.settings import Settings
from hotline.web.figures import Figures, collect
from ivr.config_files.published import load_published, store_of
from ivr.config_files.set_store import current
from missed_call_redial.callbacks import Callback, CallbackState
from tickets.call_records import CallRecord

_SHOWN_DETAILS: Final = ("reason", "busy")


@dataclass(frozen=True)
class PartNow:
    is_up: bool
    at: datetime
    process: str
    detail: Mapping[str, Any]


@dataclass(frozen=True)
class QueueNow:
    label: str
    waiting: int
    waiting_since: datetime | None


@dataclass(frozen=True)
class Status:
    """`asterisk` and `channels` are None if Asterisk did not answer. Times are aware."""

    at: datetime
    is_up: bool
    is_degraded: bool
    parts: Mapping[str, PartNow]
    asterisk: str | None
    channels: int | None
    open_calls: int
    talking: int
    last_call_at: datetime | None
    queues: Mapping[str, QueueNow]
    agents: Mapping[str, int]
    callbacks: Mapping[str, int]
    callbacks_due: int
    open_long: int
    set_aside: int
    not_in_force: tuple[str, ...] = ()
    """What is told of a set that the server did not take, and of edits that were not published; nothing: there are none."""


def status_now(settings: Settings, now: datetime) -> Status:
    """Raises NoDatabase or WrongRevision: without the database nothing is known."""
    seen: AsteriskView | None
    try:
        seen = look(settings)
    except AsteriskNotReached:
        seen = None
    published = load_published(settings.home_dir)
    labels = {queue.name: queue.label for queue in published.lines.queues} if published else {}
    with as_found.reading(settings) as session:
        found = _gather(session, now, settings.zone, seen, labels)
    not_taken = _not_taken(found.parts["config"], current(store_of(settings.home_dir)))
    told = [said(sentence, settings.language) for sentence in not_taken]
    return replace(found, not_in_force=(*told, *config_door.told_of_the_folder(settings)))


def _not_taken(config: PartNow, in_force: str | None) -> Iterator[str]:
    """Of a set that this program refuses, and of a publish that was cut before the servers were told."""
    runs = config.detail.get("version")
    if config.detail.get("is_silent_in_part") is True:
        yield (
            "DEGRADED: some prompts of the set in force could not be made, callers hear silence in their place. "
            "`hotline doctor` looks at the programs that speak; then say `hotline reload`."
        )
    elif config.detail.get("is_degraded") is True:
        yield "DEGRADED: the set in force cannot be used, an older one runs. `hotline check` tells what is wrong with the files."
    elif config.is_up and runs not in (None, in_force):
        yield (
            f"The server runs configuration {runs}, in force is {in_force}: say `hotline asterisk render` and "
            "`systemctl reload 'hotline@*'`."
        )


def _gather(
    session: Session, now: datetime, zone: tzinfo, seen: AsteriskView | None, labels: Mapping[str, str]
) -> Status:
    parts = {
        name: PartNow(row.is_up, row.at, row.process, row.detail)
        for name, row in all_parts(session, now).items()
    }
    figures = collect(session, now, zone, {})
    return Status(
        at=now,
        is_up=all(part.is_up for part in parts.values()),
        is_degraded=parts["config"].detail.get("is_degraded") is True,
        parts=parts,
        asterisk=seen.version if seen else None,
        channels=seen.channels if seen else None,
        open_calls=figures.open_calls,
        talking=_talking(session),
        last_call_at=figures.last_arrival_at,
        queues=_queues(figures, labels),
        agents={str(word): count for word, count in figures.agents.items()},
        callbacks={str(state): count for state, count in figures.callbacks.items()},
        callbacks_due=_due(session, now),
        open_long=figures.open_long,
        set_aside=figures.set_aside,
    )


def _queues(figures: Figures, labels: Mapping[str, str]) -> dict[str, QueueNow]:
    found = {name: QueueNow(label, 0, None) for name, label in labels.items()}
    for name, waiting in figures.waiting.items():
        found[name] = QueueNow(labels.get(name, ""), waiting.count, waiting.since)
    return found


def _talking(session: Session) -> int:
    statement = select(func.count()).where(
        col(CallRecord.is_open).is_(True), col(CallRecord.answered_at).is_not(None)
    )
    return session.scalar(statement) or 0


def _due(session: Session, now: datetime) -> int:
    statement = select(func.count()).where(
        col(Callback.state) == CallbackState.OWED, col(Callback.due_at) <= now
    )
    return session.scalar(statement) or 0


def as_json(status: Status) -> str:
    return json.dumps(asdict(status), ensure_ascii=False, indent=1, default=_plain)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def as_text(status: Status, zone: tzinfo) -> Iterator[str]:
    """Lines for a terminal; times are local."""
    down = [name for name, part in status.parts.items() if not part.is_up]
    yield f"The hotline is NOT up: {', '.join(down)} down." if down else "The hotline is up."
    yield from status.not_in_force
    for name, part in status.parts.items():
        shown = ", ".join(f"{key}: {part.detail[key]}" for key in _SHOWN_DETAILS if part.detail.get(key))
        yield f"  {name:<12}{'up' if part.is_up else 'DOWN':<6}{shown}".rstrip()
        yield from (f"    {problem}" for problem in part.detail.get("problems", ()))
    yield _asterisk_line(status)
    yield f"Calls      {status.open_calls} open, {status.talking} of them talking; {_last_call(status, zone)}"
    if status.open_long:
        yield f"  {status.open_long} open for more than two hours: long talks, or ends that nobody heard"
    if status.set_aside:
        yield f"  {status.set_aside} LINES OF queue_log COULD NOT BE TAKEN IN and are tried again; see the log"
    for name, queue in status.queues.items():
        longest = f", the first for {_ago(status.at, queue.waiting_since)}" if queue.waiting_since else ""
        shown = f"{name or 'no queue'} {queue.label}".rstrip()
        yield f"  {shown}: {queue.waiting} waiting{longest}"
    yield "Agents     " + (_counted(status.agents) or "none")
    owed = status.callbacks.get(CallbackState.OWED, 0)
    under_way = sum(status.callbacks.values()) - owed
    yield f"Callbacks  {owed} owed, {status.callbacks_due} of them due now; {under_way} under way"


def _asterisk_line(status: Status) -> str:
    if status.asterisk is None:
        return "Asterisk   does not answer"
    return f"Asterisk   {status.asterisk}, {status.channels} channels up"


def _last_call(status: Status, zone: tzinfo) -> str:
    if status.last_call_at is None:
        return "no call has arrived yet"
    local = status.last_call_at.astimezone(zone)
    return f"the last arrived {local:%Y-%m-%d %H:%M:%S} ({_ago(status.at, status.last_call_at)} ago)"


def _ago(now: datetime, then: datetime) -> str:
    seconds = max(0, round((now - then).total_seconds()))
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {word.replace('_', ' ')}" for word, count in sorted(counts.items()))
