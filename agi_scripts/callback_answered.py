"""An agent accepted a callback: may the citizen be dialled, and on which trunk?"""

from ivr.calls.channel import Channel
from ivr.calls.desk import CallDesk


def callback_answered(channel: Channel, desk: CallDesk) -> None:
    channel.still_there()  # we may have been frozen: an agent who is gone dials nobody, and it counts for nobody
    desk.accept_callback(channel)
