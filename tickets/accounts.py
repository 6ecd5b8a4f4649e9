"""Several accounts of one call (AGI legs, AMI events, queue_log lines) put together into one story.

Texts and moments are chosen here; what the story amounts to is said in `outcome`. Pure.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final

from tickets.call_events import Event, EventKind, EventSource

_SAME_MOMENT: Final = timedelta(seconds=2)
"""queue_log cuts its times to whole seconds; a report of the same thing with an exact time lies this near."""

_QUEUE_KINDS: Final = frozenset(
    {
        EventKind.QUEUED,
        EventKind.RANG,
        EventKind.RING_MISSED,
        EventKind.RING_CANCELLED,
        EventKind.CONNECTED,
        EventKind.COMPLETED,
        EventKind.ABANDONED,
        EventKind.TIMED_OUT,
        EventKind.LEFT_EMPTY,
        EventKind.KEY_EXIT,
        EventKind.WITHDRAWN,
        EventKind.TRANSFERRED,
    }
)
_EXITS: Final = frozenset(
    {
        EventKind.ABANDONED,
        EventKind.TIMED_OUT,
        EventKind.LEFT_EMPTY,
        EventKind.KEY_EXIT,
        EventKind.WITHDRAWN,
    }
)
_SAID_ONCE: Final = frozenset({EventKind.ARRIVED, EventKind.QUEUED})
_ORDER_OF_KINDS: Final = {kind: place for place, kind in enumerate(EventKind)}
_MOMENT_FROM: Final = {EventSource.AGI: 0, EventSource.AMI: 1, EventSource.QUEUE_LOG: 2, EventSource.WATCH: 3}
_WORD_FROM: Final = {EventSource.AGI: 0, EventSource.QUEUE_LOG: 1, EventSource.AMI: 2, EventSource.WATCH: 3}
_CUT: Final = frozenset({EventKind.SWITCH_RESTARTED, EventKind.VANISHED})


@dataclass(frozen=True)
class Leg:
    """One stay in a queue, as told by one account."""

    events: tuple[Event, ...]

    @cached_property
    def queued(self) -> Event | None:
        """None if the account begins in the middle of the stay."""
        return self._last(EventKind.QUEUED)

    @cached_property
    def connected(self) -> Event | None:
        """An agent picked up."""
        return self._last(EventKind.CONNECTED)

    @cached_property
    def completed(self) -> Event | None:
        """The talk was over, with its length."""
        return self._last(EventKind.COMPLETED)

    @cached_property
    def was_cut_off(self) -> bool:
        """The talk ended without a transfer. If a leg follows, the agent's phone had died: after any other end the dialplan
        leads nobody back into the line."""
        return self.completed is not None and self._last(EventKind.TRANSFERRED) is None

    @cached_property
    def exit(self) -> Event | None:
        """How the caller left the queue without an agent."""
        return next((event for event in reversed(self.events) if event.kind in _EXITS), None)

    @cached_property
    def queue(self) -> str | None:
        """The queue's name."""
        return (self.queued.data.get("queue") or None) if self.queued is not None else None

    @cached_property
    def ring_missed(self) -> bool:
        """An agent's phone rang to the end of its time."""
        return self._last(EventKind.RING_MISSED) is not None

    @cached_property
    def was_ringing_at_exit(self) -> bool:
        """The last ring was cut off by the caller's hanging up (an earlier cut one was an agent's affair)."""
        rings = [e for e in self.events if e.kind in (EventKind.RING_MISSED, EventKind.RING_CANCELLED)]
        if not rings or rings[-1].kind is not EventKind.RING_CANCELLED:
            return False
        return self.exit is None or abs(self.exit.at - rings[-1].at) < _SAME_MOMENT

    def _last(self, kind: EventKind) -> Event | None:
        return next((event for event in reversed(self.events) if event.kind is kind), None)


@dataclass(frozen=True, slots=True)
class Moments:
    """None lies before the one above it; for a call cut off, `ended` is the last moment that is known."""

    arrived: datetime
    greeted: datetime | None
    queued: datetime | None
    first_ring: datetime | None
    answered: datetime | None
    left_queue: datetime | None
    ended: datetime | None


@dataclass(frozen=True)
class Story:
    """The events of one call, each once, in one order."""

    events: tuple[Event, ...]

    @cached_property
    def legs(self) -> tuple[Leg, ...]:
        """Taken from one account whole: queue_log if it tells of the queue, else AGI. AMI only hints."""
        return _legs(self._account(EventSource.QUEUE_LOG) or self._account(EventSource.AGI))

    @cached_property
    def last_leg(self) -> Leg:
        """An empty one if the call never came to a queue."""
        return self.legs[-1] if self.legs else Leg(())

    @cached_property
    def has_ended(self) -> bool:
        """Told by a source that a caller cannot forge."""
        return any(event.kind is EventKind.ENDED for event in self._firm)

    @cached_property
    def was_cut(self) -> bool:
        """The switch came up anew after this call had arrived, or has its channel no more, and no end was heard."""
        return self._restart is not None

    @cached_property
    def message(self) -> Event | None:
        """What was found where his message would lie; None: he never came to the recorder."""
        return next((event for event in reversed(self._firm) if event.kind is EventKind.VOICEMAIL), None)

    @cached_property
    def let_down_at(self) -> datetime | None:
        """When a queue last let him go unserved, or did not take him; whole seconds."""
        refused = [event.at for event in self._firm if event.kind is EventKind.NOT_TAKEN]
        left = [] if self.last_leg.exit is None else [self.last_leg.exit.at]
        return max((*refused, *left), default=None)

    @cached_property
    def hinted_connect(self) -> Event | None:
        """AMI says that an agent picked up, in the leg that is the last one."""
        since = self._start_of_wait(self.legs[-1:])
        hints = [e for e in self._hints if e.kind is EventKind.CONNECTED and (since is None or e.at >= since)]
        return hints[-1] if hints else None

    def word(self, kind: EventKind, name: str) -> str | None:
        """What was said of `name` by the best account; what may be said again, as it was said last."""
        told = self._of(kind)
        if kind is EventKind.ENDED:  # its words decide an outcome, so no forged one may be among them
            told = [event for event in told if event.source is not EventSource.AMI]
        told = [event for event in told if event.data.get(name)]
        if not told:
            return None
        if kind is EventKind.MENU_WALKED:
            told = _farthest(told)
        best = min(told, key=lambda event: _WORD_FROM[event.source]).source
        words = [event.data[name] for event in told if event.source is best]
        return words[0] if kind in _SAID_ONCE else words[-1]

    def moments(self) -> Moments:
        """Each from its best account, pushed forward where whole seconds would make time run backwards."""
        queued = self._queued_at()
        ended = self._moment(EventKind.ENDED) if self.has_ended else None
        if ended is None and self._restart is not None:
            ended = self._restart.at
        found = [
            self._moment(EventKind.ARRIVED) or self.events[0].at,
            self._moment(EventKind.GREETED),
            queued,
            self._first_ring_at(queued),
            self._answered_at(),
            self._left_at(ended),
            ended,
        ]
        arrived, greeted, queued, ring, answered, left, ended = _never_backwards(found)
        assert arrived is not None
        return Moments(arrived, greeted, queued, ring, answered, left, ended)

    @cached_property
    def _firm(self) -> tuple[Event, ...]:
        return tuple(event for event in self.events if event.source is not EventSource.AMI)

    @cached_property
    def _hints(self) -> tuple[Event, ...]:
        return tuple(event for event in self.events if event.source is EventSource.AMI)

    @cached_property
    def _restart(self) -> Event | None:
        arrival = self._moment(EventKind.ARRIVED) or self.events[0].at
        restarts = [e for e in self._firm if e.kind in _CUT and e.at > arrival]
        return restarts[0] if restarts else None

    def _of(self, kind: EventKind) -> list[Event]:
        return [event for event in self.events if event.kind is kind]

    def _account(self, source: EventSource) -> list[Event]:
        return [event for event in self.events if event.source is source and event.kind in _QUEUE_KINDS]

    def _moment(self, kind: EventKind) -> datetime | None:
        """queue_log says roughly when, a report near to that exactly; without queue_log the best other
        report."""
        told = self._of(kind)
        written = [event for event in told if event.source is EventSource.QUEUE_LOG]
        if written:
            return self._exact(written[0])
        return min(told, key=_by_exactness).at if told else None

    def _exact(self, event: Event) -> datetime:
        """The event's time, or a better one of the same thing from a source with exact times."""
        same = [
            other
            for other in self._of(event.kind)
            if timedelta(0) <= other.at - event.at < _SAME_MOMENT and _agree(event, other)
        ]
        return min([event, *same], key=_by_exactness).at

    def _waiting_legs(self) -> tuple[Leg, ...]:
        """The last leg and those before it since an agent was last reached: together they are one wait.

        Who was cut by an agent's dead phone, led back into the line and lost there, has waited since he first stood in it.
        """
        first = len(self.legs) - 1
        is_lost = self.has_ended and self.last_leg.connected is None
        while first > 0 and (
            self.legs[first - 1].connected is None or (is_lost and self.legs[first - 1].was_cut_off)
        ):
            first -= 1
        return self.legs[max(first, 0) :]

    def _queued_at(self) -> datetime | None:
        if self.legs:
            began = self._waiting_legs()[0].queued
            return None if began is None else self._exact(began)
        return self._moment(EventKind.QUEUED)

    def _start_of_wait(self, legs: Sequence[Leg]) -> datetime | None:
        return legs[0].queued.at if legs and legs[0].queued is not None else None

    def _first_ring_at(self, queued: datetime | None) -> datetime | None:
        since = self._start_of_wait(self._waiting_legs())
        rings = [e.at for e in self._of(EventKind.RANG) if since is None or e.at >= since]
        if not rings and queued is not None:
            told = [event for leg in self._waiting_legs() for event in leg.events]
            missed = [event for event in told if event.kind is EventKind.RING_MISSED]
            rings = [event.at - timedelta(milliseconds=_ring_ms(event)) for event in missed]
        return min(rings) if rings else None

    def _left_at(self, ended: datetime | None) -> datetime | None:
        """Who hung up in the queue left it then; nobody knows when, if the switch died."""
        if self.last_leg.exit is not None:
            return self._exact(self.last_leg.exit)
        return ended if self.has_ended else None

    def _answered_at(self) -> datetime | None:
        connected = self.last_leg.connected or self.hinted_connect
        return None if connected is None else self._exact(connected)


def read_story(events: Iterable[Event]) -> Story:
    """Each event once (by its key), in an order that only the events decide; ValueError if none."""
    told: dict[str, Event] = {}
    for event in sorted(events, key=_place):
        told.setdefault(event.key, event)
    if not told:
        raise ValueError("nothing is known of this call")
    return Story(tuple(told.values()))


def _place(event: Event) -> tuple[datetime, str, int, int, str, tuple[tuple[str, str], ...]]:
    words = tuple(sorted(event.data.items()))
    return (event.at, event.source.value, event.seq, _ORDER_OF_KINDS[event.kind], event.key, words)


def _legs(account: Sequence[Event]) -> tuple[Leg, ...]:
    legs: list[list[Event]] = []
    for event in account:
        if event.kind is EventKind.QUEUED or not legs:
            legs.append([])
        legs[-1].append(event)
    return tuple(Leg(tuple(events)) for events in legs)


def _by_exactness(event: Event) -> tuple[int, datetime]:
    return (_MOMENT_FROM[event.source], event.at)


def _farthest(told: list[Event]) -> list[Event]:
    """Each account of a walk that went on holds the one before it, but for what of a very long path had to be cut: so of
    our own the last one counts, however short, and another's where it came further."""
    own = [event for event in told if event.source is EventSource.AGI][-1:]
    further = [
        event
        for event in told
        if event.source is not EventSource.AGI
        and all(_nodes_walked(event) > _nodes_walked(one) for one in own)
    ]
    return further or own


def _nodes_walked(event: Event) -> int:
    return event.data.get("path", "").count("/")


def _agree(one: Event, other: Event) -> bool:
    ours, theirs = one.data.get("agent"), other.data.get("agent")
    return not ours or not theirs or ours == theirs


def _ring_ms(event: Event) -> int:
    text = event.data.get("ring_ms", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _never_backwards(found: Sequence[datetime | None]) -> list[datetime | None]:
    latest: datetime | None = None
    forward: list[datetime | None] = []
    for moment in found:
        if moment is not None:
            latest = moment if latest is None else max(latest, moment)
            forward.append(latest)
        else:
            forward.append(None)
    return forward
