"""Asterisk's part of the manager interface: plays recorded conversations and every kind of misbehaviour."""

import asyncio
from collections.abc import Mapping

LOGGED_IN = "Response: Success\r\nMessage: Authentication accepted\r\n\r\n"
REFUSED = "Response: Error\r\nMessage: Authentication failed\r\n\r\n"
PONG = "Response: Success\r\nPing: Pong\r\nTimestamp: 1795397954.000000\r\n\r\n"

QUEUE_STATUS = (
    "Response: Success\r\nEventList: start\r\nMessage: Queue status will follow\r\n\r\n"
    "Event: QueueParams\r\nQueue: main\r\nMax: 0\r\nStrategy: rrmemory\r\nCalls: 1\r\nHoldtime: 2\r\n\r\n"
    "Event: QueueMember\r\nQueue: main\r\nName: 1001\r\nPaused: 0\r\nStatus: 1\r\n\r\n"
    "Event: QueueMember\r\nQueue: main\r\nName: 张三\r\nPaused: 1\r\nStatus: 5\r\n\r\n"
    "Event: QueueEntry\r\nQueue: main\r\nPosition: 1\r\nUniqueid: test-1.1\r\nWait: 12\r\n\r\n"
    "Event: QueueStatusComplete\r\nEventList: Complete\r\nListItems: 4\r\n\r\n"
)


def with_action_id(recorded: str, action_id: str) -> bytes:
    """The recorded blocks, each with the ActionID of the action that asked for it."""
    blocks = recorded.split("\r\n\r\n")
    return "\r\n\r\n".join(
        block.replace("\r\n", f"\r\nActionID: {action_id}\r\n", 1)
        if "\r\n" in block
        else f"{block}\r\nActionID: {action_id}"
        if block
        else block
        for block in blocks
    ).encode()


class FakeAmi:
    """`answers`: action name → recorded blocks; an action that is not in it gets no reply at all."""

    def __init__(
        self, answers: Mapping[str, str] | None = None, banner: bytes = b"Asterisk Call Manager/9.0.0\r\n"
    ):
        self.answers = {"Login": LOGGED_IN, "Ping": PONG, "QueueStatus": QUEUE_STATUS, **(answers or {})}
        self.banner = banner
        self.received: list[dict[str, str]] = []
        self.port = 0
        self.logins = 0
        self.is_reading = True
        self._writers: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None
        self._arrived = asyncio.Condition()

    async def __aenter__(self) -> "FakeAmi":
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.shut()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._converse, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        """Stop listening and drop everybody; `open` comes back on the same port."""
        if self._server is not None:
            self._server.close()
            self.drop()
            await self._server.wait_closed()
            self._server = None

    def drop(self) -> None:
        """Close every connection, as `core restart now` does."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def say(self, raw: bytes) -> None:
        """Send these bytes to everybody, unasked."""
        for writer in self._writers:
            writer.write(raw)
            await writer.drain()

    async def until_received(self, name: str, count: int = 1, seconds: float = 5.0) -> None:
        async with asyncio.timeout(seconds), self._arrived:
            await self._arrived.wait_for(lambda: len(self.named(name)) >= count)

    def named(self, name: str) -> list[dict[str, str]]:
        return [action for action in self.received if action.get("Action") == name]

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        try:
            writer.write(self.banner)
            while True:
                raw = await reader.readuntil(b"\r\n\r\n")
                await self._answer(raw.decode(), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _answer(self, raw: str, writer: asyncio.StreamWriter) -> None:
        action = dict(line.split(": ", 1) for line in raw.strip().split("\r\n"))
        async with self._arrived:
            self.received.append(action)
            self._arrived.notify_all()
        recorded = self.answers.get(action["Action"])
        if recorded is not None:
            self.logins += action["Action"] == "Login"
            writer.write(with_action_id(recorded, action["ActionID"]))
            await writer.drain()
