"""A call makes a draft, a person types, the rules complete the rest, and the number comes with dispatch."""

import threading
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select

from hotline.database import Database
from tickets.call_records import CallRecord
from tickets.citizens import Citizen
from tickets.codes import Code, Codes
from tickets.decision import Decision, Urgency
from tickets.drafts import close_draft, draft_for_call
from tickets.edits import TicketChanges, dispose, edit
from tickets.numbering import is_written_right
from tickets.ticket_errors import NoSuchTicket, TicketChanged, UnknownCode, WrongState
from tickets.tickets import Relation, Ticket, TicketHistory, TicketState, get, history, locked, of_call

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
DAY = (datetime(2026, 11, 22, 16, 0, tzinfo=UTC), datetime(2026, 11, 23, 16, 0, tzinfo=UTC))
CODES = Codes(
    categories=(Code(code="heat", name="供热"), Code(code="noise", name="噪声")),
    units=(Code(code="heating-co", name="热力公司"),),
    dispositions=(Code(code="silent", name="无声电话"),),
)
ANSWERED = Decision("heating", "queue=heating", title="供热专席", category="heat", urgency=Urgency.URGENT)


def call(database: Database, call_id: str = "c1", number: str = "d" * 64, **more: object) -> str:
    values: dict[str, object] = {
        "call_id": call_id,
        "number_called": "12345",
        "number_kind": "mobile",
        "number_digest": number,
        "number_sealed": "k1:x",
        "number_masked": "138****8000",
        "arrived_at": NOW,
        "outcome": "answered",
        "is_open": False,
        "agent_no": "1001",
        "created_at": NOW,
    }
    with database.writing() as session:
        session.add(CallRecord(**(values | more)))
    return call_id


def draft(database: Database, call_id: str, decision: Decision, now: datetime = NOW) -> Ticket | None:
    with database.writing() as session:
        record = session.get_one(CallRecord, call_id)
        ticket_id = draft_for_call(session, record, decision, now, local_day_bounds=DAY)
        return None if ticket_id is None else get(session, ticket_id)


def change(database: Database, ticket_id: int, version: int | None = None, **fields: object) -> Ticket:
    with database.writing() as session:
        return edit(
            session,
            ticket_id,
            TicketChanges.model_validate(fields),
            "agent:1001",
            NOW,
            codes=CODES,
            numbering=CODES.numbering("140100"),
            local_date=date(2026, 11, 23),
            expected_version=version,
        )


def made(database: Database, decision: Decision = ANSWERED, call_id: str = "c1", **more: object) -> int:
    ticket = draft(database, call(database, call_id, **more), decision)
    assert ticket is not None
    assert ticket.id is not None
    return ticket.id


def test_a_draft_says_which_rule_made_it_and_why(database: Database):
    with database.reading() as session:
        ticket = get(session, made(database))
        assert (ticket.state, ticket.ticket_no, ticket.rule, ticket.why) == (
            "draft",
            None,
            "heating",
            "queue=heating",
        )
        assert (ticket.title, ticket.category_code, ticket.urgency) == ("供热专席", "heat", "urgent")
        assert (ticket.agent_no, ticket.call_id, ticket.version) == ("1001", "c1", 1)
        assert session.get_one(Citizen, ticket.citizen_id).number_masked == "138****8000"
        assert [(line.by, line.field, line.to_value) for line in history(session, ticket.id or 0)] == [
            ("rules", "state", "draft")
        ]


def test_the_second_time_finds_what_the_first_made(database: Database):
    ticket_id = made(database)
    again = draft(database, "c1", ANSWERED, NOW + timedelta(minutes=1))
    assert again is not None
    assert (again.id, again.version, again.updated_at) == (ticket_id, 1, NOW)
    with database.reading() as session:
        assert session.execute(select(func.count()).select_from(Ticket)).scalar_one() == 1
        assert session.execute(select(func.count()).select_from(TicketHistory)).scalar_one() == 1


def test_two_at_once_make_one_draft(database: Database):
    call(database)
    found: list[int | None] = []

    def make() -> None:
        ticket = draft(database, "c1", ANSWERED)
        found.append(ticket.id if ticket else None)

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 8
    assert len(set(found)) == 1


def test_rules_complete_a_draft_but_never_what_a_person_typed(database: Database):
    ticket_id = made(database)
    change(database, ticket_id, title="暖气不热", category_code="heat")
    later = Decision(
        "night",
        "hours=18:00-08:00",
        title="夜间",
        category="noise",
        unit="heating-co",
        urgency=Urgency.CRITICAL,
    )
    ticket = draft(database, "c1", later, NOW + timedelta(minutes=9))
    assert ticket is not None
    assert (ticket.title, ticket.category_code) == ("暖气不热", "heat")
    assert (ticket.unit_code, ticket.urgency, ticket.rule, ticket.version) == (
        "heating-co",
        "critical",
        "night",
        3,
    )
    with database.reading() as session:
        lines = [
            (line.field, line.from_value, line.to_value, line.by) for line in history(session, ticket_id)
        ]
    assert ("title", "供热专席", "暖气不热", "agent:1001") in lines
    assert ("urgency", "urgent", "critical", "rules") in lines


def test_what_a_person_emptied_stays_empty(database: Database):
    ticket_id = made(database)
    change(database, ticket_id, category_code=None, text="")
    ticket = draft(database, "c1", ANSWERED)
    assert ticket is not None
    assert (ticket.category_code, ticket.typed_fields) == (None, ["category_code", "text"])


def test_a_ticket_that_left_draft_is_not_touched_by_rules(database: Database):
    ticket_id = made(database)
    change(database, ticket_id, state="pending_dispatch")
    ticket = draft(database, "c1", Decision("other", "always", title="anders", unit="heating-co"))
    assert ticket is not None
    assert (ticket.title, ticket.unit_code, ticket.rule) == ("供热专席", None, "heating")


def test_no_ticket_but_a_disposition(database: Database):
    call(database)
    assert draft(database, "c1", Decision("silent", "always", ticket=False, disposition="silent")) is None
    with database.reading() as session:
        assert session.get_one(CallRecord, "c1").disposition == "silent"
        assert of_call(session, "c1") == []


def test_a_draft_outlives_a_last_decision_for_none(database: Database):
    ticket_id = made(database)
    ticket = draft(database, "c1", Decision("silent", "always", ticket=False, disposition="silent"))
    assert ticket is not None
    assert (ticket.id, ticket.state, ticket.disposition) == (ticket_id, "draft", "silent")


def test_an_open_ticket_of_the_same_day_is_linked_when_the_rule_says_so(database: Database):
    link = Decision("repeat", "repeat_caller=true", link_open_ticket_same_day=True)
    first = made(database, link)
    call(database, "c2")
    second = draft(database, "c2", link)
    assert second is not None
    assert second.id == first
    assert draft(database, "c2", link) is not None
    with database.reading() as session:
        assert [(ticket.id, relation) for ticket, relation in of_call(session, "c2")] == [
            (first, Relation.LINKED)
        ]
    for call_id, decision, number in (("c3", ANSWERED, "d" * 64), ("c4", link, "e" * 64)):
        call(database, call_id, number)
        other = draft(database, call_id, decision)
        assert other is not None
        assert other.id != first


def test_a_closed_or_older_ticket_is_not_linked(database: Database):
    link = Decision("repeat", "always", link_open_ticket_same_day=True)
    first = made(database, link)
    change(database, first, state="closed")
    call(database, "c2", arrived_at=NOW - timedelta(days=1))
    second = draft(database, "c2", link, NOW - timedelta(days=1))
    call(database, "c3")
    third = draft(database, "c3", link)
    assert second is not None
    assert third is not None
    assert len({first, second.id, third.id}) == 3


def test_the_day_of_a_ticket_is_the_day_of_its_call(database: Database):
    """Records made after a gap: yesterday's ticket is written today."""
    link = Decision("repeat", "always", link_open_ticket_same_day=True)
    yesterday = made(database, link, arrived_at=NOW - timedelta(days=1))
    call(database, "c2")
    of_today = draft(database, "c2", link)
    assert of_today is not None
    assert of_today.id != yesterday
    call(database, "c3")
    again = draft(database, "c3", link, NOW + timedelta(days=2))
    assert again is not None
    assert again.id == of_today.id


def test_a_disposition_that_a_person_gave_keeps_the_rules_from_making_a_draft(database: Database):
    call(database)
    with database.writing() as session:
        dispose(
            session,
            session.get_one(CallRecord, "c1"),
            "silent",
            "agent:1001",
            NOW,
            codes=CODES,
            numbering=CODES.numbering("140100"),
            local_date=date(2026, 11, 23),
        )
    assert draft(database, "c1", ANSWERED) is None
    with database.reading() as session:
        assert of_call(session, "c1") == []


def test_also_when_it_was_given_while_the_rules_were_thought_over(database: Database):
    """What the desk has read of the call may be older than what it waits for."""
    call_id = call(database)
    with database.reading() as session:
        seen = session.get_one(CallRecord, call_id)
        session.expunge(seen)
    with database.writing() as session:
        record = session.get_one(CallRecord, call_id)
        record.disposition, record.disposed_by = "silent", "agent:1001"
    with database.writing() as session:
        assert draft_for_call(session, seen, ANSWERED, NOW, local_day_bounds=DAY) is None


def test_who_rings_back_opens_no_ticket_of_another_call(database: Database):
    link = Decision("repeat", "always", link_open_ticket_same_day=True)
    earlier = made(database)
    linked = draft(database, call(database, "c2"), link)
    assert linked is not None
    assert linked.id == earlier
    with database.writing() as session:
        close_draft(session, locked(session, earlier), None, NOW, "callback 1: expired")
    with database.writing() as session:
        draft_for_call(session, session.get_one(CallRecord, "c2"), link, NOW, ringer="1002")
    with database.reading() as session:
        ticket = get(session, earlier)
        assert (ticket.state, ticket.agent_no) == ("closed", "1001")


def test_a_disposition_of_the_rules_does_not(database: Database):
    """What was known first may be less: the last decision is the one that counts."""
    call(database)
    assert draft(database, "c1", Decision("silent", "always", ticket=False, disposition="silent")) is None
    assert draft(database, "c1", ANSWERED) is not None


def test_a_draft_that_is_closed_with_a_disposition_uses_up_no_number(database: Database):
    first, second = made(database), made(database, call_id="c2")
    closed = change(database, first, state="closed", disposition="silent")
    assert (closed.state, closed.ticket_no) == ("closed", None)
    number = change(database, second, state="pending_dispatch").ticket_no
    assert number is not None
    assert number.startswith("1401002026112300001"), "the first of its day"


@pytest.mark.parametrize("kind", ["withheld", "short", "service", "emergency", "invalid"])
def test_who_is_no_party_of_his_own_becomes_no_citizen(database: Database, kind: str):
    call(database, number_kind=kind)
    ticket = draft(database, "c1", ANSWERED)
    assert ticket is not None
    assert ticket.citizen_id is None


def test_the_number_is_drawn_when_a_ticket_leaves_draft_and_stays(database: Database):
    ticket_id = made(database)
    assert change(database, ticket_id, text="三楼").ticket_no is None
    dispatched = change(database, ticket_id, state="pending_dispatch", remark="速办")
    number = dispatched.ticket_no
    assert number is not None
    assert number.startswith("1401002026112300001")
    assert is_written_right(number)
    closed = change(database, ticket_id, state="closed")
    assert (closed.ticket_no, closed.state, closed.version) == (number, TicketState.CLOSED, 4)
    with database.reading() as session:
        told = [(line.field, line.to_value, line.remark) for line in history(session, ticket_id)]
    assert ("state", "pending_dispatch", "速办") in told
    assert ("ticket_no", number, None) in told


def test_a_stale_version_is_refused(database: Database):
    ticket_id = made(database)
    change(database, ticket_id, version=1, title="eins")
    with pytest.raises(TicketChanged) as refused:
        change(database, ticket_id, version=1, title="zwei")
    assert (refused.value.ticket_id, refused.value.version) == (ticket_id, 2)
    with database.reading() as session:
        assert get(session, ticket_id).title == "eins"


def test_of_two_who_read_the_same_version_one_wins(database: Database):
    ticket_id = made(database)
    results: list[str] = []

    def type_in(words: str) -> None:
        try:
            change(database, ticket_id, version=1, title=words)
            results.append("kept")
        except TicketChanged:
            results.append("refused")

    threads = [threading.Thread(target=type_in, args=(f"von {number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(results) == ["kept"] + ["refused"] * 5


def test_typing_the_same_again_changes_nothing(database: Database):
    ticket_id = made(database)
    assert change(database, ticket_id, title="暖气不热").version == 2
    assert change(database, ticket_id, title="暖气不热").version == 2
    assert change(database, ticket_id).version == 2


def test_what_cannot_be_done_is_said_by_name(database: Database):
    ticket_id = made(database)
    with pytest.raises(UnknownCode, match='"fire" is not among the categories'):
        change(database, ticket_id, category_code="fire")
    with pytest.raises(NoSuchTicket):
        change(database, ticket_id + 1, title="x")
    change(database, ticket_id, state="closed")
    with pytest.raises(WrongState):
        change(database, ticket_id, title="x")
    with pytest.raises(WrongState):
        change(database, ticket_id, state="draft")
    with database.reading() as session, pytest.raises(NoSuchTicket):
        get(session, ticket_id + 1)
