"""A listener whose thread hangs is noticed: systemd hears nothing more, and starts the worker anew."""

import asyncio
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.web_hotline import WebHotline

from hotline import watchdog
from hotline.listener import Listener
from hotline.serve import Service
from hotline.worker import Worker
from ivr.telephony.queue_log_file import QueueLogFile


class Hangs(QueueLogFile):
    """A disk that does not answer, until it is let go."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.is_asked, self.is_let_go = threading.Event(), threading.Event()

    def read_new(self, *asked: Any) -> Any:
        self.is_asked.set()
        self.is_let_go.wait(30)
        return super().read_new(*asked)


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        door.bind(os.fspath(tmp_path / "notify"))
        door.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", os.fspath(tmp_path / "notify"))
        yield door


def _heard(systemd: socket.socket) -> bytes:
    try:
        return systemd.recv(100)
    except BlockingIOError:
        return b""


def test_systemd_hears_nothing_while_the_listener_hangs(
    web: WebHotline, tmp_path: Path, systemd: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_file = Hangs(tmp_path / "queue_log")

    async def story() -> list[bytes]:
        service = Service(web.hotline, only=("worker",))
        listener = Listener(web.hotline, service.ledger, log_file, "w1")
        service.worker = Worker(
            web.hotline, service.ledger, service.ami, service.switch, service.trunks, "w1"
        )
        service.worker.listener = listener
        running = asyncio.create_task(listener.run())
        await asyncio.to_thread(log_file.is_asked.wait, 20)
        await service._say_alive()
        heard = [_heard(systemd)]
        monkeypatch.setattr(watchdog, "LONGEST_LOOK_SECONDS", 0.01)
        await asyncio.sleep(0.02)
        await service._say_alive()
        heard.append(_heard(systemd))
        monkeypatch.setattr(watchdog, "LONGEST_LOOK_SECONDS", 60.0)
        before = listener.progressed_at
        log_file.is_let_go.set()
        deadline = time.monotonic() + 20
        while listener.progressed_at == before and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        await service._say_alive()
        heard.append(_heard(systemd))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return heard

    assert asyncio.run(story()) == [b"WATCHDOG=1", b"", b"WATCHDOG=1"]
