"""One hotline for all stories of this folder; each story takes a line of its own from it."""

from collections.abc import Iterator

import pytest
from support.running_hotline import RunningHotline, a_running_hotline
from support.story_line import Line
from support.waiting import wait_for


@pytest.fixture(scope="session")
def hotline() -> Iterator[RunningHotline]:
    yield from a_running_hotline()


@pytest.fixture
def line(hotline: RunningHotline) -> Iterator[Line]:
    wait_for(hotline.is_ready, 30, "the story before may have restarted Asterisk or the server")
    line = hotline.new_line()
    try:
        yield line
    finally:
        line.close()
