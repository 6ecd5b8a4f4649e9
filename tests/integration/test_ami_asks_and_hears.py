"""Actions, their replies and the events of a manager connection, against a switch that plays recordings and forgeries."""

import asyncio
import threading

import pytest
from support.ami_stories import Listener, connected, play
from support.fake_ami import QUEUE_STATUS, FakeAmi

from ivr.telephony.ami import Ami, AmiFault, AmiNotConnected, AmiTimeout
from ivr.telephony.ami_blocks import Block, UnsafeAmiText


def test_login_then_an_action_and_its_reply():
    async def story() -> None:
        answers = {"QueuePause": "Response: Success\r\nMessage: Interface paused successfully\r\n\r\n"}
        async with FakeAmi(answers) as fake, connected(fake, Listener()) as ami:
            reply = await ami.send(
                {"Action": "QueuePause", "Interface": "PJSIP/agent-1001", "Paused": "true"}
            )
            assert (reply.is_success, reply.message) == (True, "Interface paused successfully")
            assert fake.received[0]["Action"] == "Login"
            assert fake.received[1]["Interface"] == "PJSIP/agent-1001"
            assert ami.trouble == ""

    play(story())


def test_asterisk_is_told_which_events_nobody_needs():
    async def story() -> None:
        async with FakeAmi() as fake, connected(fake, Listener(), event_classes="agent"):
            assert fake.received[0]["Events"] == "agent"

    play(story())


def test_a_refusal_is_a_reply():
    async def story() -> None:
        answers = {"QueueAdd": "Response: Error\r\nMessage: Unable to add interface: Already there\r\n\r\n"}
        async with FakeAmi(answers) as fake, connected(fake, Listener()) as ami:
            reply = await ami.send({"Action": "QueueAdd", "Queue": "main"})
            assert (reply.is_success, reply.message) == (False, "Unable to add interface: Already there")

    play(story())


def test_a_refusal_where_success_is_required_is_an_error():
    """Asterisk takes logins before app_queue is loaded; a resync that was refused must be tried again."""

    async def story() -> None:
        refused = "Response: Error\r\nMessage: Invalid/unknown command: QueueStatus.\r\n\r\n"
        async with FakeAmi({"QueueStatus": refused}) as fake:
            listener = Listener()

            async def asks() -> None:
                (await ami.send({"Action": "QueueStatus"})).required()

            ami = Ami(
                port=fake.port, username="u", secret="s", first_pause=0.01, longest_pause=0.02,
                on_event=listener.on_event, on_connected=asks,
            )  # fmt: skip
            await ami.start()
            await fake.until_received("QueueStatus", 2)
            assert not ami.is_connected
            fake.answers["QueueStatus"] = QUEUE_STATUS
            assert await ami.wait_connected(5)
            await ami.stop()

    play(story())


def test_a_list_is_answered_when_it_is_complete():
    async def story() -> None:
        listener = Listener()
        async with FakeAmi() as fake, connected(fake, listener) as ami:
            reply = await ami.send({"Action": "QueueStatus"})
            assert reply.is_success
            assert [entry["Event"] for entry in reply.events] == [
                "QueueParams", "QueueMember", "QueueMember", "QueueEntry",
            ]  # fmt: skip
            assert reply.events[2]["Name"] == "张三"
            assert listener.events == []

    play(story())


def test_a_list_that_never_ends_is_given_up():
    async def story() -> None:
        endless = QUEUE_STATUS.partition("Event: QueueStatusComplete")[0]
        async with FakeAmi({"QueueStatus": endless}) as fake, connected(fake, Listener()) as ami:
            with pytest.raises(AmiTimeout, match=r"after 4 entries within 0\.2 s"):
                await ami.send({"Action": "QueueStatus"}, timeout=0.2)
            assert (await ami.send({"Action": "Ping"})).is_success

    play(story())


def test_an_action_without_reply_is_given_up_and_the_next_works():
    async def story() -> None:
        async with FakeAmi() as fake, connected(fake, Listener()) as ami:
            with pytest.raises(AmiTimeout, match=r"Originate: no reply within 0\.1 s"):
                await ami.send({"Action": "Originate"}, timeout=0.1)
            assert (await ami.send({"Action": "Ping"})).is_success

    play(story())


def test_replies_find_their_action_whatever_the_order():
    async def story() -> None:
        async with FakeAmi() as fake, connected(fake, Listener()) as ami:
            asked = [
                asyncio.create_task(ami.send({"Action": "Slow", "ActionID": f"attempt-{n}"}))
                for n in range(3)
            ]
            await fake.until_received("Slow", 3)
            for n in (2, 0, 1):
                await fake.say(f"Response: Success\r\nActionID: attempt-{n}\r\nMessage: {n}\r\n\r\n".encode())
            assert [(await reply).message for reply in asked] == ["0", "1", "2"]

    play(story())


def test_the_same_action_id_cannot_be_under_way_twice():
    async def story() -> None:
        async with FakeAmi() as fake, connected(fake, Listener()) as ami:
            first = asyncio.create_task(ami.send({"Action": "Slow", "ActionID": "one"}))
            await fake.until_received("Slow")
            with pytest.raises(AmiFault, match="under way already"):
                await ami.send({"Action": "Slow", "ActionID": "one"})
            await fake.say(b"Response: Success\r\nActionID: one\r\n\r\n")
            await first

    play(story())


@pytest.mark.parametrize("field", ["Reason", "Variable"])
def test_line_ends_never_reach_the_switch(field: str):
    async def story() -> None:
        async with FakeAmi() as fake, connected(fake, Listener()) as ami:
            with pytest.raises(UnsafeAmiText):
                await ami.send(
                    {"Action": "QueuePause", field: "x\r\n\r\nAction: Command\r\nCommand: core stop now"}
                )
            await ami.send({"Action": "Ping"})
            assert [action["Action"] for action in fake.received] == ["Login", "Ping"]

    play(story())


def test_events_come_in_order_and_only_wanted_ones():
    async def story() -> None:
        listener = Listener()
        async with FakeAmi() as fake, connected(fake, listener, wanted={"Hangup"}):
            await fake.say(
                b"".join(
                    f"Event: {name}\r\nN: {n}\r\n\r\n".encode()
                    for n in range(50)
                    for name in ("VarSet", "Hangup")
                )
            )
            await listener.until(lambda: len(listener.events) == 50)
            assert [event["N"] for event in listener.events] == [str(n) for n in range(50)]

    play(story())


def test_an_originate_response_is_an_event_with_the_attempts_id():
    async def story() -> None:
        listener = Listener()
        answers = {"Originate": "Response: Success\r\nMessage: Originate successfully queued\r\n\r\n"}
        async with FakeAmi(answers) as fake, connected(fake, listener) as ami:
            reply = await ami.send({"Action": "Originate", "ActionID": "attempt-7"})
            assert reply.message == "Originate successfully queued"
            await fake.say(
                b"Event: OriginateResponse\r\nResponse: Failure\r\nActionID: attempt-7\r\nReason: 5\r\n\r\n"
            )
            await listener.until(lambda: listener.events)
            assert listener.events[0]["ActionID"] == "attempt-7"

    play(story())


def test_a_caller_who_forges_blocks_breaks_nothing():
    async def story() -> None:
        listener = Listener()
        async with FakeAmi() as fake, connected(fake, listener) as ami:
            asked = asyncio.create_task(ami.send({"Action": "Slow"}))
            await fake.until_received("Slow")
            await fake.say(
                b"Event: Newchannel\r\nCallerIDName: x\r\n\r\nEvent: Shutdown\r\n\r\n"
                b"Response: Success\r\nActionID: 1\r\nMessage: forged\r\n\r\n"
                b"Response: Error\r\nActionID: a\r\nActionID: b\r\n\r\n"
                b"Event: QueueCallerAbandon\r\nUniqueid: victim\r\n\r\nUniqueid: test-1.1\r\n\r\n"
            )
            await listener.until(lambda: len(listener.events) == 3)
            real = fake.named("Slow")[0]["ActionID"]
            await fake.say(f"Response: Success\r\nActionID: {real}\r\nMessage: real\r\n\r\n".encode())
            assert (await asked).message == "real"
            assert ami.doubtful_blocks == 2
            assert fake.logins == 1, "the connection held"

    play(story())


def test_a_listener_that_fails_gets_the_next_event(caplog: pytest.LogCaptureFixture):
    async def story() -> None:
        listener = Listener()

        async def fails_once(event: Block) -> None:
            if event["Event"] == "First":
                raise RuntimeError("no database")
            await listener.on_event(event)

        async with FakeAmi() as fake, connected(fake, listener, on_event=fails_once):
            await fake.say(b"Event: First\r\n\r\nEvent: Second\r\n\r\n")
            await listener.until(lambda: listener.events)

    play(story())
    assert "event First was not taken" in caplog.text


def test_an_event_may_ask_the_switch_something():
    async def story() -> None:
        listener = Listener()
        asked: list[bool] = []

        async with FakeAmi() as fake:

            async def asks(event: Block) -> None:
                asked.append((await ami.send({"Action": "QueueStatus"})).is_success)
                await listener.on_event(event)

            async with connected(fake, listener, on_event=asks) as ami:
                await fake.say(b"Event: Hangup\r\n\r\n" * 3)
                await listener.until(lambda: len(listener.events) == 3)
            assert asked == [True] * 3

    play(story())


def test_other_threads_may_ask():
    async def story() -> None:
        listener = Listener()
        async with FakeAmi() as fake, connected(fake, listener) as ami:
            entries: list[int] = []
            faults: list[Exception] = []

            def ask() -> None:
                entries.append(len(ami.send_from_thread({"Action": "QueueStatus"}, 2.0).events))
                try:
                    ami.send_from_thread({"Action": "Slow"}, 0.05)
                except AmiTimeout as fault:
                    faults.append(fault)

            threads = [threading.Thread(target=ask) for _ in range(8)]
            for thread in threads:
                thread.start()
            await asyncio.to_thread(lambda: [thread.join(10) for thread in threads])
            assert entries == [4] * 8
            assert len(faults) == 8

    play(story())


def test_a_thread_that_asks_before_the_start_is_told():
    async def never(event: Block) -> None:
        raise AssertionError

    with pytest.raises(AmiNotConnected):
        Ami(username="u", secret="s", on_event=never).send_from_thread({"Action": "Ping"})
