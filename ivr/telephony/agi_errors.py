"""What can go wrong between Asterisk and an AGI session; no citizen notices, since the dialplan goes on."""

from ivr.calls.channel import CallerHungUp
from vocabulary.errors import HotlineError


class AgiFault(HotlineError):
    """The conversation with Asterisk broke: the session is over, the dialplan's own branch takes the call."""

    def __init__(self, call_id: str, what: str) -> None:
        super().__init__(f"AGI of call {call_id or 'unknown'}: {what}")
        self.call_id = call_id


class LineLost(CallerHungUp):
    """The other side closed without saying HANGUP: Asterisk stopped, or AGISIGHUP is off."""


class ReplyTooLate(AgiFault):
    """No full reply within the command's time limit."""


class ReplyGarbled(AgiFault):
    """Something came that is no reply: a forged header line, a line over 8 KB, a reply nobody asked for."""


class CommandRefused(AgiFault):
    """Asterisk does not know the command (510) or its arguments (520)."""


class CommandFailed(AgiFault):
    """Asterisk knows the command and could not do it (result=-1) on a line that is still there."""


class UnsafeText(AgiFault):
    """Was about to be sent, and would have become a second command (CR, LF, NUL) or been cut (too long)."""


class BadHeader(HotlineError):
    """What the peer sent first is no AGI header."""
