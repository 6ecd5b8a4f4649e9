"""The web door under uvicorn, as one part of a process that has others."""

from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from hotline.bootstrap import Hotline
from hotline.web.app import create_app


def web_server(hotline: Hotline) -> uvicorn.Server:
    """Not started; ends when `should_exit` is set."""
    settings = hotline.settings
    config = uvicorn.Config(
        create_app(hotline),
        host=settings.bind,
        port=settings.http_port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=3,
    )
    return _Server(config)


class _Server(uvicorn.Server):
    """Signals are ours: uvicorn would stop itself before the calls' door is closed in order."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
