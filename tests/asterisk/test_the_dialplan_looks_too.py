"""The one context that dials out asks the allow-list itself, whatever our server, or a template of the site's, wants dialled."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from support.running_hotline import RunningHotline
from support.story_line import Line
from support.told import listening
from support.waiting import wait_for

from hotline import config_door
from ivr.telephony.asterisk_files import DATA_FILE

TRUNK = "test-loopback"
NEVER = ("110", "12345", "95588", "1380013800", "138001380000", "0018005550100", "03550000", "")


@contextmanager
def dialplan_allows(hotline: RunningHotline, plan: str) -> Iterator[None]:
    """Asterisk's own file says so; our server goes by what was published and permits what it did before."""
    path = config_door.etc_dir(hotline.settings) / DATA_FILE
    before = path.read_text(encoding="utf-8")
    changed = re.sub(rf"(\[trunk:{TRUNK}\][^\[]*\nallow = )[^\n]*", rf"\g<1>{plan}", before, count=1)
    assert changed != before
    path.write_text(changed, encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(before, encoding="utf-8")


def test_what_our_server_permitted_is_refused_there(hotline: RunningHotline, line: Line) -> None:
    citizens = hotline.citizens()
    agent_no = line.agent(is_signed_in=False)
    citizen = hotline.new_citizen()
    line.call(citizen, stay=30)  # nobody is signed in: he is told so and hung up
    (owed,) = wait_for(lambda: line.callbacks(citizen), 30)

    def attempts() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = hotline.get(f"/api/callbacks/{owed['id']}")["attempts"]
        return found

    with dialplan_allows(hotline, "^10010$"), listening(hotline) as told:
        line.sign_in(agent_no)
        (attempt, *_) = wait_for(attempts, 20)
        wait_for(lambda: told.to_who_accepted(attempt["id"]), 30, "the agent was told nothing")
        assert told.to_who_accepted(attempt["id"]) == ["callback_failed"]
        assert f'"dial-out,s,1({citizen},{TRUNK})"' in told.text, "our server permitted nothing"
        hotline.post(f"/api/agents/{agent_no}/sign-out")
    (over, *_) = wait_for(lambda: [one for one in attempts() if one["state"] == "done"], 40)
    assert (over["id"], over["dialling_at"], over["answered_at"]) == (attempt["id"], None, None)
    assert not over["counts"]
    assert over["remark"]
    assert "HOTLINE_DIALLING" not in hotline.log_of(f"cb-{attempt['id']}-1")
    assert f"INVITE sip:{citizen}@" not in citizens.trace


def test_whatever_else_asks_for_it_dials_only_what_a_plan_allows(hotline: RunningHotline) -> None:
    citizens = hotline.citizens()
    wanted = [(number, TRUNK) for number in NEVER]
    wanted += [("13800138000", "no-such-trunk"), ("13800138000", ""), ("13800138000", "general]")]
    for n, (number, trunk) in enumerate(wanted):
        hotline.ask(f"dialplan add extension p{n},1,Gosub(dial-out,s,1({number},{trunk})) into probe")
    try:
        with listening(hotline, "probed") as told:
            for n in range(len(wanted)):
                hotline.ask(f"channel originate Local/p{n}@probe application Wait 1")
            said = re.compile(r"channel 'Local/p(\d+)@probe-[^']*' status is '(\w*)'")
            wait_for(lambda: len(said.findall(told.text)) == len(wanted), 20, "not all have an answer")
            assert dict(said.findall(told.text)) == {str(n): "REFUSED" for n in range(len(wanted))}
            assert "Dial(" not in told.text
    finally:
        for n in range(len(wanted)):
            hotline.ask(f"dialplan remove extension p{n}@probe")
    assert not re.search("INVITE sip:(110|12345|95588|0018005550100)@", citizens.trace)
