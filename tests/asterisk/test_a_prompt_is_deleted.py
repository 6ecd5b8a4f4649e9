"""Sounds are deleted under the feet of a running hotline: callers reach a person all the same, and a reload makes them anew.

The hotline is its own: others hear their prompts.
"""

from collections.abc import Iterator

import pytest
from support.running_hotline import RunningHotline, a_running_hotline
from support.story_line import Line
from support.told import listening
from support.waiting import wait_for


@pytest.fixture(scope="module")
def hotline() -> Iterator[RunningHotline]:
    yield from a_running_hotline()


def test_the_call_goes_on_and_the_sounds_come_back(hotline: RunningHotline, line: Line) -> None:
    line.agent(talk=2)
    prompts = hotline.settings.prompts_dir
    (in_force,) = (prompts / "sets").iterdir()
    cached = [prompts / "cache" / name for name in in_force.read_text().split()]
    laid_out = [path for folder in ("zh", "sounds") for path in (prompts / folder).rglob("*.wav")]
    sounds = {path: path.read_bytes() for path in [*cached, *laid_out]}
    assert len(sounds) > 200
    for path in prompts.rglob("*.wav"):
        path.unlink()
    before, after = hotline.new_citizen(), hotline.new_citizen()
    assert line.call(before, stay=30).wait(40) == 0
    [record] = line.ended(before)
    assert record["outcome"] == "answered", "silence, but a person"

    reload = hotline.type("reload")
    assert reload.returncode == 0, reload.stderr
    assert {path: path.read_bytes() for path in sounds if path.exists()} == sounds
    with listening(hotline) as told:
        assert line.call(after, stay=30).wait(40) == 0
        assert "greeting" in told.to_caller(after)
    wait_for(lambda: line.ended(after)[0]["outcome"] == "answered", 20)
