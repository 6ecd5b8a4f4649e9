"""What stories about the manager connection share: somebody who takes its events, and a connection to a fake switch."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from support.fake_ami import FakeAmi

from ivr.telephony.ami import Ami
from ivr.telephony.ami_blocks import Block


class Listener:
    """Takes events, and can be waited for."""

    def __init__(self) -> None:
        self.events: list[Block] = []
        self.resyncs = 0
        self.changed = asyncio.Condition()

    async def on_event(self, event: Block) -> None:
        async with self.changed:
            self.events.append(event)
            self.changed.notify_all()

    async def on_connected(self) -> None:
        async with self.changed:
            self.resyncs += 1
            self.changed.notify_all()

    async def until(self, is_so: Any, seconds: float = 5.0) -> None:
        async with asyncio.timeout(seconds), self.changed:
            await self.changed.wait_for(is_so)


@asynccontextmanager
async def connected(fake: FakeAmi, listener: Listener, **options: Any) -> AsyncIterator[Ami]:
    told: dict[str, Any] = {"on_event": listener.on_event, "on_connected": listener.on_connected} | options
    ami = Ami(
        port=fake.port, username="hotline", secret="s3cret",
        **({"action_seconds": 1.0, "first_pause": 0.02, "longest_pause": 0.1} | told),
    )  # fmt: skip
    await ami.start()
    try:
        assert await ami.wait_connected(5.0), ami.trouble
        yield ami
    finally:
        await ami.stop()


def play(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(story, 30))
