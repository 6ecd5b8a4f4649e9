"""How long a caller hears nothing: from INVITE to the greeting's first RTP packet, ours beside a bare Playback.

`python benchmarks first_prompt [--quick] [--calls N]` prints one table. One caller at a time, ours and the bare
dialplan by turns, same Asterisk, same file; the caller is this program, for SIPp cannot say when sound came.
"""

import argparse
import asyncio
import os
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import cast

from benchmarks.measuring import OtherWork, machine, percentile, print_table
from benchmarks.side_by_side import BARE, RUSH, side_by_side

HOST = "127.0.0.1"
AIM_SECONDS = 0.020
PATIENCE_SECONDS = 5.0
PAUSE_SECONDS = 0.2
"""Between two calls, so that what our server writes at the end of one does not fall into the next."""
FRAME = 160
SILENCE = bytes([0xD5]) * FRAME
_SDP = (
    f"v=0\r\no=- 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\n"
    "m=audio {port} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
)
_callers = count(1)


def is_sound(payload: bytes) -> bool:
    """A-law louder than the noise of a quiet line."""
    return any((byte ^ 0x55) & 0x7F > 0x20 for byte in payload)


@dataclass
class Media(asyncio.DatagramProtocol):
    """The caller's ear and mouth: notes the first packet and the first one with sound; sends silence as any phone does."""

    first: float | None = None
    sound: asyncio.Future[float] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, _from: object) -> None:
        now = time.perf_counter()
        if len(data) <= 12 or data[0] >> 6 != 2 or data[1] & 0x7F != 8:
            return
        self.first = self.first or now
        if not self.sound.done() and is_sound(data[12:]):
            self.sound.set_result(now)

    async def speak(self, to: tuple[str, int]) -> None:
        """A packet every 20 ms, until cancelled; Asterisk's Answer() waits for the first one."""
        for n in count():
            head = (
                bytes([0x80, 8]) + (n & 0xFFFF).to_bytes(2, "big") + (n * FRAME).to_bytes(4, "big") + b"test"
            )
            self.transport.sendto(head + SILENCE, to)
            await asyncio.sleep(0.02)


class Sip(asyncio.DatagramProtocol):
    """The caller's signalling: one call at a time."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address
        self.answers: asyncio.Queue[tuple[int, str]] = asyncio.Queue()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)
        self.port = int(transport.get_extra_info("sockname")[1])

    def datagram_received(self, data: bytes, _from: object) -> None:
        text = data.decode("utf-8", "replace")
        status = re.match(r"SIP/2\.0 (\d{3})", text)
        if status:
            self.answers.put_nowait((int(status[1]), text))

    def send(self, method: str, cseq: int, call: str, to: str, body: str = "") -> None:
        called = to.partition("<")[2].partition(">")[0]
        kind = "Content-Type: application/sdp\r\n" if body else ""
        text = (
            f"{method} {called} SIP/2.0\r\nVia: SIP/2.0/UDP {HOST}:{self.port};branch=z9hG4bK{call}{method}\r\n"
            f"From: <sip:139{call}@{HOST}>;tag={call}\r\nTo: {to}\r\nCall-ID: first-prompt-{call}\r\n"
            f"CSeq: {cseq} {method}\r\nContact: <sip:139{call}@{HOST}:{self.port}>\r\nMax-Forwards: 70\r\n"
            f"{kind}Content-Length: {len(body)}\r\n\r\n{body}"
        )
        self.transport.sendto(text.encode(), self.address)

    async def final(self, call: str, method: str) -> str:
        """The final answer to this request. Raises TimeoutError, or SystemExit with the answer if it is a refusal."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                status, text = await self.answers.get()
                is_ours = f"first-prompt-{call}\r" in text and re.search(rf"CSeq: \d+ {method}\r", text)
                if is_ours and status >= 300:
                    raise SystemExit(f"a call was refused: {text.splitlines()[0]}")
                if is_ours and status >= 200:
                    return text


@dataclass(frozen=True)
class Heard:
    """Seconds after the INVITE."""

    packet: float
    sound: float


async def call_once(sip: Sip, number: str) -> Heard:
    """Calls, waits for the first sound of the greeting, hangs up."""
    call = f"{next(_callers):08}"
    to = f"<sip:{number}@{HOST}:{sip.address[1]}>"
    loop = asyncio.get_running_loop()
    transport, media = await loop.create_datagram_endpoint(Media, local_addr=(HOST, 0))
    port = transport.get_extra_info("sockname")[1]
    body = _SDP.format(port=port)
    began = time.perf_counter()
    sip.send("INVITE", 1, call, to, body)
    answer = await sip.final(call, "INVITE")
    far_tag = _found(r"^To: .*;tag=([^;\s]+)", answer)
    far = f"<{_found(r'^Contact: <([^>]+)>', answer)}>;tag={far_tag}"
    sip.send("ACK", 1, call, far)
    speaking = asyncio.create_task(media.speak((HOST, int(_found(r"^m=audio (\d+)", answer)))))
    try:
        sound = await asyncio.wait_for(media.sound, PATIENCE_SECONDS)
    finally:
        speaking.cancel()
        sip.send("BYE", 2, call, far)
        await sip.final(call, "BYE")
        transport.close()
    assert media.first is not None
    return Heard(media.first - began, sound - began)


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text, re.MULTILINE)
    if match is None:
        raise SystemExit(f"an answer without {pattern}: {text}")
    return match[1]


async def measure(sip_port: int, numbers: Mapping[str, str], calls: int) -> dict[str, list[Heard]]:
    """By turns, each turn beginning with the other way; the first three of each warm everything up and do not count."""
    loop = asyncio.get_running_loop()
    transport, sip = await loop.create_datagram_endpoint(lambda: Sip((HOST, sip_port)), local_addr=(HOST, 0))
    heard: dict[str, list[Heard]] = {name: [] for name in numbers}
    for n in range(calls + 3):
        for name in numbers if n % 2 else reversed(list(numbers)):
            one = await call_once(sip, numbers[name])
            if n >= 3:
                heard[name].append(one)
            await asyncio.sleep(PAUSE_SECONDS)
    transport.close()
    return heard


def _rows(heard: Mapping[str, list[Heard]]) -> Iterator[list[str]]:
    for name, ones in heard.items():
        packets, sounds = [one.packet for one in ones], [one.sound for one in ones]
        figures = [percentile(packets, share) for share in (0.5, 0.95, 1.0)] + [
            percentile(sounds, share) for share in (0.5, 0.95)
        ]
        yield [name, *(f"{figure * 1000:.1f}" for figure in figures), str(len(ones))]


def _notes(heard: Mapping[str, list[Heard]], other: float) -> Iterator[str]:
    ours, bare = ([one.packet for one in ones] for ones in heard.values())
    for words, share in (("p50", 0.5), ("p95", 0.95)):
        more = percentile(ours, share) - percentile(bare, share)
        verdict = "met" if more <= AIM_SECONDS else "MISSED"
        yield f"first packet, {words}: {more * 1000:+.1f} ms; aim ≤ {AIM_SECONDS * 1000:+.0f} ms, {verdict}"
    yield f"other work on this machine meanwhile: {other:.2f} of {os.cpu_count()} cores; the caller shares them too"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="30 calls of each")
    parser.add_argument("--calls", type=int, default=0, help="of each way; 150 if not given")
    given = parser.parse_args()
    with side_by_side() as bench:
        other = OtherWork()
        calls = given.calls or (30 if given.quick else 150)
        numbers = {"ours: AGI, menu, greeting": RUSH, "bare Answer, Playback": BARE}
        heard = asyncio.run(measure(bench.hotline.settings.sip_port, numbers, calls))
        title = f"First prompt, {machine()}, Asterisk {bench.hotline.program.version}"
        head = ["ms after INVITE", "packet p50", "p95", "max", "sound p50", "p95", "calls"]
        print_table(title, head, _rows(heard), _notes(heard, other.cores()))
