"""Whoever was missed is rung back: an agent accepts, the citizen is dialled, they talk, and record and ticket say so."""

from collections.abc import Iterator

import pytest
from support.phones import Sipp, Telephones
from support.running_hotline import Line, RunningHotline, wait_for


@pytest.fixture
def citizens(hotline: RunningHotline) -> Iterator[Sipp]:
    """The citizens' phones behind the test trunk: they ring, answer, and hang up after two seconds."""
    phones = Telephones(hotline.settings.sip_port)
    phone = phones.answer(hotline.citizen_port, ring=0.3, talk=2)
    hotline.wait_reachable("trunk-test-loopback")
    yield phone
    phones.stop_all()


def test_a_citizen_who_gave_up_in_the_queue_is_rung_back(hotline: RunningHotline, line: Line, citizens: Sipp) -> None:
    agent_no = line.agent(is_signed_in=False)
    waiting = line.agent(has_phone=False)  # signed in, so the line takes callers, but no phone rings
    citizen = hotline.new_citizen()
    assert line.call(citizen, stay=4).wait(20) == 0
    record = line.ended(citizen)[0]
    assert record["outcome"] == "queue_abandon", (record, waiting)
    owed = wait_for(lambda: line.callbacks(citizen))[0]
    assert owed["missed_count"] == 1

    line.sign_in(agent_no)
    done = wait_for(lambda: [c for c in line.callbacks(citizen) if c["closing_code"]], 40, str(line.callbacks(citizen)))[0]
    assert done["closing_code"] == "connected"
    assert done["agent_no"] == agent_no
    assert f"sip:{citizen}@" in citizens.trace
    assert "From: <sip:12345@" in citizens.trace  # shown as the hotline's number, never the citizen's own
    ticket = line.tickets_of(record["call_id"])[0]
    assert ticket["agent_no"] == agent_no
    # the placeholder never became a record of its own
    assert [call["call_id"] for call in line.calls()] == [record["call_id"]]
