"""The queue let go of the caller: goodbye, a promise, or back into the line."""

from ivr.calls.channel import Channel
from ivr.calls.desk import CallDesk


def queue_left(channel: Channel, desk: CallDesk) -> None:
    desk.leave_queue(channel)
