"""What the rules said about a call; the draft ticket is made from it.

The rules themselves are one room further up (`routing.rules`).
"""

from dataclasses import dataclass
from enum import StrEnum


class Urgency(StrEnum):
    """一般, 紧急, 特急; critical is the emergency hint that callbacks use."""

    NORMAL = "normal"
    URGENT = "urgent"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Decision:
    """`why` lists the conditions that fitted, as `field=value`; None leaves a field of the ticket alone."""

    rule_id: str
    why: str
    ticket: bool = True
    title: str | None = None
    text: str | None = None
    category: str | None = None
    area: str | None = None
    unit: str | None = None
    urgency: Urgency | None = None
    disposition: str | None = None
    link_open_ticket_same_day: bool = False
