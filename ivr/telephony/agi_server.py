"""The door that Asterisk knocks on at every moment of a call: scripts run here, in a bounded pool of threads.

Silent, slow and hostile peers hold no thread; a full pool refuses at once, and the dialplan goes on alone.
"""

import asyncio
import ipaddress
import logging
import queue
import re
import socket
import threading
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from ivr.calls.channel import CallerHungUp
from ivr.telephony.agi_doorstep import Doorstep, Visitor
from ivr.telephony.agi_errors import BadHeader, LineLost
from ivr.telephony.agi_header import parse_header, script_of
from ivr.telephony.agi_session import AgiSession

_log = logging.getLogger(__name__)

Route = Callable[[AgiSession], None]

# Seven and more digits are somebody's number, unless they are the seconds of a call id (1795397954.12).
_NUMBERS: Final = re.compile(r"(?<!\d)\d{7,}(?!\d|\.\d)")
_REFUSAL: Final = b"failure\n"  # Asterisk reads this line as AGISTATUS=FAILURE; a mere close would be SUCCESS


@dataclass(frozen=True)
class AgiCounters:
    """Since the start. `served` includes sessions that a hang-up ended; `silent` gave no header in time."""

    accepted: int = 0
    refused_peer: int = 0
    refused_full: int = 0
    bad_header: int = 0
    silent: int = 0
    failed: int = 0
    served: int = 0


class AgiServer:
    """Runs one route per connection in a thread of its own. `routes`: AGI path → function.

    With `shares_port` several processes may listen on the same port; the kernel spreads the calls over them.
    """

    def __init__(
        self,
        routes: Mapping[str, Route],
        *,
        host: str = "127.0.0.1",
        port: int = 4573,
        threads: int = 256,
        backlog: int = 1024,
        allowed_peers: Iterable[str] = ("127.0.0.0/8", "::1"),
        header_seconds: float = 2.0,
        most_open_headers: int = 2000,
        reply_seconds: float = 5.0,
        shares_port: bool = False,
    ) -> None:
        self._routes = dict(routes)
        self._address = (host, port)
        self._backlog = backlog
        self._threads = threads
        self._reply_seconds = reply_seconds
        self._shares_port = shares_port
        self._peers = tuple(ipaddress.ip_network(peer) for peer in allowed_peers)
        self._lock = threading.Lock()
        self._sessions: set[AgiSession] = set()
        self._busy = 0
        self._counters = AgiCounters()
        self._doorstep = Doorstep(
            is_allowed=self._is_allowed,
            on_header=self._on_header,
            on_turned_away=self._on_turned_away,
            header_seconds=header_seconds,
            most_open=most_open_headers,
        )
        self._work: queue.SimpleQueue[tuple[AgiSession, Route] | None] = queue.SimpleQueue()
        self._workers: list[threading.Thread] = []
        self._port = 0

    @property
    def port(self) -> int:
        """The port that is listened on (the real one when 0 was asked for); 0 while stopped."""
        return self._port

    @property
    def busy(self) -> int:
        """Threads in a session now."""
        return self._busy

    @property
    def threads(self) -> int:
        """The most sessions at one time."""
        return self._threads

    @property
    def open_headers(self) -> int:
        """Connections that have not said what they want yet."""
        return self._doorstep.waiting

    @property
    def counters(self) -> AgiCounters:
        return replace(self._counters, accepted=self._doorstep.accepted)

    async def start(self) -> None:
        """Listen; raises OSError when the address cannot be had."""
        host, port = self._address
        loop = asyncio.get_running_loop()
        family, _, _, _, address = (await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if self._shares_port:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            listener.bind(address)
            listener.listen(self._backlog)
        except OSError:
            listener.close()
            raise
        self._port = listener.getsockname()[1]
        self._doorstep.open(listener)

    async def stop(self, grace_seconds: float = 3.0) -> None:
        """Take no more calls, give running sessions `grace_seconds`, then cut them; their callers go on."""
        self._doorstep.close()
        self._port = 0
        await self._until_idle(grace_seconds)
        with self._lock:
            running = list(self._sessions)
        for session in running:
            _log.warning("call %s: %s is cut, the server stops", session.call_id, session.script)
            session.cut()
        if not await self._until_idle(5.0):
            _log.error("%d AGI sessions did not end; their threads are left behind", self._busy)
        for _ in self._workers:
            self._work.put(None)
        self._workers.clear()

    async def _until_idle(self, seconds: float) -> bool:
        deadline = asyncio.get_running_loop().time() + seconds
        while self._busy and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.02)
        return not self._busy

    def _is_allowed(self, peer: str) -> bool:
        address = ipaddress.ip_address(peer.partition("%")[0])
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return any(address in network for network in self._peers)

    def _on_header(self, visitor: Visitor, raw: bytes, leftover: bytes) -> None:
        try:
            header = parse_header(raw)
            route = self._routes.get(script_of(header))
            if route is None:
                raise BadHeader(f"no script {script_of(header)[:60]!r}")
        except BadHeader as fault:
            self._refuse(visitor, "bad_header", str(fault))
            return
        if not self._take_thread():
            call_id = header.get("agi_uniqueid", "unknown")
            self._refuse(visitor, "refused_full", f"call {call_id}: all {self._threads} threads are busy")
            return
        session = AgiSession(visitor.connection, header, leftover=leftover, reply_seconds=self._reply_seconds)
        with self._lock:
            self._sessions.add(session)
        self._work.put((session, route))

    def _take_thread(self) -> bool:
        """Count one more busy thread and see that it exists; False when all are busy."""
        with self._lock:
            if self._busy >= self._threads:
                return False
            self._busy += 1
            if self._busy > len(self._workers):
                worker = threading.Thread(target=self._serve, name=f"agi-{len(self._workers)}", daemon=True)
                self._workers.append(worker)
                worker.start()
        return True

    def _serve(self) -> None:
        """One thread of the pool, until stop()."""
        while (work := self._work.get()) is not None:
            self._run(*work)

    def _run(self, session: AgiSession, route: Route) -> None:
        outcome = "failed"
        try:
            route(session)
            outcome = "served"
        except LineLost:  # Asterisk says HANGUP before it closes: this is its end, or no Asterisk
            outcome = "served"
            _log.info("call %s: closed without a hang-up during %s", session.call_id, session.script)
        except CallerHungUp:
            outcome = "served"
            _log.debug("call %s: hung up during %s", session.call_id, session.script)
        except (Exception, SystemExit) as fault:  # one of the three doors: whatever broke, the caller goes on
            _log.error("call %s: %s failed: %s", session.call_id, session.script, told(fault))
            session.give_up()
        finally:
            session.close()
            with self._lock:
                self._sessions.discard(session)
                self._busy -= 1
                self._count(outcome)

    def _on_turned_away(self, visitor: Visitor, why: str, words: str) -> None:
        self._refuse(visitor, why, words)

    def _refuse(self, visitor: Visitor, why: str, words: str) -> None:
        with self._lock:
            self._count(why)
        if words:
            _log.warning("AGI connection from %s closed: %s", visitor.peer, masked(words))
        if why != "refused_peer":
            visitor.say_and_close(_REFUSAL)
        else:
            visitor.say_and_close(b"")

    def _count(self, what: str) -> None:
        self._counters = replace(self._counters, **{what: getattr(self._counters, what) + 1})


def masked(text: str) -> str:
    """The text in one line, with phone numbers masked."""
    return _NUMBERS.sub(lambda found: f"{found[0][:3]}****{found[0][-2:]}", " ".join(text.split()))


def told(fault: BaseException) -> str:
    """An exception in one line: kind, words, place."""
    frames = traceback.extract_tb(fault.__traceback__)
    place = f" at {frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno}" if frames else ""
    return masked(f"{type(fault).__name__}: {fault}") + place
