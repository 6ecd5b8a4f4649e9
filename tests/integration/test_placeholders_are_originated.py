"""What is said to Asterisk when a placeholder goes into the line, on the wire as Asterisk reads it."""

import asyncio

import pytest
from support.ami_stories import Listener, connected, play
from support.fake_ami import FakeAmi

from ivr.telephony.ami_dialer import AmiDialer
from missed_call_redial.dialer import NotPlaced, PlaceRequest, Ways

QUEUED = "Response: Success\r\nMessage: Originate successfully queued\r\n\r\n"
REFUSED = "Response: Error\r\nMessage: Channel not specified\r\n\r\n"
NO_CHANNELS = (
    "Response: Success\r\nEventList: start\r\nMessage: Channels will follow\r\n\r\n"
    "Event: CoreShowChannelsComplete\r\nEventList: Complete\r\nListItems: 0\r\n\r\n"
)
REQUEST = PlaceRequest("a0123456789ab", 1, "general", 1971828446, "13800138000", "hl1-1.1", 300, 45)


def dialer_of(ami: object) -> AmiDialer:
    ways = Ways("1", lambda digits: frozenset({"first"}), {"first"})
    return AmiDialer(ami, lambda: True, lambda: ways)  # type: ignore[arg-type]


def test_originates_own_limit_is_beyond_the_queues() -> None:
    """What Asterisk cuts off itself, after 30 s if nothing is said, is logged like a citizen who gave up."""

    async def story() -> None:
        async with FakeAmi({"Originate": QUEUED}) as fake, connected(fake, Listener()) as ami:
            await dialer_of(ami).place(REQUEST)
            (sent,) = fake.named("Originate")
            assert sent["Timeout"] == str((300 + 60) * 1000)  # milliseconds
            assert int(sent["Timeout"]) > REQUEST.agent_wait_seconds * 1000
            assert sent["Async"] == "true"
            assert sent["Channel"] == "Local/s@callback-queue/n"
            assert (sent["Context"], sent["Exten"], sent["Priority"]) == ("callback-dial", "s", "1")
            assert (sent["ChannelId"], sent["OtherChannelId"]) == ("cb-a0123456789ab-1", "cb-a0123456789ab-2")

    play(story())


def test_nothing_of_one_action_is_in_the_next() -> None:
    """Also not in what is said without any field of its own, at the same time or after a refusal."""

    async def story() -> None:
        answers = {"Originate": REFUSED, "CoreShowChannels": NO_CHANNELS}
        async with FakeAmi(answers) as fake, connected(fake, Listener()) as ami:
            dialer = dialer_of(ami)
            with pytest.raises(NotPlaced, match="Channel not specified"):
                await dialer.place(REQUEST)
            await asyncio.gather(dialer.live_attempts(), ami.send({"Action": "Ping"}), dialer.live_attempts())
            kept = {"Action": "Ping"}
            await ami.send(kept)
            assert kept == {"Action": "Ping"}  # nor is the asker's own changed
            others = fake.named("CoreShowChannels") + fake.named("Ping")
            assert len(others) >= 4
            assert {frozenset(action) for action in others} == {frozenset({"Action", "ActionID"})}
            ids = [action["ActionID"] for action in fake.received]
            assert len(set(ids)) == len(ids)

    play(story())
