"""Pages of a list stay whole while the list grows: nothing twice, nothing left out."""

from datetime import timedelta

import pytest
from support.web_hotline import Api, WebHotline

from hotline.accounts import Role


@pytest.fixture
def api(web: WebHotline) -> Api:
    return web.client(Role.SHIFT_LEADER)


def a_lost_call(web: WebHotline, n: int, minutes: float) -> None:
    call_id = f"hl1-2.{n:02d}"
    web.call(call_id, after=timedelta(minutes=minutes), number=f"138001380{n:02d}", wait=60)
    web.draft(call_id)
    web.owe(call_id)


@pytest.mark.parametrize(("path", "key"), [("calls", "call_id"), ("tickets", "id"), ("callbacks", "id")])
def test_pages_hold_each_old_row_once_while_rows_come_in(
    web: WebHotline, api: Api, path: str, key: str
) -> None:
    for n in range(7):
        a_lost_call(web, n, minutes=n // 2)  # pairs have the same time
    whole = [item[key] for item in api.get(f"/api/{path}").json()["items"]]
    assert len(whole) == 7
    seen, cursor, n = [], None, 20
    while True:
        page = api.get(f"/api/{path}", limit=2, **({"cursor": cursor} if cursor else {})).json()
        seen += [item[key] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        assert len(page["items"]) == 2
        a_lost_call(web, n, minutes=n)  # younger than all: comes before the first page
        n += 1
    assert seen == whole


def test_agents_and_queues_have_pages_too(api: Api) -> None:
    for path, key, all_of_them in (
        ("agents", "agent_no", ["1001", "1002"]),
        ("queues", "name", ["enterprise", "general", "heating"]),
    ):
        first = api.get(f"/api/{path}", limit=1).json()
        rest = api.get(f"/api/{path}", limit=200, cursor=first["next_cursor"]).json()
        assert [item[key] for item in first["items"] + rest["items"]] == all_of_them
        assert rest["next_cursor"] is None


def test_a_cursor_of_another_list_is_refused(web: WebHotline, api: Api) -> None:
    a_lost_call(web, 1, 0)
    a_lost_call(web, 2, 1)
    cursor = api.get("/api/agents", limit=1).json()["next_cursor"]
    for path in ("calls", "tickets", "callbacks"):
        answer = api.get(f"/api/{path}", cursor=cursor)
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:hotline:problem:bad_cursor")


def test_a_page_has_1_to_200_items(api: Api) -> None:
    for limit in (0, 201, -1, "many"):
        answer = api.get("/api/calls", limit=limit)
        assert answer.status_code == 422
        assert answer.json()["faults"][0]["where"] == "query.limit"
