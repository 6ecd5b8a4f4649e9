"""A call came in and was answered: greet, walk the menu, name the queue."""

from ivr.calls.channel import Channel
from ivr.calls.desk import CallDesk


def incoming_call(channel: Channel, desk: CallDesk) -> None:
    desk.arrive(channel)
