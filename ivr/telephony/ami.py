"""Asterisk's manager interface: actions out, events in, over a connection that heals itself.

Events are hints (a caller can forge them): no outcome of a call rests on them alone. The codec is ours; why
panoramisk's is not used stands in DECISIONS.md.
"""

import asyncio
import itertools
import logging
import random
import secrets
from collections.abc import Awaitable, Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ivr.telephony.ami_blocks import Block, BlockReader, encode_action
from vocabulary.errors import HotlineError

_log = logging.getLogger(__name__)

Action = Mapping[str, str | Sequence[str]]
_CONNECTED: Final = object()
_MOST_LIST_EVENTS: Final = 20_000


class AmiFault(HotlineError):
    """The switch could not be asked; whether it did what was asked is not known."""


class AmiNotConnected(AmiFault):
    """No connection: nothing was sent, and nothing is sent later by itself."""


class AmiTimeout(AmiFault):
    """No reply, or no end of a list, in time."""


class AmiRefused(AmiFault):
    """Asterisk answered, and did not do it."""


class AmiLoginRefused(AmiFault):
    """Asterisk does not know the user or the secret."""


@dataclass(frozen=True)
class AmiReply:
    """What Asterisk answered; `events` are the entries of a list action, without its completing event."""

    is_success: bool
    message: str
    fields: Block
    events: tuple[Block, ...] = ()

    def required(self) -> "AmiReply":
        """This reply, or AmiRefused: for `on_connected`, which may run before app_queue is loaded."""
        if not self.is_success:
            raise AmiRefused(self.message)
        return self


@dataclass
class _Pending:
    reply: asyncio.Future[AmiReply]
    first: Block | None = None
    events: list[Block] = field(default_factory=list)


async def _nothing() -> None:
    return


class Ami:
    """One lasting connection. Create and start it in the loop that shall run it.

    `on_event` gets every wanted event, one after the other, in order. `on_connected` runs after each login,
    and after events had to be dropped, before any later event: it is the place to ask for what was missed. If
    it raises, the connection is made anew. Of `event_classes` ("agent", "call,agent"; "on": all that the account may read)
    Asterisk does not even write the others, which is a hundred events of a call; lists come in any case. `loss_level`: how loud
    the log says that the connection is lost, for one who tells of it himself.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 5038,
        username: str,
        secret: str,
        on_event: Callable[[Block], Awaitable[None]],
        on_connected: Callable[[], Awaitable[None]] = _nothing,
        wanted: Container[str] | None = None,
        event_classes: str = "on",
        action_seconds: float = 5.0,
        ping_seconds: float = 10.0,
        first_pause: float = 0.25,
        longest_pause: float = 15.0,
        most_events_waiting: int = 20_000,
        loss_level: int = logging.WARNING,
    ) -> None:
        self._address = (host, port)
        self._login = {"Action": "Login", "Username": username, "Secret": secret, "Events": event_classes}
        self._on_event = on_event
        self._on_connected = on_connected
        self._wanted = wanted
        self._action_seconds = action_seconds
        self._ping_seconds = ping_seconds
        self._pauses = (first_pause, longest_pause)
        self._loss_level = loss_level
        self._ids = (f"{secrets.token_hex(8)}-{n}" for n in itertools.count(1))
        self._pending: dict[str, _Pending] = {}
        self._events: asyncio.Queue[Block | object] = asyncio.Queue(most_events_waiting)
        self._tasks: list[asyncio.Task[None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._is_logged_in = False
        self._ready = asyncio.Event()
        self._resync_failed = asyncio.Event()
        self._is_overrun = False
        self.connections = 0
        self.lost_events = 0
        self.doubtful_blocks = 0
        self.trouble = "not started"

    @property
    def is_connected(self) -> bool:
        """Logged in, and `on_connected` has run to its end. If not, `trouble` says why."""
        return self._ready.is_set()

    async def start(self) -> None:
        """Begin to connect, and return at once; `wait_connected` waits."""
        self._loop = asyncio.get_running_loop()
        self._tasks = [
            asyncio.create_task(self._keep_connected()),
            asyncio.create_task(self._hand_out_events()),
        ]

    async def wait_connected(self, seconds: float) -> bool:
        """Whether it is connected within `seconds`."""
        try:
            await asyncio.wait_for(self._ready.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        self.trouble = "stopped"

    async def send(self, action: Action, timeout: float | None = None) -> AmiReply:
        """Send one action and wait for its reply; a list action is answered when its list is complete.

        A refusal by Asterisk is a reply (`is_success` False), not an exception. Raises AmiFault
        (AmiNotConnected, AmiTimeout) or UnsafeAmiText. Nothing is ever sent twice.
        """
        if not self._is_logged_in:
            raise AmiNotConnected(f"no connection to Asterisk's manager: {self.trouble}")
        return await self._ask(action, self._action_seconds if timeout is None else timeout)

    def send_from_thread(self, action: Action, timeout: float | None = None) -> AmiReply:
        """The same from any other thread than the loop's own; blocks."""
        if self._loop is None or not self._loop.is_running():
            raise AmiNotConnected("the manager connection is not started")
        seconds = self._action_seconds if timeout is None else timeout
        asked = asyncio.run_coroutine_threadsafe(self.send(action, seconds), self._loop)
        try:
            return asked.result(seconds + 5.0)
        except TimeoutError:
            asked.cancel()
            raise AmiTimeout(f"{action.get('Action')}: the loop did not answer") from None

    async def _ask(self, action: Action, seconds: float) -> AmiReply:
        writer = self._writer
        if writer is None:
            raise AmiNotConnected(f"no connection to Asterisk's manager: {self.trouble}")
        action_id = str(action.get("ActionID") or next(self._ids))
        if action_id in self._pending:
            raise AmiFault(f"ActionID {action_id} is under way already")
        raw = encode_action({**action, "ActionID": action_id})
        pending = _Pending(asyncio.get_running_loop().create_future())
        self._pending[action_id] = pending
        try:
            async with asyncio.timeout(seconds):
                writer.write(raw)
                await writer.drain()
                return await pending.reply
        except TimeoutError:
            what = f"after {len(pending.events)} entries" if pending.first else "no reply"
            raise AmiTimeout(f"{action.get('Action')}: {what} within {seconds:g} s") from None
        except OSError as fault:
            raise AmiFault(f"{action.get('Action')}: the connection broke: {fault}") from None
        finally:
            self._pending.pop(action_id, None)

    async def _keep_connected(self) -> None:
        pause, longest = self._pauses
        while True:
            was_ready = False
            try:
                await self._one_connection()
            except AmiLoginRefused as fault:
                self.trouble, pause = str(fault), longest
            except (OSError, TimeoutError, HotlineError) as fault:
                self.trouble = str(fault) or type(fault).__name__
            except Exception as fault:  # unforeseen: this task's end would leave us without Asterisk for good
                _log.exception("the manager connection broke in a way that nobody thought of")
                self.trouble = type(fault).__name__
            finally:
                was_ready = self._ready.is_set()
                self._forget_connection()
            _log.log(self._loss_level, "manager connection lost: %s", self.trouble)
            pause = self._pauses[0] if was_ready else pause
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))
            pause = min(longest, pause * 2)

    async def _one_connection(self) -> None:
        """Connect, log in, and stay until the connection breaks; always raises."""
        async with asyncio.timeout(self._action_seconds):
            reader, self._writer = await asyncio.open_connection(*self._address)
            try:
                banner = await reader.readline()
            except ValueError:  # 64 KB without a line end
                banner = b""
        if not banner.startswith(b"Asterisk Call Manager/"):
            raise AmiFault(f"no manager interface at {self._address[0]}:{self._address[1]}")
        self.connections += 1
        parts = [self._read(reader), self._log_in_and_ping(), self._until_resync_fails()]
        running = [asyncio.create_task(part) for part in parts]
        try:
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        for task in done:
            task.result()

    async def _log_in_and_ping(self) -> None:
        reply = await self._ask(self._login, self._action_seconds)
        if not reply.is_success:
            raise AmiLoginRefused(f"Asterisk refuses the login: {reply.message}")
        self._is_logged_in = True
        self._put(_CONNECTED)
        while True:
            await asyncio.sleep(self._ping_seconds)
            await self._ask({"Action": "Ping"}, self._action_seconds)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        blocks = BlockReader()
        while chunk := await reader.read(65536):
            before = blocks.doubtful
            for block in blocks.feed(chunk):
                self._take(block)
            self.doubtful_blocks += blocks.doubtful - before
            await asyncio.sleep(0)  # in a flood the others get their turn
        raise AmiFault("Asterisk closed the connection")

    async def _until_resync_fails(self) -> None:
        self._resync_failed.clear()
        await self._resync_failed.wait()
        raise AmiFault("what was missed could not be asked for")

    def _take(self, block: Block) -> None:
        pending = self._pending.get(block.get("ActionID", ""))
        if next(iter(block)) == "Response":
            if pending is not None:
                self._take_reply(pending, block)
        elif pending is not None and pending.first is not None:
            self._take_entry(pending, block)
        elif self._wanted is None or block["Event"] in self._wanted:
            self._put(block)

    def _take_reply(self, pending: _Pending, block: Block) -> None:
        is_success = block["Response"] in ("Success", "Goodbye", "Follows")
        if is_success and block.get("EventList", "").lower() == "start":
            pending.first = block
        elif not pending.reply.done():
            pending.reply.set_result(AmiReply(is_success, block.get("Message", ""), block))

    def _take_entry(self, pending: _Pending, block: Block) -> None:
        if pending.first is None or pending.reply.done():
            return
        if block.get("EventList", "").lower() in ("complete", "cancelled"):
            reply = AmiReply(True, pending.first.get("Message", ""), block, tuple(pending.events))
            pending.reply.set_result(reply)
        elif len(pending.events) >= _MOST_LIST_EVENTS:
            pending.reply.set_exception(AmiFault(f"a list of more than {_MOST_LIST_EVENTS} entries"))
        else:
            pending.events.append(block)

    def _put(self, item: Block | object) -> None:
        try:
            self._events.put_nowait(item)
        except asyncio.QueueFull:
            self.lost_events += 1
            self._is_overrun = True

    async def _hand_out_events(self) -> None:
        while True:
            item = await self._events.get()
            if isinstance(item, Mapping):
                await self._hand_out(item)
            else:
                await self._resync()
            if self._is_overrun and self._events.empty():
                self._is_overrun = False
                _log.error("too many events at once, %d dropped so far: asking anew", self.lost_events)
                await self._resync()

    async def _hand_out(self, block: Block) -> None:
        try:
            await self._on_event(block)
        except Exception:  # the listener's fault must not stop the next event; events are hints
            _log.exception("event %s was not taken", block["Event"])

    async def _resync(self) -> None:
        if not self._is_logged_in:
            return
        try:
            await self._on_connected()
        except Exception as fault:  # whatever it was, the remedy is the same: connect again and ask again
            _log.error("after connecting to the manager: %s: %s", type(fault).__name__, fault)
            self._resync_failed.set()
            return
        if self._is_logged_in:
            self.trouble = ""
            self._ready.set()

    def _forget_connection(self) -> None:
        self._is_logged_in = False
        self._ready.clear()
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        for pending in self._pending.values():
            if not pending.reply.done():
                pending.reply.set_exception(AmiFault("the connection broke before the reply came"))
        self._pending.clear()
