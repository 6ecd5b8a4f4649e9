"""An agent dialled a feature code on the desk phone: sign in or out, pause, resume."""

from ivr.agents.feature_codes import AgentPhones
from ivr.calls.channel import Channel
from ivr.calls.desk import HANG_UP
from ivr.calls.walk import play_prompts
from vocabulary.hotline_names import NEXT


def agent_sign_in(channel: Channel, phones: AgentPhones) -> None:
    """Arguments: the code dialled, the SIP account that dialled it."""
    channel.still_there()  # we may have been frozen: who was told that it failed is not signed in behind his back
    prompt = phones.dial(channel.argument(1), channel.argument(2))
    channel.set_variable(NEXT, HANG_UP)
    running = phones.running()
    play_prompts(channel, (prompt,), "", running.prompts, running.configuration.lines.site.language)
