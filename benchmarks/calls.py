"""What a call costs: our whole thread beside a plain dialplan that only greets and queues, on the same Asterisk.

`python benchmarks calls [--quick]` prints one table: CPU of all our processes and Asterisk per call, for
calls with 30 s of two-way G.711 and for signalling only, and the highest calls/s without a failure. See README.md here.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count

from sqlmodel import col, func, select
from support.waiting import wait_for

from benchmarks.measuring import OtherWork, cpu_seconds, machine, median, print_table
from benchmarks.side_by_side import PLAIN, RING_SECONDS, RUSH, TALK, SideBySide, side_by_side, sipp
from tickets.call_records import CallRecord
from tickets.outcome import Outcome
from tickets.tickets import CallTicket

PCAP = "/usr/share/sip-tester/g711a.pcap"
PCAP_SECONDS = 7.08
ANSWER_SECONDS = 0.5
"""Asterisk's Answer() waits so long for a caller's first sound; callers without sound always wait it out."""
AIM = 1.10
RATES = (10, 20, 30, 40, 50, 60)
SHORT_TALK = 1.5
"""Below a second a call counts as answered without a talk."""
_callers = count(1)
_began = time.monotonic()

_CALLER = """<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="citizen">
<send retrans="500"><![CDATA[
INVITE sip:[field1]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:[field0]@[local_ip]>;tag=[pid]C[call_number]
To: <sip:[field1]@[remote_ip]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:[field0]@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

v=0
o=citizen 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [auto_media_port] RTP/AVP 8
a=rtpmap:8 PCMA/8000
]]></send>
<recv response="100" optional="true"></recv>
<recv response="180" optional="true"></recv>
<recv response="183" optional="true"></recv>
<recv response="200" rrs="true"></recv>
<send><![CDATA[
ACK [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:[field0]@[local_ip]>;tag=[pid]C[call_number]
To: <sip:[field1]@[remote_ip]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
{stay}<send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:[field0]@[local_ip]>;tag=[pid]C[call_number]
To: <sip:[field1]@[remote_ip]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 2 BYE
Max-Forwards: 70
Content-Length: 0

]]></send>
<recv response="200"></recv>
</scenario>
"""


def caller(stay_seconds: float, *, talks: bool) -> str:
    """A citizen who hangs up so long after the answer; `talks`: with sound from the first moment to the last.

    Whatever else comes while he stays (the other side's BYE above all) makes the call a failed one.
    """
    steps, left = "", stay_seconds
    while left > 0:
        part = min(left, PCAP_SECONDS)
        if talks:
            steps += f'<nop><action><exec play_pcap_audio="{PCAP}"/></action></nop>\n'
        steps += f'<pause milliseconds="{round(part * 1000)}"/>\n'
        left -= part
    return _CALLER.replace("{stay}", steps)


@dataclass(frozen=True)
class Load:
    """`calls` calls, `rate` a second, each with so much time after the queue."""

    calls: int
    rate: float
    talk_seconds: float
    talks: bool


@dataclass(frozen=True)
class Round:
    """One way, one load: CPU seconds per call, seconds that it lasted per call, and its fault if it has one."""

    asterisk: float
    ours: float
    seconds: float = 0
    fault: str = ""

    @property
    def whole(self) -> float:
        return self.asterisk + self.ours

    def beyond(self, idle_a_second: float) -> float:
        """What only the calls cost: without what the processes spend while nobody calls."""
        return self.whole - idle_a_second * self.seconds


@dataclass
class Way:
    """Ours (`number` is one of our numbers) or the plain dialplan."""

    name: str
    number: str
    is_ours: bool
    talk: list[Round] = field(default_factory=list)
    signalling: list[Round] = field(default_factory=list)
    highest: str = ""


def run(bench: SideBySide, way: Way, load: Load, *, number: str = "", lag_seconds: float = 10) -> Round:
    """Places the calls and waits until all is told; our records must be whole within `lag_seconds` of the last hang-up."""
    bench.ours(way.is_ours)
    number = number or way.number
    stay = bench.greeting_seconds + RING_SECONDS + load.talk_seconds + (0 if load.talks else ANSWER_SECONDS)
    rows = [f"139{next(_callers):08};{number}" for _ in range(load.calls)]
    connected, recorded = _connects(bench), _records(bench, number)
    before, began = (cpu_seconds(bench.asterisk_pid), cpu_seconds(*bench.our_pids)), time.monotonic()
    lasts = load.calls / load.rate + stay
    arguments = ("-m", str(load.calls), "-r", f"{load.rate:g}", "-mp", "6000")
    callers = sipp(
        caller(stay, talks=load.talks), bench.sip_address, *arguments, rows=rows, seconds=lasts + 15
    )
    good, bad = callers.results(lasts + 20)
    callers.stop()
    fault = f"{bad} of {load.calls} callers failed" if bad or good != load.calls else ""
    if way.is_ours:
        whole = _wait_for_records(bench, number, recorded + load.calls, lag_seconds)
        if whole < recorded + load.calls:
            fault = (
                fault
                or f"{whole - recorded} of {load.calls} records with ticket {lag_seconds:g} s after the end"
            )
    bench.wait_hung_up()
    reached = _connects(bench) - connected
    if reached != load.calls:
        fault = fault or f"{reached} of {load.calls} callers reached an agent"
    if way.is_ours and not fault:
        bench.wait_settled()  # the end of the wrap-ups belongs to the price of a call
    after = cpu_seconds(bench.asterisk_pid), cpu_seconds(*bench.our_pids)
    lasted = time.monotonic() - began
    asterisk, ours = ((now - then) / load.calls for now, then in zip(after, before, strict=True))
    return Round(asterisk, ours, lasted / load.calls, fault)


def _connects(bench: SideBySide) -> int:
    return sum(len(line) > 4 and line[4] == "CONNECT" for line in bench.hotline.queue_log)


def _records(bench: SideBySide, number: str) -> int:
    """Calls that are told to the end: walked the menu by our script, answered, closed, with a ticket."""
    with bench.hotline.hotline.database.reading() as session:
        statement = (
            select(func.count(func.distinct(col(CallRecord.call_id))))
            .join(CallTicket, col(CallTicket.call_id) == col(CallRecord.call_id))
            .where(
                col(CallRecord.number_called) == number,
                col(CallRecord.is_open).is_(False),
                col(CallRecord.outcome) == Outcome.ANSWERED,
                col(CallRecord.menu_path).is_not(None),
            )
        )
        return session.exec(statement).one()


def _wait_for_records(bench: SideBySide, number: str, wanted: int, seconds: float) -> int:
    with suppress(AssertionError):  # those that did not come are told as a fault of the load
        wait_for(lambda: _records(bench, number) >= wanted, seconds)
    return _records(bench, number)


def highest(bench: SideBySide, way: Way, rates: Sequence[int], burst: float, confirm: float) -> str:
    """The highest rate at which every call of a burst went well, and of a longer one too; and what stopped the next."""
    number, best, stopped = RUSH if way.is_ours else PLAIN, 0, ""
    for rate in rates:
        fault = _burst(bench, way, rate, burst, number)
        if fault:
            stopped = f"at {rate}: {fault}"
            break
        best = rate
    for rate in sorted((rate for rate in rates if rate <= best), reverse=True):
        fault = _burst(bench, way, rate, confirm, number)
        if not fault:
            return f"{rate}" + (f" ({stopped})" if stopped else " (the last step)")
        stopped = f"at {rate} for {confirm:g} s: {fault}"
    return f"0 ({stopped})"


def _burst(bench: SideBySide, way: Way, rate: int, seconds: float, number: str) -> str:
    load = Load(round(rate * seconds), rate, SHORT_TALK, talks=False)
    return run(bench, way, load, number=number, lag_seconds=1.5).fault


def measure(bench: SideBySide, ways: Sequence[Way], rounds: int, talk: Load, signalling: Load) -> None:
    """The ways by turns, ABBAAB…, so that neither always goes first and our server seldom starts."""
    order = [way for n in range(2 * rounds) for way in (ways if n % 2 == 0 else reversed(ways))]
    for n, way in enumerate(order):
        what, load = ("talk", talk) if n < 2 * rounds else ("signalling", signalling)
        done = run(bench, way, load)
        say(f"{what}, {way.name}: {done.whole * 1000:.1f} ms a call {done.fault}")
        getattr(way, what).append(done)


def say(words: str) -> None:
    print(f"{time.monotonic() - _began:4.0f} s  {words}", file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Idle:
    """CPU seconds a second while nobody calls."""

    asterisk_alone: float
    asterisk: float
    ours: float

    def of(self, way: Way) -> float:
        return self.asterisk + self.ours if way.is_ours else self.asterisk_alone


def idle_cost(bench: SideBySide, seconds: float) -> Idle:
    bench.ours(False)
    alone = _spending(bench, seconds)[0]
    bench.ours(True)
    return Idle(alone, *_spending(bench, seconds))


def _spending(bench: SideBySide, seconds: float) -> tuple[float, float]:
    before, began = (cpu_seconds(bench.asterisk_pid), cpu_seconds(*bench.our_pids)), time.monotonic()
    time.sleep(seconds)  # a time in which nobody calls is what is measured: no event ends it
    lasted = time.monotonic() - began
    after = cpu_seconds(bench.asterisk_pid), cpu_seconds(*bench.our_pids)
    return (after[0] - before[0]) / lasted, (after[1] - before[1]) / lasted


def _rows(ways: Sequence[Way], talk: Load, idle: Idle) -> Iterator[list[str]]:
    for what, words in (("talk", f"{talk.talk_seconds:g} s of talk"), ("signalling", "signalling only")):
        rounds: dict[str, list[Round]] = {way.name: getattr(way, what) for way in ways}
        whole = [median(one.whole for one in rounds[way.name]) for way in ways]
        beyond = [median(one.beyond(idle.of(way)) for one in rounds[way.name]) for way in ways]
        for n, way in enumerate(ways):
            yield [
                f"{words}: {way.name}",
                f"{median(one.asterisk for one in rounds[way.name]) * 1000:.1f}",
                f"{median(one.ours for one in rounds[way.name]) * 1000:.1f}",
                f"{whole[n] * 1000:.1f}",
                f"{whole[n] / whole[-1]:.2f}",
                f"{beyond[n] * 1000:.1f}",
                f"{beyond[n] / beyond[-1]:.2f}",
                " ".join(f"{one.whole * 1000:.0f}" for one in rounds[way.name]),
            ]


def _notes(ways: Sequence[Way], idle: Idle, other: float) -> Iterator[str]:
    talk = [median(one.whole for one in way.talk) for way in ways]
    ratio = talk[0] / talk[1]
    yield f"aim for calls with talk: ≤ {AIM:.2f} ×; measured {ratio:.2f} ×, {'met' if ratio <= AIM else 'MISSED'}"
    for way in ways:
        yield f"highest calls/s without a failure, {way.name}: {way.highest}"
    yield (
        f"nobody calls: our server {idle.ours * 1000:.0f} ms/s, Asterisk {idle.asterisk * 1000:.0f} beside it and "
        f"{idle.asterisk_alone * 1000:.0f} alone; 'both' holds it, 'no idle' does not"
    )
    yield f"other work on this machine meanwhile: {other:.2f} of {os.cpu_count()} cores; load generators share them too"
    for way in ways:
        for one in (*way.talk, *way.signalling):
            if one.fault:
                yield f"A ROUND FAILED, {way.name}: {one.fault}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="shorter and rougher: one round, 5 s of talk, at most 20 calls/s"
    )
    parser.add_argument("--agents", type=int, default=0, help="0: enough for the highest rate")
    parser.add_argument("--rounds", type=int, default=0)
    given = parser.parse_args()
    rounds = given.rounds or (1 if given.quick else 3)
    talk = Load(24, 12, 5, talks=True) if given.quick else Load(48, 16, 30, talks=True)
    signalling = Load(30, 15, SHORT_TALK, talks=False)
    rates = RATES[1:2] if given.quick else RATES
    ways = (Way("our whole thread", TALK, True), Way("plain dialplan", PLAIN, False))
    with side_by_side() as bench:
        other = OtherWork()
        bench.seat_agents(given.agents or (50 if given.quick else 120))
        bench.wait_settled()
        say("agents are signed in")
        idle = idle_cost(bench, 2 if given.quick else 16)  # phones are asked every 15 s
        say("idle measured")
        measure(bench, ways, rounds, talk, signalling)
        for way in ways:
            way.highest = highest(bench, way, rates, 2, 2 if given.quick else 20)
            say(f"highest {way.name}: {way.highest}")
        database = bench.hotline.hotline.database.engine.dialect.name
        title = f"Calls, {machine()}, Asterisk {bench.hotline.program.version}, {database}"
        head = ["CPU ms per call", "Asterisk", "our server", "both", "ratio", "no idle", "ratio", "rounds"]
        print_table(title, head, _rows(ways, talk, idle), _notes(ways, idle, other.cores()))
