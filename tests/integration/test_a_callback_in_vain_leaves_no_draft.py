"""A debt ends and nobody spoke with the citizen: the draft that stood on the agents' screens does not stay open for ever."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlmodel import Session, select
from support.ringing_back import (
    ANY_CALL,
    BUSY,
    LOST,
    LOST_CALL,
    TALK,
    RingingBack,
    answered_story,
    lost_story,
    rule_by,
    settle_drafts,
    told_late,
    tried_in_vain,
)
from support.waiting import wait_for
from support.web_hotline import Api, WebHotline

from hotline.accounts import Role
from hotline.web.calls import record_of
from ivr.calls.drafts_in_vain import closed_too_early
from missed_call_redial.callbacks import Attempt, Callback
from missed_call_redial.claims import expire_overdue
from missed_call_redial.owing import cancel
from tickets.edits import dispose
from tickets.tickets import CallTicket

AGAIN = "hl1-1795399999.9"


@pytest.fixture
def site(web: WebHotline) -> RingingBack:
    return RingingBack(web)


@pytest.fixture
def agent(web: WebHotline) -> Api:
    return web.client(Role.AGENT, "1001")


def expire(site: RingingBack) -> None:
    site.later(days=3)
    with site.web.database.writing() as session:
        assert expire_overdue(session, site.now) == 1


def call_off(site: RingingBack) -> None:
    with site.web.database.writing() as session:
        cancel(session, site.debt().id or 0, "他已来电", site.now)


def give_up(site: RingingBack) -> None:
    while site.debt().state == "owed":
        site.dialled(site.accept("1002"), BUSY)


def find_invalid(site: RingingBack) -> None:
    for _ in range(2):  # the first time it may be a fault on the way
        site.dialled(site.accept("1002"), ("CHANUNAVAIL", 1, "SIP 404 Not Found"))


ENDS = {
    "expired": expire,
    "cancelled": call_off,
    "unreachable_after_n": give_up,
    "invalid_number": find_invalid,
}


@pytest.mark.parametrize("code", ENDS)
def test_the_draft_is_closed_with_the_debt_and_says_why(site: RingingBack, code: str) -> None:
    tried_in_vain(site)
    assert settle_drafts(site) == []  # it is still owed: the next agent goes on with it
    ENDS[code](site)
    assert site.debt().closing_code == code
    assert settle_drafts(site) == [1]
    ticket = site.ticket()
    assert (ticket.state, ticket.disposition, ticket.ticket_no) == ("closed", "lost", None)
    said = [(line.by, line.field, line.to_value, line.remark) for line in site.history(ticket)]
    assert ("rules", "state", "closed", f"callback 1: {code}") in said
    assert settle_drafts(site) == []
    assert site.ticket().version == ticket.version


@pytest.mark.parametrize("code", ENDS)
def test_what_a_person_typed_stays_open(site: RingingBack, agent: Api, code: str) -> None:
    tried_in_vain(site)
    assert agent.patch("/api/tickets/1", {"version": 1, "text": "邻居说他住院了"}).status_code == 200
    ENDS[code](site)
    assert settle_drafts(site) == []
    assert (site.ticket().state, site.ticket().text) == ("draft", "邻居说他住院了")


def test_a_draft_stays_while_somebody_dials_for_a_debt_that_is_closed(site: RingingBack) -> None:
    site.lose()
    attempt = site.accept("1001")
    call_off(site)
    assert settle_drafts(site) == []
    site.dialled(attempt, BUSY)
    assert settle_drafts(site) == [1]


def test_a_talk_leaves_the_draft_to_the_agent(site: RingingBack) -> None:
    tried_in_vain(site)
    site.dialled(site.accept("1002"), TALK, talk=30)
    assert settle_drafts(site) == []
    assert site.ticket().state == "draft"


def test_a_talk_that_is_told_late_opens_it_again(site: RingingBack) -> None:
    """The result of the second attempt was not heard, the debt expired; then its line is read: they had talked."""
    attempt = told_late(site)
    site.dialled(attempt, TALK, talk=30)
    assert site.debt().closing_code == "connected"
    assert settle_drafts(site) == [1]
    ticket = site.ticket()
    assert (ticket.state, ticket.agent_no, ticket.disposition) == ("draft", "1002", None)
    assert settle_drafts(site) == []


def test_what_a_person_said_of_the_call_holds_against_a_talk_told_late(
    site: RingingBack, leader: Api
) -> None:
    attempt = told_late(site)
    assert leader.patch(f"/api/calls/{LOST}", {"disposition": "nuisance"}).status_code == 200
    before = site.ticket().version
    site.dialled(attempt, TALK, talk=30)
    assert site.debt().closing_code == "connected"
    assert settle_drafts(site) == []
    assert (site.ticket().state, site.ticket().version) == ("closed", before)
    with site.web.database.reading() as session:  # and nobody looks at it every few seconds
        assert closed_too_early(session, site.now - timedelta(days=3)) == []


def test_what_a_person_said_of_the_call_holds_when_the_next_agent_rings_back(
    site: RingingBack, leader: Api
) -> None:
    told_late(site)
    assert leader.patch(f"/api/calls/{LOST}", {"disposition": "nuisance"}).status_code == 200
    before = site.ticket().version
    with site.web.database.writing() as session:
        session.exec(select(Callback)).one().reopen("owed")  # type: ignore[arg-type]
    site.accept("1001")
    assert (site.ticket().state, site.ticket().version) == ("closed", before)


def test_what_an_agent_closed_after_a_talk_told_late_is_not_looked_at_again(
    site: RingingBack, agent: Api
) -> None:
    """Every few seconds, until the debt is days old."""
    attempt = told_late(site)
    site.dialled(attempt, TALK, talk=30)
    assert settle_drafts(site) == [1]
    closing = {"version": site.ticket().version, "state": "closed"}
    assert site.web.client(Role.AGENT, "1002").patch("/api/tickets/1", closing).status_code == 200
    with site.web.database.reading() as session:
        assert closed_too_early(session, site.now - timedelta(days=3)) == []


def test_a_draft_that_a_person_closed_stays_closed(site: RingingBack, agent: Api) -> None:
    site.lose()
    attempt = site.accept("1001")
    assert agent.patch(f"/api/calls/{LOST}", {"disposition": "nuisance"}).status_code == 200
    site.dialled(attempt, TALK, talk=30)
    assert settle_drafts(site) == []
    assert (site.ticket().state, site.ticket().disposition) == ("closed", "nuisance")


def talk_of_another_told_late(site: RingingBack) -> None:
    """1001 talked, which is heard when 1002 has the draft already."""
    site.lose()
    first = site.accept("1001")
    with site.web.database.writing() as session:
        row = session.exec(select(Attempt)).one()
        row.state, row.outcome, row.counts, row.ended_at = "done", "unknown", True, site.now
        session.exec(select(Callback)).one().state = "owed"
    second = site.accept("1002")
    site.dialled(first, TALK, talk=30)
    site.dialled(second, BUSY)
    assert site.ticket().agent_no == "1002"


def test_the_ticket_goes_to_him_whose_talk_was_told_late(site: RingingBack) -> None:
    talk_of_another_told_late(site)
    assert settle_drafts(site) == [1]
    assert (site.ticket().agent_no, site.debt().agent_no) == ("1001", "1001")
    assert settle_drafts(site) == []


def test_who_disposes_of_the_call_at_that_moment_and_the_round_wait_in_no_circle(site: RingingBack) -> None:
    """He holds the call and then wants its ticket; so must the round, which else has the ticket and wants the call."""
    talk_of_another_told_late(site)
    hotline = site.web.hotline
    codes = site.web.configuration.codes
    faults: list[BaseException] = []

    def go_round() -> None:
        try:
            settle_drafts(site)
        except BaseException as fault:
            faults.append(fault)

    round_of_drafts = threading.Thread(target=go_round, daemon=True)
    with hotline.database.writing() as session:
        record = record_of(session, LOST, is_held=True)
        round_of_drafts.start()
        if hotline.database.engine.dialect.name == "postgresql":
            wait_for(lambda: is_waiting(site), 20)
        dispose(
            session,
            record,
            "nuisance",
            "leader",
            site.now,
            codes=codes,
            numbering=codes.numbering("110000"),
            local_date=site.now.date(),
        )
    round_of_drafts.join(30)
    assert not round_of_drafts.is_alive()
    assert faults == []
    assert (site.ticket().state, site.ticket().disposition) == ("closed", "nuisance")


def is_waiting(site: RingingBack) -> bool:
    with site.web.database.reading() as session:
        blocked = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(session.execute(blocked).scalar_one())


def calls_again(site: RingingBack) -> None:
    after = (site.now - lost_story()[0].at + timedelta(minutes=5)).total_seconds()
    site.hear(answered_story(AGAIN, "1002", after=after))
    site.later(minutes=10)
    assert site.debt().closing_code == "resolved_by_inbound"


def test_the_call_in_which_he_is_answered_gets_the_draft_that_is_linked_to_it(site: RingingBack) -> None:
    """As shipped, a repeated call joins the open ticket of its day."""
    tried_in_vain(site)
    calls_again(site)
    assert settle_drafts(site) == [1]
    ticket = site.ticket()
    assert (ticket.state, ticket.agent_no) == ("draft", "1002")
    assert [one.id for one in site.tickets(AGAIN)] == [ticket.id]
    assert settle_drafts(site) == []


def test_else_the_lost_call_is_linked_to_the_ticket_of_the_call_in_which_he_was_answered(
    site: RingingBack,
) -> None:
    rule_by(site, LOST_CALL, ANY_CALL)
    tried_in_vain(site)
    calls_again(site)
    assert settle_drafts(site) == [1]
    draft, talked = site.tickets()
    assert (draft.state, draft.disposition) == ("closed", "lost")
    assert "ticket 2" in (site.history(draft)[-1].remark or "")
    assert [one.id for one in site.tickets(AGAIN)] == [talked.id]
    with site.web.database.reading() as session:
        assert relation(session, talked.id or 0) == "linked"


def relation(session: Session, ticket_id: int) -> str:
    link = session.get_one(CallTicket, {"call_id": LOST, "ticket_id": ticket_id})
    return link.relation


def test_a_debt_that_is_open_again_opens_the_draft_for_the_next_agent(site: RingingBack) -> None:
    tried_in_vain(site)
    call_off(site)
    settle_drafts(site)
    with site.web.database.writing() as session:
        session.exec(select(Callback)).one().reopen("owed")  # type: ignore[arg-type]
    site.accept("1002")
    ticket = site.ticket()
    assert (ticket.state, ticket.agent_no, ticket.disposition) == ("draft", "1002", None)


def test_a_draft_of_a_talk_with_nobody_ends_with_its_debt(site: RingingBack) -> None:
    """An agent picked up and heard nobody: the draft of that moment is nobody's, once the debt is given up."""
    story = answered_story(LOST, "1001", talk=0)
    site.hear(story[:4])
    assert site.ticket().agent_no == "1001"
    site.hear(story[4:])
    assert settle_drafts(site) == []  # he is to be rung back
    expire(site)
    assert settle_drafts(site) == [1]
    assert site.ticket().state == "closed"


def test_a_ticket_that_the_rules_want_for_a_lost_call_stays(site: RingingBack) -> None:
    rule_by(site, ANY_CALL)
    tried_in_vain(site)
    call_off(site)
    assert settle_drafts(site) == []
    assert site.ticket().state == "draft"
