"""A citizen's phone is gone without a goodbye (power, network): he leaves line and talk by himself, and the account is right."""

import re
from collections.abc import Iterator

import pytest
from support.running_hotline import RunningHotline
from support.story_line import Line
from support.waiting import wait_for

from hotline import config_door

SOON = 5


@pytest.fixture(scope="module")
def hotline(hotline: RunningHotline) -> Iterator[RunningHotline]:
    """Asterisk takes a trunk's caller for dead after SOON seconds without a sound packet; shipped as a minute."""
    path = config_door.etc_dir(hotline.settings) / "pjsip.conf"
    shipped = path.read_text(encoding="utf-8")
    assert len(re.findall(r"^rtp_timeout = 60$", shipped, re.MULTILINE)) == 1  # one trunk
    path.write_text(re.sub(r"(?m)^rtp_timeout = 60$", f"rtp_timeout = {SOON}", shipped), encoding="utf-8")
    _reload(hotline, SOON)
    try:
        yield hotline
    finally:
        path.write_text(shipped, encoding="utf-8")
        _reload(hotline, 60)


def _reload(hotline: RunningHotline, seconds: int) -> None:
    hotline.ask("module reload res_pjsip.so")

    def is_in_force() -> bool:
        shown = hotline.ask("pjsip show endpoint trunk-test-loopback")
        return re.search(rf"(?m)^ *rtp_timeout +: {seconds}$", shown) is not None

    wait_for(is_in_force, 15)


def test_a_ghost_leaves_the_line_and_is_owed_a_call(hotline: RunningHotline, line: Line) -> None:
    line.agent(has_phone=False)
    citizen = hotline.new_citizen()
    call = line.call(citizen, stay=120)
    wait_for(lambda: line.standing() == [citizen], 20)
    call.process.kill()
    wait_for(lambda: line.standing() == [], 30, "he stands in line for ever")
    (record,) = line.ended(citizen)
    assert (record["outcome"], record["hung_up_by"]) == (
        "queue_abandon",
        "citizen",
    )  # it was his side that ended
    assert hotline.log_of(record["call_id"]) == ["HOTLINE_ARRIVED", "ENTERQUEUE", "ABANDON", "HOTLINE_END"]
    assert len(wait_for(lambda: line.callbacks(citizen))) == 1


def test_a_ghost_in_a_talk_sets_the_agent_free(hotline: RunningHotline, line: Line) -> None:
    agent_no = line.agent()  # talks for an hour by himself
    citizen = hotline.new_citizen()
    call = line.call(citizen, stay=120)
    wait_for(lambda: [one for one in line.calls(citizen) if one["answered_at"]], 20)
    call.process.kill()
    (record,) = line.ended(citizen, seconds=30)
    assert (record["outcome"], record["agent_no"]) == ("answered", agent_no)
    wait_for(lambda: line.has_member(agent_no, "Not in use"), 15, "the agent's phone is still in a talk")
    # app_queue writes its line in a thread of its own: on a busy machine after the dialplan's
    wait_for(lambda: {"COMPLETECALLER", "HOTLINE_END"} <= set(hotline.log_of(record["call_id"])))
    assert hotline.log_of(record["call_id"]).count("CONNECT") == 1  # nobody is led back into the line
    assert line.callbacks(citizen) == []
