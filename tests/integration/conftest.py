"""What several integration tests stand on; each gets its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.agi_peer import ServerInThread, moment, serving
from support.callback_site import Site
from support.stub_machine import Machine, stub_machine
from support.web_hotline import WebHotline, open_hotline

from hotline.database import Database


@pytest.fixture
def web(database: Database, tmp_path: Path) -> Iterator[WebHotline]:
    with open_hotline(database, tmp_path) as hotline:
        yield hotline


@pytest.fixture
def running() -> Iterator[ServerInThread]:
    """The AGI door, with the one script `moment`."""
    with serving({"moment": moment}, header_seconds=1.0, reply_seconds=1.0) as it:
        yield it


@pytest.fixture
def site(database: Database) -> Site:
    return Site(database)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return stub_machine(tmp_path)
