"""A lost call as this room sees it: what decides whether a call back is owed, and its place in line."""

from dataclasses import dataclass
from datetime import datetime

from missed_call_redial.policy import CallbackPolicies
from tickets.call_records import KnownCall
from tickets.outcome import Outcome
from vocabulary.hotline_names import PRIO_BASE, PRIO_EPOCH
from vocabulary.phone_numbers import NumberKind


@dataclass(frozen=True)
class Missed:
    """`missed_at` is its arrival, which decides the place in line."""

    call_id: str
    outcome: Outcome
    missed_at: datetime
    queue: str
    prio: int
    number_kind: NumberKind
    number_digest: str | None
    number_sealed: str | None
    number_masked: str
    wait_seconds: float | None
    was_greeted: bool
    is_switchboard: bool = False
    is_critical: bool = False
    """The rules see an emergency."""
    was_turned_away: bool = False
    """A menu led him on as one who is on a blocklist."""

    def place(self, policy: CallbackPolicies) -> int:
        """QUEUE_PRIO of its callback: that of the call, with what credit it has."""
        return self.prio + (policy.critical_credit_seconds if self.is_critical else 0)


def missed_from_record(
    record: KnownCall,
    *,
    default_queue: str,
    is_switchboard: bool = False,
    is_critical: bool = False,
    was_turned_away: bool = False,
) -> Missed:
    """`default_queue` stands in for calls that were lost before they reached a queue."""
    return Missed(
        call_id=record.call_id,
        outcome=Outcome(record.outcome),
        missed_at=record.arrived_at,
        queue=record.queue or default_queue,
        prio=prio_of(record.arrived_at) if record.prio is None else record.prio,
        number_kind=NumberKind(record.number_kind),
        number_digest=record.number_digest,
        number_sealed=record.number_sealed,
        number_masked=record.number_masked,
        wait_seconds=record.wait_seconds,
        was_greeted=record.greeted_at is not None,
        is_switchboard=is_switchboard,
        is_critical=is_critical,
        was_turned_away=was_turned_away,
    )


def prio_of(arrived_at: datetime) -> int:
    """The QUEUE_PRIO that the dialplan gave, or would have given, to a call that arrived then."""
    return PRIO_BASE - (int(arrived_at.timestamp()) - PRIO_EPOCH)
