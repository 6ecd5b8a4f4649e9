"""The web door, put together: rooms, the one table of access, and one form of answer for errors."""

from typing import Any, Final

from fastapi import Depends, FastAPI, Security
from fastapi.routing import APIRouter

from hotline.bootstrap import Hotline
from hotline.web import agents, broadcasts, callbacks, calls, health, problems, queues, tickets
from hotline.web.access import allowed_caller
from hotline.web.edge import Edge
from hotline.web.figures import TicketCounts
from hotline.web.shapes import refuse_repeats

VERSION: Final = "1"
_PUBLIC_ROOMS: Final[tuple[APIRouter, ...]] = (health.router,)
_ROOMS: Final[tuple[APIRouter, ...]] = (
    calls.router,
    tickets.router,
    callbacks.router,
    agents.router,
    queues.router,
    broadcasts.router,
)


class Api(FastAPI):
    """FastAPI, whose OpenAPI says that errors are problem+json."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = _with_problems(super().openapi())
        return self.openapi_schema


def create_app(hotline: Hotline) -> FastAPI:
    """Run it without the server's own access log: a query may hold a citizen's number."""
    app = Api(
        title="12345 hotline",
        version=VERSION,
        description="Calls, tickets, callbacks, agents and queues of one hotline. Numbers are masked.",
        docs_url=None,  # these pages load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        # what it would export holds queries and the words of errors, where a citizen's number may stand
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False},
    )
    app.state.hotline = hotline
    app.state.started_at = hotline.now()
    app.state.ticket_counts = TicketCounts()
    app.add_middleware(Edge)
    problems.install(app)
    for room in _PUBLIC_ROOMS:
        app.include_router(room)
    for room in _ROOMS:
        app.include_router(room, dependencies=[Security(allowed_caller), Depends(refuse_repeats)])
    return app


def _with_problems(schema: dict[str, Any]) -> dict[str, Any]:
    problem = {"$ref": "#/components/schemas/Problem"}
    for operations in schema["paths"].values():
        for operation in operations.values():
            for answer in operation["responses"].values():
                content = answer.get("content", {})
                if content.get("application/json", {}).get("schema") == problem:
                    answer["content"] = {problems.MEDIA_TYPE: content["application/json"]}
    return schema
