"""The long form: a storm of calls while our server is killed and frozen again and again, and Asterisk killed once.

HOTLINE_SOAK_SECONDS sets how long (300 if unset). Run it with `scripts/test soak`; what it prints goes into
benchmarks/README.md.
"""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select
from support.caller_scenarios import caller_scenario
from support.dial_account import dials, invites, rung_after_a_talk
from support.running_hotline import RunningHotline, a_running_hotline
from support.sipp import HOST, Sipp, free_port, run_sipp
from support.story_line import Line
from support.waiting import wait_for

from missed_call_redial.callbacks import Attempt, Callback
from missed_call_redial.owing import nothing_forgotten
from tickets.call_records import CallRecord

SECONDS = int(os.environ.get("HOTLINE_SOAK_SECONDS", "300"))
CALLS_PER_SECOND = 2.0
STREAMS = ((2.5, 0.3), (8.0, 0.3), (45.0, 0.4))
"""Seconds that its callers stay, and its share of the calls."""
AGENTS = 6


@pytest.fixture(scope="module")
def hotline() -> Iterator[RunningHotline]:
    yield from a_running_hotline()


def _citizens(hotline: RunningHotline, line: Line, stay: float, share: float, seconds: float) -> Sipp:
    """A stream of citizens, each with a number of its own and one call, who stay so long."""
    calls = max(1, round(seconds * CALLS_PER_SECOND * share))
    rows = [f"<sip:{hotline.new_citizen()}@{HOST}>;{line.number};" for _ in range(calls)]
    return run_sipp(
        caller_scenario(stay),
        port=free_port(),
        remote=f"{HOST}:{hotline.settings.sip_port}",
        rows=rows,
        calls=calls,
        rate=CALLS_PER_SECOND * share,
        most=calls,
        limit=seconds + stay + 120,
    )


@dataclass
class Storm:
    """Three streams of citizens until a moment. One whose SIPp has ended early is begun anew."""

    hotline: RunningHotline
    line: Line
    until: float
    streams: dict[tuple[float, float], Sipp] = field(default_factory=dict)

    def go_on(self) -> None:
        left = self.until - time.monotonic()
        for stay, share in STREAMS:
            stream = self.streams.get((stay, share))
            if left > 1 and (stream is None or stream.process.poll() is not None):
                if stream is not None:
                    stream.stop()
                self.streams[stay, share] = _citizens(self.hotline, self.line, stay, share, left)

    def end(self) -> None:
        for stream in self.streams.values():
            stream.process.wait(SECONDS + 300)
            stream.stop()


def _trouble(hotline: RunningHotline, storm: Storm, chance: random.Random) -> Counter[str]:
    """Kills and freezes, bounded in time; always ends with everything running."""
    done: Counter[str] = Counter()
    asterisk_dies_at = time.monotonic() + SECONDS / 2
    while time.monotonic() < storm.until:
        storm.go_on()
        time.sleep(chance.uniform(6, 14))  # the trouble's own rhythm: nothing is waited for here
        if asterisk_dies_at and time.monotonic() > asterisk_dies_at:
            hotline.kill_asterisk()
            hotline.start_asterisk()
            asterisk_dies_at = 0.0
            done["Asterisk killed"] += 1
        elif chance.random() < 0.5:
            hotline.kill_server()
            time.sleep(chance.uniform(0, 4))
            hotline.start_server(is_awaited=False)
            done["server killed"] += 1
        else:
            hotline.signal_server(signal.SIGSTOP)
            time.sleep(chance.uniform(2, 8))
            hotline.signal_server(signal.SIGCONT)
            done["server frozen"] += 1
    return done


def test_nothing_is_lost_and_nothing_happens_twice(
    hotline: RunningHotline, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(hotline.new_line()) as line:
        citizens = hotline.citizens()
        for _ in range(AGENTS):
            line.agent(talk=4.5, limit=SECONDS + 900)  # a call back begins with an announcement
        storm = Storm(hotline, line, time.monotonic() + SECONDS)
        trouble = _trouble(hotline, storm, random.Random(12345))
        storm.end()
        wait_for(hotline.is_ready, 60)

        arrived = Counter(row[1] for row in hotline.queue_log if len(row) > 4 and row[4] == "HOTLINE_ARRIVED")
        assert arrived.total() > 0.7 * SECONDS * CALLS_PER_SECOND, "calls came in all the time"
        assert set(arrived.values()) == {1}
        own = hotline.hotline

        def all_over() -> bool:
            with own.database.reading() as session:
                records = session.exec(select(CallRecord.call_id, CallRecord.is_open)).all()
            return {call_id for call_id, _ in records} == set(arrived) and not any(
                is_open for _, is_open in records
            )

        wait_for(all_over, 120, "every call that Asterisk took has one record, and each is over")

        def still_open() -> int:
            with own.database.reading() as session:
                return len(session.exec(select(Callback.id).where(Callback.state != "closed")).all())

        try:
            # as many as the storm left: how long that takes goes by its size, so what is asked is that it goes on
            while left := still_open():
                wait_for(lambda left=left: still_open() < left, 120, "no debt was paid any more")
        except AssertionError:
            with own.database.reading() as session, capsys.disabled():
                agents = hotline.get("/api/agents", queue=line.queue)["items"]
                _tell(
                    {
                        "calls": arrived.total(),
                        "debts": Counter(session.exec(select(Callback.state)).all()),
                        "attempts": Counter(f"{one.outcome}" for one in session.exec(select(Attempt)).all()),
                        "agents": Counter(f"{one['state']} {one['pause_reason']}" for one in agents),
                    }
                )
            raise
        with own.database.reading() as session:
            day = timedelta(days=1)
            assert nothing_forgotten(session, own.now() - day, own.now() + day) == []
            outcomes = Counter(session.exec(select(CallRecord.outcome)).all())
            codes = Counter(session.exec(select(Callback.closing_code)).all())
            attempts = Counter(session.exec(select(Attempt.outcome)).all())
            per_callback = Counter(
                session.exec(select(Attempt.callback_id).where(Attempt.outcome == "connected")).all()
            )
            sealed = session.exec(select(Attempt.id, Callback.number_sealed).join(Callback)).all()
        citizen_of = {attempt: own.sealer.open(number).removeprefix("+86") for attempt, number in sealed}
        dialled = Counter(
            row[5] for row in hotline.queue_log if len(row) > 5 and row[4] == "HOTLINE_DIALLING"
        )
        assert set(dialled.values()) <= {1}, "an attempt was dialled twice"
        assert set(per_callback.values()) <= {1}, "a citizen who had been reached was rung again"
        assert rung_after_a_talk(hotline.queue_log, citizen_of) == [], "a citizen was rung again after a talk"
        wait_for(
            lambda: sum(invites(citizens.trace).values()) >= codes["connected"], 10
        )  # written once a second
        rung, told = invites(citizens.trace), dials(hotline.queue_log, citizen_of)
        assert {
            citizen: (count, told[citizen]) for citizen, count in rung.items() if count > told[citizen]
        } == {}
        with capsys.disabled():
            _tell(
                {
                    "seconds": SECONDS,
                    "calls": arrived.total(),
                    **trouble,
                    "records": outcomes,
                    "debts": codes,
                    "attempts": attempts,
                    "citizens' phones": {
                        "rung": rung.total(),
                        "phones": len(rung),
                        "most often": max(rung.values(), default=0),
                    },
                }
            )


def _tell(figures: Mapping[str, Any]) -> None:
    print("\n\nsoak")
    for name, figure in figures.items():
        if isinstance(figure, Mapping):
            parts = ", ".join(f"{word} {count}" for word, count in sorted(figure.items()))
            is_sum = isinstance(figure, Counter)
            figure = f"{figure.total()}: {parts}" if is_sum else parts
        print(f"  {name:<18}{figure}")
