"""The door that Asterisk knocks on: one file per moment of a call, and this one written table of AGI path → function."""

from collections.abc import Callable, Mapping

from agi_scripts.agent_sign_in import agent_sign_in
from agi_scripts.call_ended import call_ended
from agi_scripts.callback_answered import callback_answered
from agi_scripts.incoming_call import incoming_call
from agi_scripts.queue_left import queue_left
from ivr.agents.feature_codes import AgentPhones
from ivr.calls.channel import Channel
from ivr.calls.desk import CallDesk

OUTLIVES_HANGUP = frozenset({"call_ended"})
"""Scripts that run when the line is already gone."""


def scripts(desk: CallDesk, phones: AgentPhones) -> Mapping[str, Callable[[Channel], None]]:
    return {
        "incoming_call": lambda channel: incoming_call(channel, desk),
        "queue_left": lambda channel: queue_left(channel, desk),
        "call_ended": lambda channel: call_ended(channel, desk),
        "callback_answered": lambda channel: callback_answered(channel, desk),
        "agent_sign_in": lambda channel: agent_sign_in(channel, phones),
    }
