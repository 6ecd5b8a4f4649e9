"""Two agents ring the same citizen back, one after the other: whose are the record, the ticket and the words then?"""

import itertools
from dataclasses import replace

import pytest
from support.fake_channel import FakeChannel
from support.ringing_back import BUSY, LOST, TALK, RingingBack, answered_story, lost_story
from support.web_hotline import Api, WebHotline

from hotline.accounts import Role
from tickets.call_events import Event, EventKind, EventSource


@pytest.fixture
def site(web: WebHotline) -> RingingBack:
    return RingingBack(web)


@pytest.fixture
def first(web: WebHotline) -> Api:
    return web.client(Role.AGENT, "1001")


@pytest.fixture
def second(web: WebHotline) -> Api:
    return web.client(Role.AGENT, "1002")


def busy_then_talk(site: RingingBack) -> None:
    site.lose()
    site.dialled(site.accept("1001"), BUSY)
    site.dialled(site.accept("1002"), TALK, talk=40)


def late_event() -> Event:
    """One more account of the end, with another cause; it says nothing that an agent has to do with."""
    at = lost_story()[-1].at
    return Event(
        LOST, EventKind.ENDED, EventSource.AGI, at, 0, {"abandoned": "TRUE", "cause": "19"}, "late-end"
    )


def late_walk() -> Event:
    walked = {"path": "main", "version": "v1"}
    return Event(LOST, EventKind.MENU_WALKED, EventSource.AGI, lost_story()[2].at, 0, walked, "late-walk")


def test_the_ticket_is_his_who_talked_and_the_record_nobodys(site: RingingBack) -> None:
    busy_then_talk(site)
    assert site.debt().agent_no == "1002"
    assert site.record().agent_no is None  # nobody answered that call
    ticket = site.ticket()
    assert (ticket.agent_no, ticket.state, ticket.disposition) == ("1002", "draft", None)
    assert ("agent_no", "1001", "1002") in [
        (line.field, line.from_value, line.to_value) for line in site.history(ticket)
    ]


def test_the_draft_is_there_while_he_dials(site: RingingBack) -> None:
    site.lose()
    assert site.tickets() == []
    site.accept("1001")
    assert (site.ticket().agent_no, site.ticket().state) == ("1001", "draft")


def test_what_the_first_typed_stays_when_the_second_takes_over(
    site: RingingBack, first: Api, second: Api
) -> None:
    site.lose()
    attempt = site.accept("1001")
    assert first.patch("/api/tickets/1", {"version": 1, "title": "占线，上次反映供热"}).status_code == 200
    site.dialled(attempt, BUSY)
    site.accept("1002")
    ticket = site.ticket()
    assert (ticket.title, ticket.agent_no) == ("占线，上次反映供热", "1002")
    answer = second.patch("/api/tickets/1", {"version": ticket.version, "text": "室温 14 度"})
    assert answer.status_code == 200, answer.text


def test_a_late_line_of_the_lost_call_changes_nothing(site: RingingBack) -> None:
    busy_then_talk(site)
    before, ticket = site.record(), site.ticket()
    changed = Event(LOST, EventKind.RING_MISSED, EventSource.QUEUE_LOG, lost_story()[3].at, 9,
                    {"agent": "1001", "ring_ms": "5000"}, "late-ring")  # fmt: skip
    site.hear([late_event(), late_walk(), changed])
    after = site.record()
    assert (after.agent_no, after.outcome) == (before.agent_no, before.outcome)
    assert site.ticket().model_dump() == ticket.model_dump()


def test_the_order_in_which_its_lines_come_is_nothing_to_the_record(site: RingingBack) -> None:
    """Some before the acceptance, some after it, and some twice."""
    story = [*lost_story(), late_event()]
    site.hear(story[:-1])
    site.later(hours=1)
    site.accept("1001")
    before = site.record()
    seen = {(before.agent_no, before.outcome, before.talk_seconds, before.answered_at)}
    for order in itertools.islice(itertools.permutations(story), 0, 720, 71):
        site.hear(order)
        record = site.record()
        seen.add((record.agent_no, record.outcome, record.talk_seconds, record.answered_at))
        assert site.ticket().agent_no == "1001"
    assert len(seen) == 1
    assert site.debt().state == "in_progress"


def test_a_line_that_settles_the_lost_call_anew_leaves_the_draft_to_him_who_dials(site: RingingBack) -> None:
    """Its outcome changes after the acceptance, so the rules run again: they must not take the draft for that of a lost call."""
    site.hear(lost_story()[:3] + lost_story()[4:])
    site.later(hours=1)
    site.accept("1002")
    ring = Event(
        LOST,
        EventKind.RING_CANCELLED,
        EventSource.QUEUE_LOG,
        lost_story()[3].at,
        3,
        {"agent": "1001"},
        "ring",
    )
    before = site.record().outcome
    site.hear([ring, lost_story()[3]])
    assert site.record().outcome != before
    ticket = site.ticket()
    assert (ticket.agent_no, ticket.disposition, ticket.rule) == ("1002", None, "everything_else")


def test_who_found_nobody_on_the_line_gives_way_to_him_who_rings_back(
    site: RingingBack, first: Api, second: Api
) -> None:
    """The first answered, and heard nobody: the record says so for ever, the ticket goes on with the second."""
    site.hear(answered_story(LOST, "1001", talk=0))
    assert (site.record().outcome, site.record().agent_no) == ("answered_no_talk", "1001")
    site.later(hours=1)
    site.accept("1002")
    assert site.ticket().agent_no == "1002"
    site.hear([late_walk()])  # what the rules go by has changed, so they speak again
    assert (site.record().outcome, site.record().agent_no) == ("answered_no_talk", "1001")
    ticket = site.ticket()
    assert (ticket.agent_no, ticket.disposition) == ("1002", None)
    assert second.patch("/api/tickets/1", {"version": ticket.version, "title": "供热"}).status_code == 200


@pytest.mark.parametrize("is_paid", [False, True])
def test_he_who_has_the_citizen_may_work_on_call_and_ticket(
    site: RingingBack, first: Api, second: Api, is_paid: bool
) -> None:
    site.lose()
    site.dialled(site.accept("1001"), BUSY)
    attempt = site.accept("1002")
    if is_paid:
        site.dialled(attempt, TALK, talk=30)
    reason = {"reason": "回拨核实"}
    version = site.ticket().version
    for other, path, body in (
        ("patch", "/api/tickets/1", {"version": version, "title": "x"}),
        ("patch", f"/api/calls/{LOST}", {"disposition": "nuisance"}),
        ("post", f"/api/calls/{LOST}/reveal", reason),
        ("post", "/api/tickets", {"call_id": LOST}),
    ):
        refused = getattr(first, other)(path, body)
        assert refused.status_code == 403, (path, refused.text)
    answer = second.patch("/api/tickets/1", {"version": version, "title": "供热", "is_confidential": True})
    assert answer.status_code == 200, answer.text
    assert second.get("/api/tickets/1").status_code == 200
    shown = second.post(f"/api/calls/{LOST}/reveal", reason)
    assert (shown.status_code, shown.json().get("number")) == (200, "13800138000"), shown.text
    further = second.post("/api/tickets", {"call_id": LOST, "title": "路灯"})
    assert (further.status_code, further.json().get("agent_no")) == (201, "1002"), further.text
    assert second.patch(f"/api/calls/{LOST}", {"disposition": "consultation_answered"}).status_code == 200


def test_before_anybody_rings_back_it_is_nobodys(site: RingingBack, first: Api) -> None:
    site.lose()
    assert first.post(f"/api/calls/{LOST}/reveal", {"reason": "看看"}).status_code == 403
    assert first.patch(f"/api/calls/{LOST}", {"disposition": "wrong_number"}).status_code == 200


def test_a_later_call_of_the_same_debt_is_his_too(site: RingingBack, second: Api, first: Api) -> None:
    site.hear([*lost_story(), *lost_story("hl1-1795397999.2", after=300)])
    site.later(hours=1)
    site.dialled(site.accept("1002"), TALK, talk=30)
    path = "/api/calls/hl1-1795397999.2"
    assert first.patch(path, {"disposition": "nuisance"}).status_code == 403
    assert second.patch(path, {"disposition": "consultation_answered"}).status_code == 200


def test_an_earlier_miss_that_becomes_known_late_makes_no_second_draft(site: RingingBack) -> None:
    site.hear(lost_story("hl1-1795397999.2", after=300))
    site.later(hours=1)
    attempt = site.accept("1001")
    site.hear(lost_story())
    site.dialled(attempt, BUSY)
    assert site.debt().first_call_id == LOST
    site.accept("1002")
    assert site.ticket("hl1-1795397999.2").agent_no == "1002"
    assert site.tickets() == []


@pytest.mark.parametrize("trunks", [frozenset({"test-loopback"}), frozenset[str]()])
def test_an_agent_who_need_not_dial_is_told_so_and_that_of_a_dead_trunk_not(
    site: RingingBack, trunks: frozenset[str]
) -> None:
    """A citizen who is on the line again is no fault; a trunk that is down is one."""
    site.lose()
    attempt = site.place()
    if trunks:
        site.hear(lost_story("hl1-1795399990.3", after=3590)[:3])
    channel = FakeChannel(arguments=[attempt, "1001"])
    replace(site.desk, trunks_up=lambda: trunks).accept_callback(channel)
    assert channel.set == ([("HOTLINE_NEXT", "not_now")] if trunks else [])
    assert site.tickets() == []
