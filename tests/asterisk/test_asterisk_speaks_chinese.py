"""What Asterisk says by itself is Chinese: positions in a queue where they are switched on, numbers, dates; never English."""

import re
from contextlib import closing

import pytest
from support.running_hotline import RunningHotline
from support.told import Told, listening
from support.waiting import wait_for

_PIECE = re.compile(r"<([^>]+)> Playing '([^']+)\.\w+' \(language '(\w+)'\)")


def pieces(told: Told) -> dict[str, list[tuple[str, str]]]:
    """Asterisk's own sounds and their languages, in order, by channel; prompts have absolute paths."""
    heard: dict[str, list[tuple[str, str]]] = {}
    for channel, name, language in _PIECE.findall(told.text):
        if not name.startswith("/"):
            heard.setdefault(channel, []).append((name, language))
    return heard


def chinese(*names: str) -> list[tuple[str, str]]:
    return [(name, "zh") for name in names]


def test_who_waits_is_told_his_place(hotline: RunningHotline) -> None:
    with closing(hotline.special_line("tells positions")) as line, listening(hotline, "places") as told:
        line.agent(has_phone=False)
        for place in range(1, 4):
            line.call(hotline.new_citizen(), stay=60)
            wait_for(lambda place=place: len(line.waiting()) == place, 30, "in line")  # type: ignore[misc]
        third = chinese("queue-thereare", "digits/3", "queue-callswaiting", "queue-thankyou")
        wait_for(lambda: third in [one[:4] for one in pieces(told).values()], 20, told.text[-3000:])
        assert {language for one in pieces(told).values() for _, language in one} == {"zh"}


@pytest.mark.parametrize(
    ("application", "said"),
    [
        (
            "SayNumber 20300",
            ("2", "wan", "0", "3", "hundred"),
        ),  # nothing longer: the citizen hangs up after 4 s
        ("SayDigits 12*#", ("1", "2", "star", "pound")),
        ("SayUnixTime 1795397954,Asia/Shanghai,Bd", ("mon-10", "20", "3", "day")),
    ],
)
def test_numbers_and_dates(hotline: RunningHotline, application: str, said: tuple[str, ...]) -> None:
    hotline.citizens()
    with listening(hotline, application.partition(" ")[0]) as told:
        citizen = f"PJSIP/{hotline.new_citizen()}@trunk-test-loopback"
        hotline.ask(f"channel originate {citizen} application {application}")
        expected = chinese(*(f"digits/{piece}" for piece in said))
        wait_for(lambda: expected in pieces(told).values(), 25, f"{application}: {expected}")


def test_no_english_lies_where_asterisk_would_fall_back_to_it(hotline: RunningHotline) -> None:
    sounds = hotline.settings.asterisk_dir / "data" / "sounds"
    assert {folder.name for folder in sounds.iterdir()} == {"zh", "zh_unheard"}
    assert (sounds / "zh" / "digits" / "wan.wav").is_file()
