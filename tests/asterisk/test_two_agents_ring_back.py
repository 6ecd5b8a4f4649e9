"""What a citizen who is rung back hears, and whose he is: one agent tries in vain, another one talks with him.

How his phone treats our call differs from story to story, so they have a hotline of their own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from support.running_hotline import RunningHotline, a_running_hotline
from support.sipp import HOST, Sipp
from support.story_line import Line
from support.waiting import wait_for

from hotline.accounts import Role, create_token
from missed_call_redial.owing import cancel

LONG = ("callback_hello", "callback_not_now")


def _long_announcements(found: dict[str, Any]) -> None:
    for name, prompt in found["prompts"].items():
        prompt.clear()
        prompt["zh"] = "，".join(["您好"] * 5) if name in LONG else "您好"


def _ends_by_itself(found: dict[str, Any]) -> None:
    found["nodes"]["told"] = {"kind": "say", "prompts": ["greeting"], "next": "end"}
    found["nodes"]["end"] = {"kind": "hang_up"}
    found["nodes"]["choose"].update(no_key={"then": "told"}, wait_seconds=3)


@pytest.fixture(scope="module")
def hotline() -> Iterator[RunningHotline]:
    changes = {"prompts.yaml": _long_announcements, "menus/examples/with_keys.yaml": _ends_by_itself}
    yield from a_running_hotline(changes=changes)


@contextmanager
def citizens_phone(hotline: RunningHotline, **how: Any) -> Iterator[Sipp]:
    phone = hotline._citizens_phones.answer(hotline.citizen_port, **how)
    try:
        hotline.wait_reachable("trunk-test-loopback")
        wait_for(hotline._may_dial_out, 20, "the server's view of the trunk")
        yield phone
    finally:
        phone.stop()


def missed(hotline: RunningHotline, line: Line) -> tuple[str, dict[str, Any]]:
    """A citizen to whom nobody was signed in, and the record of his call."""
    citizen = hotline.new_citizen()
    line.call(citizen, stay=30)
    (record,) = line.ended(citizen)
    wait_for(lambda: line.callbacks(citizen))
    return citizen, record


def attempts(
    hotline: RunningHotline,
    line: Line,
    citizen: str,
    *,
    done: int,
    no_attempt: tuple[str, ...] = ("trunk_fault",),
) -> list[dict[str, Any]]:
    """In their order, once so many are over. Asterisk may have asked the trunk just when one phone gave way to the next, and
    take it for dead for some seconds: such a try is no attempt, and another one follows."""
    (debt,) = line.callbacks(citizen)

    def over() -> list[dict[str, Any]]:
        found = hotline.get(f"/api/callbacks/{debt['id']}")["attempts"]
        return [one for one in found if one["state"] == "done" and one["outcome"] not in no_attempt]

    return wait_for(lambda: over() if len(over()) >= done else [], 60, f"{done} attempts for {citizen}")


def sent_to(hotline: RunningHotline, channel: str) -> int:
    """Packets of sound that Asterisk has sent on the channel whose name begins so; 0 without one."""
    for row in hotline.ask("pjsip show channelstats").splitlines():
        if channel[:15] in row and "alaw" in row:
            return int(row.partition("alaw")[2].split()[4])  # behind received, lost, percent and jitter
    return 0


def as_agent(hotline: RunningHotline, agent_no: str, path: str, body: object) -> httpx.Response:
    own = hotline.hotline
    with own.database.writing() as session:
        token = create_token(session, Role.AGENT, agent_no, "story", own.now())
    url = f"http://{HOST}:{hotline.settings.http_port}{path}"
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.patch(url, json=body, headers=headers, timeout=10, trust_env=False)


def test_the_second_agent_pays_what_the_first_could_not(hotline: RunningHotline, line: Line) -> None:
    citizen, record = missed(hotline, line)
    first = line.agent(is_signed_in=False)
    second = line.agent(is_signed_in=False)
    with citizens_phone(hotline, then="486 Busy Here"):
        line.sign_in(first)
        (tried,) = attempts(hotline, line, citizen, done=1)
        hotline.post(f"/api/agents/{first}/sign-out")
    assert (tried["outcome"], tried["agent_no"]) == ("busy", first)
    assert [ticket["agent_no"] for ticket in line.tickets_of(record["call_id"])] == [first]
    with citizens_phone(hotline, talk=6):
        line.sign_in(second)
        done = wait_for(lambda: [c for c in line.callbacks(citizen) if c["closing_code"]], 60)[0]
    assert (done["closing_code"], done["agent_no"]) == ("connected", second)
    (again,) = line.calls(citizen)
    assert (again["agent_no"], again["outcome"]) == (None, "no_agent")
    (ticket,) = line.tickets_of(record["call_id"])
    assert (ticket["agent_no"], ticket["state"]) == (second, "draft")
    path, change = f"/api/tickets/{ticket['id']}", {"version": ticket["version"], "title": "供热"}
    assert as_agent(hotline, first, path, change).status_code == 403
    answer = as_agent(hotline, second, path, change)
    assert answer.status_code == 200, answer.text
    call = f"/api/calls/{record['call_id']}"
    assert as_agent(hotline, second, call, {"disposition": "consultation_answered"}).status_code == 200


def test_he_hears_who_calls_before_he_is_joined_with_the_agent(hotline: RunningHotline, line: Line) -> None:
    """These phones send no sound, so whatever reaches them is ours."""
    citizen, _ = missed(hotline, line)
    agent_no = line.agent(is_signed_in=False)
    with citizens_phone(hotline, talk=12):
        line.sign_in(agent_no)
        (leg,) = wait_for(lambda: [c for c in legs(hotline) if c.startswith("PJSIP/trunk-")], 30, "dialled")
        wait_for(lambda: sent_to(hotline, leg.removeprefix("PJSIP/")) > 50, 20, "sound for the citizen")
        assert reached(hotline, line, citizen) == []
        assert sent_to(hotline, f"agent-{agent_no}") > 20  # the agent hears it with him, not silence
        (done,) = attempts(hotline, line, citizen, done=1)
    assert done["outcome"] == "connected"
    assert len(reached(hotline, line, citizen)) == 1


def test_who_hangs_up_in_the_announcement_has_not_talked(hotline: RunningHotline, line: Line) -> None:
    citizen, _ = missed(hotline, line)
    agent_no = line.agent(is_signed_in=False)
    with citizens_phone(hotline, ring=3, talk=0.7):  # the ringing is no talk either
        line.sign_in(agent_no)
        # where a busy machine has not read queue_log up to now nobody is dialled, and another try follows
        passed_over = ("trunk_fault", "not_dialled")
        (tried,) = attempts(hotline, line, citizen, done=1, no_attempt=passed_over)
    assert (tried["outcome"], tried["answered_at"]) == ("no_talk", None)
    assert line.callbacks(citizen)[0]["state"] == "owed"


def test_a_citizen_whom_the_agents_dead_phone_cut_is_rung_again(hotline: RunningHotline, line: Line) -> None:
    citizen, _ = missed(hotline, line)
    agent_no = line.agent(is_signed_in=False, sound=True)
    line.notices_silence_soon(agent_no)
    with citizens_phone(hotline, talk=60):
        line.sign_in(agent_no)
        wait_for(lambda: reached(hotline, line, citizen), 30)
        line.phones.running[-1].process.kill()  # its power is gone: no BYE, no sound
        (tried,) = attempts(hotline, line, citizen, done=1)
    assert (tried["outcome"], tried["agent_no"]) == ("dropped_by_us", agent_no)
    assert tried["answered_at"] is not None
    assert line.callbacks(citizen)[0]["closing_code"] is None


def test_an_agent_is_told_that_nothing_is_wrong(hotline: RunningHotline, line: Line) -> None:
    """The debt is settled while his phone rings for it."""
    citizen, _ = missed(hotline, line)
    agent_no = line.agent(is_signed_in=False, ring=3)
    with citizens_phone(hotline) as phone:
        line.sign_in(agent_no)
        wait_for(lambda: line.rings(agent_no), 30)
        with hotline.hotline.database.writing() as session:
            cancel(session, line.callbacks(citizen)[0]["id"], "settled", hotline.hotline.now())
        wait_for(lambda: "callback_not_now" in hotline.ask("core show channels concise"), 20, "told so")
        (tried,) = attempts(hotline, line, citizen, done=1)
        assert tried["outcome"] == "not_dialled"
        assert f"INVITE sip:{citizen}@" not in phone.trace


def test_a_call_that_the_menu_ends_is_not_lost(hotline: RunningHotline, line: Line) -> None:
    citizen = hotline.new_citizen()
    call = line.call(citizen, called=line.keys_number, stay=30)
    assert call.wait(30) == 0, call.errors
    (record,) = line.ended(citizen)
    assert (record["outcome"], record["disposition"]) == ("ivr_served", "ivr_served")
    assert line.callbacks(citizen) == []
    assert line.tickets_of(record["call_id"]) == []
    lost = hotline.get("/api/calls", number=citizen, is_lost="true")["items"]
    assert lost == []


def legs(hotline: RunningHotline) -> list[str]:
    return [row.split("!")[0] for row in hotline.ask("core show channels concise").splitlines()]


def reached(hotline: RunningHotline, line: Line, citizen: str) -> list[list[str]]:
    """The lines of account that tell that he was joined with an agent."""
    (debt,) = line.callbacks(citizen)
    mine = {one["id"] for one in hotline.get(f"/api/callbacks/{debt['id']}")["attempts"]}
    return [row for row in hotline.queue_log if row[4] == "HOTLINE_REACHED" and row[5] in mine]
