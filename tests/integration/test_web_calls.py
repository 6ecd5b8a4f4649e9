"""Calls by the API: found by what is known of them, told with their timeline, masked but for a reason."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select
from support.web_hotline import CITIZEN, MORNING, Api, WebHotline, open_hotline

from hotline.accounts import Role
from hotline.database import Database
from hotline.web.audit import AuditEntry
from tickets.call_records import CallRecord


@pytest.fixture
def web(database: Database, tmp_path: Path) -> Iterator[WebHotline]:
    with open_hotline(database, tmp_path) as hotline:
        hotline.call("hl1-1.1", agent_no="1001")
        hotline.call("hl1-1.2", after=timedelta(minutes=5), number="13900139000", wait=60)
        hotline.call("hl1-1.3", after=timedelta(minutes=9), queue="heating", agent_no="1002", has_ended=False)
        hotline.call("hl1-1.4", after=timedelta(minutes=9), number="anonymous", agent_no="1001")
        yield hotline


@pytest.fixture
def api(web: WebHotline) -> Api:
    return web.client(Role.SHIFT_LEADER)


def found(api: Api, **filters: object) -> list[str]:
    answer = api.get("/api/calls", **filters)
    assert answer.status_code == 200, answer.text
    return [call["call_id"].removeprefix("hl1-1.") for call in answer.json()["items"]]


def test_calls_are_found_by_what_is_known_of_them(api: Api) -> None:
    at = [(MORNING + timedelta(minutes=minutes)).isoformat() for minutes in (4, 9)]
    assert found(api) == ["4", "3", "2", "1"]
    assert found(api, outcome="queue_abandon") == ["2"]
    assert found(api, outcome=["queue_abandon", "in_progress"]) == ["3", "2"]
    assert found(api, is_lost=True) == ["2"]
    assert found(api, is_lost=False) == ["4", "3", "1"]
    assert found(api, is_open=True) == ["3"]
    assert found(api, queue="heating") == ["3"]
    assert found(api, agent_no="1001") == ["4", "1"]
    assert found(api, number_called="12345", since=at[0], until=at[1]) == ["2"]
    assert found(api, since=at[1]) == ["4", "3"]


def test_calls_during_an_emergency_message_are_found_by_its_name(web: WebHotline, api: Api) -> None:
    with web.database.writing() as session:
        for call_id, name in (("hl1-1.1", "storm"), ("hl1-1.2", "storm"), ("hl1-1.3", "spoken")):
            session.get_one(CallRecord, call_id).broadcast = name
    assert found(api, broadcast="storm") == ["2", "1"]
    assert found(api, broadcast="storm", is_lost=True) == ["2"]
    assert found(api, broadcast="spoken") == ["3"]
    assert found(api, broadcast="strom") == []


def test_a_number_is_found_however_it_is_written(api: Api) -> None:
    for written in (CITIZEN, "+8613800138000", "0" + CITIZEN, "138 0013 8000"):
        assert found(api, number=written) == ["3", "1"], written


def test_a_call_tells_its_story(web: WebHotline, api: Api) -> None:
    ticket_id = web.draft("hl1-1.1")
    call = api.get("/api/calls/hl1-1.1").json()
    assert call["outcome"] == "answered"
    assert call["number_masked"] == "138****8000"
    assert (call["wait_seconds"], call["talk_seconds"], call["agent_no"]) == (10, 60, "1001")
    assert [one["kind"] for one in call["timeline"]] == [
        "arrived",
        "greeted",
        "queued",
        "connected",
        "completed",
        "ended",
    ]
    assert call["timeline"][0]["data"] == {
        "caller": "138****8000",
        "number_called": "12345",
        "trunk": "test-loopback",
        "prio": "5",
    }
    assert call["tickets"] == [{"ticket_id": ticket_id, "ticket_no": None, "relation": "made"}]
    assert call["callback_id"] is None


def test_a_lost_call_names_its_callback(web: WebHotline, api: Api) -> None:
    callback_id = web.owe("hl1-1.2")
    assert api.get("/api/calls/hl1-1.2").json()["callback_id"] == callback_id


def test_a_reveal_leaves_a_row_in_the_audit(web: WebHotline, api: Api) -> None:
    answer = api.post("/api/calls/hl1-1.1/reveal", {"reason": "要求补充地址"})
    assert answer.json() == {"call_id": "hl1-1.1", "number": CITIZEN}
    own = web.client(Role.AGENT, "1001").post("/api/calls/hl1-1.1/reveal", {"reason": "call dropped"})
    assert own.status_code == 200
    with web.database.reading() as session:
        rows = session.exec(select(AuditEntry).order_by(col(AuditEntry.id))).all()
    assert [(row.action, row.subject, row.reason, row.role, row.agent_no) for row in rows] == [
        ("number_revealed", "call hl1-1.1", "要求补充地址", "shift_leader", None),
        ("number_revealed", "call hl1-1.1", "call dropped", "agent", "1001"),
    ]


def test_a_reveal_that_cannot_be_leaves_no_row(web: WebHotline, api: Api) -> None:
    good = {"reason": "the citizen asked"}
    for call_id, body, status in (
        ("hl1-1.1", {"reason": " "}, 422),
        ("hl1-1.1", {}, 422),
        ("hl1-9.9", good, 404),
        ("hl1-1.4", good, 409),
    ):
        answer = api.post(f"/api/calls/{call_id}/reveal", body)
        assert answer.status_code == status
        assert "number" not in answer.json()
    with web.database.reading() as session:
        assert session.exec(select(AuditEntry)).all() == []


def test_a_call_that_needs_no_ticket_gets_a_disposition(web: WebHotline) -> None:
    ticket_id = web.draft("hl1-1.1")
    agent = web.client(Role.AGENT, "1001")
    answer = agent.patch("/api/calls/hl1-1.1", {"disposition": "wrong_number"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["disposition"] == "wrong_number"
    assert agent.get("/api/calls/hl1-1.1").json() == answer.json()
    ticket = agent.get(f"/api/tickets/{ticket_id}").json()
    assert (ticket["state"], ticket["disposition"]) == ("closed", "wrong_number")
    closed = [(line["field"], line["to_value"]) for line in ticket["history"] if line["by"] == "agent 1001"]
    assert {("state", "closed"), ("disposition", "wrong_number")} <= set(closed)
    with web.database.reading() as session:
        row = session.exec(select(AuditEntry)).one()
    assert (row.action, row.subject, row.reason, row.agent_no) == (
        "call_disposed",
        "call hl1-1.1",
        "none → wrong_number",
        "1001",
    )


def test_the_rules_keep_the_disposition_that_a_person_gave(web: WebHotline, api: Api) -> None:
    ticket_id = web.draft("hl1-1.1", disposition="consultation_answered")
    assert api.get("/api/calls/hl1-1.1").json()["disposition"] == "consultation_answered"
    api.patch("/api/calls/hl1-1.1", {"disposition": "nuisance"})
    closed = api.get(f"/api/tickets/{ticket_id}").json()
    web.call("hl1-1.1", agent_no="1001")  # the call is read anew, and the rules run once more
    assert web.draft("hl1-1.1", disposition="silent", title="另一标题") == ticket_id
    assert api.get("/api/calls/hl1-1.1").json()["disposition"] == "nuisance"
    assert api.get(f"/api/tickets/{ticket_id}").json() == closed


def test_a_ticket_that_somebody_worked_on_outlives_the_disposition(web: WebHotline, api: Api) -> None:
    typed = web.draft("hl1-1.1")
    api.patch(f"/api/tickets/{typed}", {"version": 1, "text": "室温 14 度"})
    before = api.get(f"/api/tickets/{typed}").json()
    empty = api.post("/api/tickets", {"call_id": "hl1-1.1"}).json()["id"]
    assert api.patch("/api/calls/hl1-1.1", {"disposition": "silent"}).status_code == 200
    assert api.get(f"/api/tickets/{typed}").json() == before
    assert api.get(f"/api/tickets/{empty}").json()["state"] == "closed"


def test_a_disposition_that_cannot_be_changes_nothing(web: WebHotline, api: Api) -> None:
    web.draft("hl1-1.1")
    for call_id, body, status, kind in (
        ("hl1-1.1", {"disposition": "no-such"}, 422, "unknown_code"),
        ("hl1-1.1", {"disposition": None}, 422, "bad_request"),
        ("hl1-1.1", {}, 422, "bad_request"),
        ("hl1-1.1", {"disposition": "silent", "queue": "heating"}, 422, "bad_request"),
        ("hl1-9.9", {"disposition": "silent"}, 404, "no_such_call"),
    ):
        answer = api.patch(f"/api/calls/{call_id}", body)
        assert (answer.status_code, answer.json()["type"]) == (status, f"urn:hotline:problem:{kind}"), body
    call = api.get("/api/calls/hl1-1.1").json()
    assert call["disposition"] is None
    assert api.get(f"/api/tickets/{call['tickets'][0]['ticket_id']}").json()["state"] == "draft"
    with web.database.reading() as session:
        assert session.exec(select(AuditEntry)).all() == []
