"""The door of the API: who is asking, and may this role do this? One written table answers for every route.

A route that is not in the table is open to nobody.
"""

import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Annotated, Any, Final

from fastapi import Depends, Request, Response, Security
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.exc import OperationalError

from hotline.accounts import ApiToken, Caller, Role, caller_of, find_token, is_use_due, note_use
from hotline.bootstrap import Hotline
from hotline.database import DatabaseIsBusy
from vocabulary.errors import HotlineError

log = logging.getLogger(__name__)

# What else would be for leaders or admins alone (files, users, tokens, agents) is done by command line on the machine.
# An agent may take the same routes, for what is his own: see require_own below, and ownership.py.
PUBLIC: Final = frozenset[Role]()
"""No token needed: raw counts and the state of parts, nothing about a person."""
EVERYBODY: Final = frozenset(Role)
LEADERS: Final = frozenset({Role.SHIFT_LEADER, Role.ADMIN})

ACCESS: Final[Mapping[tuple[str, str], frozenset[Role]]] = {
    ("GET", "/healthz"): PUBLIC,
    ("GET", "/readyz"): PUBLIC,
    ("GET", "/metrics"): PUBLIC,
    ("GET", "/openapi.json"): PUBLIC,
    ("GET", "/api/calls"): EVERYBODY,
    ("GET", "/api/calls/{call_id}"): EVERYBODY,
    ("PATCH", "/api/calls/{call_id}"): EVERYBODY,  # an agent: what is his; see ownership.py
    ("POST", "/api/calls/{call_id}/reveal"): EVERYBODY,
    ("GET", "/api/calls/{call_id}/voicemail"): EVERYBODY,
    ("POST", "/api/tickets"): EVERYBODY,
    ("GET", "/api/tickets"): EVERYBODY,
    ("GET", "/api/tickets/{ticket_id}"): EVERYBODY,
    ("PATCH", "/api/tickets/{ticket_id}"): EVERYBODY,
    ("GET", "/api/callbacks"): EVERYBODY,
    ("GET", "/api/callbacks/{callback_id}"): EVERYBODY,
    ("GET", "/api/agents"): EVERYBODY,
    ("GET", "/api/agents/{agent_no}"): EVERYBODY,
    ("POST", "/api/agents/{agent_no}/sign-in"): EVERYBODY,  # an agent: only himself, and so below
    ("POST", "/api/agents/{agent_no}/sign-out"): EVERYBODY,
    ("POST", "/api/agents/{agent_no}/pause"): EVERYBODY,
    ("POST", "/api/agents/{agent_no}/resume"): EVERYBODY,
    ("GET", "/api/queues"): EVERYBODY,
    ("GET", "/api/queues/{name}"): EVERYBODY,
    ("GET", "/api/broadcasts"): EVERYBODY,  # who answers should know what callers have heard
    ("POST", "/api/broadcasts"): LEADERS,
    ("DELETE", "/api/broadcasts/{broadcast_id}"): LEADERS,
}


class NotAuthenticated(HotlineError):
    """No token, or one that is unknown, revoked or expired: which of these is not told."""

    def __init__(self) -> None:
        super().__init__("a valid token is needed")


class NotAllowed(HotlineError):
    """The token is good, but this is not for its role or not for its agent."""

    def __init__(self, why: str) -> None:
        super().__init__(why)


def _hotline(request: Request) -> Hotline:
    found = request.app.state.hotline
    assert isinstance(found, Hotline)
    return found


_bearer = HTTPBearer(
    auto_error=False, scheme_name="token", description="Made by `hotline token create --role ROLE`."
)


class GuardedRoute(APIRoute):
    """Asks who is there before the body is read: what is wrong with a body is told only to those who may send one."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            request.state.caller = await run_in_threadpool(_admitted, request, await _bearer(request))
            return await handle(request)

        return guarded


def allowed_caller(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
) -> Caller:
    """As the route found him; a route that is no GuardedRoute is guarded here. Raises NotAuthenticated, NotAllowed."""
    found = getattr(request.state, "caller", None)
    return found if isinstance(found, Caller) else _admitted(request, credentials)


def _admitted(request: Request, credentials: HTTPAuthorizationCredentials | None) -> Caller:
    token = _known_token(_hotline(request), credentials)
    caller = caller_of(token)
    route = (request.method, request.scope["route"].path)
    if caller.role not in ACCESS.get(route, PUBLIC):
        raise NotAllowed(f"the role {caller.role} may not do this")
    return caller


def _known_token(hotline: Hotline, credentials: HTTPAuthorizationCredentials | None) -> ApiToken:
    if credentials is None:
        raise NotAuthenticated
    now = hotline.now()
    with hotline.database.reading() as session:
        token = find_token(session, credentials.credentials, now)
    if token is None:
        raise NotAuthenticated
    if is_use_due(token, now):
        try:
            with hotline.database.writing() as session:
                note_use(session, token, now)
        except (DatabaseIsBusy, OperationalError) as error:  # a full disk must not keep anybody from reading
            log.warning("the use of token %s could not be noted: %s", token.id, type(error).__name__)
    return token


def require_own(caller: Caller, agent_no: str | None) -> None:
    """An agent acts for himself only; shift leaders and admins for all. Raises NotAllowed."""
    if caller.role is Role.AGENT and (agent_no is None or caller.agent_no != agent_no):
        raise NotAllowed(f"a token of agent {caller.agent_no} acts for that agent only")


HotlineHere = Annotated[Hotline, Depends(_hotline)]
AllowedCaller = Annotated[Caller, Security(allowed_caller)]
