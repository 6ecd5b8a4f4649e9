"""A search by a citizen's number could find a masked one by trying: it is audited, kept to a person's pace, and shows
an agent no confidential ticket of others."""

from datetime import timedelta
from math import ceil

import pytest
from sqlmodel import Session, col, select
from support.ringing_back import BUSY, TALK, RingingBack
from support.web_hotline import CITIZEN, MORNING, WebHotline

from hotline.accounts import Caller, Role
from hotline.web.access import NotAllowed
from hotline.web.audit import AuditedAction, AuditEntry
from hotline.web.number_search import WINDOW
from hotline.web.ownership import require_sight
from tickets.tickets import Ticket, TicketHistory

ROOMS = ("calls", "tickets", "callbacks")
MANY = 30


def audited(web: WebHotline) -> list[AuditEntry]:
    with web.database.reading() as session:
        return list(session.exec(select(AuditEntry).order_by(col(AuditEntry.id))))


@pytest.mark.parametrize("room", ROOMS)
def test_each_search_leaves_a_row_that_names_no_number(web: WebHotline, room: str) -> None:
    web.call("hl1-1.1", agent_no="1001")
    agent = web.client(Role.AGENT, "1002")
    assert agent.get(f"/api/{room}").status_code == 200
    assert audited(web) == []
    for number in (CITIZEN, "13900139000"):  # one is known here, the other is not: both were tried
        assert agent.get(f"/api/{room}", number=number).status_code == 200
    found, missed = audited(web)
    assert found.action == AuditedAction.NUMBER_SEARCHED
    assert (found.role, found.agent_no, found.at) == (Role.AGENT, "1002", MORNING)
    assert found.subject == f"number {web.hotline.sealer.digest('+8613800138000')}"
    assert missed.subject != found.subject
    assert room in found.reason
    assert CITIZEN not in str(found.model_dump())


def test_what_is_no_number_or_no_request_is_no_search(web: WebHotline) -> None:
    agent = web.client(Role.AGENT, "1001")
    for query in ({"number": "00"}, {"number": CITIZEN, "limit": "many"}, {"number": "abc"}):
        assert agent.get("/api/calls", **query).status_code == 422
    assert audited(web) == []


def test_more_than_a_person_searches_is_refused_until_a_minute_has_gone(web: WebHotline) -> None:
    agent, other = web.client(Role.AGENT, "1001"), web.client(Role.ADMIN)
    for n in range(MANY):
        web.clock = MORNING + timedelta(seconds=n / 2)
        answer = agent.get(f"/api/{ROOMS[n % 3]}", number=f"1380013{n:04}")
        assert answer.status_code == 200, answer.text
    refused = agent.get("/api/calls", number=CITIZEN)
    assert refused.status_code == 429
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["type"] == "urn:hotline:problem:too_many_searches"
    wait = ceil(WINDOW.total_seconds() - (MANY - 1) / 2)
    assert refused.headers["retry-after"] == str(wait)
    assert CITIZEN not in refused.text
    assert len(audited(web)) == MANY
    assert agent.get("/api/calls").status_code == 200
    assert other.get("/api/calls", number=CITIZEN).status_code == 200

    web.clock += timedelta(seconds=wait)
    assert agent.get("/api/calls", number=CITIZEN).status_code == 200


def _confide(session: Session, ticket_id: int, agent_no: str | None) -> None:
    ticket = session.get_one(Ticket, ticket_id)
    ticket.is_confidential, ticket.agent_no = True, agent_no
    session.add(ticket)


def test_a_search_shows_an_agent_no_confidential_ticket_of_others(web: WebHotline) -> None:
    """Also not in pages: a page that is short by one would tell that there is one."""
    ids = []
    for n, agent_no in enumerate(("1001", "1002", "1002", "1002", "1002")):
        web.call(f"hl1-1.{n}", after=timedelta(minutes=n), agent_no=agent_no)
        ids.append(web.draft(f"hl1-1.{n}"))
    answered, others, named, wrote, open_to_all = ids
    with web.database.writing() as session:
        _confide(session, answered, None)
        _confide(session, others, "1002")
        _confide(session, named, "1001")
        _confide(session, wrote, "1002")
        session.add(
            TicketHistory(ticket_id=wrote, at=MORNING, by="agent 1001", field="text", to_value="words")
        )
    mine, all_ = [open_to_all, wrote, named, answered], [open_to_all, wrote, named, others, answered]

    def found(role: Role, agent_no: str | None = None, **query: object) -> list[int]:
        answer = web.client(role, agent_no).get("/api/tickets", **query)
        assert answer.status_code == 200, answer.text
        return [ticket["id"] for ticket in answer.json()["items"]]

    assert found(Role.AGENT, "1001", number=CITIZEN) == mine
    assert found(Role.AGENT, "1001", number=CITIZEN, limit=4) == mine
    assert found(Role.SHIFT_LEADER, number=CITIZEN) == all_
    assert found(Role.AGENT, "1001") == all_  # as before: there, with its words left out
    assert_seen(web, mine, all_)


@pytest.mark.parametrize("result", [BUSY, TALK])
def test_who_rang_back_and_talked_finds_the_confidential_ticket(
    web: WebHotline, result: tuple[str, int, str]
) -> None:
    site = RingingBack(web)
    site.lose()
    site.dialled(site.accept("1001"), result, talk=40)
    ticket_id = site.ticket().id
    assert ticket_id is not None
    with web.database.writing() as session:
        _confide(session, ticket_id, "1002")
    shown = web.client(Role.AGENT, "1001").get("/api/tickets", number=CITIZEN).json()["items"]
    mine = [ticket_id] if result == TALK else []
    assert [ticket["id"] for ticket in shown] == mine
    assert_seen(web, mine, [ticket_id])


def assert_seen(web: WebHotline, mine: list[int], all_: list[int]) -> None:
    """The same as what each ticket itself lets agent 1001 see."""
    caller = Caller(1, Role.AGENT, "1001", "test")
    for ticket_id in all_:
        with web.database.reading() as session:
            ticket = session.get_one(Ticket, ticket_id)
            try:
                require_sight(session, caller, ticket)
                is_seen = True
            except NotAllowed:
                is_seen = False
        assert is_seen == (ticket_id in mine), ticket_id
