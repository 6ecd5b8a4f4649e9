"""Puts a callback's placeholder into the queue by AMI Originate, and knows which attempts live.

Implements missed_call_redial.dialer.Dialer. The channel ids are derived from the attempt, so nothing is dialled twice
under one attempt: Asterisk refuses a second channel of the same id.
"""

from collections.abc import Callable, Sequence, Set
from typing import Final

from ivr.telephony.ami import Ami
from missed_call_redial.attempts import NO_TRUNK_IS_UP
from missed_call_redial.callbacks import attempt_channels, attempt_of_channel
from missed_call_redial.dialer import DialerIsDown, NotPlaced, PlaceRequest, Ways
from vocabulary.errors import HotlineError
from vocabulary.hotline_names import (
    ATTEMPT,
    CALL,
    LONGEST,
    PLACEHOLDERS,
    QUEUE,
    QUEUE_PREFIX,
    QUEUE_PRIO,
    RING,
)

_BEYOND_THE_WAIT_SECONDS: Final = 60
"""Originate's own limit must be longer than the queue's: what it cuts off is logged like a citizen who gave up."""


class AmiDialer:
    """`can_dial_out`: at least one trunk that may dial answers; `ways`: which they are, and for whom."""

    def __init__(self, ami: Ami, can_dial_out: Callable[[], bool], ways: Callable[[], Ways]) -> None:
        self._ami, self._can_dial_out, self._ways = ami, can_dial_out, ways

    def ways(self) -> Ways:
        return self._ways()

    async def is_ready(self) -> bool:
        return self._ami.is_connected and self._can_dial_out()

    async def place(self, request: PlaceRequest) -> None:
        ways = self._ways()
        if ways.allowing(request.citizen).isdisjoint(ways.up):  # it went down since the debt was claimed
            raise NotPlaced(request.attempt_id, NO_TRUNK_IS_UP)
        if not self._ami.is_connected:
            raise NotPlaced(request.attempt_id, f"no connection to Asterisk: {self._ami.trouble}")
        channel_id, other_channel_id = attempt_channels(request.attempt_id)
        inherited = {
            ATTEMPT: request.attempt_id,
            QUEUE: request.queue,
            LONGEST: str(request.agent_wait_seconds),
            QUEUE_PRIO: str(request.prio),
            RING: str(request.ring_seconds),
            CALL: request.first_call_id,
        }
        action = {
            "Action": "Originate",
            "Channel": "Local/s@callback-queue/n",
            "ChannelId": channel_id,
            "OtherChannelId": other_channel_id,
            "Context": "callback-dial",
            "Exten": "s",
            "Priority": "1",
            "Timeout": str((request.agent_wait_seconds + _BEYOND_THE_WAIT_SECONDS) * 1000),
            "Async": "true",
            "CallerID": f"<{request.citizen}>",
            # in the group only as long as it waits: the dialplan takes accepted ones out, so they are set on this half
            "Variable": [
                *(f"__{name}={value}" for name, value in inherited.items()),
                f"{PLACEHOLDERS}={request.queue}",
            ],
        }
        try:
            reply = await self._ami.send(action)
        except HotlineError as fault:
            raise DialerIsDown(str(fault)) from fault
        if not reply.is_success:
            raise NotPlaced(request.attempt_id, reply.message)

    async def live_attempts(self) -> Set[str]:
        try:
            reply = await self._ami.send({"Action": "CoreShowChannels"}, timeout=15)
        except HotlineError as fault:
            raise DialerIsDown(str(fault)) from fault
        if not reply.is_success:
            raise DialerIsDown(reply.message)
        found = (attempt_of_channel(event.get("Uniqueid", "")) for event in reply.events)
        return {attempt for attempt in found if attempt is not None}

    async def withdraw(self, attempt_ids: Sequence[str]) -> None:
        """Only queues of ours, and the placeholders' own channels, are touched; an attempt that is not there is no fault."""
        channels = {attempt_channels(attempt_id)[1] for attempt_id in attempt_ids}
        try:
            status = await self._ami.send({"Action": "QueueStatus"}, timeout=15)
            for entry in status.events:
                queue = entry.get("Queue", "")
                is_ours = entry.get("Uniqueid") in channels and queue.startswith(QUEUE_PREFIX)
                if entry.get("Event") == "QueueEntry" and is_ours:
                    caller = entry.get("Channel", "")
                    await self._ami.send({"Action": "QueueWithdrawCaller", "Queue": queue, "Caller": caller})
        except HotlineError as fault:
            raise DialerIsDown(str(fault)) from fault
