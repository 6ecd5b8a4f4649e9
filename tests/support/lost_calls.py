"""Lost calls for the tests of missed_call_redial, timed from one Monday morning, and a policy."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from zoneinfo import ZoneInfo

from missed_call_redial.missed import Missed, prio_of
from missed_call_redial.policy import CallbackPolicies
from tickets.call_records import CallRecord
from tickets.outcome import Outcome
from vocabulary.phone_numbers import NumberKind

SHANGHAI = ZoneInfo("Asia/Shanghai")
MORNING = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)  # Monday 10:00 in Shanghai
CITIZEN = "+8613800138000"
AT_ONCE = timedelta(0)

POLICY: dict[str, object] = {
    "kinds": [
        "queue_abandon",
        "ring_abandon",
        "queue_timeout",
        "queue_full",
        "no_agent",
        "agent_no_answer",
        "answered_no_talk",
        "voicemail_no_message",
        "system_loss",
    ],
    "least_wait_seconds": 5,
    "first_delay_seconds": 60,
    "gaps": {
        "default": "30m",
        "busy": "10m",
        "no_answer": "30m",
        "unreachable": "1h",
        "refused": "2h",
        "dropped_by_us": "1m",
        "not_an_attempt": "2m",
    },
    "max_attempts": 3,
    "quiet_hours": "21:30-08:00",
    "deadline": "24h",
    "callback_share": 30,
    "share_window": "30m",
    "most_placeholders": 3,
    "ring_seconds": 45,
    "agent_wait_seconds": 300,
    "lease_seconds": 60,
}


def a_policy(**changes: object) -> CallbackPolicies:
    return CallbackPolicies.model_validate(POLICY | changes)


def digest_of(number: str) -> str:
    return sha256(number.encode()).hexdigest()


def missed(
    call_id: str, *, number: str | None = CITIZEN, after: timedelta = AT_ONCE, **changes: object
) -> Missed:
    """A call that arrived at MORNING + `after` and was lost in the queue. "Sealed" is only a prefix here."""
    arrived = MORNING + after
    facts: dict[str, object] = {
        "call_id": call_id,
        "outcome": Outcome.QUEUE_ABANDON,
        "missed_at": arrived,
        "queue": "general",
        "prio": prio_of(arrived),
        "number_kind": NumberKind.MOBILE if number else NumberKind.WITHHELD,
        "number_digest": digest_of(number) if number else None,
        "number_sealed": f"sealed:{number}" if number else None,
        "number_masked": "138****8000",
        "wait_seconds": 30.0,
        "was_greeted": True,
    }
    return Missed(**(facts | changes))  # type: ignore[arg-type]


def a_record(
    call_id: str,
    *,
    number: str = CITIZEN,
    after: timedelta = AT_ONCE,
    outcome: Outcome = Outcome.QUEUE_ABANDON,
    answered_after: timedelta | None = None,
    queue: str = "general",
) -> CallRecord:
    arrived = MORNING + after
    is_open = outcome is Outcome.IN_PROGRESS
    return CallRecord(
        call_id=call_id,
        number_called="12345",
        number_kind=NumberKind.MOBILE,
        number_digest=digest_of(number),
        number_sealed=f"sealed:{number}",
        number_masked="138****8000",
        arrived_at=arrived,
        greeted_at=arrived,
        queued_at=arrived,
        answered_at=MORNING + answered_after if answered_after is not None else None,
        ended_at=None if is_open else arrived + timedelta(minutes=1),
        queue=queue,
        outcome=outcome,
        wait_seconds=30.0,
        is_open=is_open,
        created_at=arrived,
    )
