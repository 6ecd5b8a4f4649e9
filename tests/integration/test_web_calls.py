"""Calls by the API: found by what is known of them, told with their timeline, masked but for a reason."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select
from support.web_hotline import CITIZEN, MORNING, Api, WebHotline, open_hotline

from hotline.database import Database
from hotline.web.accounts import Role
from hotline.web.audit import AuditEntry


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
        rows = session.exec(select(AuditEntry)).all()
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
