"""Agents sign in, pause and resume from the screen and from the phone; nobody else can, and nobody dials the world from here."""

from collections.abc import Sequence
from contextlib import closing

import httpx
import pytest
from support.desk_scenarios import agent_invites, refused_with
from support.running_hotline import RunningHotline
from support.sipp import HOST, free_port, run_sipp
from support.story_line import Line
from support.waiting import wait_for

from hotline import bootstrap


def state_of(hotline: RunningHotline, agent_no: str) -> tuple[str, str | None]:
    found = hotline.get(f"/api/agents/{agent_no}")
    return found["state"], found["pause_reason"]


def test_by_the_api_and_the_queue_shows_it(hotline: RunningHotline, line: Line) -> None:
    agent_no = line.agent()
    assert line.has_member(agent_no, "Not in use")
    paused = hotline.post(f"/api/agents/{agent_no}/pause", {"reason": "meal"})
    assert (paused["state"], paused["pause_reason"], paused["is_in_effect"]) == ("paused", "meal", True)
    assert line.has_member(agent_no, "(paused:meal was")
    hotline.post(f"/api/agents/{agent_no}/resume")
    assert not line.has_member(agent_no, "paused")
    assert line.has_member(agent_no, "")
    hotline.post(f"/api/agents/{agent_no}/sign-out")
    assert not line.has_member(agent_no, "")
    with pytest.raises(AssertionError, match="409"):
        hotline.post(f"/api/agents/{agent_no}/pause", {"reason": "meal"})
    line.sign_in(agent_no)
    with pytest.raises(AssertionError, match=r"409|422"):
        hotline.post(f"/api/agents/{agent_no}/pause", {"reason": "missed_rings"})  # is ours to set
    what = [(event["what"], event["reason"]) for event in hotline.get(f"/api/agents/{agent_no}")["events"]]
    assert what[:5] == [
        ("signed_in", None),
        ("signed_out", None),
        ("resumed", "meal"),
        ("paused", "meal"),
        ("signed_in", None),
    ]


def test_by_feature_codes_from_the_desk_phone(hotline: RunningHotline, line: Line) -> None:
    agent_no = line.agent(is_signed_in=False)
    secret = line.agents[agent_no]
    steps = (
        ("*10", ("ready", None), "Not in use"),
        ("*12", ("paused", "rest"), "(paused:rest was"),
        ("*122", ("paused", "meal"), "(paused:meal was"),
        ("*1299", ("paused", "meal"), "(paused:meal was"),  # no such reason: refused, nothing changes
        ("*13", ("ready", None), "Not in use"),
        ("*11", ("signed_out", None), None),
    )
    for code, state, in_queue in steps:
        line.phones.dial_code(agent_no, secret, code)
        assert state_of(hotline, agent_no) == state, code
        assert line.has_member(agent_no, in_queue or "") == (in_queue is not None), code
    assert {event["by"] for event in hotline.get(f"/api/agents/{agent_no}")["events"][:5]} == {
        f"phone {agent_no}"
    }


def test_nobody_else_can_dial_codes_and_no_agent_dials_the_world(hotline: RunningHotline, line: Line) -> None:
    agent_no = line.agent(is_signed_in=False)
    other = line.agent(is_signed_in=False)
    citizens, address = hotline.citizens(), f"{HOST}:{hotline.settings.sip_port}"
    me = f"<sip:agent-{agent_no}@{HOST}>"
    own = f"[authentication username=agent-{agent_no} password={line.agents[agent_no]}]"
    wrong = f"[authentication username=agent-{agent_no} password={line.agents[other]}]"

    def dials(scenario: str, who: str, called: Sequence[str], secret: str = "") -> None:
        rows = [f"{who};{number};{secret};" for number in called]
        phone = run_sipp(
            scenario, port=free_port(), remote=address, rows=rows, calls=len(rows), rate=20, limit=10
        )
        code, errors = phone.wait(15), phone.errors
        phone.stop()
        assert code == 0, (who, called, errors)

    world = ("13800138000", "03554123456", "110", "0018005550100", "s", "12345", line.number)
    dials(agent_invites("404"), me, world, own)
    # with another's secret, and with none at all
    dials(agent_invites("401"), me, ["*10", "12345"], wrong)
    dials(refused_with("401"), me, ["*10", "12345"])
    # from the trunk, which needs no secret, neither codes nor agents nor the world can be reached
    inside = ("*10", "s", f"agent-{agent_no}", agent_no, "callback-dial", "13800138000", "03554123456")
    dials(refused_with("404"), f"<sip:{hotline.new_citizen()}@{HOST}>", inside)
    assert state_of(hotline, agent_no) == state_of(hotline, other) == ("signed_out", None)
    assert "INVITE sip:13800138000@" not in citizens.trace


def test_an_agents_phone_is_the_one_that_registered_last(hotline: RunningHotline, line: Line) -> None:
    """With two, only one would ring, perhaps one that is gone."""
    agent_no = line.agent(is_signed_in=False, ring=60)
    port = free_port()
    line.phones.register(agent_no, line.agents[agent_no], port)
    line.phones.answer(port, talk=1)
    shown = hotline.ask(f"pjsip show aor agent-{agent_no}").splitlines()
    contacts = [row.split()[1] for row in shown if row.strip().startswith("Contact:") and "sip:" in row]
    assert contacts == [f"agent-{agent_no}/sip:agent-{agent_no}@{HOST}:{port}"]
    hotline.wait_reachable(f"agent-{agent_no}")
    line.sign_in(agent_no)
    citizen = hotline.new_citizen()
    assert line.call(citizen, stay=20).wait(30) == 0
    assert line.ended(citizen)[0]["outcome"] == "answered"


def test_a_citizen_whose_number_is_an_agents_is_a_citizen(hotline: RunningHotline, line: Line) -> None:
    agent_no = line.agent(talk=1)
    assert line.call(agent_no, stay=20).wait(40) == 0
    (record,) = line.ended()
    assert (record["outcome"], record["agent_no"], record["number_kind"]) == ("answered", agent_no, "short")


def test_who_misses_rings_is_paused_by_us_until_he_resumes(hotline: RunningHotline) -> None:
    with closing(hotline.special_line("pauses after two")) as line:
        deaf = line.agent(ring=60)
        call = line.call(hotline.new_citizen(), stay=60)
        wait_for(lambda: state_of(hotline, deaf) == ("paused", "missed_rings"), 40)
        assert wait_for(lambda: line.has_member(deaf, "(paused:missed_rings was"))
        (shown,) = [
            agent
            for agent in hotline.get("/api/agents", queue=line.queue)["items"]
            if agent["agent_no"] == deaf
        ]
        assert shown["missed_rings"] == 2
        (waiting,) = line.waiting()
        assert hotline.post(f"/api/agents/{deaf}/resume")["missed_rings"] == 0
        assert not line.has_member(deaf, "paused")
        assert line.waiting() == [waiting]  # the caller kept his place meanwhile
        call.stop()


def test_wrap_up_ends_by_itself(hotline: RunningHotline) -> None:
    line = hotline.special_line("wraps up")
    try:
        agent_no = line.agent(talk=1)
        assert line.call(hotline.new_citizen(), stay=20).wait(40) == 0
        wait_for(lambda: state_of(hotline, agent_no) == ("wrap_up", "wrap_up"))
        assert wait_for(lambda: line.has_member(agent_no, "(paused:wrap_up was"))
        wait_for(lambda: state_of(hotline, agent_no) == ("ready", None))
        assert wait_for(
            lambda: not line.has_member(agent_no, "paused") and line.has_member(agent_no, "Not in use")
        )
    finally:
        line.close()


def test_an_account_of_an_older_make_is_renewed_and_its_phone_stays(
    hotline: RunningHotline, line: Line
) -> None:
    agent_no = line.agent()
    door = bootstrap.ari_door(hotline.settings)

    def put_timeout(value: str) -> None:
        httpx.put(
            f"{door.url}/ari/asterisk/config/dynamic/res_pjsip/endpoint/agent-{agent_no}",
            auth=(door.user, door.secret),
            json={"fields": [{"attribute": "rtp_timeout", "value": value}]},
            trust_env=False,
        ).raise_for_status()

    def timeout() -> str:
        shown = hotline.ask(f"pjsip show endpoint agent-{agent_no}")
        return next(row.split()[-1] for row in shown.splitlines() if row.split()[:1] == ["rtp_timeout"])

    put_timeout("7")
    bootstrap.put_missing_accounts(hotline.hotline)
    assert timeout() == "7"  # the accounts are of this make: none is touched
    hotline.ask("dialplan set global HOTLINE_ACCOUNTS older")
    bootstrap.put_missing_accounts(hotline.hotline)
    assert timeout() == "60"
    assert line.has_member(agent_no, "Not in use")
    citizen = hotline.new_citizen()
    line.call(citizen, stay=3)
    assert line.ended(citizen, seconds=20)[0]["agent_no"] == agent_no
