"""The manager connection against a switch that restarts, refuses, falls silent and floods."""

import asyncio
import contextlib

import pytest
from support.ami_stories import Listener, connected, play
from support.fake_ami import REFUSED, FakeAmi

from ivr.telephony.ami import Ami, AmiFault, AmiNotConnected
from ivr.telephony.ami_blocks import Block


def test_after_a_restart_of_the_switch_it_connects_and_resynchronises():
    async def story() -> None:
        listener = Listener()
        async with FakeAmi() as fake, connected(fake, listener) as ami:
            for restarts in (1, 2, 3):
                await fake.shut()
                with contextlib.suppress(TimeoutError):
                    await listener.until(lambda: not ami.is_connected, 0.05)
                await fake.open()
                await listener.until(lambda expected=restarts + 1: listener.resyncs == expected)
            assert await ami.wait_connected(5)
            assert (await ami.send({"Action": "Ping"})).is_success

    play(story())


def test_what_was_under_way_when_the_connection_broke_is_unknown_and_never_sent_again():
    async def story() -> None:
        listener = Listener()
        async with FakeAmi() as fake, connected(fake, listener) as ami:
            asked = asyncio.create_task(ami.send({"Action": "Originate"}))
            await fake.until_received("Originate")
            fake.drop()
            with pytest.raises(AmiFault, match="broke before the reply"):
                await asked
            await listener.until(lambda: listener.resyncs == 2)
            await ami.send({"Action": "Ping"})
            assert len(fake.named("Originate")) == 1

    play(story())


def test_without_a_connection_nothing_is_sent_now_or_later():
    async def story() -> None:
        async with FakeAmi() as fake:
            port = fake.port
        listener = Listener()
        ami = Ami(
            port=port,
            username="u",
            secret="s",
            on_event=listener.on_event,
            first_pause=0.01,
            longest_pause=0.02,
        )
        await ami.start()
        assert not await ami.wait_connected(0.1)
        with pytest.raises(AmiNotConnected):
            await ami.send({"Action": "Originate"})
        assert "refused" in ami.trouble or "Connect call failed" in ami.trouble
        fake.port = port
        await fake.open()
        assert await ami.wait_connected(5)
        await ami.send({"Action": "Ping"})
        assert fake.named("Originate") == []
        await ami.stop()
        await fake.shut()

    play(story())


def test_a_refused_login_is_told_and_not_hammered():
    async def story() -> None:
        async with FakeAmi({"Login": REFUSED}) as fake:
            listener = Listener()
            ami = Ami(
                port=fake.port, username="u", secret="wrong", on_event=listener.on_event, longest_pause=60.0
            )
            await ami.start()
            await fake.until_received("Login")
            assert not await ami.wait_connected(0.5)
            assert ami.trouble == "Asterisk refuses the login: Authentication failed"
            assert fake.logins == 1
            assert "wrong" not in ami.trouble
            await ami.stop()

    play(story())


@pytest.mark.parametrize("banner", [b"HTTP/1.1 400 Bad Request\r\n", b"\r\n", b"x" * 70_000 + b"\r\n"])
def test_another_service_on_the_port_is_named(banner: bytes):
    async def story() -> None:
        async with FakeAmi(banner=banner) as fake:
            listener = Listener()
            ami = Ami(port=fake.port, username="u", secret="s", on_event=listener.on_event, first_pause=0.01)
            await ami.start()
            assert not await ami.wait_connected(0.3)
            assert "no manager interface" in ami.trouble
            await ami.stop()

    play(story())


def test_a_silent_switch_is_noticed_by_ping():
    async def story() -> None:
        listener = Listener()
        async with FakeAmi() as fake, connected(fake, listener, ping_seconds=0.05, action_seconds=0.2) as ami:
            pong = fake.answers.pop("Ping")
            await fake.until_received("Ping")
            fake.answers["Ping"] = pong
            await listener.until(lambda: listener.resyncs >= 2)
            assert await ami.wait_connected(5)

    play(story())


def test_a_resync_that_fails_is_tried_again_on_a_new_connection():
    async def story() -> None:
        listener = Listener()
        tries: list[int] = []

        async def fails_twice() -> None:
            tries.append(1)
            if len(tries) < 3:
                raise RuntimeError("database is down")
            await listener.on_connected()

        async with FakeAmi() as fake, connected(fake, listener, on_connected=fails_twice) as ami:
            assert len(tries) == 3
            assert ami.connections == 3

    play(story())


def test_a_resync_may_ask_the_switch():
    async def story() -> None:
        async with FakeAmi() as fake:
            listener = Listener()
            seen: list[int] = []

            async def asks() -> None:
                seen.append(len((await ami.send({"Action": "QueueStatus"})).events))

            ami = Ami(port=fake.port, username="u", secret="s", on_event=listener.on_event, on_connected=asks)
            await ami.start()
            assert await ami.wait_connected(5)
            assert seen == [4]
            await ami.stop()

    play(story())


def test_a_flood_of_events_reaches_a_quick_listener_whole():
    async def story() -> None:
        listener = Listener()
        async with FakeAmi() as fake, connected(fake, listener) as ami:
            block = b"Event: Newexten\r\nChannel: PJSIP/t-1\r\nUniqueid: test-1.1\r\nAppData: x\r\n\r\n"
            flood = asyncio.create_task(fake.say(block * 60_000))
            while not flood.done():
                assert (await ami.send({"Action": "Ping"})).is_success, "replies pass through the flood"
            await listener.until(lambda: len(listener.events) + ami.lost_events == 60_000, 20)

    play(story())


def test_a_flood_over_a_slow_listener_is_dropped_counted_and_resynchronised():
    async def story() -> None:
        listener = Listener()
        gate = asyncio.Event()

        async def slow(event: Block) -> None:
            await gate.wait()
            await listener.on_event(event)

        async with (
            FakeAmi() as fake,
            connected(fake, listener, on_event=slow, most_events_waiting=100) as ami,
        ):
            await fake.say(b"Event: Newexten\r\n\r\n" * 5000)
            assert (await ami.send({"Action": "Ping"})).is_success
            while not ami.lost_events:
                await asyncio.sleep(0.01)
            gate.set()
            await listener.until(lambda: listener.resyncs == 2)
            assert len(listener.events) + ami.lost_events == 5000
            assert fake.logins == 1

    play(story())


def test_a_stream_without_end_of_block_is_cut_and_connected_anew():
    async def story() -> None:
        listener = Listener()
        async with FakeAmi() as fake, connected(fake, listener) as ami:
            with contextlib.suppress(ConnectionError):
                await fake.say(b"x" * 1_000_000)
            await listener.until(lambda: listener.resyncs == 2)
            assert await ami.wait_connected(5)

    play(story())
