"""A caller walks a menu: what is played, what each step may take, and where the walk ends."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from support.fake_channel import FakeChannel
from support.known_facts import KnownFacts

from hotline import defaults_door
from ivr.calls.in_line import in_line
from ivr.calls.walk import walk_menu
from ivr.calls.walk_needs import WalkNeeds
from ivr.config_files.checker import Configuration, check
from ivr.menus.facts import OnAir
from ivr.menus.menu_file import MenuFile
from ivr.prompts.rendering import PromptLibrary
from vocabulary.hotline_names import LANGUAGE, WALKED

NOW = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture(scope="module")
def configuration() -> Configuration:
    found, problems = check(defaults_door.shipped())
    assert found is not None, problems
    return found


def library(configuration: Configuration, seconds: float = 4.0) -> PromptLibrary:
    names = [("zh", name) for name in configuration.prompts.prompts]
    return PromptLibrary(
        {key: Path(f"/prompts/{key[1]}.wav") for key in names}, dict.fromkeys(names, seconds)
    )


def test_the_shipped_menu_greets_and_goes_straight_to_a_person(configuration: Configuration) -> None:
    channel = FakeChannel()
    walk = walk_menu(
        channel, "main", WalkNeeds(configuration.menus, library(configuration), "zh", lambda: NOW)
    )
    assert channel.heard == ["/prompts/greeting"]
    assert walk.path == "main/greeting/person"
    assert walk.greeted_at == NOW
    assert walk.queue is None  # the default queue of the number called
    assert not walk.is_ended


def test_a_broadcast_is_heard_and_told_on_the_channel_from_the_first_step(
    configuration: Configuration,
) -> None:
    channel = FakeChannel()
    facts = KnownFacts(on_air=OnAir("storm", ("storm_known", "storm_to_do")))
    walk = walk_menu(
        channel,
        "main",
        WalkNeeds(configuration.menus, library(configuration), "zh", lambda: NOW, "v1", facts),
    )
    assert channel.heard == ["/prompts/greeting", "/prompts/storm_known", "/prompts/storm_to_do"]
    told = [value for name, value in channel.set if name == WALKED]
    assert told[0] == "main/greeting|v1||||storm"
    assert told[-1] == f"main/greeting/person|v1|||{int(NOW.timestamp())}.000000|storm"
    assert walk.broadcast == "storm"


def test_each_prompt_gets_its_own_time_and_a_margin(configuration: Configuration) -> None:
    channel = FakeChannel()
    walk_menu(channel, "main", WalkNeeds(configuration.menus, library(configuration, 9.4), "zh", lambda: NOW))
    assert channel.allowed == [14]


def test_who_hangs_up_in_the_greeting_was_not_greeted(configuration: Configuration) -> None:
    channel = FakeChannel(hangs_up_after=0)
    walk = walk_menu(
        channel, "main", WalkNeeds(configuration.menus, library(configuration), "zh", lambda: NOW)
    )
    assert walk.has_hung_up
    assert walk.greeted_at is None
    assert walk.path == "main/greeting"


def test_a_prompt_that_is_not_there_does_not_end_the_call(configuration: Configuration) -> None:
    channel = FakeChannel()
    walk = walk_menu(
        channel, "main", WalkNeeds(configuration.menus, PromptLibrary({}, {}), "zh", lambda: NOW)
    )
    assert channel.heard == []
    assert walk.path == "main/greeting/person"


def test_how_far_he_came_stands_on_his_channel_before_each_step(configuration: Configuration) -> None:
    """Whenever our server dies, the dialplan still knows it: also the keys, and when the greeting was over."""
    heard: list[str] = []

    def note(path: str) -> None:
        heard.append(f"{path}: {channel.variables['HOTLINE_WALKED']}")

    channel = FakeChannel(keys=[None, None, "2"], on_play=note)
    name = "examples/with_keys"
    walk = walk_menu(
        channel, name, WalkNeeds({name: with_keys()}, library(configuration), "zh", lambda: NOW, "v1")
    )
    assert walk.category == "heating"
    assert heard == [
        "/prompts/greeting: examples/with_keys/choose|v1|||",
        "/prompts/choose_matter: examples/with_keys/choose|v1|||",
    ]
    told = [value for variable, value in channel.set if variable == "HOTLINE_WALKED"]
    assert told[1:] == [
        "examples/with_keys/choose|v1|||1795392000.000000",
        "examples/with_keys/choose/heating|v1|heating|heating|1795392000.000000",
    ]


def test_a_long_way_stands_cut_on_his_channel_which_takes_no_more_and_he_walks_on(
    configuration: Configuration,
) -> None:
    """Else the walk would end at the first step whose way is too long for Asterisk, in no queue of his choice."""
    names = [f"{first}{rest * 39}" for rest in "xyz" for first in "abcdefghijklmnopqrst"]
    nodes: dict[str, object] = {
        name: {"kind": "say", "prompts": ["greeting"], "next": following}
        for name, following in zip(names, [*names[1:], "far"], strict=True)
    }
    menu = MenuFile.model_validate(
        {"start": names[0], "nodes": nodes | {"far": {"kind": "queue", "queue": "heating"}}}
    )
    channel = FakeChannel()
    walk = walk_menu(
        channel, "long", WalkNeeds({"long": menu}, library(configuration), "zh", lambda: NOW, "v1")
    )
    assert (walk.queue, walk.path) == ("heating", "/".join(["long", *names, "far"]))
    told = channel.variables[WALKED]
    assert max(len(value) for name, value in channel.set if name == WALKED) < 1600
    path, version, queue, *_ = told.split("|")
    assert walk.path.startswith(f"{path}/")
    assert path.rpartition("/")[2] in names
    assert (version, queue) == ("v1", "heating")


def with_keys() -> MenuFile:
    path = defaults_door.shipped() / "menus" / "examples" / "with_keys.yaml"
    return MenuFile.model_validate(yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader))


def test_what_a_caller_types_stands_on_his_channel_and_not_in_the_account(
    configuration: Configuration,
) -> None:
    path = defaults_door.shipped() / "menus" / "examples" / "with_a_number.yaml"
    menu = MenuFile.model_validate(yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader))
    channel = FakeChannel(keys=[*"100000#", *[None] * 8, "1"])
    walk = walk_menu(channel, "it", WalkNeeds({"it": menu}, library(configuration), "zh", lambda: NOW))
    assert channel.variables["HOTLINE_INPUT_METER"] == "100000"
    assert (walk.queue, walk.path) == ("heating", "it/greeting/meter/whose/heating")
    assert channel.heard[1:3] == ["/prompts/you_entered", "/prompts/digit_1"]
    assert not any("100000" in told for name, told in channel.set if name == "HOTLINE_WALKED")


def test_a_language_that_was_chosen_is_spoken_to_the_end(configuration: Configuration) -> None:
    path = defaults_door.shipped() / "menus" / "examples" / "in_english.yaml"
    menu = MenuFile.model_validate(yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader))
    names = [(language, name) for language in ("zh", "en") for name in configuration.prompts.prompts]
    both = PromptLibrary(
        {(la, name): Path(f"/{la}/{name}.wav") for la, name in names}, dict.fromkeys(names, 4.0)
    )
    spoken: list[str] = []

    def note(path: str) -> None:
        spoken.append(f"{path} {channel.variables.get(LANGUAGE, '')}".strip())

    channel = FakeChannel(keys=["9", "7", "1"], on_play=note)
    walk = walk_menu(channel, "it", WalkNeeds({"it": menu}, both, "zh", lambda: NOW))
    assert spoken == ["/zh/greeting", "/en/choose_matter en", "/en/wrong_key en"], "before its first word"
    assert channel.heard == ["/zh/greeting", "/en/choose_matter", "/en/wrong_key"]
    assert walk.queue == "enterprise"


def test_who_chose_a_language_has_a_queue_that_speaks_it_if_his_walk_breaks_off(
    configuration: Configuration,
) -> None:
    """It stands on his channel before he hears the first word of it."""
    path = defaults_door.shipped() / "menus" / "examples" / "in_english.yaml"
    menu = MenuFile.model_validate(yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader))
    whole = configuration.lines.queues[0]
    part = whole.model_copy(update={"name": "english", "part_of": whole.name, "languages": ["en"]})
    lines = configuration.lines.model_copy(update={"queues": [whole, part]})
    channel = FakeChannel(keys=["9"], hangs_up_after=1)
    walk = walk_menu(
        channel,
        "it",
        WalkNeeds(
            {"it": menu},
            library(configuration),
            "zh",
            lambda: NOW,
            in_line_of=lambda step: in_line(step, lines, whole.name),
        ),
    )
    assert walk.has_hung_up
    assert channel.variables["HOTLINE_FALLBACK"] == "english"
    names = [name for name, _ in channel.set if name in (WALKED, "HOTLINE_FALLBACK")]
    assert names[:3] == [WALKED, WALKED, "HOTLINE_FALLBACK"], "nothing for the site's own language"
    assert names.count("HOTLINE_FALLBACK") == 1
