"""A message is taken on a caller's line, carried out as the menu asks for it; every fault leads him on."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.fake_channel import FakeChannel
from support.spoken import say

from ivr.calls.channel import CallerHungUp
from ivr.calls.walk import Walk, walk_menu
from ivr.calls.walk_needs import WalkNeeds
from ivr.menus.menu_file import MenuFile
from ivr.prompts.rendering import PromptLibrary
from tickets.voicemails import Voicemails

NOW = datetime(2026, 11, 23, tzinfo=UTC)
NAMES = ("speak", "again", "nothing", "sorry", "thanks")
PROMPTS = PromptLibrary(
    {("zh", name): Path(f"/p/{name}.wav") for name in NAMES}, {("zh", name): 3.0 for name in NAMES}
)
Words = Callable[[Path], float | None]


def kept_below(folder: Path, free: int = 10**12) -> Voicemails:
    return Voicemails(
        folder, lambda text: hashlib.sha256(b"secret" + text.encode()).hexdigest(), lambda _: free
    )


def walked(
    voicemails: Voicemails | None, says: Words, keys: list[str | None], **how: Any
) -> tuple[FakeChannel, Walk]:
    message = {
        "kind": "voicemail",
        "prompts": ["speak"],
        "end_key": "#",
        "longest_seconds": 60,
        "listen_again": {"prompts": ["again"]},
        "then": "bye",
        "too_short": {"prompts": ["nothing"], "then": "person"},
        "failed": {"prompts": ["sorry"]},
    }
    nodes = {
        "message": message,
        "bye": {"kind": "hang_up", "prompts": ["thanks"]},
        "person": {"kind": "queue", "queue": "heating"},
    }
    menus = {"m": MenuFile.model_validate({"start": "message", "nodes": nodes})}
    channel = FakeChannel(keys=keys, says=says, **how)
    walk = walk_menu(channel, "m", WalkNeeds(menus, PROMPTS, "zh", lambda: NOW, "v1", voicemails=voicemails))
    return channel, walk


def test_a_message_is_recorded_and_played_to_him(tmp_path: Path) -> None:
    kept = kept_below(tmp_path)
    channel, walk = walked(kept, lambda file: say(file, 6), [None, None, "1", None, "#"])
    assert channel.recorded == [("#", 60, 5)]
    assert 65 in channel.allowed
    own = [heard for heard in channel.heard if not heard.startswith("/p/")]
    assert len(own) == 1
    assert Path(f"{own[0]}.wav").is_file()
    assert channel.heard[-1] == "/p/thanks"
    assert walk.is_ended
    found = kept.message_of(channel.call_id)
    assert found is not None
    assert found.seconds == 6


def test_who_says_it_anew_leaves_the_new_one_alone(tmp_path: Path) -> None:
    kept, lengths = kept_below(tmp_path), [6.0, 9.0]
    channel, _ = walked(kept, lambda file: say(file, lengths.pop(0)), [None, "2", "#"])
    assert [file.name for file in tmp_path.rglob("*.wav")] == ["2-3.wav"]
    found = kept.message_of(channel.call_id)
    assert found is not None
    assert found.seconds == 9


def test_a_new_one_that_is_too_short_leaves_the_old_one(tmp_path: Path) -> None:
    kept, lengths = kept_below(tmp_path), [6.0, 1.0]
    channel, walk = walked(kept, lambda file: say(file, lengths.pop(0)), [None, "2", "#"])
    assert walk.is_ended
    found = kept.message_of(channel.call_id)
    assert found is not None
    assert found.seconds == 6


def test_who_hangs_up_while_he_speaks_has_left_his_message(tmp_path: Path) -> None:
    def speaks_and_hangs_up(file: Path) -> float:
        say(file, 6)
        raise CallerHungUp("test")

    kept = kept_below(tmp_path)
    channel, walk = walked(kept, speaks_and_hangs_up, [])
    assert walk.has_hung_up
    assert kept.message_of(channel.call_id) is not None


def fails(_file: Path) -> float | None:
    return None


def writes_half(file: Path) -> float:
    say(file, 4)
    return 20.0


def disappears(file: Path) -> float:
    file.unlink()
    return 6.0


def test_what_found_no_more_room_is_kept_and_he_is_told_so_and_led_on(tmp_path: Path) -> None:
    """Asterisk counts what is in the file, and so tells of no fault."""
    free = [10**12, 0]
    kept = replace(kept_below(tmp_path), free_bytes=lambda _: free.pop(0))
    channel, walk = walked(kept, lambda file: say(file, 6), [])
    assert channel.heard == ["/p/speak", "/p/sorry"]
    assert (walk.is_ended, walk.queue) == (False, None)
    assert kept.message_of(channel.call_id) is not None


@pytest.mark.parametrize("says", [fails, writes_half, disappears])
def test_where_it_cannot_be_recorded_he_is_told_so_and_reaches_the_queue(says: Words, tmp_path: Path) -> None:
    channel, walk = walked(kept_below(tmp_path), says, [])
    assert channel.heard == ["/p/speak", "/p/sorry"]
    assert (walk.is_ended, walk.queue, walk.path) == (False, None, "m/message")


@pytest.mark.parametrize("says", [fails, writes_half, disappears])
def test_half_of_what_he_says_anew_does_not_count_before_the_whole_of_the_first(
    says: Words, tmp_path: Path
) -> None:
    """The disk fills up in the middle of it."""
    takes: list[Words] = [lambda file: say(file, 6), says]
    kept = kept_below(tmp_path)
    channel, walk = walked(kept, lambda file: takes.pop(0)(file), [None, "2"])
    assert channel.heard[-1] == "/p/sorry"
    assert walk.queue is None
    found = kept.message_of(channel.call_id)
    assert found is not None
    assert found.seconds == 6


def test_half_of_the_only_one_is_kept(tmp_path: Path) -> None:
    kept = kept_below(tmp_path)
    channel, _ = walked(kept, writes_half, [])
    found = kept.message_of(channel.call_id)
    assert found is not None
    assert found.seconds == 4


@pytest.mark.parametrize("trouble", ["no room", "no folder", "keeps none"])
def test_nobody_speaks_into_the_void(trouble: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    kept = {
        "no room": kept_below(tmp_path, free=1000),
        "no folder": kept_below(tmp_path / "file"),
        "keeps none": None,
    }
    channel, walk = walked(kept[trouble], lambda file: say(file, 6), [])
    assert (channel.recorded, channel.heard) == ([], ["/p/speak", "/p/sorry"])
    assert walk.queue is None


def test_silence_is_no_message(tmp_path: Path) -> None:
    channel, walk = walked(kept_below(tmp_path), lambda file: say(file, 20, loudness=0), [])
    assert channel.heard == ["/p/speak", "/p/nothing", "/p/speak"]
    assert walk.queue == "heating"
