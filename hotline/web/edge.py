"""The outermost layer of the API: a log line for each request, plain headers, no fault told to a client.

The line holds no query: a citizen's number may stand there. (Run the server without its own access log.)
"""

import logging
import time
import traceback
from http import HTTPStatus

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hotline.web.problems import fault_of_ours

log = logging.getLogger(__name__)

_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_LARGEST_BODY = 1024 * 1024
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})


class Edge:
    """ASGI middleware around everything else."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.monotonic()
        status = 0

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        try:
            await self._app(scope, _bounded(receive), send_marked)
        except Exception as error:  # uvicorn above us would log its words, perhaps a citizen's row
            # Without the error's own words: a database's error repeats the row that it refused.
            where = "".join(traceback.format_tb(error.__traceback__))
            log.error("%s %r failed: %s\n%s", scope["method"], scope["path"], type(error).__name__, where)
            if status:
                raise
            await fault_of_ours()(scope, receive, send_marked)
        finally:
            level = logging.DEBUG if scope["path"] in _QUIET else logging.INFO
            lasted = (time.monotonic() - begun) * 1000
            log.log(level, "%s %r %d %.0f ms", scope["method"], scope["path"], status, lasted)


def _bounded(receive: Receive) -> Receive:
    """Whoever reads a body of more than _LARGEST_BODY bytes gets a 413 instead of the rest."""
    taken = 0

    async def receive_some() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > _LARGEST_BODY:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return message

    return receive_some
