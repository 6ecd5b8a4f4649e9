"""The agent's phone dies in the middle of a talk: the citizen is told so and stands in the line again, where he stood."""

from contextlib import closing

from support.running_hotline import RunningHotline
from support.story_line import Line
from support.waiting import wait_for


def test_he_keeps_his_place_and_reaches_another_agent(hotline: RunningHotline, line: Line) -> None:
    dying = line.agent(sound=True)  # so that silence begins when it dies, and not before
    line.notices_silence_soon(dying)
    citizen, later = hotline.new_citizen(), hotline.new_citizen()
    call = line.call(citizen, stay=60)
    (record,) = wait_for(lambda: [one for one in line.calls(citizen) if one["answered_at"]], 20)
    line.call(later, stay=60)
    wait_for(lambda: line.standing() == [later], 20)
    line.phones.running[0].process.kill()  # its power is gone: no BYE, no sound

    wait_for(lambda: line.standing() == [citizen, later], 30, "back in the line, before who came after him")
    hotline.post(f"/api/agents/{dying}/sign-out")
    saviour = line.agent(talk=1)
    assert call.wait(60) == 0, call.errors
    (ended,) = line.ended(citizen)
    assert (ended["call_id"], ended["outcome"], ended["agent_no"]) == (record["call_id"], "answered", saviour)
    assert hotline.log_of(record["call_id"]) == [
        "HOTLINE_ARRIVED",
        *("ENTERQUEUE", "CONNECT", "COMPLETEAGENT"),
        *("ENTERQUEUE", "CONNECT", "COMPLETEAGENT"),
        "HOTLINE_END",
    ]
    assert len(line.tickets_of(record["call_id"])) == 1
    assert line.callbacks(citizen) == []


def test_he_is_rung_back_if_he_gives_up_then(hotline: RunningHotline, line: Line) -> None:
    dying = line.agent(sound=True)  # so that silence begins when it dies, and not before
    line.notices_silence_soon(dying)
    citizen = hotline.new_citizen()
    line.call(citizen, stay=60)
    wait_for(lambda: [one for one in line.calls(citizen) if one["answered_at"]], 20)
    line.phones.running[0].process.kill()
    wait_for(lambda: line.standing() == [citizen], 30)
    hotline.ask(f"channel request hangup {line.waiting()[0]}")
    (ended,) = line.ended(citizen)
    assert ended["outcome"] in ("queue_abandon", "ring_abandon")
    assert len(wait_for(lambda: line.callbacks(citizen))) == 1


def test_he_is_rung_back_if_nobody_is_left(hotline: RunningHotline, line: Line) -> None:
    """The agent signed out in the talk: he is promised a call, and gets it, though an agent had picked up."""
    dying = line.agent(sound=True)  # so that silence begins when it dies, and not before
    line.notices_silence_soon(dying)
    citizen = hotline.new_citizen()
    call = line.call(citizen, stay=60)
    wait_for(lambda: [one for one in line.calls(citizen) if one["answered_at"]], 20)
    hotline.post(f"/api/agents/{dying}/sign-out")
    line.phones.running[0].process.kill()
    assert call.wait(60) == 0, call.errors
    (ended,) = line.ended(citizen)
    assert ended["outcome"] == "no_agent"
    told = ["ENTERQUEUE", "CONNECT", "COMPLETEAGENT", "HOTLINE_NOT_TAKEN", "HOTLINE_END"]
    assert hotline.log_of(ended["call_id"])[-5:] == told
    assert len(wait_for(lambda: line.callbacks(citizen))) == 1


def test_a_full_line_does_not_send_him_away(hotline: RunningHotline) -> None:
    """He has his place in it; who comes anew is still sent away."""
    with closing(hotline.special_line("full with one, a phone dies")) as line:
        dying = line.agent(sound=True)  # so that silence begins when it dies, and not before
        line.notices_silence_soon(dying)
        citizen, later, turned_away = (hotline.new_citizen() for _ in range(3))
        line.call(citizen, stay=60)
        wait_for(lambda: [one for one in line.calls(citizen) if one["answered_at"]], 20)
        line.call(later, stay=60)
        wait_for(lambda: line.standing() == [later], 20)
        line.phones.running[0].process.kill()
        wait_for(lambda: line.standing() == [citizen, later], 30)
        line.call(turned_away, stay=60)
        (ended,) = line.ended(turned_away, seconds=30)
        assert ended["outcome"] == "queue_full"
        # the call back that he is owed may stand behind them by now, as the dying agent counts as free
        assert line.standing() in ([citizen, later], [citizen, later, "callback"])


def test_an_agent_who_hangs_up_ends_the_call(hotline: RunningHotline, line: Line) -> None:
    """Also when Asterisk hangs up his leg for somebody: only a phone that died is not his will."""
    line.agent()
    citizen = hotline.new_citizen()
    call = line.call(citizen, stay=60)
    wait_for(lambda: [one for one in line.calls(citizen) if one["answered_at"]], 20)
    rows = hotline.ask("core show channels concise").splitlines()
    (leg,) = [
        row.split("!")[0]
        for row in rows
        if any(f"PJSIP/agent-{agent}-" in row.split("!")[0] for agent in line.agents)
    ]
    hotline.ask(f"channel request hangup {leg}")
    assert call.wait(30) == 0
    (ended,) = line.ended(citizen)
    assert ended["outcome"] in ("answered", "answered_no_talk")
    assert hotline.log_of(ended["call_id"]).count("ENTERQUEUE") == 1
