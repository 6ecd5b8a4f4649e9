"""One hotline for all stories of this folder; each story takes a line of its own from it."""

from collections.abc import Iterator

import pytest
from support.running_hotline import RunningHotline, a_running_hotline
from support.story_line import Line


@pytest.fixture(scope="session")
def hotline() -> Iterator[RunningHotline]:
    yield from a_running_hotline()


@pytest.fixture
def line(hotline: RunningHotline) -> Iterator[Line]:
    line = hotline.new_line()
    try:
        yield line
    finally:
        line.close()
