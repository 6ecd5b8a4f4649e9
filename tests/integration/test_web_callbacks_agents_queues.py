"""What is owed, who answers and who waits, by the API; an agent's state is stored, then brought about."""

from datetime import timedelta

import pytest
from support.claiming import claim_first
from support.web_hotline import CITIZEN, MORNING, Api, WebHotline

from hotline.accounts import Role
from missed_call_redial.owing import cancel


@pytest.fixture
def api(web: WebHotline) -> Api:
    return web.client(Role.SHIFT_LEADER)


def test_callbacks_are_found_and_told_with_their_attempts(web: WebHotline, api: Api) -> None:
    web.call("hl1-1.1", wait=60)
    web.call("hl1-1.2", after=timedelta(minutes=2), wait=60)
    web.call("hl1-1.3", after=timedelta(minutes=3), number="13900139000", queue="heating", wait=60)
    first, again, other = (web.owe(f"hl1-1.{n}") for n in (1, 2, 3))
    assert (first, other) == (again, first + 1)
    with web.database.writing() as session:
        policy = web.configuration.callbacks
        claims = claim_first(session, "worker", MORNING + timedelta(hours=1), policy, 1)
        cancel(session, other, "wrong number", MORNING)
    assert [claim.callback_id for claim in claims] == [first]

    def found(**filters: object) -> list[int]:
        answer = api.get("/api/callbacks", **filters)
        assert answer.status_code == 200, answer.text
        return [callback["id"] for callback in answer.json()["items"]]

    assert found() == [other, first]
    assert found(state="closed") == found(closing_code="cancelled") == found(queue="heating") == [other]
    assert found(state=["claimed", "owed"]) == found(number=CITIZEN) == [first]
    assert found(since=(MORNING + timedelta(minutes=1)).isoformat()) == [other]
    shown = api.get(f"/api/callbacks/{first}").json()
    assert shown["callback"]["number_masked"] == "138****8000"
    assert shown["callback"]["missed_count"] == 2
    assert [call["call_id"] for call in shown["missed_calls"]] == ["hl1-1.1", "hl1-1.2"]
    assert [attempt["state"] for attempt in shown["attempts"]] == ["claimed"]
    assert api.get("/api/callbacks/99").json()["type"] == "urn:hotline:problem:no_such_callback"


def test_an_agents_day(web: WebHotline) -> None:
    me = web.client(Role.AGENT, "1001")
    ready = me.post("/api/agents/1001/sign-in").json()
    assert (ready["state"], ready["is_in_effect"]) == ("ready", True)
    assert web.switch.seats["1001"].is_signed_in
    assert web.switch.seats["1001"].queues == (("general", 0), ("heating", 5))
    assert set(web.switch.queues_told[-1]) == {"general", "enterprise", "heating"}
    paused = me.post("/api/agents/1001/pause", {"reason": "meal"}).json()
    assert (paused["state"], paused["pause_reason"]) == ("paused", "meal")
    assert web.switch.seats["1001"].pause_reason == "meal"
    assert me.post("/api/agents/1001/resume").json()["state"] == "ready"
    assert me.post("/api/agents/1001/sign-out").json()["state"] == "signed_out"
    assert not web.switch.seats["1001"].is_signed_in
    shown = me.get("/api/agents/1001").json()
    whats = [event["what"] for event in shown["events"]]
    assert whats == ["signed_out", "resumed", "paused", "signed_in", "added"]
    assert shown["events"][0]["by"] == "agent 1001"


def test_what_cannot_be_done_is_said_and_the_switch_left_alone(web: WebHotline, api: Api) -> None:
    for path, body, status, kind in (
        ("1001/pause", {"reason": "meal"}, 409, "not_signed_in"),
        ("1001/resume", None, 409, "not_signed_in"),
        ("1001/pause", {"reason": "missed_rings"}, 422, "no_such_reason"),
        ("1001/pause", {}, 422, "bad_request"),
        ("1001/pause", None, 422, "bad_request"),
        ("7777/sign-in", None, 404, "no_such_agent"),
        ("1001%00/sign-in", None, 422, "bad_request"),
    ):
        answer = api.post(f"/api/agents/{path}", body)
        assert (answer.status_code, answer.json()["type"]) == (status, f"urn:hotline:problem:{kind}"), path
    assert web.switch.seats == {}


def test_with_the_switch_off_the_database_stands(web: WebHotline, api: Api) -> None:
    web.switch.is_off = True
    answer = api.post("/api/agents/1001/sign-in")
    assert answer.status_code == 200
    assert (answer.json()["state"], answer.json()["is_in_effect"]) == ("ready", False)
    assert api.get("/api/agents/1001").json()["state"] == "ready"


def test_agents_are_found_by_state_and_queue(web: WebHotline, api: Api) -> None:
    api.post("/api/agents/1002/sign-in")
    web.call("hl1-1.1", agent_no="1002", has_ended=False)

    def found(**filters: object) -> list[str]:
        return [agent["agent_no"] for agent in api.get("/api/agents", **filters).json()["items"]]

    assert found() == ["1001", "1002"]
    assert found(state="ready") == ["1002"]
    assert found(state=["ready", "signed_out"], queue="heating") == ["1001"]
    assert found(queue="no-such") == []
    assert api.get("/api/agents/1002").json()["call_id"] == "hl1-1.1"
    assert "secret" not in api.get("/api/agents").text


def test_a_queue_tells_who_waits_who_serves_and_raw_counts(web: WebHotline, api: Api) -> None:
    web.call("hl1-1.1", agent_no="1001", wait=14)  # 14 s from queue entry, 16 s from arrival
    web.call("hl1-1.2", after=timedelta(minutes=1), agent_no="1001", wait=13)  # in time by both counts
    web.call("hl1-1.3", after=timedelta(minutes=2), wait=60)
    web.owe("hl1-1.3")
    web.call("hl1-1.0", after=timedelta(days=-1), agent_no="1001")
    web.call("hl1-1.4", after=timedelta(minutes=3), is_waiting=True)
    api.post("/api/agents/1002/sign-in")
    queue = api.get("/api/queues/general").json()
    assert (queue["label"], queue["waiting"], queue["callbacks_open"]) == ("综合受理", 1, 1)
    assert queue["waiting_since"] == "2026-03-02T02:03:02Z"
    assert queue["agents"] == {"ready": 1, "paused": 0, "wrap_up": 0, "signed_out": 1}
    assert queue["today"] == {
        "offered": 4,
        "queued": 4,
        "answered": 2,
        "answered_in_time_from_arrival": 1,
        "answered_in_time_from_queue_entry": 2,
    }
    assert queue in api.get("/api/queues").json()["items"]
    assert api.get("/api/queues/no-such").json()["type"] == "urn:hotline:problem:no_such_queue"
