"""When a missed call is rung back: the words of config/callbacks.yaml, and every decision taken from them.

Pure: values and `now` in, a value out. What a dial led to is read in dial_results.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from difflib import get_close_matches
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from missed_call_redial.dial_results import AttemptOutcome
from missed_call_redial.durations import Length, QuietHours, end_of_quiet, quiet_length, seconds_between
from tickets.outcome import LOST, Outcome
from vocabulary.phone_numbers import NumberKind

NEVER_RUNG_BACK = (frozenset(Outcome) - LOST) | {Outcome.QUICK_HANGUP}
KINDS_THAT_MAY_BE_OWED: tuple[Outcome, ...] = tuple(kind for kind in Outcome if kind not in NEVER_RUNG_BACK)

# Here the citizen gave up waiting; in the other kinds the line let go of him, however short he waited.
_GAVE_UP_WAITING = frozenset({Outcome.QUEUE_ABANDON, Outcome.RING_ABANDON})
_LEFT_IN_A_MENU = frozenset({Outcome.IVR_ABANDON, Outcome.VOICEMAIL_NO_MESSAGE})
"""They asked for no person; the second said nothing where he was to leave a message."""


def _read_kind(written: object) -> Outcome:
    if written == Outcome.QUICK_HANGUP:
        raise PydanticCustomError(
            "quick_hangup_is_never_owed",
            "quick_hangup is counted, never rung back. Remove it; hotline.yaml says how quick that is",
            {},
        )
    names = [str(kind) for kind in KINDS_THAT_MAY_BE_OWED]
    if isinstance(written, str) and written in names:
        return Outcome(written)
    close = get_close_matches(str(written), names, n=1)
    raise PydanticCustomError(
        "kind_of_lost_call",
        "no kind of lost call is called {written}. {remedy}",
        {
            "written": f'"{written}"',
            "remedy": f'Did you mean "{close[0]}"?' if close else f"Choose from: {', '.join(names)}",
        },
    )


LostKind = Annotated[Outcome, BeforeValidator(_read_kind)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Gaps(_Section):
    """How long to leave a citizen alone after each result; what is not named waits `default`."""

    default: Length
    busy: Length | None = None
    no_answer: Length | None = None
    unreachable: Length | None = None
    refused: Length | None = None
    no_talk: Length | None = None
    dropped_by_us: Length | None = None
    unknown: Length | None = None
    not_an_attempt: Length

    def after(self, outcome: AttemptOutcome) -> timedelta:
        if not outcome.counts:
            return self.not_an_attempt
        name = AttemptOutcome.UNREACHABLE if outcome is AttemptOutcome.INVALID_NUMBER else outcome
        chosen: timedelta | None = getattr(self, str(name), None)
        return self.default if chosen is None else chosen

    def longest(self) -> timedelta:
        return max(length for _, length in self if isinstance(length, timedelta))

    @model_validator(mode="after")
    def _never_at_once(self) -> Self:
        for name, length in self:
            if isinstance(length, timedelta) and length < timedelta(seconds=10):
                raise PydanticCustomError(
                    "gap_too_short",
                    "the gap {gap} would dial a citizen again at once. Write at least 10s",
                    {"gap": name},
                )
        return self


class CallbackPolicies(_Section):
    """config/callbacks.yaml. Lengths are written "30m", "2h", "90s", or as bare seconds."""

    kinds: tuple[LostKind, ...]
    least_wait_seconds: Annotated[int, seconds_between(0, 3600)]
    first_delay_seconds: Annotated[int, seconds_between(0, 86400)]
    gaps: Gaps
    max_attempts: int = Field(ge=1, le=10, strict=True)
    quiet_hours: QuietHours
    critical_any_hour: bool = Field(default=True, strict=True)
    """What the rules call critical is dialled in quiet hours too."""
    deadline: Length
    callback_share: int = Field(ge=0, le=100, strict=True)
    share_window: Length
    most_placeholders: int = Field(ge=1, le=200, strict=True)
    placeholder_lead: int = Field(default=2, ge=1, le=50, strict=True)
    """Placeholders beyond the agents who are free now; none at all would leave the next free agent idle for a moment."""
    critical_credit_seconds: Annotated[int, seconds_between(0, 86400)] = 1800
    """How much earlier a critical matter stands than it arrived; 0: no earlier."""
    ring_seconds: Annotated[int, seconds_between(10, 120)]
    agent_wait_seconds: Annotated[int, seconds_between(10, 3600)]
    lease_seconds: Annotated[int, seconds_between(10, 3600)]

    @model_validator(mode="after")
    def _each_kind_once(self) -> Self:
        for place, kind in enumerate(self.kinds):
            if kind in self.kinds[:place]:
                words = {"kind": str(kind), "at": ("kinds", place)}
                raise PydanticCustomError(
                    "kind_named_twice", 'the kind "{kind}" is named twice. Remove one', words
                )
        return self

    @model_validator(mode="after")
    def _deadline_leaves_time_to_dial(self) -> Self:
        quiet = quiet_length(self.quiet_hours) if self.quiet_hours else timedelta(0)
        needed = quiet + timedelta(seconds=self.first_delay_seconds)
        if self.deadline <= needed:
            raise PydanticCustomError(
                "deadline_too_short",
                "the deadline would pass within the quiet hours and the first delay, with nobody dialled. "
                "Write more than {seconds}s",
                {"seconds": int(needed.total_seconds())},
            )
        return self


class RefusalReason(StrEnum):
    """Why a lost call is not rung back: stated for every such call, never left to be guessed."""

    KIND_NOT_CHOSEN = "kind_not_chosen"
    WAITED_TOO_SHORT = "waited_too_short"
    LEFT_DURING_GREETING = "left_during_greeting"
    TURNED_AWAY = "turned_away"
    WITHHELD_NUMBER = "withheld_number"
    SHORT_NUMBER = "short_number"
    SERVICE_NUMBER = "service_number"
    EMERGENCY_NUMBER = "emergency_number"
    PREMIUM_NUMBER = "premium_number"
    FOREIGN_NUMBER = "foreign_number"
    INVALID_NUMBER = "invalid_number"
    ANSWERED_SINCE = "answered_since"


_REFUSED_NUMBERS = {
    NumberKind.WITHHELD: RefusalReason.WITHHELD_NUMBER,
    NumberKind.SHORT: RefusalReason.SHORT_NUMBER,
    NumberKind.SERVICE: RefusalReason.SERVICE_NUMBER,
    NumberKind.EMERGENCY: RefusalReason.EMERGENCY_NUMBER,
    NumberKind.PREMIUM: RefusalReason.PREMIUM_NUMBER,
    NumberKind.FOREIGN: RefusalReason.FOREIGN_NUMBER,
    NumberKind.INVALID: RefusalReason.INVALID_NUMBER,
}


@dataclass(frozen=True)
class LostCall:
    """What the policy asks of a lost call."""

    outcome: Outcome
    number_kind: NumberKind
    wait_seconds: float | None
    """None: nobody knows, which speaks for the citizen."""
    was_greeted: bool
    """He heard the greeting to its end."""
    was_turned_away: bool = False
    """A blocklist led him where he was; that is asked of one who hung up there, not of one who asked for a person then."""


def reason_to_refuse(policy: CallbackPolicies, call: LostCall) -> RefusalReason | None:
    """None: the citizen is owed a callback. Else the first reason that holds, the number's first.

    Whether a trunk may dial the number is not asked: plans change with every reload, and a debt can wait for one.
    """
    if call.number_kind in _REFUSED_NUMBERS:
        return _REFUSED_NUMBERS[call.number_kind]
    if call.outcome not in policy.kinds:
        return RefusalReason.KIND_NOT_CHOSEN
    if call.outcome is Outcome.IVR_ABANDON and not call.was_greeted:
        return RefusalReason.LEFT_DURING_GREETING
    if call.outcome in _LEFT_IN_A_MENU and call.was_turned_away:
        return RefusalReason.TURNED_AWAY
    waited_long_enough = call.wait_seconds is None or call.wait_seconds >= policy.least_wait_seconds
    if call.outcome in _GAVE_UP_WAITING and not waited_long_enough:
        return RefusalReason.WAITED_TOO_SHORT
    return None


def _quiet_for(policy: CallbackPolicies, is_critical: bool) -> QuietHours:
    return None if is_critical and policy.critical_any_hour else policy.quiet_hours


def may_dial_now(policy: CallbackPolicies, now: datetime, zone: tzinfo, *, is_critical: bool = False) -> bool:
    """Quiet hours are hours of the citizen's day, so of the hotline's own time zone; an emergency has none."""
    quiet = _quiet_for(policy, is_critical)
    return quiet is None or not quiet.covers(now.astimezone(zone).time())


def out_of_quiet_hours(
    policy: CallbackPolicies, moment: datetime, zone: tzinfo, *, is_critical: bool = False
) -> datetime:
    quiet = _quiet_for(policy, is_critical)
    return moment if quiet is None else end_of_quiet(quiet, moment, zone)


def first_attempt_at(
    policy: CallbackPolicies, missed_at: datetime, zone: tzinfo, *, is_critical: bool = False
) -> datetime:
    after = timedelta(seconds=policy.first_delay_seconds)
    return out_of_quiet_hours(policy, missed_at + after, zone, is_critical=is_critical)


def next_attempt_at(
    policy: CallbackPolicies,
    outcomes: Sequence[AttemptOutcome],
    ended_at: datetime,
    zone: tzinfo,
    *,
    is_critical: bool = False,
) -> datetime:
    """`outcomes` of all attempts so far, oldest first.

    Faults of our own trunk in a row double their gap each time, up to the longest gap of the policy: a phone
    that rang although we saw nothing of it must not ring every two minutes until the deadline.
    """
    last = outcomes[-1]
    gap = policy.gaps.after(last)
    if last is AttemptOutcome.TRUNK_FAULT:
        in_a_row = next(
            (n for n, outcome in enumerate(reversed(outcomes)) if outcome is not AttemptOutcome.TRUNK_FAULT),
            len(outcomes),
        )
        gap = max(gap, min(gap * 2 ** min(in_a_row - 1, 16), policy.gaps.longest()))
    return out_of_quiet_hours(policy, ended_at + gap, zone, is_critical=is_critical)


@dataclass(frozen=True)
class RecentAccepts:
    """What the agents of a queue accepted within the policy's share_window."""

    live: int
    callbacks: int


def may_place(
    policy: CallbackPolicies,
    *,
    live_waiting: int,
    placeholders: int,
    free_agents: int,
    recent_accepts: RecentAccepts,
) -> bool:
    """May one more placeholder stand in the line now, beside `placeholders` that nobody has accepted yet?

    Each of them arrived before every citizen who calls from now on, and will be served before him. So never more
    than the agents who are free could take at once, and a small lead for the next who become free; and while
    citizens wait live, never more than the share leaves.
    """
    most = min(policy.most_placeholders, free_agents + policy.placeholder_lead)
    return placeholders < most and _fits_share(policy, live_waiting, placeholders + 1, recent_accepts)


def surplus(
    policy: CallbackPolicies, *, live_waiting: int, placeholders: int, recent_accepts: RecentAccepts
) -> int:
    """How many placeholders must leave the line again, since citizens came in who wait live. With nobody waiting none:
    they keep nobody up."""
    kept = placeholders
    while kept and not _fits_share(policy, live_waiting, kept, recent_accepts):
        kept -= 1
    return placeholders - kept


def _fits_share(
    policy: CallbackPolicies, live_waiting: int, placeholders: int, recent_accepts: RecentAccepts
) -> bool:
    """While citizens wait live, callbacks take at most `callback_share` percent of what agents accept; a placeholder
    that stands counts as accepted, since it will be."""
    if live_waiting == 0:
        return True
    callbacks = recent_accepts.callbacks + placeholders
    return callbacks * 100 <= policy.callback_share * (recent_accepts.live + callbacks)
