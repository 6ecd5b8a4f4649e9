"""Who may do what: every route stands in one table, and each kind of token gets what the table says."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.routing import iter_route_contexts
from sqlmodel import col, func, select
from support.web_hotline import ANSWERED, WebHotline, a_hotline_with_two_calls

from hotline.accounts import (
    ApiToken,
    BadAccount,
    Role,
    check_token,
    create_token,
    create_user,
    is_password_of,
    revoke_token,
)
from hotline.broadcast_door import switch_on
from hotline.database import Database
from hotline.web.access import ACCESS, PUBLIC
from ivr.agents.roster import NoSuchAgent
from ivr.agents.tables import Agent
from ivr.calls.broadcasts import Wanted
from tickets.call_records import CallRecord
from tickets.tickets import Ticket

GUARDED = sorted(route for route, roles in ACCESS.items() if roles != PUBLIC)
OPEN = sorted(route for route, roles in ACCESS.items() if roles == PUBLIC)
BODIES = {
    "reveal": {"reason": "the citizen asked"},
    "pause": {"reason": "rest"},
    "tickets": {"call_id": "hl1-1.1"},
    "broadcasts": {"name": "storm"},
}


@pytest.fixture
def web(database: Database, tmp_path: Path) -> Iterator[WebHotline]:
    with a_hotline_with_two_calls(database, tmp_path) as hotline:
        switch_on(hotline.hotline, Wanted("storm"), "test")  # broadcast 1
        yield hotline


def _filled(path: str) -> str:
    names = {
        "call_id": "hl1-1.1",
        "ticket_id": "1",
        "callback_id": "1",
        "broadcast_id": "1",
        "agent_no": "1001",
        "name": "general",
    }
    return path.format(**names)


def _body(method: str, path: str) -> object:
    if method == "PATCH":
        return {"disposition": "silent"} if path.startswith("/api/calls/") else {"version": 1}
    return BODIES.get(path.rsplit("/", 1)[1]) if method == "POST" else None


def test_every_route_is_in_the_table_and_nothing_else(web: WebHotline) -> None:
    routes = {
        (method, context.path)
        for context in iter_route_contexts(web.app.routes)
        for method in getattr(context.original_route, "methods", None) or ()
        if method != "HEAD"
    }
    assert routes == set(ACCESS)


def test_each_role_gets_what_the_table_says(web: WebHotline) -> None:
    web.message(ANSWERED)
    clients = {
        Role.AGENT: web.client(Role.AGENT, "1001"),
        Role.SHIFT_LEADER: web.client(Role.SHIFT_LEADER),
        Role.ADMIN: web.client(Role.ADMIN),
    }
    for method, path in GUARDED:
        for role, client in clients.items():
            answer = client.request(method, _filled(path), json=_body(method, path))
            if role in ACCESS[method, path]:
                assert answer.status_code in (200, 201, 409), (role, method, path, answer.text)
            else:
                assert answer.status_code == 403, (role, method, path, answer.text)


def test_a_bad_token_opens_nothing(web: WebHotline) -> None:
    for kind in ("none", "wrong", "not ours", "revoked", "agent gone", "user gone", "expired"):
        client = web.client() if kind == "none" else web.client_with(_bad_token(web, kind))
        for method, path in GUARDED:
            answer = client.request(method, _filled(path), json=_body(method, path))
            assert answer.status_code == 401, (kind, method, path, answer.text)
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert answer.json()["type"] == "urn:hotline:problem:not_authenticated"


def test_a_broken_body_without_a_token_is_not_looked_at(web: WebHotline) -> None:
    stranger = web.client()
    for method, path in GUARDED:
        if method == "GET":
            continue
        for broken in (b"{", b"\xff", b"x" * (1024 * 1024 + 1)):
            headers = {"Content-Type": "application/json"}
            answer = stranger.request(method, _filled(path), content=broken, headers=headers)
            assert answer.status_code == 401, (method, path, answer.text)


def _bad_token(web: WebHotline, kind: str) -> str:
    if kind == "not ours":
        return "x" * 40
    if kind == "wrong":
        return web.token(Role.ADMIN)[:-1] + "~"
    if kind == "expired":
        token = web.token(Role.ADMIN, expires_at=web.clock + timedelta(hours=1))
        web.clock += timedelta(hours=1)
        return token
    if kind == "revoked":
        token = web.token(Role.ADMIN)
        with web.database.writing() as session:
            revoke_token(session, session.exec(select(func.max(ApiToken.id))).one() or 0)
        return token
    with web.database.writing() as session:
        if kind == "agent gone":
            token = create_token(session, Role.AGENT, "1001", "desk", web.clock)
            session.get_one(Agent, "1001").is_active = False
        else:
            user = create_user(session, "王值班", Role.SHIFT_LEADER, "correct horse battery", web.clock)
            token = create_token(session, Role.SHIFT_LEADER, None, "desk", web.clock, user=user)
            user.is_active = False
        return token


def test_public_routes_need_no_token(web: WebHotline) -> None:
    for method, path in OPEN:
        assert web.client().request(method, path).status_code in (200, 503), path


def test_an_agent_acts_for_himself_only(web: WebHotline) -> None:
    agent = web.client(Role.AGENT, "1002")
    for act in ("sign-in", "sign-out", "pause", "resume"):
        answer = agent.post(f"/api/agents/1001/{act}", BODIES.get(act))
        assert answer.status_code == 403, act
    assert "1002" in answer.json()["detail"]
    assert agent.post("/api/calls/hl1-1.1/reveal", BODIES["reveal"]).status_code == 403
    web.call("hl1-1.3", is_waiting=True, has_ended=False)
    for call_id in ("hl1-1.1", "hl1-1.3"):  # another's, and one that somebody may answer any moment
        assert agent.post("/api/tickets", {"call_id": call_id}).status_code == 403
        assert agent.patch(f"/api/calls/{call_id}", {"disposition": "silent"}).status_code == 403
    with web.database.reading() as session:
        assert session.exec(select(func.count(col(Ticket.id)))).one() == 1
        assert session.exec(select(CallRecord.disposition).distinct()).all() == [None]
    assert agent.post("/api/agents/1002/sign-in").status_code == 200
    assert web.client(Role.SHIFT_LEADER).post("/api/agents/1001/sign-in").status_code == 200


def test_the_use_of_a_token_is_noted_once_a_minute(web: WebHotline) -> None:
    client, begun = web.client(Role.ADMIN), web.clock
    used = []
    for seconds in (0, 30, 59, 60, 90):
        web.clock = begun + timedelta(seconds=seconds)
        assert client.get("/api/queues").status_code == 200
        with web.database.reading() as session:
            used.append(session.exec(select(ApiToken.last_used_at)).one())
    later = begun + timedelta(seconds=60)
    assert used == [begun, begun, begun, later, later]


def test_a_token_is_checked_outside_the_web_too(web: WebHotline) -> None:
    token = web.token(Role.AGENT, "1001")
    with web.database.writing() as session:
        caller = check_token(session, token, web.clock)
        assert caller is not None
        assert (caller.role, caller.agent_no, caller.written) == (Role.AGENT, "1001", "agent 1001")
        assert check_token(session, token + "x", web.clock) is None
    with web.database.reading() as session:
        kept = session.exec(select(ApiToken)).one()
    assert kept.last_used_at == web.clock
    assert token not in str(kept.model_dump())


def test_accounts_that_cannot_be(web: WebHotline) -> None:
    with web.database.writing() as session:
        with pytest.raises(BadAccount, match="acts for one agent"):
            create_token(session, Role.AGENT, None, "desk", web.clock)
        with pytest.raises(NoSuchAgent):
            create_token(session, Role.AGENT, "9999", "desk", web.clock)
        with pytest.raises(BadAccount, match="expired"):
            create_token(session, Role.ADMIN, None, "desk", web.clock, web.clock)
        with pytest.raises(BadAccount, match="label"):
            create_token(session, Role.ADMIN, None, " ", web.clock)
        with pytest.raises(BadAccount, match="too short"):
            create_user(session, "李", Role.ADMIN, "short", web.clock)
        user = create_user(session, "李", Role.ADMIN, "long enough, surely", web.clock)
        assert is_password_of("long enough, surely", user.password_hash)
        assert not is_password_of("long enough, surely?", user.password_hash)
        with pytest.raises(BadAccount, match="already"):
            create_user(session, "李", Role.ADMIN, "long enough, surely", web.clock)
        assert session.exec(select(col(ApiToken.id))).all() == []
