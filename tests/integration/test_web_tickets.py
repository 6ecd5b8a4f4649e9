"""Tickets by the API: found, read with their history, and changed by one person at a time."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from support.web_hotline import CITIZEN, MORNING, Api, WebHotline, open_hotline

from hotline.accounts import Role
from hotline.database import Database
from hotline.web.numbers import mask_prose
from tickets.decision import Urgency
from tickets.tickets import CallTicket, Relation


@pytest.fixture
def web(database: Database, tmp_path: Path) -> Iterator[WebHotline]:
    with open_hotline(database, tmp_path) as hotline:
        hotline.call("hl1-1.1", agent_no="1001")
        hotline.draft("hl1-1.1")
        yield hotline


@pytest.fixture
def api(web: WebHotline) -> Api:
    return web.client(Role.AGENT, "1001")


def test_the_agents_words_are_kept_with_who_wrote_them(web: WebHotline, api: Api) -> None:
    unit = web.configuration.codes.units[0].code
    change = {"version": 1, "title": "供热不足", "text": "室温 14 度", "unit_code": unit, "urgency": "urgent"}
    answer = api.patch("/api/tickets/1", change)
    assert answer.status_code == 200, answer.text
    ticket = answer.json()
    assert (ticket["title"], ticket["text"], ticket["urgency"]) == ("供热不足", "室温 14 度", "urgent")
    assert (ticket["version"], ticket["ticket_no"]) == (2, None)
    assert set(ticket["typed_fields"]) == {"title", "text", "unit_code", "urgency"}
    assert ticket["number_masked"] == "138****8000"
    assert ticket["calls"] == [{"call_id": "hl1-1.1", "relation": "made"}]
    mine = [line for line in ticket["history"] if line["by"] == "agent 1001"]
    assert {(line["field"], line["to_value"]) for line in mine} == {
        ("title", "供热不足"),
        ("text", "室温 14 度"),
        ("unit_code", unit),
        ("urgency", "urgent"),
    }
    assert api.get("/api/tickets/1").json() == ticket


def test_a_stale_version_changes_nothing_and_tells_the_current_one(api: Api) -> None:
    assert api.patch("/api/tickets/1", {"version": 1, "title": "一"}).status_code == 200
    answer = api.patch("/api/tickets/1", {"version": 1, "title": "二"})
    assert answer.status_code == 409
    problem = answer.json()
    assert problem["type"] == "urn:hotline:problem:ticket_changed"
    assert problem["version"] == 2
    assert problem["remedy"]
    assert api.get("/api/tickets/1").json()["title"] == "一"


def test_a_ticket_gets_its_number_of_the_local_day_on_leaving_draft(web: WebHotline, api: Api) -> None:
    web.clock = MORNING.replace(hour=17)  # 01:00 of the next day in Shanghai
    ticket = api.patch("/api/tickets/1", {"version": 1, "state": "pending_dispatch", "remark": "转办"}).json()
    assert ticket["state"] == "pending_dispatch"
    assert ticket["ticket_no"].startswith(web.configuration.lines.site.area6 + "20260303" + "00001")
    back = api.patch("/api/tickets/1", {"version": 2, "state": "draft"})
    assert (back.status_code, back.json()["type"]) == (409, "urn:hotline:problem:wrong_state")


def test_a_given_null_empties_a_code_and_what_is_not_given_stays(web: WebHotline, api: Api) -> None:
    area = web.configuration.codes.areas[0].code
    api.patch("/api/tickets/1", {"version": 1, "area_code": area, "text": "甲"})
    ticket = api.patch("/api/tickets/1", {"version": 2, "area_code": None}).json()
    assert (ticket["area_code"], ticket["text"], ticket["version"]) == (None, "甲", 3)


BAD_CHANGES = [
    ({"version": 1, "unit_code": "no-such-unit"}, "unknown_code"),
    ({"version": 1, "title": None}, "bad_request"),
    ({"version": 1, "title": "x" * 201}, "bad_request"),
    ({"version": 1, "text": "a\x00b"}, "bad_request"),
    ({"version": 1, "titel": "x"}, "bad_request"),
    ({"title": "without a version"}, "bad_request"),
    ({"version": 1, "state": "archived"}, "bad_request"),
    ({"version": 1, "ticket_no": "1"}, "bad_request"),
]


def test_a_bad_change_is_refused_whole(api: Api) -> None:
    for change, kind in BAD_CHANGES:
        answer = api.patch("/api/tickets/1", {"text": "kept out"} | change)
        assert (answer.status_code, answer.json()["type"]) == (422, f"urn:hotline:problem:{kind}"), change
    ticket = api.get("/api/tickets/1").json()
    assert (ticket["version"], ticket["text"]) == (1, "")


def test_tickets_are_found_by_what_is_known_of_them(web: WebHotline, api: Api) -> None:
    web.call("hl1-1.2", after=timedelta(minutes=5), number="13900139000", agent_no="1002", queue="heating")
    web.draft("hl1-1.2", urgency=Urgency.CRITICAL)
    api.patch("/api/tickets/1", {"version": 1, "state": "closed"})

    def found(**filters: object) -> list[int]:
        answer = api.get("/api/tickets", **filters)
        assert answer.status_code == 200, answer.text
        return [ticket["id"] for ticket in answer.json()["items"]]

    number = api.get("/api/tickets/1").json()["ticket_no"]
    assert found() == [2, 1]
    assert found(state="closed") == [1]
    assert found(state=["closed", "draft"]) == [2, 1]
    assert found(urgency="critical") == [2]
    assert found(queue="heating") == [2]
    assert found(agent_no="1001") == [1]
    assert found(call_id="hl1-1.2") == [2]
    assert found(ticket_no=number) == [1]
    assert found(number=CITIZEN) == [1]
    assert found(since=(MORNING + timedelta(minutes=1)).isoformat()) == [2]
    assert found(until=(MORNING + timedelta(minutes=1)).isoformat()) == [1]
    assert found(category_code="no-such") == []


def test_a_second_matter_of_a_call_gets_a_ticket_of_its_own(web: WebHotline, api: Api) -> None:
    category = web.configuration.codes.categories[1].code
    asked = {"call_id": "hl1-1.1", "title": "路灯不亮", "category_code": category, "remark": "第二件事"}
    answer = api.post("/api/tickets", asked)
    assert answer.status_code == 201, answer.text
    ticket = answer.json()
    assert (ticket["id"], ticket["state"], ticket["ticket_no"]) == (2, "draft", None)
    assert (ticket["title"], ticket["category_code"], ticket["rule"]) == ("路灯不亮", category, None)
    assert (ticket["call_id"], ticket["agent_no"]) == ("hl1-1.1", "1001")
    assert ticket["number_masked"] == "138****8000"
    assert set(ticket["typed_fields"]) == {"title", "category_code"}
    assert ticket["calls"] == [{"call_id": "hl1-1.1", "relation": "made"}]
    told = [(line["by"], line["field"], line["to_value"], line["remark"]) for line in ticket["history"]]
    assert told[0] == ("agent 1001", "state", "draft", "第二件事")
    assert set(told[1:]) == {
        ("agent 1001", "title", "路灯不亮", "第二件事"),
        ("agent 1001", "category_code", category, "第二件事"),
    }
    assert api.get("/api/tickets/2").json() == ticket
    assert [one["id"] for one in api.get("/api/tickets", number=CITIZEN).json()["items"]] == [2, 1]
    assert [one["ticket_id"] for one in api.get("/api/calls/hl1-1.1").json()["tickets"]] == [1, 2]
    sent = api.patch("/api/tickets/2", {"version": ticket["version"], "state": "pending_dispatch"})
    assert sent.json()["ticket_no"]


def test_no_rule_writes_into_a_ticket_that_a_person_made(web: WebHotline) -> None:
    web.call("hl1-1.2", after=timedelta(minutes=5), agent_no="1002")
    leader = web.client(Role.SHIFT_LEADER)
    before = leader.post("/api/tickets", {"call_id": "hl1-1.2"}).json()
    assert (before["version"], before["title"], before["typed_fields"]) == (1, "", [])
    assert before["history"][0]["by"].startswith("shift_leader")
    assert web.draft("hl1-1.2", urgency=Urgency.CRITICAL) == before["id"]
    assert leader.get(f"/api/tickets/{before['id']}").json() == before


def test_a_call_without_a_number_gives_a_ticket_without_a_citizen(web: WebHotline, api: Api) -> None:
    web.call("hl1-1.2", number="anonymous", agent_no="1001")
    answer = api.post("/api/tickets", {"call_id": "hl1-1.2", "text": "匿名"})
    assert (answer.status_code, answer.json()["number_masked"]) == (201, None)


BAD_TICKETS = [
    ({"call_id": "hl1-9.9"}, 404, "no_such_call"),
    ({"category_code": "no-such-category"}, 422, "unknown_code"),
    ({"disposition": "no-such-disposition"}, 422, "unknown_code"),
    ({"call_id": None}, 422, "bad_request"),
    ({"version": 1}, 422, "bad_request"),
    ({"state": "closed"}, 422, "bad_request"),
    ({"title": "x" * 201}, 422, "bad_request"),
]


def test_a_bad_ticket_is_not_made(api: Api) -> None:
    for more, status, kind in BAD_TICKETS:
        answer = api.post("/api/tickets", {"call_id": "hl1-1.1", "text": "kept out"} | more)
        assert (answer.status_code, answer.json()["type"]) == (status, f"urn:hotline:problem:{kind}"), more
    assert [ticket["id"] for ticket in api.get("/api/tickets").json()["items"]] == [1]


def test_whose_ticket_it_is_decides_who_may_change_it(web: WebHotline) -> None:
    web.call("hl1-1.2", after=timedelta(minutes=5), number="13900139000", wait=60)  # lost: nobody's
    lost = web.draft("hl1-1.2")
    other, leader, admin = (
        web.client(Role.AGENT, "1002"),
        web.client(Role.SHIFT_LEADER),
        web.client(Role.ADMIN),
    )
    refused = other.patch("/api/tickets/1", {"version": 1, "title": "x", "state": "closed"})
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:hotline:problem:not_allowed")
    assert refused.headers["content-type"] == "application/problem+json"
    assert "another's" in refused.json()["detail"]
    assert other.get("/api/tickets/1").json()["version"] == 1
    for version, one in enumerate((web.client(Role.AGENT, "1001"), leader, admin), start=1):
        assert one.patch("/api/tickets/1", {"version": version, "title": f"{version}"}).status_code == 200
    assert other.patch(f"/api/tickets/{lost}", {"version": 1, "title": "已回拨"}).status_code == 200
    assert other.post("/api/tickets", {"call_id": "hl1-1.2", "title": "第二件事"}).status_code == 201
    assert other.patch("/api/calls/hl1-1.2", {"disposition": "silent"}).status_code == 200
    for one in (leader, admin):
        assert one.post("/api/tickets", {"call_id": "hl1-1.1"}).status_code == 201
        assert one.patch("/api/calls/hl1-1.1", {"disposition": "silent"}).status_code == 200


def test_who_answered_a_later_call_about_it_may_change_a_ticket(web: WebHotline) -> None:
    web.call("hl1-1.2", after=timedelta(minutes=5), agent_no="1002")
    other = web.client(Role.AGENT, "1002")
    assert other.patch("/api/tickets/1", {"version": 1, "title": "x"}).status_code == 403
    with web.database.writing() as session:
        session.add(CallTicket(call_id="hl1-1.2", ticket_id=1, relation=Relation.LINKED))
    assert other.patch("/api/tickets/1", {"version": 1, "title": "又来电"}).status_code == 200


def test_a_confidential_ticket_tells_its_words_only_to_whose_it_is(web: WebHotline, api: Api) -> None:
    words = {"title": "举报某局", "text": "不愿透露姓名"}
    assert api.patch("/api/tickets/1", {"version": 1, "is_confidential": True, **words}).status_code == 200
    other = web.client(Role.AGENT, "1002")
    for one in (api, web.client(Role.SHIFT_LEADER), web.client(Role.ADMIN)):
        [listed] = one.get("/api/tickets").json()["items"]
        assert (listed["title"], listed["text"]) == (words["title"], words["text"])
        assert one.get("/api/tickets/1").json()["text"] == words["text"]
    [listed] = other.get("/api/tickets").json()["items"]
    assert (listed["title"], listed["text"], listed["is_confidential"]) == ("", "", True)
    for answer in (other.get("/api/tickets/1"), other.patch("/api/tickets/1", {"version": 2})):
        assert answer.status_code == 403
        assert words["text"] not in answer.text


def test_of_nobodys_confidential_tickets_an_agent_has_what_he_wrote_in(web: WebHotline) -> None:
    web.call("hl1-1.2", after=timedelta(minutes=5), number="13900139000", wait=60)
    lost = f"/api/tickets/{web.draft('hl1-1.2')}"
    writer, other = web.client(Role.AGENT, "1002"), web.client(Role.AGENT, "1001")
    assert writer.patch(lost, {"version": 1, "text": "密", "is_confidential": True}).status_code == 200
    assert writer.get(lost).json()["text"] == "密"
    assert writer.patch(lost, {"version": 2, "text": "密密"}).status_code == 200
    refused = other.patch(lost, {"version": 3, "title": "x"})
    assert (refused.status_code, "confidential" in refused.json()["detail"]) == (403, True)


@pytest.mark.parametrize(
    ("typed", "listed"),
    [
        ("13800138001 13900139001", "138****8001 139****9001"),
        ("+86 138 0013 8001", "138****8001"),
        ("１３８００１３８００１", "138****8001"),
        ("010-6552 1234转8", "010****34转8"),
        ("（0355）7654321", "0355****21"),
        ("7654321", "0355****21"),
        ("证件140402199001011234", "证件140402199001011234"),
        ("12345、12315、110", "12345、12315、110"),
        ("20260302、2026-03-02 14:30", "20260302、2026-03-02 14:30"),
    ],
)
def test_what_is_masked_looks_like_a_telephone(web: WebHotline, typed: str, listed: str) -> None:
    assert mask_prose(web.hotline, typed) == listed


def test_a_number_typed_into_the_words_is_masked_in_lists_only(api: Api) -> None:
    typed = {"title": "请回电13800138001", "text": "或 139 0013 9001、(0355)765-4321；2026-03-02 报修 45 元"}
    assert api.patch("/api/tickets/1", {"version": 1, **typed}).status_code == 200
    [listed] = api.get("/api/tickets").json()["items"]
    assert listed["title"] == "请回电138****8001"
    assert listed["text"] == "或 139****9001、0355****21；2026-03-02 报修 45 元"
    shown = api.get("/api/tickets/1").json()
    assert (shown["title"], shown["text"]) == (typed["title"], typed["text"])
