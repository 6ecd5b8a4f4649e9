"""语音留言：挂机结束、按键结束、静音结束、收听后确认、没有留言、无法录音、留言途中服务器停止或冻结；每一通都有记录，该有工单的有工单，该回拨的回拨。

These stories kill their server, so they do not share the folder's hotline.
"""

import hashlib
import signal
import stat
import urllib.request
import wave
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from support.caller_scenarios import HUSH, VOICE
from support.running_hotline import RunningHotline, a_running_hotline, assert_nothing_forgotten
from support.sipp import HOST, Sipp
from support.story_line import Line
from support.told import listening
from support.waiting import wait_for

MENU = "menus/examples/with_keys.yaml"


def _with_a_recorder(found: dict[str, Any]) -> None:
    """All second numbers lead there."""
    found["start"] = "message"
    found["nodes"] = {
        "message": {
            "kind": "voicemail",
            "prompts": ["leave_message"],
            "longest_seconds": 20,
            "shortest_seconds": 2,
            "silence_seconds": 3,
            "end_key": "#",
            "listen_again": {"prompts": ["message_keys"], "wait_seconds": 10},
            "then": "thanks",
            "too_short": {"replays": 0, "then": "person"},
        },
        "thanks": {"kind": "hang_up", "prompts": ["message_left"]},
        "person": {"kind": "queue"},
    }


def _behind_a_queue(found: dict[str, Any]) -> None:
    """All first numbers: a queue in which nobody is ever signed in, and behind it the same recorder."""
    found["start"] = "nobody"
    found["nodes"] = {
        "nobody": {"kind": "queue", "queue": "general", "longest_wait": 60, "then": "recorder"},
        "recorder": {"kind": "goto", "menu": "examples/with_keys"},
    }


def _without_its_rule(found: dict[str, Any]) -> None:
    found["rules"] = [rule for rule in found["rules"] if rule["id"] != "heating_key"]


@pytest.fixture(scope="module")
def hotline() -> Iterator[RunningHotline]:
    changes = {MENU: _with_a_recorder, "menus/main.yaml": _behind_a_queue}
    yield from a_running_hotline(changes={**changes, "routing_rules.yaml": _without_its_rule})


def recording(hotline: RunningHotline) -> list[Path]:
    return list(hotline.settings.voicemail_dir.rglob("*.wav"))


def _seconds(take: Path) -> float:
    return max(0, take.stat().st_size - 44) / 16000


def speaks(
    hotline: RunningHotline, line: Line, citizen: str, *steps: str, called: str = ""
) -> tuple[Sipp, Path]:
    """He is on the line and has spoken for more than two seconds; his file."""
    before = set(recording(hotline))
    call = line.phones.speaking_call(citizen, called or line.keys_number, (VOICE, *steps))
    (take,) = wait_for(lambda: set(recording(hotline)) - before, 20, "the recorder")
    wait_for(lambda: take.stat().st_size > 0, 10, "the tone is over")
    call.press()
    wait_for(lambda: _seconds(take) > 3.5, 20, "words")
    return call, take


def test_a_message_is_left_by_hanging_up(hotline: RunningHotline, line: Line) -> None:
    citizen = hotline.new_citizen()
    call, take = speaks(hotline, line, citizen)
    assert stat.S_IMODE(take.stat().st_mode) == 0o600
    assert call.hang_up().wait(20) == 0, call.errors
    (record,) = line.ended(citizen)
    assert (record["outcome"], record["has_voicemail"]) == ("voicemail", True)
    assert record["voicemail_seconds"] == pytest.approx(_seconds(take), abs=0.1)
    assert record["menu_path"] == "examples/with_keys/message"
    (ticket,) = wait_for(lambda: line.tickets_of(record["call_id"]))
    assert ticket["title"].startswith("语音留言")
    assert line.callbacks(citizen) == []
    sound = _heard(hotline, record["call_id"])
    assert sound == take.read_bytes()
    with wave.open(BytesIO(sound), "rb") as read:
        assert (read.getframerate(), read.getnchannels(), read.getsampwidth()) == (8000, 1, 2)
        assert read.getnframes() / 8000 == pytest.approx(record["voicemail_seconds"], abs=0.1)
    assert_nothing_forgotten(hotline)


def _heard(hotline: RunningHotline, call_id: str) -> bytes:
    asked = urllib.request.Request(
        f"http://{HOST}:{hotline.settings.http_port}/api/calls/{call_id}/voicemail",
        headers={"Authorization": f"Bearer {hotline.token}"},
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked, timeout=10) as answer:
        found: bytes = answer.read()
    return found


def test_a_message_is_ended_by_the_key_heard_again_and_kept(hotline: RunningHotline, line: Line) -> None:
    citizen = hotline.new_citizen()
    call, take = speaks(hotline, line, citizen, "#", "1", "#")
    assert _is_open(hotline, take)
    call.press()
    wait_for(lambda: not _is_open(hotline, take), 20, "asked what to do with it")
    spoken = hashlib.sha256(take.read_bytes()).hexdigest()
    call.press()
    wait_for(lambda: _is_open(hotline, take), 20, "he hears himself")
    call.press()
    assert call.wait(30) == 0, call.errors
    (record,) = line.ended(citizen)
    assert record["outcome"] == "voicemail"
    assert record["menu_path"] == "examples/with_keys/message/thanks"
    assert hashlib.sha256(_heard(hotline, record["call_id"])).hexdigest() == spoken
    assert len(wait_for(lambda: line.tickets_of(record["call_id"]))) == 1


def test_a_message_is_ended_by_silence(hotline: RunningHotline, line: Line) -> None:
    """The line stays open; he says nothing more, presses nothing, and hears the thanks."""
    citizen = hotline.new_citizen()
    call, take = speaks(hotline, line, citizen, HUSH)
    wait_for(lambda: _seconds(take) > 6.5, 20, "he has said all")
    call.press()
    wait_for(lambda: not _is_open(hotline, take), 20, "his silence ended it")
    assert _seconds(take) < 15, "long before the longest time"
    assert call.wait(60) == 0, call.errors
    (record,) = line.ended(citizen)
    assert (record["outcome"], record["has_voicemail"]) == ("voicemail", True)
    assert record["menu_path"] == "examples/with_keys/message/thanks"
    assert len(wait_for(lambda: line.tickets_of(record["call_id"]))) == 1


def test_nothing_can_be_recorded_and_he_is_told_so_and_led_on(hotline: RunningHotline, line: Line) -> None:
    """Something lies in the way of the folder; the disk's own faults are told in the same way."""
    folder = hotline.settings.voicemail_dir
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder.rename(folder.with_name("aside"))
    folder.write_text("in the way")
    try:
        with listening(hotline, "no-folder") as told:
            agent = line.agent(talk=1)
            citizen = hotline.new_citizen()
            line.call(citizen, called=line.keys_number, stay=60)
            (record,) = line.ended(citizen, seconds=60)
            assert told.to_caller(citizen)[:2] == ["leave_message", "technical_fault"]
        assert (record["outcome"], record["agent_no"], record["has_voicemail"]) == ("answered", agent, False)
        assert "no message can be recorded" in hotline.server_log
    finally:
        folder.unlink()
        aside.rename(folder)


def test_what_he_says_is_lost_meanwhile_and_he_is_told_so_and_led_on(
    hotline: RunningHotline, line: Line
) -> None:
    """He shall not hang up in the belief that it was kept."""
    agent = line.agent(talk=1)
    with listening(hotline, "lost") as told:
        citizen = hotline.new_citizen()
        call, take = speaks(hotline, line, citizen, "#")
        take.unlink()
        call.press()
        (record,) = line.ended(citizen, seconds=60)
        assert told.to_caller(citizen)[:2] == ["leave_message", "technical_fault"]
    assert (record["outcome"], record["agent_no"], record["has_voicemail"]) == ("answered", agent, False)


HOW_HE_CAME = pytest.mark.parametrize("is_behind_a_queue", [False, True], ids=["", "behind_a_queue"])


def number(line: Line, is_behind_a_queue: bool) -> str:
    return line.number if is_behind_a_queue else line.keys_number


@HOW_HE_CAME
def test_the_server_freezes_while_he_speaks_and_he_gets_on(
    hotline: RunningHotline, line: Line, is_behind_a_queue: bool
) -> None:
    """When the longest time is over the dialplan leads him to the line; the message is with the record all the same."""
    agent = line.agent(talk=1)
    citizen = hotline.new_citizen()
    call, take = speaks(hotline, line, citizen, called=number(line, is_behind_a_queue))
    hotline.signal_server(signal.SIGSTOP)
    try:
        wait_for(lambda: any(row[4] == "CONNECT" for row in _log_of(hotline, citizen)), 60, "an agent")
        call.wait(40)
    finally:
        hotline.signal_server(signal.SIGCONT)
        hotline.ask("dialplan set global HOTLINE_SILENT_UNTIL 0")  # else the next callers meet no menu
    (record,) = line.ended(citizen, seconds=40)
    assert (record["outcome"], record["agent_no"], record["has_voicemail"]) == ("answered", agent, True)
    assert record["voicemail_seconds"] == pytest.approx(_seconds(take), abs=0.1)
    assert len(wait_for(lambda: line.tickets_of(record["call_id"]))) == 1
    assert line.callbacks(citizen) == []
    assert_nothing_forgotten(hotline)


def _log_of(hotline: RunningHotline, citizen: str) -> list[list[str]]:
    rows = [row for row in hotline.queue_log if len(row) > 5]
    mine = {row[1] for row in rows if row[4:6] == ["HOTLINE_ARRIVED", citizen]}
    return [row for row in rows if row[1] in mine]


def _is_open(hotline: RunningHotline, take: Path) -> bool:
    """Asterisk writes it, or plays it."""
    assert hotline.asterisk is not None
    links = Path(f"/proc/{hotline.asterisk.pid}/fd").iterdir()
    return any(_target(link).endswith(f"{take.parent.name}/{take.name}") for link in links)


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except FileNotFoundError:  # closed meanwhile
        return ""


def test_who_says_nothing_and_hangs_up_is_rung_back(hotline: RunningHotline, line: Line) -> None:
    citizen, before = hotline.new_citizen(), set(recording(hotline))
    call = line.call(citizen, called=line.keys_number, stay=90)
    wait_for(lambda: set(recording(hotline)) - before, 20, "the recorder")
    line.wait_past_quick(citizen)
    assert call.hang_up().wait(20) == 0, call.errors
    (record,) = line.ended(citizen)
    assert (record["outcome"], record["has_voicemail"]) == ("voicemail_no_message", False)
    assert len(wait_for(lambda: line.callbacks(citizen))) == 1
    assert line.tickets_of(record["call_id"]) == []


@HOW_HE_CAME
def test_the_server_dies_while_he_speaks_and_he_hangs_up(
    hotline: RunningHotline, line: Line, is_behind_a_queue: bool
) -> None:
    """Asterisk goes on recording, and the next server finds the message by the call alone."""
    citizen = hotline.new_citizen()
    call, take = speaks(hotline, line, citizen, called=number(line, is_behind_a_queue))
    hotline.kill_server()
    assert call.hang_up().wait(20) == 0, call.errors
    hotline.start_server()
    (record,) = line.ended(citizen, seconds=30)
    assert record["outcome"] == "voicemail"
    assert record["voicemail_seconds"] == pytest.approx(_seconds(take), abs=0.1)
    before = "main/nobody/recorder//" if is_behind_a_queue else ""
    assert record["menu_path"] == f"{before}examples/with_keys/message"
    assert len(wait_for(lambda: line.tickets_of(record["call_id"]))) == 1
    assert line.callbacks(citizen) == []
    assert_nothing_forgotten(hotline)


@HOW_HE_CAME
def test_the_server_dies_while_he_speaks_and_he_stays(
    hotline: RunningHotline, line: Line, is_behind_a_queue: bool
) -> None:
    """When he has ended he stands in the queue; the record has both, the end of the call and the message."""
    line.agent(has_phone=False)
    citizen = hotline.new_citizen()
    call, _ = speaks(hotline, line, citizen, "#", called=number(line, is_behind_a_queue))
    hotline.kill_server()
    call.press()
    wait_for(lambda: line.standing() == [citizen], 20, "he waits for a person")
    hotline.start_server()
    assert call.hang_up().wait(20) == 0, call.errors
    (record,) = line.ended(citizen, seconds=30)
    assert (record["outcome"], record["has_voicemail"]) == ("queue_abandon", True)
    assert len(wait_for(lambda: line.callbacks(citizen))) == 1
    assert_nothing_forgotten(hotline)
