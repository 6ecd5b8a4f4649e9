"""选了英文的人，往后听到的都是英文：排队位置、等候音、致歉、转接中断、再见；服务器死了也一样。没选的人听中文。"""

import re
import wave
from collections.abc import Iterator
from contextlib import closing

import pytest
from support.running_hotline import RunningHotline, a_running_hotline
from support.story_line import Line
from support.story_menus import Lead, Nodes, story_menu
from support.told import Told, listening
from support.waiting import wait_for

IN_ENGLISH: Nodes = {
    "english": {"kind": "language", "language": "en", "next": "person"},
    "person": {"kind": "queue"},
}


@pytest.fixture(scope="module")
def hotline() -> Iterator[RunningHotline]:
    yield from a_running_hotline()


@pytest.fixture
def lead(hotline: RunningHotline) -> Iterator[Lead]:
    with story_menu(hotline) as lead:
        yield lead


def waits(line: Line, called: str) -> str:
    citizen = line.hotline.new_citizen()
    line.call(citizen, called=called, stay=120)
    wait_for(lambda: citizen in line.standing(), 30, "in line")
    return citizen


def test_asterisk_tells_each_his_place_and_plays_to_him_in_his_language(
    hotline: RunningHotline, lead: Lead
) -> None:
    with closing(hotline.special_line("tells positions")) as line, listening(hotline, "places") as told:
        lead(line, IN_ENGLISH)
        line.agent(has_phone=False)
        chinese, english = waits(line, line.number), waits(line, line.keys_number)
        second = ["queue-thereare", "digits/2", "queue-callswaiting"]
        wait_for(lambda: told_places(told, english)[:3] == [(one, "en") for one in second], 40, told.text)
        wait_for(lambda: told_places(told, chinese), 40, "told his place")
        assert {language for _, language in told_places(told, english)} == {"en"}
        assert {language for _, language in told_places(told, chinese)} == {"zh"}
        sounds = hotline.settings.asterisk_dir / "data" / "sounds"
        for name in second:
            with wave.open(str(sounds / "en" / f"{name}.wav")) as spoken:
                assert spoken.getnframes() > 1600, f"{name}: longer than a fifth of a second"
            assert (sounds / "zh" / f"{name}.wav").read_bytes() != (
                sounds / "en" / f"{name}.wav"
            ).read_bytes()
        assert (music(told, chinese), music(told, english)) == ({"hotline"}, {"hotline-en"})


def test_whose_agents_phone_dies_is_told_so_in_it_and_hears_goodbye_in_it(
    hotline: RunningHotline, line: Line, lead: Lead
) -> None:
    with listening(hotline, "lost") as told:
        lead(line, IN_ENGLISH)
        dying = line.agent(sound=True)
        line.notices_silence_soon(dying)
        citizen = hotline.new_citizen()
        line.call(citizen, called=line.keys_number, stay=90)
        wait_for(lambda: [one for one in line.calls(citizen) if one["answered_at"]], 20)
        line.phones.running[0].process.kill()
        wait_for(lambda: line.standing() == [citizen], 30, "back in the line")
        hotline.post(f"/api/agents/{dying}/sign-out")
        line.agent(talk=1)
        line.ended(citizen, seconds=40)
        assert told.said_to(citizen) == ["en/connection_lost", "en/goodbye"]


@pytest.mark.parametrize("is_up", [True, False], ids=["server up", "server dead"])
def test_who_waited_in_vain_is_told_so_in_it(hotline: RunningHotline, lead: Lead, is_up: bool) -> None:
    with closing(hotline.special_line("gives up early")) as line, listening(hotline, "vain") as told:
        lead(line, IN_ENGLISH)
        agent = line.agent(has_phone=False)
        chinese, english = waits(line, line.number), waits(line, line.keys_number)
        if not is_up:
            hotline.kill_server()
            hotline.ask(f"queue remove member PJSIP/agent-{agent} from q-{line.queue}")
        try:
            wait_for(lambda: said_last(told, english) == ["en/all_busy_will_call_back"], 50, told.text)
            wait_for(lambda: said_last(told, chinese) == ["zh/all_busy_will_call_back"], 50, told.text)
        finally:
            if not is_up:
                hotline.start_server()


def said_last(told: Told, citizen: str) -> list[str]:
    return told.said_to(citizen)[-1:]


def told_places(told: Told, citizen: str) -> list[tuple[str, str]]:
    """What Asterisk itself said to him, and in which language."""
    said = re.findall(
        rf"<{re.escape(channel_of(told, citizen))}> Playing '([^'/][^']*)\.\w+' \(language '(\w+)'\)",
        told.text,
    )
    return [(str(name), str(language)) for name, language in said]


def music(told: Told, citizen: str) -> set[str]:
    channel = re.escape(channel_of(told, citizen))
    return set(re.findall(rf"Started music on hold, class '([^']+)', on channel '{channel}'", told.text))


def channel_of(told: Told, citizen: str) -> str:
    (channel,) = set(re.findall(rf'Set\("([^"]+)", "HOTLINE_CALLER={citizen}"\)', told.text))
    return str(channel)
