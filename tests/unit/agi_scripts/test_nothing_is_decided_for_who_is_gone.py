"""A leg that reaches us after its line has gone on (we were frozen) decides nothing any more."""

from collections.abc import Callable
from typing import Any

import pytest
from support.fake_channel import FakeChannel

from agi_scripts.agent_sign_in import agent_sign_in
from agi_scripts.callback_answered import callback_answered
from ivr.calls.channel import CallerHungUp, Channel


class Decider:
    """Stands for desk and phones: what they would do is noted."""

    def __init__(self) -> None:
        self.decided: list[str] = []

    def accept_callback(self, channel: Channel) -> None:
        self.decided.append(channel.argument(1))

    def dial(self, code: str, endpoint: str) -> str:
        self.decided.append(code)
        raise AssertionError("nothing is played to who is gone")


@pytest.mark.parametrize("script", [agent_sign_in, callback_answered])
def test_who_is_gone_is_not_decided_for(script: Callable[[Channel, Any], None]) -> None:
    channel, decider = FakeChannel(arguments=("*10", "agent-1001")), Decider()
    channel.is_hung_up = True
    with pytest.raises(CallerHungUp):
        script(channel, decider)
    assert decider.decided == []


def test_who_is_there_is() -> None:
    decider = Decider()
    callback_answered(FakeChannel(arguments=("a1", "1001")), decider)  # type: ignore[arg-type]
    assert decider.decided == ["a1"]
