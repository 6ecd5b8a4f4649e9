"""What several integration tests stand on; each gets its own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import sounds_kept
from support.agi_peer import ServerInThread, moment, serving
from support.callback_site import Site
from support.databases import PostgresqlServer
from support.filled_home import FilledHome, NewUrl, a_filled_home, postgresql_programs
from support.stub_machine import Machine, stub_machine
from support.terminal import Terminal
from support.web_hotline import Api, WebHotline, open_hotline

from hotline.accounts import Role
from hotline.database import Database


@pytest.fixture
def web(database: Database, tmp_path: Path) -> Iterator[WebHotline]:
    with open_hotline(database, tmp_path) as hotline:
        yield hotline


@pytest.fixture
def leader(web: WebHotline) -> Api:
    return web.client(Role.SHIFT_LEADER)


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    """All tests of a module share it; each leaves the hotline as whole as it was."""
    shell = Terminal(tmp_path_factory.mktemp("shell"))
    shell.type("init", str(shell.config))
    shell.type("migrate")
    return shell


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


@pytest.fixture(params=["sqlite", "postgresql"])
def new_url(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[NewUrl]:
    """Gives addresses of empty databases; None for SQLite, which lies in the state folder."""
    if request.param == "sqlite":
        yield lambda: None
        return
    server: PostgresqlServer = request.getfixturevalue("postgresql_server")
    monkeypatch.setenv("PATH", f"{postgresql_programs()}{os.pathsep}{os.environ['PATH']}")
    made: list[str] = []

    def new() -> str:
        made.append(server.new_database())
        return made[-1]

    yield new
    for url in made:
        server.drop(url)


@pytest.fixture
def filled(tmp_path: Path, new_url: NewUrl) -> Iterator[FilledHome]:
    with a_filled_home(tmp_path / "old", new_url()) as filled:
        yield filled


@pytest.fixture
def home(tmp_path: Path) -> Iterator[FilledHome]:
    """Without calls, for tests of its config files."""
    with (
        a_filled_home(tmp_path / "home", calls=0) as filled,
        sounds_kept.borrowed(filled.settings),
    ):
        yield filled


@pytest.fixture
def sqlite_home(tmp_path: Path) -> Iterator[FilledHome]:
    with a_filled_home(tmp_path / "old") as filled:
        yield filled
