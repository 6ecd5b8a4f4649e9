"""The call is over, however it ended: its record is closed, its ticket and callback are settled."""

from ivr.calls.channel import Channel
from ivr.calls.desk import CallDesk


def call_ended(channel: Channel, desk: CallDesk) -> None:
    desk.end(channel)
