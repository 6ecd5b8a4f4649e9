"""Every way in which a call is lost: what queue_log says, the outcome, what is owed, and the talk that pays it.

All kinds are lost side by side, each on a line of its own, and are rung back side by side; the stories only look.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from support.running_hotline import RunningHotline
from support.story_line import Line
from support.told import Told, listening
from support.waiting import wait_for

from missed_call_redial.callbacks import Callback
from vocabulary.hotline_names import PRIO_BASE, PRIO_EPOCH


@dataclass
class Loss:
    """A citizen who lost his call on a line, and the agent who is there afterwards."""

    line: Line
    citizen: str
    rescuer: str

    @property
    def record(self) -> dict[str, Any]:
        found: dict[str, Any] = self.line.ended(self.citizen, seconds=40)[-1]
        return found


def gives_up_in_the_queue(line: Line, citizen: str) -> None:
    line.agent(has_phone=False)
    line.gives_up(citizen)


def gives_up_while_a_phone_rings(line: Line, citizen: str) -> None:
    line.agent(has_phone=False)  # the line takes callers
    call = line.call(citizen, stay=120)
    wait_for(lambda: line.standing() == [citizen], 40)
    line.wait_past_quick(citizen)
    ringing = line.agent(ring=60)
    wait_for(lambda: line.rings(ringing), 20)
    assert call.hang_up().wait(20) == 0, call.errors


def nobody_is_signed_in(line: Line, citizen: str) -> None:
    line.call(citizen, stay=30)


def the_queue_is_full(line: Line, citizen: str) -> None:
    line.agent(has_phone=False)
    other = line.call(line.hotline.new_citizen(), stay=120)
    wait_for(line.waiting, 40)
    assert line.call(citizen, stay=120).wait(60) == 0  # told so, and hung up
    other.hang_up()


def the_longest_wait_is_over(line: Line, citizen: str) -> None:
    line.agent(has_phone=False)
    line.call(citizen, stay=40)


def the_agent_lets_it_ring(line: Line, citizen: str) -> None:
    line.agent(ring=60)
    line.call(citizen, stay=40)


@dataclass(frozen=True)
class Kind:
    outcome: str
    lose: Callable[[Line, str], None]
    log: tuple[str, ...]
    hung_up_by: str | None
    special: str | None = None


ARRIVED, NOT_TAKEN, END = "HOTLINE_ARRIVED", "HOTLINE_NOT_TAKEN", "HOTLINE_END"
KINDS = (
    Kind(
        "queue_timeout",
        the_longest_wait_is_over,
        (ARRIVED, "ENTERQUEUE", "EXITWITHTIMEOUT", END),
        None,
        "gives up early",
    ),
    Kind(
        "agent_no_answer",
        the_agent_lets_it_ring,
        (ARRIVED, "ENTERQUEUE", "RINGNOANSWER", "EXITWITHTIMEOUT", END),
        None,
        "gives up early too",
    ),
    Kind("queue_abandon", gives_up_in_the_queue, (ARRIVED, "ENTERQUEUE", "ABANDON", END), "citizen"),
    Kind(
        "ring_abandon",
        gives_up_while_a_phone_rings,
        (ARRIVED, "ENTERQUEUE", "RINGCANCELED", "ABANDON", END),
        "citizen",
    ),
    Kind("no_agent", nobody_is_signed_in, (ARRIVED, NOT_TAKEN, END), None),
    Kind("queue_full", the_queue_is_full, (ARRIVED, NOT_TAKEN, END), None, "full with one"),
)
EACH_KIND = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.outcome)


@pytest.fixture(scope="module")
def told(hotline: RunningHotline) -> Iterator[Told]:
    with listening(hotline, "told-of-losses") as told:
        yield told


@pytest.fixture(scope="module")
def losses(hotline: RunningHotline, told: Told) -> Iterator[dict[str, Loss]]:
    found: dict[str, Loss] = {}
    try:
        for kind in KINDS:
            line = hotline.special_line(kind.special) if kind.special else hotline.new_line()
            found[kind.outcome] = Loss(line, hotline.new_citizen(), "")
            kind.lose(line, found[kind.outcome].citizen)
        for loss in found.values():
            loss.rescuer = loss.line.agent(is_signed_in=False)
        yield found
    finally:
        for loss in found.values():
            loss.line.close()


@pytest.fixture(scope="module")
def paid(hotline: RunningHotline, losses: dict[str, Loss]) -> dict[str, Loss]:
    """All are lost; now those who let it ring go home, and on every line somebody is there."""
    hotline.citizens()
    for loss in losses.values():
        assert not loss.record["is_open"]
        for agent_no in loss.line.agents:
            hotline.post(f"/api/agents/{agent_no}/sign-out")
        loss.line.sign_in(loss.rescuer)
    return losses


@EACH_KIND
def test_a_lost_call_is_owed_a_call_back(
    hotline: RunningHotline, losses: dict[str, Loss], kind: Kind
) -> None:
    loss = losses[kind.outcome]
    record = loss.record
    assert record["outcome"] == kind.outcome
    assert record["hung_up_by"] == kind.hung_up_by
    assert record["agent_no"] is None
    assert tuple(dict.fromkeys(hotline.log_of(record["call_id"]))) == kind.log

    owed = wait_for(lambda: loss.line.callbacks(loss.citizen))[0]
    assert owed["missed_count"] == 1
    assert owed["first_call_id"] == record["call_id"]
    assert owed["first_missed_at"] == record["arrived_at"]
    with hotline.hotline.database.reading() as session:
        prio = session.get_one(Callback, owed["id"]).prio
    arrived = datetime.fromisoformat(record["arrived_at"]).timestamp()
    assert abs(prio - (PRIO_BASE - (arrived - PRIO_EPOCH))) < 2  # the place in line that the citizen had


@pytest.mark.parametrize("outcome", ["no_agent", "queue_full", "queue_timeout"])
def test_who_cannot_be_served_hears_so_and_is_hung_up(
    losses: dict[str, Loss], told: Told, outcome: str
) -> None:
    loss = losses[outcome]
    assert loss.record["hung_up_by"] is None
    phone = next(phone for phone in loss.line.phones.running if loss.citizen in phone.trace)
    assert phone.wait(10) == 0, phone.errors
    assert "\nBYE sip:" in phone.trace.partition("ACK sip:")[2]
    assert f"\nBYE sip:{loss.line.number}@" not in phone.trace  # the citizen did not hang up himself
    assert told.to_caller(loss.citizen) == ["greeting", "all_busy_will_call_back"]


@EACH_KIND
def test_a_lost_call_is_rung_back_and_they_talk(
    hotline: RunningHotline, paid: dict[str, Loss], kind: Kind
) -> None:
    loss = paid[kind.outcome]
    done = wait_for(
        lambda: [c for c in loss.line.callbacks(loss.citizen) if c["closing_code"]],
        40,
        str(loss.line.callbacks(loss.citizen)),
    )[0]
    assert done["closing_code"] == "connected"
    assert done["agent_no"] == loss.rescuer
    history = hotline.get(f"/api/callbacks/{done['id']}")
    (attempt,) = [one for one in history["attempts"] if one["counts"]]
    assert (attempt["outcome"], attempt["agent_no"]) == ("connected", loss.rescuer)
    assert attempt["placed_at"] <= attempt["accepted_at"] <= attempt["ended_at"]

    record = hotline.get(f"/api/calls/{loss.record['call_id']}")
    assert record["outcome"] == kind.outcome  # it stays a lost call, and says by which debt it was paid
    assert record["callback_id"] == done["id"]
    (ticket,) = loss.line.tickets_of(record["call_id"])
    assert ticket["agent_no"] == loss.rescuer
    assert len(wait_for(lambda: dials(hotline.citizens().trace, loss.citizen))) == 1
    assert [call["call_id"] for call in loss.line.calls(loss.citizen)] == [record["call_id"]]


def test_who_hangs_up_in_the_greeting_is_owed_nothing(hotline: RunningHotline, line: Line) -> None:
    line.agent(has_phone=False)
    in_the_greeting, at_once = hotline.new_citizen(), hotline.new_citizen()
    call = line.call(in_the_greeting, called=line.keys_number, stay=120)
    line.call(at_once, called=line.keys_number, stay=0)
    wait_for(lambda: line.in_menu(in_the_greeting))
    line.wait_past_quick(in_the_greeting)
    call.hang_up()
    reasons = {
        call["outcome"]: hotline.get(f"/api/calls/{call['call_id']}")["not_rung_back_because"]
        for call in line.ended(calls=2)
    }
    assert reasons == {"ivr_abandon": "left_during_greeting", "quick_hangup": "kind_not_chosen"}
    for call in line.calls():
        assert hotline.log_of(call["call_id"]) == [ARRIVED, END]
        assert call["hung_up_by"] == "citizen"
        assert call["queued_at"] is None
        assert line.tickets_of(call["call_id"]) == []
    assert line.callbacks(in_the_greeting) == line.callbacks(at_once) == []


def test_placeholders_make_no_line_full_and_no_room_in_it(hotline: RunningHotline) -> None:
    """Waiting or accepted: the line is as full as the living make it."""
    hotline.citizens()
    with closing(hotline.special_line("full with one too")) as line:
        rings_out = hotline.new_citizen("137")
        # nobody is signed in: he is owed a call, and will not pick up for ten seconds
        line.call(rings_out, stay=20)
        (owed,) = wait_for(lambda: line.callbacks(rings_out))

        def attempts() -> list[str]:
            return [one["state"] for one in hotline.get(f"/api/callbacks/{owed['id']}")["attempts"]]

        line.agent(has_phone=False)  # callers and placeholders are taken, and no phone rings
        wait_for(lambda: line.standing() == ["callback"], 30)
        first, second = hotline.new_citizen(), hotline.new_citizen()
        line.call(first, stay=40)
        wait_for(lambda: line.standing() == ["callback", first], 15, "the placeholder made the line full")
        line.agent()
        wait_for(lambda: attempts() == ["dialling"], 30, "an agent accepted the callback")
        assert line.standing() == [first]
        line.call(second, stay=20)
        assert line.ended(second)[0]["outcome"] == "queue_full"
        assert attempts() == ["dialling"], "the placeholder was still there"


def test_an_agent_who_drops_at_once_has_not_served_anybody(hotline: RunningHotline, line: Line) -> None:
    # Asterisk counts talk by the seconds of the clock: the moment must not span two of them
    dropping = line.agent(ring=0.1, talk=0.01, early_in_a_second=True)

    def dropped() -> dict[str, Any] | None:
        citizen = hotline.new_citizen()
        assert line.call(citizen, stay=60).wait(80) == 0
        found: dict[str, Any] = line.ended(citizen)[0]
        return (
            found if found["talk_seconds"] == 0 else None
        )  # else this machine was busy for most of a second

    record = wait_for(dropped, 40)
    assert record["outcome"] == "answered_no_talk"
    assert record["agent_no"] == dropping
    assert record["talk_seconds"] == 0
    assert hotline.log_of(record["call_id"]) == [ARRIVED, "ENTERQUEUE", "CONNECT", "COMPLETEAGENT", END]

    hotline.citizens()
    rescuer = line.agent(is_signed_in=False)
    hotline.post(f"/api/agents/{dropping}/sign-out")
    line.sign_in(rescuer)
    owed = hotline.get(f"/api/calls/{record['call_id']}")["callback_id"]
    done = wait_for(lambda: _closed(hotline, owed), 30)
    assert (done["closing_code"], done["agent_no"]) == ("connected", rescuer)


def dials(trace: str, citizen: str) -> set[str]:
    """Call-IDs of the INVITEs to a citizen: one that is sent again because the phone was slow is no second dial."""
    invites = re.findall(rf"\nINVITE sip:{citizen}@.*?\r?\n\r?\n", trace, re.DOTALL)
    return {re.search(r"\nCall-ID: *(\S+)", invite)[1] for invite in invites}  # type: ignore[index]


def _closed(hotline: RunningHotline, callback_id: int) -> dict[str, Any] | None:
    found: dict[str, Any] = hotline.get(f"/api/callbacks/{callback_id}")["callback"]
    return found if found["closing_code"] else None
