"""AMI events about queued calls as hints: they make the screens quick, and never decide an outcome alone.

A line feed in a caller's name makes an AMI event of its own, so only ids and agents of the right form are taken from them.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from ivr.telephony.ami_blocks import Block
from tickets.call_events import Event, EventKind, EventSource
from vocabulary.hotline_names import ATTEMPT_CHANNEL_PREFIX

WANTED: Final = frozenset({"AgentCalled", "AgentConnect"})
CLASSES: Final = "agent"
"""Where those are found; the class `call`, and above all `reporting` with its RTCP, would be most of the manager's work."""
_KINDS: Final[Mapping[str, EventKind]] = {"AgentCalled": EventKind.RANG, "AgentConnect": EventKind.CONNECTED}
_CALL_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,150}", re.ASCII)
_AGENT: Final = re.compile(r"[0-9]{1,10}", re.ASCII)


def hint_from(block: Block, now: datetime) -> Event | None:
    """None for events that say nothing about a citizen's call."""
    kind = _KINDS.get(block.get("Event", ""))
    call_id, agent = block.get("Uniqueid", ""), block.get("MemberName", "")
    if kind is None or not _CALL_ID.fullmatch(call_id) or not _AGENT.fullmatch(agent):
        return None
    if call_id.startswith(ATTEMPT_CHANNEL_PREFIX):
        return None
    at = _event_time(block, now)
    key = f"ami:{call_id}:{kind}:{agent}:{at.timestamp():.6f}"
    return Event(call_id, kind, EventSource.AMI, at, 0, {"agent": agent}, key)


def _event_time(block: Block, now: datetime) -> datetime:
    """When Asterisk says it happened (timestampevents=yes), not when we came to read it."""
    try:
        return datetime.fromtimestamp(float(block.get("Timestamp", "")), UTC)
    except (ValueError, OverflowError, OSError):
        return now
