"""Every error becomes a problem+json (RFC 9457) here: one written table, error class → status, title, remedy.

What is not in the table is a fault of ours: 500, told in the log and not to the client.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoFreeConnection
from starlette.exceptions import HTTPException

from hotline.accounts import BadAccount, NoSuchToken
from hotline.database import DatabaseIsBusy
from hotline.web.access import NotAllowed, NotAuthenticated
from hotline.web.number_search import TooManySearches
from hotline.web.numbers import NotANumber, NumberIsWithheld
from hotline.web.paging import BadCursor
from hotline.web.room_errors import NoSuchCall, NoSuchQueue
from ivr.agents.roster import BadAgent, NoSuchAgent
from ivr.agents.states import NoSuchReason, NotSignedIn
from ivr.agents.switch import SwitchNotReached
from ivr.calls.broadcasts import BadBroadcast, NoSuchBroadcast
from missed_call_redial.callbacks import CallbackIsClosed, NoSuchCallback
from tickets.sealing import KeyFileIsUnusable, SealIsBroken
from tickets.ticket_errors import NoSuchTicket, TicketChanged, UnknownCode, WrongState
from tickets.voicemails import NoMessage
from vocabulary.errors import HotlineError

log = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"
_WAIT_SECONDS: Final = "5"
_MOST_FAULTS: Final = 50


@dataclass(frozen=True)
class Kind:
    """`told` attributes of the error go into the problem under their own names."""

    status: HTTPStatus
    title: str
    remedy: str | None = None
    told: tuple[str, ...] = ()


_LOOK = "Look it up in the list first."
_WAIT = "Try again in a few seconds; if it stays so, tell the administrator."

TABLE: Final[Mapping[type[HotlineError], Kind]] = {
    NotAuthenticated: Kind(
        HTTPStatus.UNAUTHORIZED, "Not authenticated", "Send a valid token: Authorization: Bearer TOKEN."
    ),
    NotAllowed: Kind(
        HTTPStatus.FORBIDDEN, "Not allowed", "Ask a shift leader, or use a token made for this."
    ),
    NoSuchCall: Kind(HTTPStatus.NOT_FOUND, "No such call", _LOOK, ("call_id",)),
    NoMessage: Kind(HTTPStatus.NOT_FOUND, "No such message", told=("call_id",)),
    NoSuchTicket: Kind(HTTPStatus.NOT_FOUND, "No such ticket", _LOOK, ("ticket_id",)),
    NoSuchCallback: Kind(HTTPStatus.NOT_FOUND, "No such callback", _LOOK, ("callback_id",)),
    NoSuchAgent: Kind(HTTPStatus.NOT_FOUND, "No such agent", _LOOK, ("agent_no",)),
    NoSuchQueue: Kind(HTTPStatus.NOT_FOUND, "No such queue", _LOOK, ("name",)),
    NoSuchBroadcast: Kind(HTTPStatus.NOT_FOUND, "No such broadcast", _LOOK, ("broadcast_id",)),
    NoSuchToken: Kind(HTTPStatus.NOT_FOUND, "No such token", _LOOK, ("token_id",)),
    TicketChanged: Kind(
        HTTPStatus.CONFLICT,
        "Ticket changed meanwhile",
        "Read the ticket again, and send your change with its current version.",
        ("ticket_id", "version"),
    ),
    WrongState: Kind(
        HTTPStatus.CONFLICT,
        "Not in this state",
        "A draft goes to pending_dispatch or closed, pending_dispatch to closed.",
        ("ticket_id", "state", "wanted"),
    ),
    CallbackIsClosed: Kind(HTTPStatus.CONFLICT, "Callback is closed", told=("callback_id", "closing_code")),
    NotSignedIn: Kind(HTTPStatus.CONFLICT, "Agent is not signed in", "Sign in first.", ("agent_no",)),
    NumberIsWithheld: Kind(HTTPStatus.CONFLICT, "No number to reveal", told=("call_id",)),
    UnknownCode: Kind(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Unknown code",
        "The codes are listed in codes.yaml.",
        ("listed", "code"),
    ),
    NoSuchReason: Kind(
        HTTPStatus.UNPROCESSABLE_ENTITY, "Unknown pause reason", "Choose one of `known`.", ("reason", "known")
    ),
    BadAgent: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "Not an agent"),
    BadAccount: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "Not an account"),
    BadBroadcast: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "Not switched on", told=("remedy",)),
    BadCursor: Kind(
        HTTPStatus.UNPROCESSABLE_ENTITY, "Bad cursor", "Send next_cursor of this list, or start without one."
    ),
    NotANumber: Kind(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Not a phone number",
        "Write it as it is dialled: 13800138000, 03511234567.",
    ),
    TooManySearches: Kind(
        HTTPStatus.TOO_MANY_REQUESTS, "Too many searches by number", "Wait as long as Retry-After says."
    ),
    SwitchNotReached: Kind(HTTPStatus.SERVICE_UNAVAILABLE, "Switch not reached", _WAIT),
    DatabaseIsBusy: Kind(HTTPStatus.SERVICE_UNAVAILABLE, "Database is busy", _WAIT),
    SealIsBroken: Kind(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "Sealed value cannot be opened",
        "Restore the file of keys from its backup.",
    ),
    KeyFileIsUnusable: Kind(
        HTTPStatus.INTERNAL_SERVER_ERROR, "No keys", "Restore the file of keys from its backup."
    ),
}

_FAULT: Final = Kind(
    HTTPStatus.INTERNAL_SERVER_ERROR,
    "Fault of the server",
    "Tell the administrator the time; the log says more.",
)
_NO_DATABASE: Final = Kind(HTTPStatus.SERVICE_UNAVAILABLE, "Database not reached", _WAIT)


class Fault(BaseModel):
    """One thing wrong with a request; what was sent is not repeated here, it may be a citizen's number."""

    where: str = Field(description="query.limit, body.title, …")
    fault: str


class Problem(BaseModel):
    """RFC 9457, with `remedy` where one is known. Some problems carry more members (a ticket's `version`)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    remedy: str | None = None
    faults: list[Fault] | None = None


def kind_of(error: HotlineError) -> Kind | None:
    """The table's row of the class, or of the nearest class above it."""
    return next((TABLE[row] for row in type(error).__mro__ if row in TABLE), None)


def problem(
    kind: Kind,
    detail: str,
    *,
    name: str | None = None,
    faults: list[Fault] | None = None,
    more: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """`name` becomes the type, by which a client can tell problems apart."""
    shown = Problem(
        type=f"urn:hotline:problem:{name}" if name else "about:blank",
        title=kind.title,
        status=kind.status,
        detail=detail,
        remedy=kind.remedy,
        faults=faults,
    ).model_dump(exclude_none=True)
    sent = dict(headers or {})
    if kind.status == HTTPStatus.UNAUTHORIZED:
        sent["WWW-Authenticate"] = "Bearer"
    if kind.status == HTTPStatus.SERVICE_UNAVAILABLE:
        sent["Retry-After"] = _WAIT_SECONDS
    return JSONResponse({**(more or {}), **shown}, kind.status, sent, media_type=MEDIA_TYPE)


def fault_of_ours() -> JSONResponse:
    """Says nothing about what went wrong."""
    return problem(_FAULT, "The request could not be carried out.", name="internal_fault")


def install(app: FastAPI) -> None:
    """From here on `app` answers errors only in this form."""
    app.add_exception_handler(HotlineError, _on_hotline_error)
    app.add_exception_handler(RequestValidationError, _on_bad_request)
    app.add_exception_handler(HTTPException, _on_http_error)
    for error in (OperationalError, InterfaceError, NoFreeConnection):
        app.add_exception_handler(error, _on_no_database)


async def _on_hotline_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HotlineError)
    kind = kind_of(error)
    if kind is None:
        log.error("an error without a row in the table: %s", type(error).__name__, exc_info=error)
        return fault_of_ours()
    if kind.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("%s: %s", kind.title, error)
    more = {told: getattr(error, told) for told in kind.told}
    headers = {"Retry-After": str(error.retry_after_seconds)} if isinstance(error, TooManySearches) else {}
    return problem(kind, str(error), name=_snake(type(error).__name__), more=more, headers=headers)


async def _on_bad_request(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = error.errors()[:_MOST_FAULTS]
    faults = [Fault(where=".".join(map(str, one["loc"])), fault=str(one["msg"])) for one in found]
    kind = Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "Request is not well formed", "Correct what `faults` lists.")
    first = f"{faults[0].where}: {faults[0].fault}" if faults else "the request cannot be read"
    return problem(kind, first, name="bad_request", faults=faults)


async def _on_http_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    return problem(Kind(status, status.phrase), str(error.detail or status.phrase), headers=error.headers)


async def _on_no_database(_request: Request, error: Exception) -> JSONResponse:
    log.error("the database was not reached: %s", type(error).__name__)
    return problem(_NO_DATABASE, "The database did not answer in time.", name="database_not_reached")


def _snake(name: str) -> str:
    return "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_")


BODY: Final = (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
"""What may be wrong with a body before anybody looks into it."""


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route's OpenAPI says of its errors; the common ones may come from every guarded route."""
    common = (401, 403, 422, 500, 503)
    return {status: {"model": Problem} for status in sorted({*common, *statuses})}
