"""An agent accepted a callback: may the citizen be dialled, and on which trunk?"""

from ivr.calls.channel import Channel
from ivr.calls.desk import CallDesk


def callback_answered(channel: Channel, desk: CallDesk) -> None:
    desk.accept_callback(channel)
