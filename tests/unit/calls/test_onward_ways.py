"""A caller is put through to somebody outside: all that the dialplan needs stands on his channel before it dials."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from support.fake_channel import FakeChannel

from hotline import defaults_door
from ivr.calls.walk import Walk, walk_menu
from ivr.calls.walk_needs import WalkNeeds
from ivr.menus.menu_file import MenuFile
from ivr.prompts.rendering import PromptLibrary

NOW = datetime(2026, 11, 23, tzinfo=UTC)
PROMPTS = (
    "greeting", "choose_emergency", "connecting", "busy_there", "nobody_answers_there", "not_reached", "goodbye",
)  # fmt: skip


def example() -> MenuFile:
    path = defaults_door.shipped() / "menus" / "examples" / "with_emergency_key.yaml"
    return MenuFile.model_validate(yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader))


def walked(channel: FakeChannel, menu: MenuFile, folder: str = "/p") -> Walk:
    paths = {("zh", name): Path(f"{folder}/{name}.wav") for name in PROMPTS}
    library = PromptLibrary(paths, dict.fromkeys(paths, 3.0))  # type: ignore[arg-type]
    return walk_menu(channel, "it", WalkNeeds({"it": menu}, library, "zh", lambda: NOW, "v1"))


def test_the_ways_stand_there_first_and_the_destination_last() -> None:
    channel = FakeChannel(keys=["2"])
    walk = walked(channel, example())
    assert channel.heard == ["/p/greeting", "/p/connecting"]
    assert channel.set[-6:] == [
        ("HOTLINE_IF_ANSWERED", "BYE:/p/goodbye"),
        ("HOTLINE_IF_BUSY", ":/p/busy_there"),
        ("HOTLINE_IF_NO_ANSWER", ":/p/nobody_answers_there"),
        ("HOTLINE_IF_FAILED", ":/p/not_reached"),
        ("HOTLINE_WALKED", "it/choose/fire|v1|||1795392000.000000"),
        ("HOTLINE_TRANSFER", "fire"),
    ]
    assert (walk.transfer, walk.queue, walk.is_ended, walk.greeted_at) == ("fire", None, False, NOW)


def test_the_matter_that_he_would_have_in_the_queue_is_in_the_account() -> None:
    menu = example().model_dump(by_alias=True, exclude_unset=True)
    menu["nodes"]["heating"] = {"kind": "queue", "queue": "heating", "category": "heating"}
    for name in ("no_answer", "failed"):
        menu["nodes"]["fire"][name]["then"] = "heating"
    channel = FakeChannel(keys=["2"])
    walk = walked(channel, MenuFile.model_validate(menu))
    assert channel.variables["HOTLINE_IF_NO_ANSWER"] == "heating:/p/nobody_answers_there"
    assert (walk.category, walk.queue) == ("heating", None)  # the queue is not his yet
    assert channel.variables["HOTLINE_WALKED"] == "it/choose/fire|v1||heating|1795392000.000000"


def test_nobody_is_dialled_for_who_hangs_up_before() -> None:
    channel = FakeChannel(keys=["2"], hangs_up_after=1)
    walk = walked(channel, example())
    assert walk.has_hung_up
    assert "HOTLINE_TRANSFER" not in channel.variables


@pytest.mark.parametrize("folder", ["/p", "/" + "long/" * 300])
def test_no_way_is_longer_than_asterisk_takes(folder: str) -> None:
    menu = example().model_dump(by_alias=True, exclude_unset=True)
    menu["nodes"]["fire"]["no_answer"]["prompts"] = ["connecting"] * 10
    channel = FakeChannel(keys=["2"])
    walked(channel, MenuFile.model_validate(menu), folder)
    assert channel.variables["HOTLINE_TRANSFER"] == "fire"
    assert all(len(value) < 1600 for name, value in channel.set if name.startswith("HOTLINE_IF_"))
