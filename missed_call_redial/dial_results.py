"""What dialling a citizen led to, read from Dial's status, the SIP reply and the hang-up cause. Pure."""

import re
from enum import StrEnum

from vocabulary.hotline_names import AGENT_LEFT, LOST_AGENT


class AttemptOutcome(StrEnum):
    CONNECTED = "connected"
    NO_TALK = "no_talk"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    INVALID_NUMBER = "invalid_number"
    DROPPED_BY_US = "dropped_by_us"
    """The agent hung up while the citizen's phone rang or while the citizen heard who calls, or his phone died in the talk."""
    UNKNOWN = "unknown"
    """Dialled or told to dial, and nothing was heard of it again: it counts, since the phone may have rung."""
    TRUNK_FAULT = "trunk_fault"
    AGENT_DECLINED = "agent_declined"
    """No agent took the placeholder, or the agent let go before the citizen's phone rang."""
    NOT_PLACED = "not_placed"
    NOT_DIALLED = "not_dialled"
    """An agent accepted, but the checks at the moment of dialling said no."""

    @property
    def counts(self) -> bool:
        """Does it use up one of the policy's max_attempts?"""
        return self not in _NOT_AN_ATTEMPT


_NOT_AN_ATTEMPT = frozenset(
    {
        AttemptOutcome.TRUNK_FAULT,
        AttemptOutcome.AGENT_DECLINED,
        AttemptOutcome.NOT_PLACED,
        AttemptOutcome.NOT_DIALLED,
    }
)

# Final SIP replies that speak of the citizen's phone. Every other one above 299 speaks of the trunk or of us.
_BY_SIP_REPLY = {
    404: AttemptOutcome.INVALID_NUMBER,
    408: AttemptOutcome.UNREACHABLE,
    410: AttemptOutcome.INVALID_NUMBER,
    480: AttemptOutcome.UNREACHABLE,
    484: AttemptOutcome.INVALID_NUMBER,
    485: AttemptOutcome.INVALID_NUMBER,
    486: AttemptOutcome.BUSY,
    487: AttemptOutcome.NO_ANSWER,
    600: AttemptOutcome.BUSY,
    603: AttemptOutcome.REFUSED,
    604: AttemptOutcome.INVALID_NUMBER,
    607: AttemptOutcome.REFUSED,
    608: AttemptOutcome.REFUSED,
}

# Q.850 causes, asked only when no SIP reply is known: Asterisk maps several replies to one cause.
_BY_CAUSE = {
    1: AttemptOutcome.INVALID_NUMBER,
    17: AttemptOutcome.BUSY,
    19: AttemptOutcome.UNREACHABLE,
    21: AttemptOutcome.REFUSED,
    22: AttemptOutcome.INVALID_NUMBER,
    28: AttemptOutcome.INVALID_NUMBER,
}

_SIP_REPLY = re.compile(r"(?<![0-9])([1-6][0-9]{2})(?![0-9])", re.ASCII)


def sip_reply(sip: str) -> int | None:
    """The reply's number in a text such as "SIP 486 Busy Here"."""
    found = _SIP_REPLY.search(sip)
    return int(found[1]) if found else None


def attempt_result(
    dial_status: str, cause: int | None, sip: str, saw_ringing: bool | None = None, *, talk_seconds: float = 0
) -> AttemptOutcome:
    """`saw_ringing` None: known only from `sip`. Connected needs talk: who picked up and heard nobody was not
    served.
    """
    reply = sip_reply(sip)
    rang = bool(saw_ringing) or (reply is not None and 180 <= reply < 200)
    status = dial_status.strip().upper()
    if status in {AGENT_LEFT, LOST_AGENT}:
        return AttemptOutcome.DROPPED_BY_US
    if status == "ANSWER":
        return AttemptOutcome.CONNECTED if talk_seconds > 0 else AttemptOutcome.NO_TALK
    if status == "CANCEL":
        return AttemptOutcome.DROPPED_BY_US if rang else AttemptOutcome.AGENT_DECLINED
    if reply is not None and reply >= 300:
        return _BY_SIP_REPLY.get(reply, AttemptOutcome.TRUNK_FAULT)
    if status == "BUSY":
        return AttemptOutcome.BUSY
    if status == "NOANSWER" and rang:
        return AttemptOutcome.NO_ANSWER
    if status in {"NOANSWER", "CHANUNAVAIL"}:
        return _BY_CAUSE.get(cause or 0, AttemptOutcome.TRUNK_FAULT)
    if status in {"CONGESTION", "INVALIDARGS", "DONTCALL", "TORTURE"}:
        return AttemptOutcome.TRUNK_FAULT
    return AttemptOutcome.UNKNOWN
