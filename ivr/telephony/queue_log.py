"""One line of Asterisk's queue_log → what it says about a call. Pure; queue_log_file reads the lines.

`epoch|call id|queue|agent|event|data1|data2…`; the HOTLINE_ events are written by our own dialplan.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from tickets.call_events import Event, EventKind, EventSource
from vocabulary.hotline_names import (
    ATTEMPT_CHANNEL_PREFIX,
    LOG_ARRIVED,
    LOG_DIALLED,
    LOG_DIALLING,
    LOG_END,
    LOG_NOT_TAKEN,
    LOG_TRANSFER_OVER,
    LOG_TRANSFERRED,
    LOG_TRANSFERRING,
    QUEUE_PREFIX,
)

_SHAPE: Final = re.compile(r"\s*(\d{9,11})(?:\.\d+)?\|([^|]*)\|([^|]*)\|([^|]*)\|(\w+)(?:\|(.*))?", re.DOTALL)
# After kill -9 a half line may stand right before the first line of the next start.
_GLUED_RESTART: Final = re.compile(r"(\d{10})\|NONE\|NONE\|NONE\|QUEUESTART\|?$")
_PLACEHOLDER_URL: Final = "attempt/"
_EXACT_TIME: Final = re.compile(r"(\d{10})\.(\d{6})", re.ASCII)


@dataclass(frozen=True)
class LogLine:
    """One whole line and where it stood; `offset` counts bytes from the file's start."""

    file_id: str
    offset: int
    text: str


@dataclass(frozen=True)
class Entry:
    """A line in its parts. `agent` and `queue` are "" where Asterisk writes NONE; `queue` is our own name."""

    epoch: int
    call_id: str
    queue: str
    agent: str
    event: str
    data: tuple[str, ...]

    def field(self, n: int) -> str:
        """The n-th data field, from 1; "" if there is none."""
        return self.data[n - 1].strip() if n <= len(self.data) else ""


def parse_line(text: str) -> Entry | None:
    """None for what is no line of a queue_log."""
    if glued := _GLUED_RESTART.search(text):
        return Entry(int(glued[1]), "", "", "", "QUEUESTART", ())
    match = _SHAPE.fullmatch(text)
    if match is None:
        return None
    epoch, call_id, queue, agent, event, data = match.groups()
    parts = tuple((data or "").split("|"))
    return Entry(
        int(epoch), _known(call_id), _known(queue).removeprefix(QUEUE_PREFIX), _known(agent), event, parts
    )


def to_events(line: LogLine) -> list[Event]:
    """What the line says about a call; nothing for members, pauses, reloads and rubbish.

    SWITCH_RESTARTED has no call id: it concerns every call that was open then (`for_call`).
    """
    entry = parse_line(line.text)
    if entry is None:
        return []
    reading = _READINGS.get(entry.event)
    is_of_a_call = entry.call_id != "" and not _is_unnamed_placeholder(entry)
    if reading is None or (not is_of_a_call and entry.event != "QUEUESTART"):
        return []
    kind, read = reading
    event = Event(
        call_id=entry.call_id if is_of_a_call else "",
        kind=kind,
        source=EventSource.QUEUE_LOG,
        at=datetime.fromtimestamp(entry.epoch, UTC),
        seq=line.offset,
        data=read(entry),
        key=f"ql:{line.file_id}:{line.offset}",
    )
    return [event, *_walk_before(event, entry)] if kind is EventKind.ENDED else [event]


def _walk_before(end: Event, entry: Entry) -> list[Event]:
    """What the last line tells of the menu, for a call of which our server could write nothing down.

    Usually its own account came first and is the better one; this one then changes nothing.
    """
    path, version, queue, category, greeted, broadcast = (entry.field(n) for n in range(6, 12))
    if not path:
        return []
    named = (("queue", queue), ("category", category), ("broadcast", broadcast))
    data = {"path": path, "version": version} | {name: value for name, value in named if value}
    found = [replace(end, kind=EventKind.MENU_WALKED, data=data, key=f"{end.key}:menu_walked")]
    if moment := _EXACT_TIME.fullmatch(greeted):
        at = datetime.fromtimestamp(int(moment[1]), UTC).replace(microsecond=int(moment[2]))
        found.append(replace(end, kind=EventKind.GREETED, at=at, data={}, key=f"{end.key}:greeted"))
    return found


def for_call(restart: Event, call_id: str) -> Event:
    """The same restart, as an event of one call that was open then."""
    return replace(restart, call_id=call_id, key=f"{restart.key}:{call_id}")


def _known(text: str) -> str:
    text = text.strip()
    return "" if text == "NONE" else text


def _is_unnamed_placeholder(entry: Entry) -> bool:
    """A placeholder of ours whose channel id is not ours: it must not become a citizen's record."""
    return (
        entry.event == "ENTERQUEUE"
        and entry.field(1).startswith(_PLACEHOLDER_URL)
        and not entry.call_id.startswith(ATTEMPT_CHANNEL_PREFIX)
    )


_Reading = Callable[[Entry], dict[str, str]]


def _fields(names: Sequence[str]) -> _Reading:
    """The data fields by name, in their order; "" skips one."""
    return lambda entry: {name: entry.field(n) for n, name in enumerate(names, 1) if name}


def _of_agent(names: Sequence[str] = ()) -> _Reading:
    read = _fields(names)
    return lambda entry: {"agent": entry.agent, **read(entry)}


def _queued(entry: Entry) -> dict[str, str]:
    return {"queue": entry.queue, "caller": entry.field(2), "position": entry.field(3)}


def _completed(by: str) -> _Reading:
    return lambda entry: {"agent": entry.agent, "talk": entry.field(2), "by": by}


def _transferred(kind: str, to: int) -> _Reading:
    return lambda entry: {"kind": kind, "to": entry.field(to)}


def _ended(entry: Entry) -> dict[str, str]:
    read = _fields(("status", "abandoned", "agent", "cause", "by"))(entry)
    return read | ({"queue": entry.queue} if entry.queue else {})


def _not_taken(entry: Entry) -> dict[str, str]:
    return {"status": entry.field(1), "queue": entry.queue}


def _dialled(entry: Entry) -> dict[str, str]:
    """attempt|dialstatus|cause|talk|sip text[|ring ms]; the text of the other side may hold any sign."""
    *text, ring_ms = entry.data[4:] if len(entry.data) > 5 else (*entry.data[4:5], "")
    return _fields(("attempt", "dial_status", "cause", "talk"))(entry) | {
        "sip": "|".join(text).strip(),
        "ring_ms": ring_ms.strip(),
    }


_READINGS: Final[dict[str, tuple[EventKind, _Reading]]] = {
    LOG_ARRIVED: (EventKind.ARRIVED, _fields(("caller", "number_called", "trunk", "prio"))),
    LOG_END: (EventKind.ENDED, _ended),
    LOG_NOT_TAKEN: (EventKind.NOT_TAKEN, _not_taken),
    LOG_DIALLING: (EventKind.DIALLING, _fields(("attempt",))),
    LOG_DIALLED: (EventKind.DIALLED, _dialled),
    LOG_TRANSFERRING: (EventKind.TRANSFER_DIALLED, _fields(("transfer", "trunk"))),
    LOG_TRANSFERRED: (EventKind.TRANSFER_ANSWERED, _fields(("transfer", "trunk"))),
    LOG_TRANSFER_OVER: (
        EventKind.TRANSFER_OVER,
        _fields(("transfer", "trunk", "result", "dial_status", "cause", "talk", "ring_ms", "sip")),
    ),
    "ENTERQUEUE": (EventKind.QUEUED, _queued),
    "CONNECT": (EventKind.CONNECTED, _of_agent(("hold",))),
    "COMPLETECALLER": (EventKind.COMPLETED, _completed("citizen")),
    "COMPLETEAGENT": (EventKind.COMPLETED, _completed("agent")),
    "ABANDON": (EventKind.ABANDONED, _fields(("position", "", "wait"))),
    "RINGNOANSWER": (EventKind.RING_MISSED, _of_agent(("ring_ms",))),
    "RINGCANCELED": (EventKind.RING_CANCELLED, _of_agent()),
    "EXITWITHTIMEOUT": (EventKind.TIMED_OUT, _fields(("", "", "wait"))),
    "EXITEMPTY": (EventKind.LEFT_EMPTY, _fields(())),
    "EXITWITHKEY": (EventKind.KEY_EXIT, _fields(())),
    "WITHDRAW": (EventKind.WITHDRAWN, _fields(())),
    "BLINDTRANSFER": (EventKind.TRANSFERRED, _transferred("blind", 1)),
    "ATTENDEDTRANSFER": (EventKind.TRANSFERRED, _transferred("attended", 2)),
    "QUEUESTART": (EventKind.SWITCH_RESTARTED, _fields(())),
}
