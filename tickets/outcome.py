"""A call's story, read from whatever was heard of it: what happened, when, and how it ended.

Pure. The same set of events gives the same facts, in whatever order and however often they come; which
account of several is believed is said in `accounts`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, TypedDict

from tickets.accounts import Leg, Moments, Story, read_story
from tickets.call_events import Event, EventKind
from vocabulary.hotline_names import IVR_SERVED, LOST_AGENT, TRANSFER_GIVEN_UP, TRANSFERRED

__all__ = ["LOST", "CallFacts", "Outcome", "fold"]


class Outcome(StrEnum):
    """How a call ended; the kinds of loss are those of requirements, section 2."""

    IN_PROGRESS = "in_progress"
    ANSWERED = "answered"
    IVR_SERVED = "ivr_served"
    """The menu told him what he asked for and ended the call itself: he asked for no person."""
    VOICEMAIL = "voicemail"
    """He left a spoken message in the menu, and asked for no person afterwards."""
    TRANSFERRED = "transferred"
    """A key of the menu put him through to somebody outside, who answered."""
    IVR_ABANDON = "ivr_abandon"
    VOICEMAIL_NO_MESSAGE = "voicemail_no_message"
    """He was to leave a message, and said nothing or too little."""
    QUICK_HANGUP = "quick_hangup"
    QUEUE_ABANDON = "queue_abandon"
    RING_ABANDON = "ring_abandon"
    QUEUE_TIMEOUT = "queue_timeout"
    QUEUE_FULL = "queue_full"
    NO_AGENT = "no_agent"
    AGENT_NO_ANSWER = "agent_no_answer"
    ANSWERED_NO_TALK = "answered_no_talk"
    SYSTEM_LOSS = "system_loss"

    @property
    def as_rules_see(self) -> "Outcome":
        """While a call is talked, rules see it as answered, so the draft on the agent's screen is the one that stays."""
        return Outcome.ANSWERED if self is Outcome.IN_PROGRESS else self


LOST: Final = frozenset(Outcome) - {
    Outcome.IN_PROGRESS,
    Outcome.ANSWERED,
    Outcome.IVR_SERVED,
    Outcome.VOICEMAIL,
    Outcome.TRANSFERRED,
}

_BY_STATUS: Final = {
    "FULL": Outcome.QUEUE_FULL,
    "NO_AGENT": Outcome.NO_AGENT,
    "JOINEMPTY": Outcome.NO_AGENT,
    "JOINUNAVAIL": Outcome.NO_AGENT,
    "LEAVEEMPTY": Outcome.NO_AGENT,
    "LEAVEUNAVAIL": Outcome.NO_AGENT,
    "TIMEOUT": Outcome.QUEUE_TIMEOUT,
    "WITHDRAW": Outcome.QUEUE_TIMEOUT,
    "CONTINUE": Outcome.ANSWERED,
    LOST_AGENT: Outcome.SYSTEM_LOSS,
    IVR_SERVED: Outcome.IVR_SERVED,
    TRANSFERRED: Outcome.TRANSFERRED,
    TRANSFER_GIVEN_UP: Outcome.RING_ABANDON,
}
"""QUEUESTATUS, or the word of our own branch before Queue(). Who was withdrawn did not leave by his own
will."""

_NOT_TAKEN: Final = frozenset({"FULL", "NO_AGENT", "JOINEMPTY", "JOINUNAVAIL"})
_NOT_IN_QUEUE: Final = frozenset({*_NOT_TAKEN, LOST_AGENT, IVR_SERVED, TRANSFERRED, TRANSFER_GIVEN_UP})
"""He stood in no queue when the call ended. The dialplan clears the word before each Queue(), so a talk that was written
down lies before it: the agent's phone died, and he was led back."""


_WAITED_IN_VAIN: Final = frozenset({"TIMEOUT", "NO_AGENT", "FULL"})
_NO_LESS: Final = timedelta(seconds=1)
"""A message is longer, and the moments in queue_log are cut to whole seconds: what lies nearer was left before."""


@dataclass(frozen=True, slots=True)
class CallFacts:
    """Times are aware UTC and never run backwards in the order in which they stand here, but for `voicemail_at`, which is
    that of a file.

    `queued_at` is where the wait began that ended in `answered_at` or in the loss; `queue` and `agent_no` are of the last
    queue leg, `queue` of the one that did not take him if that came last; `wait_seconds` run from `queued_at`, not from
    arrival.
    """

    number_called: str
    caller_raw: str | None
    trunk: str | None
    arrived_at: datetime
    greeted_at: datetime | None
    queued_at: datetime | None
    first_ring_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    menu_path: str | None
    menu_version: str | None
    chosen_category: str | None
    broadcast: str | None
    queue: str | None
    agent_no: str | None
    outcome: Outcome
    hangup_cause: int | None
    hung_up_by: str | None
    wait_seconds: float | None
    talk_seconds: float | None
    prio: int | None
    voicemail_seconds: float | None = None
    """Of the message that he left, whatever became of the call afterwards."""
    voicemail_name: str | None = None
    voicemail_sha256: str | None = None
    voicemail_at: datetime | None = None


def fold(events: Iterable[Event], *, quick_hangup_seconds: int) -> CallFacts:
    """The facts of one call; ValueError when nothing at all is known of it."""
    story = read_story(events)
    moments = story.moments()
    outcome = _outcome(story, moments, quick_hangup_seconds)
    is_answered = outcome in (Outcome.ANSWERED, Outcome.ANSWERED_NO_TALK)
    is_live = outcome is Outcome.IN_PROGRESS
    return CallFacts(
        number_called=story.word(EventKind.ARRIVED, "number_called") or "",
        caller_raw=story.word(EventKind.ARRIVED, "caller") or story.word(EventKind.QUEUED, "caller"),
        trunk=story.word(EventKind.ARRIVED, "trunk"),
        arrived_at=moments.arrived,
        greeted_at=moments.greeted,
        queued_at=moments.queued,
        first_ring_at=moments.first_ring,
        answered_at=moments.answered if is_answered or is_live else None,
        ended_at=None if is_live else moments.ended,
        menu_path=story.word(EventKind.MENU_WALKED, "path"),
        menu_version=story.word(EventKind.MENU_WALKED, "version"),
        chosen_category=story.word(EventKind.MENU_WALKED, "category"),
        broadcast=story.word(EventKind.MENU_WALKED, "broadcast"),
        queue=_queue(story),
        agent_no=_agent(story, is_answered, is_live),
        outcome=outcome,
        hangup_cause=_whole(story.word(EventKind.ENDED, "cause")) or None,  # 0 is no cause of Q.850
        hung_up_by=_hung_up_by(story, outcome),
        wait_seconds=_wait(moments, is_answered=is_answered, is_live=is_live),
        talk_seconds=_talk(story, moments) if is_answered else None,
        prio=_whole(story.word(EventKind.ARRIVED, "prio")),
        **_message(story),
    )


class _Message(TypedDict, total=False):
    voicemail_seconds: float
    voicemail_name: str
    voicemail_sha256: str
    voicemail_at: datetime


def _message(story: Story) -> _Message:
    left = story.message
    if left is None or not left.data.get("name"):
        return {}
    return {
        "voicemail_seconds": float(left.data["seconds"]),
        "voicemail_name": left.data["name"],
        "voicemail_sha256": left.data["sha256"],
        "voicemail_at": left.at,
    }


def _outcome(story: Story, moments: Moments, quick_hangup_seconds: int) -> Outcome:
    """The last queue leg decides; what the hangup handler saw confirms, or fills in what the leg does not
    tell."""
    leg = story.last_leg
    if not story.has_ended:
        return _without_end(story, moments)
    status = (story.word(EventKind.ENDED, "status") or "").upper()
    if status in _WAITED_IN_VAIN and _spoke_instead(story):
        return Outcome.VOICEMAIL
    if status in _NOT_IN_QUEUE and not (status == IVR_SERVED and story.message):
        return _BY_STATUS[status]
    is_abandoned = (story.word(EventKind.ENDED, "abandoned") or "").upper() in ("TRUE", "1", "YES")
    if leg.connected is not None and not is_abandoned:  # if he gave up, it was in a later stay, not read yet
        return _answered(story)
    if story.word(EventKind.ENDED, "agent") and status in ("", "CONTINUE") and not is_abandoned:
        # MEMBERNAME is cleared before every Queue(): the last one was answered, its line is only not read
        # yet.
        return _answered(story)
    if leg.exit is not None:
        return _by_exit(leg, leg.exit, moments, quick_hangup_seconds)
    if story.message is not None and status in ("", IVR_SERVED) and leg.queued is None and not is_abandoned:
        return _by_message(story.message, moments, quick_hangup_seconds)
    if status in _BY_STATUS:
        return _refined(_BY_STATUS[status], leg)
    if is_abandoned or leg.queued is not None:
        return _gave_up(leg, moments, quick_hangup_seconds)
    return Outcome.QUICK_HANGUP if _is_quick(moments, quick_hangup_seconds) else Outcome.IVR_ABANDON


def _spoke_instead(story: Story) -> bool:
    """A menu led him on from a queue that did not serve him, and there he left a message and came to no queue again."""
    left, let_down = story.message, story.let_down_at
    if left is None or not left.data.get("name") or let_down is None:
        return False
    queued = story.last_leg.queued
    return left.at >= let_down + _NO_LESS and (queued is None or queued.at <= left.at)


def _by_message(left: Event, moments: Moments, quick_hangup_seconds: int) -> Outcome:
    """The recorder was the last that he spoke with."""
    if left.data.get("name"):
        return Outcome.VOICEMAIL
    return Outcome.QUICK_HANGUP if _is_quick(moments, quick_hangup_seconds) else Outcome.VOICEMAIL_NO_MESSAGE


def _without_end(story: Story, moments: Moments) -> Outcome:
    if not story.was_cut:
        return Outcome.IN_PROGRESS
    if story.last_leg.connected is not None:
        return _answered(story)
    put_through = [event.at for event in story.events if event.kind is EventKind.TRANSFER_ANSWERED]
    queued = story.last_leg.queued
    is_elsewhere = bool(put_through) and (queued is None or queued.at < put_through[-1])
    return Outcome.TRANSFERRED if is_elsewhere else Outcome.SYSTEM_LOSS


def _answered(story: Story) -> Outcome:
    """No talk is only what Asterisk's own count says: our moments differ from it by parts of a second, and a debt that
    the count takes back a moment later would be one too many."""
    counted = _counted_talk(story)
    return Outcome.ANSWERED_NO_TALK if counted is not None and counted < 1 else Outcome.ANSWERED


def _by_exit(leg: Leg, left: Event, moments: Moments, quick_hangup_seconds: int) -> Outcome:
    match left.kind:
        case EventKind.TIMED_OUT | EventKind.WITHDRAWN:
            return _refined(Outcome.QUEUE_TIMEOUT, leg)
        case EventKind.LEFT_EMPTY:
            return Outcome.NO_AGENT
        case EventKind.KEY_EXIT:
            return Outcome.QUEUE_ABANDON
        case _:
            return _gave_up(leg, moments, quick_hangup_seconds)


def _refined(outcome: Outcome, leg: Leg) -> Outcome:
    """A wait that ran out after an agent let it ring is the agent's, not the queue's."""
    return Outcome.AGENT_NO_ANSWER if outcome is Outcome.QUEUE_TIMEOUT and leg.ring_missed else outcome


def _gave_up(leg: Leg, moments: Moments, quick_hangup_seconds: int) -> Outcome:
    if leg.was_ringing_at_exit:
        return Outcome.RING_ABANDON
    return Outcome.QUICK_HANGUP if _is_quick(moments, quick_hangup_seconds) else Outcome.QUEUE_ABANDON


def _is_quick(moments: Moments, quick_hangup_seconds: int) -> bool:
    limit = timedelta(seconds=quick_hangup_seconds)
    return moments.ended is not None and moments.ended - moments.arrived < limit


def _queue(story: Story) -> str | None:
    """Where he stood last, or which last did not take him, though he may have waited in another before."""
    named = story.word(EventKind.ENDED, "queue")
    if (story.word(EventKind.ENDED, "status") or "").upper() in _NOT_TAKEN and named:
        return named
    return story.last_leg.queue or named or story.word(EventKind.MENU_WALKED, "queue")


def _agent(story: Story, is_answered: bool, is_live: bool) -> str | None:
    if not (is_answered or is_live):
        return None
    answering = story.last_leg.connected or (story.hinted_connect if is_live else None)
    if answering is not None:
        return answering.data.get("agent") or None
    return story.word(EventKind.ENDED, "agent") if is_answered else None


def _hung_up_by(story: Story, outcome: Outcome) -> str | None:
    if outcome in (Outcome.IN_PROGRESS, Outcome.SYSTEM_LOSS):
        return None
    completed = story.last_leg.completed
    if completed is not None and completed.data.get("by"):
        return completed.data["by"]
    abandons = (Outcome.IVR_ABANDON, Outcome.QUICK_HANGUP, Outcome.QUEUE_ABANDON, Outcome.RING_ABANDON)
    return story.word(EventKind.ENDED, "by") or ("citizen" if outcome in abandons else None)


def _wait(moments: Moments, *, is_answered: bool, is_live: bool) -> float | None:
    until = moments.answered if is_answered or is_live else moments.left_queue
    return None if moments.queued is None or until is None else _seconds(until - moments.queued)


def _talk(story: Story, moments: Moments) -> float | None:
    """What Asterisk counted; else from answer to end; None when the switch died in between."""
    counted = _counted_talk(story)
    if counted is not None:
        return counted
    if moments.answered is None or moments.ended is None or not story.has_ended:
        return None
    return _seconds(moments.ended - moments.answered)


def _counted_talk(story: Story) -> float | None:
    completed = story.last_leg.completed
    counted = _whole(completed.data.get("talk")) if completed is not None else None
    return None if counted is None else float(max(counted, 0))


def _seconds(span: timedelta) -> float:
    return max(0.0, round(span.total_seconds(), 3))


def _whole(text: str | None) -> int | None:
    try:
        return int(text) if text else None
    except ValueError:
        return None
