"""What the dispatcher needs of a switch: a placeholder for the absent citizen, put into the queue.

A protocol of ours; ivr.telephony keeps it with AMI, the tests with a FakeDialer.
"""

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from typing import Protocol

from vocabulary.errors import HotlineError


@dataclass(frozen=True)
class PlaceRequest:
    attempt_id: str
    callback_id: int
    queue: str
    prio: int
    """QUEUE_PRIO: the place of the first missed call."""
    citizen: str
    """National digits as dialled, without the trunk's prefix. Never logged."""
    first_call_id: str
    agent_wait_seconds: int
    """How long the placeholder waits for an agent; Originate's own Timeout must be longer."""
    ring_seconds: int

    def __repr__(self) -> str:
        return f"PlaceRequest({self.attempt_id}, queue={self.queue}, callback={self.callback_id})"


class NotPlaced(HotlineError):
    """The switch refused or was never asked: it is certain that no placeholder came to be."""

    def __init__(self, attempt_id: str, why: str) -> None:
        super().__init__(f"attempt {attempt_id} was not placed: {why}")
        self.attempt_id = attempt_id
        self.why = why


class DialerIsDown(HotlineError):
    """The switch cannot be asked now."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the switch cannot be asked: {why}")
        self.why = why


@dataclass(frozen=True)
class Ways:
    """Over which trunks citizens can be dialled now."""

    version: str
    """Another one when plans have changed; what `allowing` said stays true until then."""
    allowing: Callable[[str], frozenset[str]]
    """The trunks whose plans allow these national digits, whether they answer or not; empty: nobody may ever dial them."""
    up: Set[str]
    """The trunks that answer."""


class Dialer(Protocol):
    def ways(self) -> Ways: ...

    async def is_ready(self) -> bool:
        """The switch can be asked, and a trunk that dials out is up."""
        ...

    async def place(self, request: PlaceRequest) -> None:
        """Raises NotPlaced when that is certain; DialerIsDown when nobody knows, as after a time-out."""
        ...

    async def live_attempts(self) -> Set[str]:
        """Ids of the attempts of which a channel lives. Raises DialerIsDown: an empty answer claims a lot."""
        ...

    async def withdraw(self, attempt_ids: Sequence[str]) -> None:
        """Take the placeholders out of their queues where they still stand there; their end is told by queue_log."""
        ...
