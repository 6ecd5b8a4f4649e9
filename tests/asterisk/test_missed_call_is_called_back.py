"""Whoever was missed is rung back: an agent accepts, the citizen is dialled, they talk, and record and ticket say so.

And what happens when they do not talk: busy, rings out, a dead line, a citizen who calls again himself.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from support.phone_scenarios import CITIZENS, IS_SILENT, RINGS_OUT, SPEAKS_EARLY
from support.running_hotline import RunningHotline
from support.sipp import Sipp
from support.story_line import Line
from support.told import Told, listening
from support.waiting import wait_for


@pytest.fixture
def citizens(hotline: RunningHotline) -> Sipp:
    return hotline.citizens()


def test_a_citizen_who_gave_up_in_the_queue_is_rung_back(
    hotline: RunningHotline, line: Line, citizens: Sipp
) -> None:
    agent_no = line.agent(is_signed_in=False)
    waiting = line.agent(has_phone=False)  # signed in, so the line takes callers, but no phone rings
    citizen = hotline.new_citizen()
    line.gives_up(citizen)
    record = line.ended(citizen)[0]
    assert record["outcome"] == "queue_abandon", (record, waiting)
    owed = wait_for(lambda: line.callbacks(citizen))[0]
    assert owed["missed_count"] == 1

    line.sign_in(agent_no)
    done = wait_for(
        lambda: [c for c in line.callbacks(citizen) if c["closing_code"]], 40, str(line.callbacks(citizen))
    )[0]
    assert done["closing_code"] == "connected"
    assert done["agent_no"] == agent_no
    wait_for(lambda: f"sip:{citizen}@" in citizens.trace)
    assert "From: <sip:12345@" in citizens.trace  # shown as the hotline's number, never the citizen's own
    ticket = line.tickets_of(record["call_id"])[0]
    assert ticket["agent_no"] == agent_no
    # the placeholder never became a record of its own
    assert [call["call_id"] for call in line.calls()] == [record["call_id"]]


def test_three_misses_are_one_debt_and_a_talk_closes_it(
    hotline: RunningHotline, line: Line, citizens: Sipp
) -> None:
    agent_no = line.agent(is_signed_in=False, talk=2)
    line.agent(has_phone=False)
    citizen = hotline.new_citizen()
    for _ in range(3):
        line.gives_up(citizen)
    misses = line.ended(citizen, calls=3)
    (owed,) = wait_for(lambda: [c for c in line.callbacks(citizen) if c["missed_count"] == 3])
    assert owed["first_missed_at"] == misses[0]["arrived_at"]
    assert owed["last_missed_at"] == misses[2]["arrived_at"]
    missed_calls = hotline.get(f"/api/callbacks/{owed['id']}")["missed_calls"]
    assert [one["call_id"] for one in missed_calls] == [call["call_id"] for call in misses]

    again = line.call(citizen, stay=120)
    wait_for(lambda: [call for call in line.calls(citizen) if call["is_open"] and call["queued_at"]])
    line.sign_in(agent_no)
    assert again.wait(60) == 0, again.errors
    talk = wait_for(lambda: [call for call in line.calls(citizen) if call["outcome"] == "answered"])[0]
    (closed,) = line.callbacks(citizen)
    assert closed["closing_code"] == "resolved_by_inbound"
    assert closed["closing_call_id"] == talk["call_id"]
    assert f"INVITE sip:{citizen}@" not in citizens.trace


@dataclass(frozen=True)
class Trouble:
    """What the citizen's phone does, and what is made of it."""

    phone: str
    outcome: str
    counts: bool

    @property
    def starts(self) -> str:
        return next(start for start, then in CITIZENS.items() if then == self.phone)


TROUBLES = (
    Trouble(RINGS_OUT, "no_answer", True),
    Trouble(SPEAKS_EARLY, "no_answer", True),
    Trouble(IS_SILENT, "trunk_fault", False),
    Trouble("486 Busy Here", "busy", True),
    Trouble("404 Not Found", "invalid_number", True),
    Trouble("603 Decline", "refused", True),
    Trouble("503 Service Unavailable", "trunk_fault", False),
    Trouble("480 Temporarily Unavailable", "unreachable", True),
)
GAP = timedelta(seconds=10)


@dataclass
class Tried:
    """A citizen who was dialled for an agent, and what the first attempt left behind."""

    line: Line
    citizen: str
    agent_no: str
    agents_phone: Sipp
    attempt: dict[str, Any] | None = None
    callback: dict[str, Any] | None = None

    def look(self) -> bool:
        """True once the first attempt is over; then its result is kept."""
        (owed,) = self.line.callbacks(self.citizen)
        history = self.line.hotline.get(f"/api/callbacks/{owed['id']}")
        if self.attempt is None and history["attempts"] and history["attempts"][0]["state"] == "done":
            self.attempt, self.callback = history["attempts"][0], history["callback"]
        return self.attempt is not None


@pytest.fixture(scope="module")
def told(hotline: RunningHotline) -> Iterator[Told]:
    with listening(hotline, "told-of-callbacks") as told:
        yield told


@pytest.fixture(scope="module")
def tried(hotline: RunningHotline, told: Told) -> Iterator[dict[str, Tried]]:
    """Citizens with every kind of trouble, each missed on a line of its own and then dialled, all at the same time."""
    hotline.citizens()
    found: dict[str, Tried] = {}
    try:
        for trouble in TROUBLES:
            line, citizen = hotline.new_line(), hotline.new_citizen(trouble.starts)
            line.call(citizen, stay=30)  # nobody is signed in: he is told so and hung up
            agent_no = line.agent(is_signed_in=False)
            found[trouble.phone] = Tried(line, citizen, agent_no, line.phones.running[-1])
        for one in found.values():
            assert one.line.ended(one.citizen)[0]["outcome"] == "no_agent"
            one.line.sign_in(one.agent_no)
        wait_for(lambda: all([one.look() for one in found.values()]), 60, "first attempts")
        yield found
    finally:
        for one in found.values():
            one.line.close()


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.phone)
def test_a_citizen_who_is_not_reached_is_tried_again(
    hotline: RunningHotline, tried: dict[str, Tried], trouble: Trouble
) -> None:
    one = tried[trouble.phone]
    attempt, callback = one.attempt, one.callback
    assert attempt is not None
    assert callback is not None
    assert (attempt["outcome"], attempt["counts"]) == (trouble.outcome, trouble.counts)
    assert (attempt["agent_no"], attempt["answered_at"]) == (one.agent_no, None)
    assert (callback["state"], callback["closing_code"]) == ("owed", None)
    ended_at = datetime.fromisoformat(attempt["ended_at"])
    assert datetime.fromisoformat(callback["due_at"]) - ended_at >= GAP
    # Asterisk writes of the placeholder as of a talk; we do not believe it
    placeholder = f"cb-{attempt['id']}-2"
    log = wait_for(lambda: "COMPLETECALLER" in hotline.log_of(placeholder) and hotline.log_of(placeholder))
    assert log == ["ENTERQUEUE", "CONNECT", "COMPLETECALLER"]
    # the agent was told and set free, not left in silence
    (freed,) = [line for line in hotline.queue_log if line[1] == placeholder and line[4] == "COMPLETECALLER"]
    assert int(freed[0]) - ended_at.timestamp() < 30  # by himself he stays on the line for an hour
    wait_for(lambda: "\nBYE sip:" in one.agents_phone.trace)  # SIPp writes it down about a second late
    # and the account of the citizen's own call stays what it was
    assert [call["outcome"] for call in one.line.calls(one.citizen)] == ["no_agent"]


@pytest.mark.parametrize(
    ("phone", "prompt"),
    {
        RINGS_OUT: "no_answer",
        SPEAKS_EARLY: "no_answer",
        IS_SILENT: "failed",  # the trunk's fault: nobody's phone rang
        "486 Busy Here": "busy",
        "404 Not Found": "failed",
        "603 Decline": "failed",
        "503 Service Unavailable": "failed",
        "480 Temporarily Unavailable": "no_answer",
    }.items(),
)
def test_the_agent_hears_what_became_of_it(
    tried: dict[str, Tried], told: Told, phone: str, prompt: str
) -> None:
    attempt = tried[phone].attempt
    assert attempt is not None
    assert wait_for(lambda: told.to_who_accepted(attempt["id"])) == [f"callback_{prompt}"]


def test_after_the_last_attempt_he_is_given_up_with_a_reason(
    hotline: RunningHotline, tried: dict[str, Tried]
) -> None:
    one = tried["486 Busy Here"]
    done = wait_for(lambda: [c for c in one.line.callbacks(one.citizen) if c["closing_code"]], 60)[0]
    assert (done["closing_code"], done["attempt_count"]) == ("unreachable_after_n", 3)
    outcomes = [attempt["outcome"] for attempt in _attempts(hotline, done["id"]) if attempt["counts"]]
    assert outcomes == ["busy"] * 3


def test_an_agent_who_hangs_up_while_it_rings_dropped_the_citizen(
    hotline: RunningHotline, line: Line, citizens: Sipp
) -> None:
    citizen = hotline.new_citizen(Trouble(RINGS_OUT, "", True).starts)
    line.call(citizen, stay=30)
    wait_for(lambda: line.callbacks(citizen))
    line.agent(talk=2)
    (callback,) = line.callbacks(citizen)
    attempt = wait_for(lambda: [a for a in _attempts(hotline, callback["id"]) if a["state"] == "done"], 30)[0]
    assert attempt["outcome"] == "dropped_by_us"
    wait_for(lambda: f"CANCEL sip:{citizen}@" in citizens.trace)


def _attempts(hotline: RunningHotline, callback_id: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = hotline.get(f"/api/callbacks/{callback_id}")["attempts"]
    return found
