"""A key of a menu leads to somebody outside, on real calls: they talk, or he hears why not and stands in line at his place.

SIPp plays the police (a voice without end, at an address of its own), and the units outside as it plays citizens: by the
first digits of the number they pick up, are busy, let it ring, or say nothing at all.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest
from support.caller_scenarios import VOICE
from support.phone_scenarios import phone_scenario
from support.phones import Telephones
from support.running_hotline import TEST_CHANGES, RunningHotline, a_running_hotline
from support.sipp import Sipp, free_port, run_sipp
from support.story_line import Line
from support.told import Told, listening
from support.waiting import wait_for

from tickets.call_events import of_call
from tickets.connections import connection_of

POLICE, DEAD = "127.0.0.3", "127.0.0.4"
POLICE_PORT, DEAD_PORT = free_port(), free_port()
OUTSIDE = {
    "1": ("police", "110", ["police"]),
    "2": ("hangs_up_soon", "13900000110", ["test-loopback"]),
    "3": ("busy", "13800000110", ["test-loopback"]),
    "4": ("declines", "13500000110", ["test-loopback"]),
    "5": ("rings_out", "13700000110", ["test-loopback"]),
    "6": ("no_trunk", "110", ["dead"]),
    "7": ("over_the_second_trunk", "110", ["dead", "police"]),
    "8": ("comes_back", "13900000111", ["test-loopback"]),
    "9": ("shown_the_caller", "110", ["police"]),
    "*": ("refused_over_the_first_trunk", "13400000110", ["test-loopback", "dead"]),
    "#": ("leads_to_another", "13900000112", ["test-loopback"]),
}
"""Key → destination, its number, the trunks that are tried."""


def _lines(found: dict[str, Any]) -> None:
    TEST_CHANGES["hotline.yaml"](found)
    found["trunks"][0]["allow_transfer"] = ["1[3-9]XXXXXXXXX"]
    for name, host, port in (("police", POLICE, POLICE_PORT), ("dead", DEAD, DEAD_PORT)):
        trunk = {"name": name, "mode": "address", "host": host, "port": port}
        trunk["allow_transfer"] = ["110", "1[3-9]XXXXXXXXX"]
        found["trunks"].append({**trunk, "qualify_seconds": 5, "caller_id_out": "035512345"})
    found["transfers"] = [
        {"name": name, "label": name, "number": number, "trunks": trunks, "ring_seconds": 10}
        for name, number, trunks in OUTSIDE.values()
    ]
    next(one for one in found["transfers"] if one["name"] == "shown_the_caller")["shows"] = "caller"
    for number in found["numbers"]:
        if number["menu"] == "examples/with_keys":
            number["menu"] = "examples/with_emergency_key"


def _menu(found: dict[str, Any]) -> None:
    told = {"no_answer": "nobody_answers_there", "busy": "busy_there", "failed": "not_reached"}
    for name, _, _ in OUTSIDE.values():
        node: dict[str, Any] = {"kind": "transfer", "to": name, "prompts": ["connecting"]}
        node |= {way: {"prompts": [prompt]} for way, prompt in told.items()}
        if name == "comes_back":
            node["after"] = "person"
        found["nodes"][name] = node
    for name in ("fire", "ambulance"):
        del found["nodes"][name]
    nobody = {"kind": "queue", "queue": "general", "longest_wait": 60}  # in which nobody is ever signed in
    found["nodes"]["nobody"] = {**nobody, "then": OUTSIDE["*"][0]}
    found["nodes"]["nobody_either"] = {**nobody, "then": "no_trunk"}
    found["nodes"][OUTSIDE["#"][0]]["after"] = "nobody_either"
    keys = {key: name for key, (name, _, _) in OUTSIDE.items()}
    found["nodes"]["choose"]["keys"] = keys | {"0": "person", "*": "nobody"}


def phone_at(host: str, port: int) -> Sipp:
    """Picks up after a second, and speaks until the other side hangs up. Answers OPTIONS."""
    return run_sipp(phone_scenario(1, "200 OK", sound=True), port=port, calls=1000, limit=600, host=host)


@pytest.fixture(scope="module")
def police() -> Iterator[Sipp]:
    phone = phone_at(POLICE, POLICE_PORT)
    yield phone
    phone.stop()


@pytest.fixture(scope="module")
def other_trunk() -> Iterator[list[Sipp]]:
    """What answers there; empty while nobody does."""
    phones = [phone_at(DEAD, DEAD_PORT)]
    yield phones
    for phone in phones:
        phone.stop()


@pytest.fixture(scope="module")
def hotline(police: Sipp, other_trunk: list[Sipp]) -> Iterator[RunningHotline]:
    """Started while every trunk answers: without that it is not ready."""
    changes = {"hotline.yaml": _lines, "menus/examples/with_emergency_key.yaml": _menu}
    for running in a_running_hotline(changes=changes):
        outside = Telephones(running.settings.sip_port)
        outside.citizens(running.citizen_port)
        try:
            for trunk in ("test-loopback", "police", "dead"):
                running.wait_reachable(f"trunk-{trunk}")
            yield running
        finally:
            outside.stop_all()


@pytest.fixture
def dead_trunk(hotline: RunningHotline, other_trunk: list[Sipp]) -> Iterator[None]:
    """Nobody listens at its address, and Asterisk knows it, while this lasts."""
    other_trunk.pop().stop()
    hotline.ask("pjsip qualify trunk-dead")
    wait_for(lambda: _is_dead(hotline), 30)
    try:
        yield
    finally:
        other_trunk.append(phone_at(DEAD, DEAD_PORT))
        hotline.wait_reachable("trunk-dead")


def _is_dead(hotline: RunningHotline) -> bool:
    return any(
        "Unavail" in row for row in hotline.ask("pjsip show aor trunk-dead").splitlines() if "Contact:" in row
    )


@pytest.fixture(scope="module")
def told(hotline: RunningHotline) -> Iterator[Told]:
    with listening(hotline, "told-of-transfers") as told:
        yield told


@pytest.fixture
def line(hotline: RunningHotline) -> Iterator[Line]:
    with closing(hotline.new_line()) as line:
        yield line


@dataclass
class Caller:
    line: Line
    citizen: str
    phone: Sipp

    @property
    def log(self) -> list[list[str]]:
        """Lines of queue_log about this call, from the event on."""
        rows = self.line.hotline.queue_log
        mine = {row[1] for row in rows if row[4:6] == ["HOTLINE_ARRIVED", self.citizen]}
        return [row[4:] for row in rows if len(row) > 4 and row[1] in mine]

    def wait_for_log(self, event: str, seconds: float = 30) -> list[str]:
        found = wait_for(
            lambda: [row for row in self.log if row[0] == event], seconds, f"{event}: {self.log}"
        )
        return found[0]

    @property
    def record(self) -> dict[str, Any]:
        return self.line.ended(self.citizen, seconds=30)[-1]

    def told_of_the_transfer(self) -> list[tuple[str, str]]:
        """Kind and destination of what call_event has of it, once the last of it is read from queue_log."""
        call_id = self.record["call_id"]

        def told() -> list[tuple[str, str]]:
            with self.line.hotline.hotline.database.reading() as session:
                events = of_call(connection_of(session), call_id)
            found = [
                (event.kind.value, event.data["transfer"]) for event in events if "transfer" in event.data
            ]
            return found if found and found[-1][0] == "transfer_over" else []

        return wait_for(told, 20, "what came of it is in call_event")


def presses(line: Line, key: str, *, echoes: bool = False) -> Caller:
    """A citizen calls and presses the key when he is in the menu."""
    citizen = line.hotline.new_citizen()
    phone = line.phones.call(citizen, line.keys_number, key=key, stay=120, echoes=echoes)
    wait_for(lambda: "/choose" in line.in_menu(citizen), 20, "in the menu")
    phone.press()
    return Caller(line, citizen, phone)


def after_the_menu(told: Told, citizen: str) -> list[str]:
    """What he heard since he pressed the key."""
    heard = told.to_caller(citizen)
    return heard[heard.index("connecting") :]


def packets(hotline: RunningHotline) -> dict[str, tuple[int, int]]:
    """Bridge and channel, whose name is cut there → sound packets received and sent."""
    rows = re.findall(
        r"^\s*((?:\S+\s+)?\S+)\s+\d\d:\d\d:\d\d\s+\w+\s+(\d+)\s+\S+\s+\S+\s+[\d.]+\s+(\d+)",
        hotline.ask("pjsip show channelstats"),
        re.MULTILINE,
    )
    return {name: (int(received), int(sent)) for name, received, sent in rows}


def rising(hotline: RunningHotline, begun: dict[str, tuple[int, int]]) -> set[str]:
    """Channels on which a second of sound came in, and one went out, since then."""
    now = packets(hotline)
    return {
        name
        for name, (received, sent) in begun.items()
        if name in now and now[name][0] > received + 50 and now[name][1] > sent + 50
    }


def test_they_talk_both_ways_until_the_citizen_hangs_up(
    hotline: RunningHotline, line: Line, police: Sipp, told: Told
) -> None:
    caller = presses(line, "1", echoes=True)
    assert caller.wait_for_log("HOTLINE_TRANSFERRED")[1:] == ["police", "police"]

    begun = wait_for(lambda: found if len(found := packets(hotline)) == 2 else {}, 10)
    wait_for(lambda: rising(hotline, begun) == set(begun), 20, hotline.ask("pjsip show channelstats"))
    (open_record,) = line.calls(caller.citizen)
    assert (open_record["is_open"], open_record["outcome"]) == (True, "in_progress")
    caller.phone.hang_up()
    assert caller.phone.wait(20) == 0, caller.phone.errors

    record = caller.record
    assert (record["outcome"], record["disposition"]) == ("transferred", "transferred")
    assert (record["hung_up_by"], record["agent_no"]) == ("citizen", None)
    assert record["menu_path"] == "examples/with_emergency_key/choose/police"
    assert [row[0] for row in caller.log] == [
        "HOTLINE_ARRIVED", "HOTLINE_TRANSFERRING", "HOTLINE_TRANSFERRED", "HOTLINE_TRANSFER_OVER", "HOTLINE_END",
    ]  # fmt: skip
    over = caller.wait_for_log("HOTLINE_TRANSFER_OVER")
    assert over[1:5] == ["police", "police", "answered", "ANSWER"]
    assert int(over[6]) >= 1, "seconds of talk"
    assert caller.told_of_the_transfer() == [
        (f"transfer_{what}", "police") for what in ("dialled", "answered", "over")
    ]
    assert line.tickets_of(record["call_id"]) == line.callbacks(caller.citizen) == []
    assert after_the_menu(told, caller.citizen) == ["connecting"]
    wait_for(lambda: "INVITE sip:110@" in police.trace, 10)
    assert re.search(r"\nFrom: <sip:035512345@", police.trace), "shown there is the hotline's number"


def test_where_it_is_agreed_the_citizens_number_is_shown_and_ours_beside_it(line: Line, police: Sipp) -> None:
    caller = presses(line, "9")
    caller.wait_for_log("HOTLINE_TRANSFERRED")
    caller.phone.hang_up()
    wait_for(lambda: f"<sip:{caller.citizen}@" in police.trace, 10)
    invite = next(one for one in police.trace.split("INVITE sip:")[1:] if f"<sip:{caller.citizen}@" in one)
    assert re.search(r"\nDiversion: <sip:035512345@", invite), invite


def test_whoever_is_not_reached_stands_in_line_at_his_old_place(
    dead_trunk: None, line: Line, told: Told
) -> None:
    """Busy, declined, rung out, no trunk: all side by side, and one who called later and waits already."""
    line.agent(has_phone=False)
    callers = {key: presses(line, key) for key in "5643"}
    later = line.hotline.new_citizen()
    line.call(later, stay=120)
    wait_for(lambda: later in line.standing(), 30)
    wait_for(lambda: len(line.standing()) == 5, 40, f"{[one.log for one in callers.values()]}")
    assert line.standing() == [*(one.citizen for one in callers.values()), later]

    heard = {key: after_the_menu(told, one.citizen) for key, one in callers.items()}
    assert heard == {
        "5": ["connecting", "nobody_answers_there"],
        "6": ["connecting", "not_reached"],
        "4": ["connecting", "busy_there"],
        "3": ["connecting", "busy_there"],
    }
    results = {key: one.wait_for_log("HOTLINE_TRANSFER_OVER")[3:5] for key, one in callers.items()}
    assert results == {
        "5": ["no_answer", "NOANSWER"],
        "6": ["failed", "CHANUNAVAIL"],
        "4": ["busy", "CHANUNAVAIL"],
        "3": ["busy", "BUSY"],
    }
    for one in callers.values():
        one.phone.hang_up()
        assert one.record["outcome"] == "queue_abandon"
        assert line.callbacks(one.citizen), "he is owed a call as whoever gives up in the line"


def test_who_hangs_up_first_leaves_him_with_goodbye_or_in_the_line(line: Line, told: Told) -> None:
    agent = line.agent()
    dismissed, back = presses(line, "2"), presses(line, "8")
    assert dismissed.phone.wait(40) == 0, dismissed.phone.errors
    assert (dismissed.record["outcome"], dismissed.record["hung_up_by"]) == ("transferred", None)
    assert after_the_menu(told, dismissed.citizen) == ["connecting", "goodbye"]
    back.wait_for_log("CONNECT")
    talked = time.monotonic() + 2.2  # whole seconds are counted: less would be no talk
    wait_for(lambda: time.monotonic() > talked, 5)
    back.phone.hang_up()
    assert (back.record["outcome"], back.record["agent_no"]) == ("answered", agent)
    wait_for(lambda: back.record["hung_up_by"] == "citizen", 20, "his last line of queue_log is read")


def test_who_is_cut_off_from_there_is_told_so_and_led_on(
    hotline: RunningHotline, line: Line, other_trunk: list[Sipp], told: Told
) -> None:
    """The other side's phone dies in the talk: no BYE, no sound. He is not dismissed, though no `after` is written: nor is who
    came there from a queue that did not take him, over the second trunk, or who had talked with somebody else before."""
    agent = line.agent(talk=1)
    plain, behind_a_queue, led_to_another = callers = [_talks_over_there(line, key) for key in "6*#"]
    begun = wait_for(lambda: found if len(found := _over_there(hotline)) == 6 else {}, 10)
    for caller in callers:
        caller.phone.press()
    wait_for(lambda: rising(hotline, begun) == set(begun), 20, "they talk")
    other_trunk.pop().stop()
    try:
        _speak_until(callers, lambda: all(_connected(one) for one in callers), 150)
        for caller in callers:
            assert (caller.record["outcome"], caller.record["agent_no"]) == ("answered", agent)
            heard = after_the_menu(told, caller.citizen)
            assert heard[-3:] == ["connecting", "connection_lost", "goodbye"], "the last by the agent"
            assert line.callbacks(caller.citizen) == []
        assert _dialled(plain) == [("dead", "answered")]
        assert _dialled(behind_a_queue) == [("test-loopback", "failed"), ("dead", "answered")]
        assert _dialled(led_to_another) == [("test-loopback", "answered"), ("dead", "answered")]
    finally:
        other_trunk.append(phone_at(DEAD, DEAD_PORT))
        hotline.wait_reachable("trunk-dead")


def _over_there(hotline: RunningHotline) -> dict[str, tuple[int, int]]:
    """Of `packets` those of callers who talk there, and of whom they talk with."""
    found = packets(hotline)
    bridges = {name.split()[0] for name in found if "trunk-dead" in name}
    return {name: counted for name, counted in found.items() if name.split()[0] in bridges}


def _talks_over_there(line: Line, key: str) -> Caller:
    citizen = line.hotline.new_citizen()
    phone = line.phones.speaking_call(citizen, line.keys_number, (key, *[VOICE] * 30), stay=200)
    wait_for(lambda: "/choose" in line.in_menu(citizen), 20, "in the menu")
    phone.press()
    caller = Caller(line, citizen, phone)
    wait_for(
        lambda: any(row[0] == "HOTLINE_TRANSFERRED" and row[2] == "dead" for row in caller.log),
        40,
        f"{caller.log}",
    )
    return caller


def _dialled(caller: Caller) -> list[tuple[str, str]]:
    """Trunk and result."""
    return [(row[2], row[3]) for row in caller.log if row[0] == "HOTLINE_TRANSFER_OVER"]


def _connected(caller: Caller) -> bool:
    return any(row[0] == "CONNECT" for row in caller.log)


def _speak_until(callers: list[Caller], is_over: Callable[[], bool], seconds: float) -> None:
    """They go on speaking: a caller without a sound would be taken for dead himself."""
    until = time.monotonic() + seconds
    while not is_over():
        assert time.monotonic() < until, [caller.log for caller in callers]
        for caller in callers:
            if not _connected(caller):
                caller.phone.press()
        again = time.monotonic() + 7
        wait_for(lambda again=again: is_over() or time.monotonic() > again, 10)  # type: ignore[misc]


def test_a_dead_trunk_is_passed_over(dead_trunk: None, line: Line) -> None:
    caller = presses(line, "7")
    assert caller.wait_for_log("HOTLINE_TRANSFERRED", 10)[1:] == ["over_the_second_trunk", "police"]
    caller.phone.hang_up()
    assert caller.record["outcome"] == "transferred"
    assert _dialled(caller) == [("dead", "failed"), ("police", "answered")]


def test_who_hangs_up_while_it_rings_is_lost_and_the_record_says_where(
    hotline: RunningHotline, line: Line
) -> None:
    caller = presses(line, "5")
    caller.wait_for_log("HOTLINE_TRANSFERRING")
    wait_for(lambda: "Ringing" in hotline.ask("core show channels concise"), 10)
    caller.phone.hang_up()
    record = caller.record
    assert (record["outcome"], record["hung_up_by"], record["queue"]) == ("ring_abandon", "citizen", None)
    assert caller.wait_for_log("HOTLINE_TRANSFER_OVER")[1:4] == ["rings_out", "test-loopback", "given_up"]
    assert wait_for(lambda: line.callbacks(caller.citizen))[0]["missed_count"] == 1
    wait_for(lambda: "PJSIP/test-loopback" not in hotline.ask("core show channels concise"), 10)


def test_our_server_dies_while_they_talk_and_nothing_is_cut(
    hotline: RunningHotline, line: Line, police: Sipp
) -> None:
    caller, ringing = presses(line, "1"), presses(line, "5")
    caller.wait_for_log("HOTLINE_TRANSFERRED")
    ringing.wait_for_log("HOTLINE_TRANSFERRING")
    hotline.kill_server()
    try:
        assert ringing.wait_for_log("HOTLINE_TRANSFER_OVER", 30)[3] == "no_answer"
        rows = [row.split("!") for row in hotline.ask("core show channels concise").splitlines()]
        assert [row[4] for row in rows if row[0].startswith("PJSIP/trunk-police-")] == ["Up"], (
            "they still talk"
        )
        assert caller.log[-1][0] == "HOTLINE_TRANSFERRED"
        caller.phone.hang_up()
        assert caller.phone.wait(20) == 0, caller.phone.errors
        caller.wait_for_log("HOTLINE_END")
    finally:
        hotline.start_server()
    record = caller.record
    assert (record["outcome"], record["disposition"], record["hung_up_by"]) == (
        "transferred",
        "transferred",
        "citizen",
    )
    assert record["menu_path"].endswith("/choose/police")
    kinds = [kind for kind, _ in caller.told_of_the_transfer()]
    assert kinds == ["transfer_dialled", "transfer_answered", "transfer_over"]
    assert ringing.record["outcome"] == "no_agent"  # he went on without our server, and nobody was signed in
