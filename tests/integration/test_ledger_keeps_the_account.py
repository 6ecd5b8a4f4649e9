"""The ledger: whatever is heard of a call becomes a record, a ticket and a debt, once, with the number sealed."""

import itertools
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import Session, select, text

from hotline import defaults_door
from hotline.database import Database
from ivr.calls.ledger import Ledger
from ivr.config_files.checker import check
from ivr.config_files.running import Running
from ivr.prompts.rendering import PromptLibrary
from missed_call_redial.callbacks import Callback, CallbackRefusal
from routing.rules import RoutingRules, Rule, Then, When
from tickets.call_events import Event, EventKind, EventSource
from tickets.call_records import CallRecord
from tickets.decision import Urgency
from tickets.sealing import Sealer
from tickets.tickets import CallTicket, Ticket

T0 = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
CITIZEN = "13800138000"


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    configuration, problems = check(defaults_door.shipped())
    assert configuration is not None, problems
    running = Running(configuration, PromptLibrary({}, {}), False)
    return Ledger(lambda: running, Sealer.create_file(tmp_path / "keys.json"), ZoneInfo("Asia/Shanghai"))


def event(
    what: EventKind,
    second: float,
    source: EventSource = EventSource.QUEUE_LOG,
    call: str = "hl1-1.1",
    **data: str,
) -> Event:
    return Event(
        call,
        what,
        source,
        T0 + timedelta(seconds=second),
        int(second * 10),
        data,
        f"{source}:{call}:{what}:{second}",
    )


def arrived(call: str = "hl1-1.1", second: float = 0, caller: str = CITIZEN) -> Event:
    return event(
        EventKind.ARRIVED,
        second,
        call=call,
        caller=caller,
        number_called="12345",
        trunk="test-loopback",
        prio="1",
    )


def lost(call: str = "hl1-1.1", second: float = 0) -> list[Event]:
    return [
        arrived(call, second),
        event(EventKind.QUEUED, second + 8, call=call, queue="general", caller=CITIZEN, position="1"),
        event(EventKind.ABANDONED, second + 40, call=call, position="1", wait="32"),
        event(
            EventKind.ENDED,
            second + 40,
            call=call,
            abandoned="TRUE",
            queue="general",
            cause="0",
            by="citizen",
        ),
    ]


def answered(call: str = "hl1-1.2", second: float = 0) -> list[Event]:
    return [
        arrived(call, second),
        event(EventKind.QUEUED, second + 8, call=call, queue="general", caller=CITIZEN, position="1"),
        event(EventKind.CONNECTED, second + 12, call=call, agent="1001", hold="4"),
        event(EventKind.COMPLETED, second + 60, call=call, agent="1001", talk="48", by="citizen"),
        event(
            EventKind.ENDED,
            second + 60,
            call=call,
            status="CONTINUE",
            agent="1001",
            queue="general",
            cause="16",
        ),
    ]


def hear(database: Database, ledger: Ledger, *batches: list[Event]) -> None:
    for batch in batches:
        with database.writing() as session:
            ledger.hear(session, batch, T0 + timedelta(minutes=5))


def everything(session: Session) -> Iterator[str]:
    """Every value of every table, as text."""
    dialect = session.get_bind().dialect.name
    names = (
        "SELECT name FROM sqlite_master WHERE type='table'"
        if dialect == "sqlite"
        else "SELECT tablename FROM pg_tables WHERE schemaname='public'"
    )
    for (name,) in session.execute(text(names)).all():
        for row in session.execute(text(f'SELECT * FROM "{name}"')).all():
            yield from (str(value) for value in row)


def test_no_table_holds_a_citizens_number(database: Database, ledger: Ledger) -> None:
    transferred = event(EventKind.TRANSFERRED, 20, kind="blind", to="13900139000")
    hear(database, ledger, [*lost(), transferred], answered(second=100))
    with database.reading() as session:
        found = list(everything(session))
        assert not [value for value in found if CITIZEN in value or "13900139000" in value]
        record = session.get(CallRecord, "hl1-1.1")
        assert record is not None
        assert ledger.number_of(record).digits == f"+86{CITIZEN}"


def test_a_lost_call_is_owed_once_whatever_the_order(database: Database, ledger: Ledger) -> None:
    for n, order in enumerate(itertools.permutations(range(4))):
        events = lost(f"hl1-{n}.1", n * 1000)
        hear(database, ledger, *[[events[i]] for i in order], events)
    with database.reading() as session:
        records = session.exec(select(CallRecord)).all()
        assert {record.outcome for record in records} == {"queue_abandon"}
        callbacks = session.exec(select(Callback)).all()
        assert len(callbacks) == 1  # one number, so one debt, merged
        assert callbacks[0].missed_count == len(records)
        assert session.exec(select(CallbackRefusal)).all() == []


def test_nothing_is_settled_before_it_is_known_who_called(database: Database, ledger: Ledger) -> None:
    first, *rest = lost()
    hear(database, ledger, rest)
    with database.reading() as session:
        assert session.exec(select(CallbackRefusal)).all() == []
    hear(database, ledger, [first])
    with database.reading() as session:
        assert len(session.exec(select(Callback)).all()) == 1


def test_the_draft_is_there_while_they_talk_and_is_the_only_one(database: Database, ledger: Ledger) -> None:
    events = answered()
    hear(database, ledger, events[:3])
    with database.reading() as session:
        draft = session.exec(select(Ticket)).one()
        assert draft.state == "draft"
    hear(database, ledger, events[3:], events)
    with database.reading() as session:
        assert len(session.exec(select(Ticket)).all()) == 1
        assert len(session.exec(select(CallTicket)).all()) == 1


def test_an_answered_call_later_closes_the_debt(database: Database, ledger: Ledger) -> None:
    hear(database, ledger, lost())
    hear(database, ledger, answered(second=100))
    with database.reading() as session:
        callback = session.exec(select(Callback)).one()
        assert callback.closing_code == "resolved_by_inbound"
        assert callback.closing_call_id == "hl1-1.2"


@pytest.mark.parametrize(
    ("when", "credit"),
    [
        (When(outcome=("queue_abandon",)), 1800),  # a rule for lost calls
        (
            When(number_called="12345"),
            1800,
        ),  # one for the matter, which shipped rules never reach for a lost call
        (When(number_called="12319"), 0),
    ],
)
def test_what_the_rules_call_critical_is_owed_with_credit(
    database: Database, ledger: Ledger, when: When, credit: int
) -> None:
    running = ledger.running()
    lost_call, *others = running.configuration.rules.rules
    rule = Rule(id="emergency", when=when, then=Then(urgency=Urgency.CRITICAL))
    is_for_lost_calls = when.outcome is not None
    rules = RoutingRules(
        rules=(rule, lost_call, *others) if is_for_lost_calls else (lost_call, rule, *others)
    )
    changed = replace(running, configuration=replace(running.configuration, rules=rules))
    hear(database, replace(ledger, running=lambda: changed), lost())
    with database.reading() as session:
        assert session.exec(select(Callback.prio)).all() == [1 + credit]


def test_a_repeat_call_joins_the_open_ticket_of_the_day(database: Database, ledger: Ledger) -> None:
    hear(database, ledger, answered("hl1-1.3"), answered("hl1-1.4", second=600))
    with database.reading() as session:
        tickets = session.exec(select(Ticket)).all()
        relations = {link.call_id: link.relation for link in session.exec(select(CallTicket)).all()}
        assert len(tickets) == 1
        assert relations == {"hl1-1.3": "made", "hl1-1.4": "linked"}


def test_a_key_gives_the_category_where_the_rules_are_silent(database: Database, ledger: Ledger) -> None:
    walked = event(
        EventKind.MENU_WALKED, 6, EventSource.AGI, "hl1-1.2", path="x/y", version="v", category="heating"
    )
    hear(database, ledger, [walked, *answered()])
    with database.reading() as session:
        assert session.exec(select(Ticket)).one().category_code == "heating"


def _debts(database: Database) -> tuple[list[tuple[str, str | None]], list[tuple[str, str]]]:
    with database.reading() as session:
        owed = [(callback.state, callback.closing_code) for callback in session.exec(select(Callback)).all()]
        refused = [
            (refusal.call_id, refusal.reason) for refusal in session.exec(select(CallbackRefusal)).all()
        ]
    return owed, refused


def test_who_stayed_past_the_greeting_is_owed_whichever_leg_writes_first(
    database: Database, ledger: Ledger
) -> None:
    """Both AGI legs of a caller who hangs up in the key wait write at the same moment, each in its own transaction."""
    for n, order in enumerate(itertools.permutations(range(4))):
        call = f"hl1-9{n}.1"
        caller = f"1390000{n:04}"
        walked = [
            event(
                EventKind.ARRIVED,
                0,
                EventSource.AGI,
                call,
                caller=caller,
                number_called="12345",
                trunk="t",
                prio="1",
            ),
            event(EventKind.GREETED, 8, EventSource.AGI, call),
            event(EventKind.MENU_WALKED, 11, EventSource.AGI, call, path="main/choose", version="v"),
        ]
        batches = [
            walked,
            [event(EventKind.ENDED, 12, EventSource.AGI, call, cause="16", by="citizen")],
            [arrived(call, caller=caller)],
            [event(EventKind.ENDED, 12, call=call, cause="16", by="citizen")],
        ]
        hear(database, ledger, *[batches[i] for i in order])
    owed, refused = _debts(database)
    assert refused == []
    assert len(owed) == 24


def test_who_hangs_up_where_a_blocklist_led_him_is_not_rung_back(
    database: Database, ledger: Ledger, tmp_path: Path
) -> None:
    shutil.copytree(defaults_door.shipped(), tmp_path / "config")
    numbers = tmp_path / "config" / "hotline.yaml"
    numbers.write_text(
        numbers.read_text("utf-8").replace("menu: main ", "menu: examples/with_lists ", 1), "utf-8"
    )
    configuration, problems = check(tmp_path / "config")
    assert configuration is not None, problems
    walked_in = replace(ledger.running(), configuration=configuration)
    now_blocking = replace(walked_in, configuration=replace(configuration, version="now"))
    earlier = {"v": walked_in, "before": ledger.running()}
    blocking = replace(ledger, running=lambda: now_blocking, earlier=earlier.get)
    for call, caller, path, version in (
        ("hl1-1.1", "13900000001", "greeting/who/turned_away", "v"),
        ("hl1-1.2", "13900000002", "greeting/who", "v"),
        ("hl1-1.3", "13900000003", "greeting/who/turned_away", "now"),
        # in the set that they walked in the same names led others, or nobody knows it any more
        ("hl1-1.4", "13900000004", "greeting/who/turned_away", "before"),
        ("hl1-1.5", "13900000005", "greeting/who/turned_away", "forgotten"),
    ):
        walked = f"examples/with_lists/{path}"
        told = [
            arrived(call, caller=caller),
            event(EventKind.GREETED, 8, EventSource.AGI, call),
            event(EventKind.MENU_WALKED, 11, EventSource.AGI, call, path=walked, version=version),
            event(EventKind.ENDED, 12, call=call, cause="16", by="citizen"),
        ]
        hear(database, blocking, told)
    owed, refused = _debts(database)
    assert owed == [("owed", None)] * 3
    assert sorted(refused) == [("hl1-1.1", "turned_away"), ("hl1-1.3", "turned_away")]


def test_a_late_listener_closes_the_debt_of_who_was_answered(database: Database, ledger: Ledger) -> None:
    hear(database, ledger, lost())
    events = answered(second=100)
    told_by_agi = [
        event(
            EventKind.ARRIVED,
            100,
            EventSource.AGI,
            "hl1-1.2",
            caller=CITIZEN,
            number_called="12345",
            trunk="t",
            prio="1",
        ),
        event(
            EventKind.ENDED, 160, EventSource.AGI, "hl1-1.2", status="CONTINUE", agent="1001", queue="general"
        ),
    ]
    hear(database, ledger, told_by_agi)
    for one in events:  # the worker was down; now it reads the log, line by line
        hear(database, ledger, [one])
    assert _debts(database) == ([("closed", "resolved_by_inbound")], [])


def test_the_next_call_of_a_switchboard_is_another_matter(database: Database, ledger: Ledger) -> None:
    """As shipped a repeated call joins the open ticket of its day; behind a switchboard it is another person's."""
    running = ledger.running()
    hear(database, ledger, answered("hl1-1.2"), answered("hl1-2.2", 1000))
    lines = running.configuration.lines.model_copy(update={"switchboards": [CITIZEN]})
    known = replace(running, configuration=replace(running.configuration, lines=lines))
    hear(database, replace(ledger, running=lambda: known), answered("hl1-3.2", 2000))
    with database.reading() as session:
        ties = session.exec(
            select(CallTicket.call_id, CallTicket.relation).order_by(CallTicket.call_id)
        ).all()
    assert ties == [("hl1-1.2", "made"), ("hl1-2.2", "linked"), ("hl1-3.2", "made")]


def test_a_switchboards_call_that_was_answered_after_all_is_owed_nothing(
    database: Database, ledger: Ledger
) -> None:
    running = ledger.running()
    lines = running.configuration.lines.model_copy(update={"switchboards": [CITIZEN]})
    known = replace(running, configuration=replace(running.configuration, lines=lines))
    ledger = replace(ledger, running=lambda: known)
    call, other = "hl1-1.2", "hl1-2.2"
    arrival, queued, _, ended = lost(call)
    hear(database, ledger, lost(other, 1000), [arrival, queued, ended])
    with database.reading() as session:
        assert session.exec(select(Callback.state)).all() == ["owed", "owed"]
    hear(database, ledger, answered(call)[2:])  # read late
    with database.reading() as session:
        ends = session.exec(select(Callback.first_call_id, Callback.closing_code)).all()
    assert sorted(ends) == [(call, "resolved_by_inbound"), (other, None)]
