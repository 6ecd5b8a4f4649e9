"""A server that is told to take a set while it starts neither ends by that nor forgets it."""

import asyncio
import os
import signal
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.web_hotline import WebHotline

from hotline import bootstrap, cli, config_door, serve
from hotline.settings import Settings
from ivr.config_files.running import Running
from ivr.prompts import programs

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)


@pytest.fixture(autouse=True)
def _handlers_as_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in NUMBERS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


class Started:
    """In the place of the service: keeps which signals it is given to do."""

    asked: Collection[int] = ()

    def __init__(self, _hotline: object, _parts: object, asked_early: Collection[int] = ()) -> None:
        Started.asked = asked_early

    async def run(self) -> None: ...


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1])
def test_a_start_goes_on_and_notes_it_and_no_program_that_it_starts_is_deaf(
    number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    masks = []

    def build(_: Settings) -> None:
        os.kill(os.getpid(), number)
        status = programs.run(["cat", "/proc/self/status"]).decode()
        masks.append([line for line in status.splitlines() if line.startswith("SigBlk:")])

    monkeypatch.setenv("HOTLINE_HOME", str(tmp_path))
    monkeypatch.setattr(bootstrap, "build_server", build)
    monkeypatch.setattr(serve, "Service", Started)
    cli.serve()
    assert set(Started.asked) == {number}
    assert [int(line.split()[1], 16) for [line] in masks] == [0]


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1])
def test_what_was_asked_early_is_done_as_soon_as_it_can_be(
    number: signal.Signals, web: WebHotline, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []

    def take(which: int) -> Running:
        taken.append(which)
        return web.hotline.running

    monkeypatch.setattr(config_door, "load_told", lambda _: take(signal.SIGUSR1))
    monkeypatch.setattr(config_door, "load_asked", lambda _settings, _own: take(signal.SIGHUP))
    service: Any = serve.Service(web.hotline, only=("worker",), asked_early={number})

    async def begin() -> None:
        service._listen(asyncio.get_running_loop())

    asyncio.run(begin())
    assert taken == [number]
