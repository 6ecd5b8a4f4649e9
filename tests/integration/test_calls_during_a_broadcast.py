"""A call during an emergency message carries its name, in whatever order the accounts of the call come in."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, timedelta

import pytest
from sqlmodel import Session, select
from support.web_hotline import MORNING, WebHotline

from hotline.accounts import Role
from ivr.calls.ledger import Ledger
from ivr.config_files.running import Running
from ivr.telephony.queue_log import LogLine, to_events
from routing.rules import RoutingRules
from tickets.call_events import Event, EventKind, EventSource
from tickets.call_records import CallRecord
from tickets.tickets import Ticket

CALL = "hl1-1772416800.7"
RULES = RoutingRules.model_validate(
    {
        "rules": [
            {"id": "storm", "when": {"broadcast": "storm"}, "then": {"category": "city_management"}},
            {"id": "otherwise", "then": {"category": "general"}},
        ]
    }
)


def agi(kind: EventKind, **data: str) -> Event:
    return Event(CALL, kind, EventSource.AGI, MORNING, 0, data, f"agi:{CALL}:{kind}")


def told(offset: int, text: str) -> list[Event]:
    return to_events(LogLine("f", offset, text))


@contextmanager
def ruled(web: WebHotline) -> Iterator[Ledger]:
    known = {**vars(web.configuration), "rules": RULES}
    running = Running(type(web.configuration)(**known), web.hotline.running.prompts, False)
    yield Ledger(lambda: running, web.hotline.sealer, UTC)


def record_and_ticket(session: Session) -> tuple[str | None, list[str | None]]:
    record = session.get_one(CallRecord, CALL)
    return record.broadcast, [ticket.category_code for ticket in session.exec(select(Ticket))]


def account(walked: Event | None) -> list[list[Event]]:
    """What is heard of one answered call; `walked` None: our server wrote nothing down, the last line tells it."""
    at = int(MORNING.timestamp())
    tail = "" if walked else "main/greeting/person|v1|||1772416802.000000|storm"
    return [
        told(1, f"{at}|{CALL}|NONE|NONE|HOTLINE_ARRIVED|13800138000|12345|test-loopback|5"),
        [walked] if walked else [],
        told(2, f"{at + 3}|{CALL}|q-general|NONE|ENTERQUEUE||13800138000|1"),
        told(3, f"{at + 4}|{CALL}|q-general|1001|CONNECT|1|x|1"),
        told(4, f"{at + 9}|{CALL}|q-general|1001|COMPLETECALLER|1|5|1"),
        told(5, f"{at + 9}|{CALL}|q-general|NONE|HOTLINE_END|CONTINUE||1001|16|citizen|{tail}"),
    ]


WALKED = agi(EventKind.MENU_WALKED, path="main/greeting/person", version="v1", broadcast="storm")


@pytest.mark.parametrize("walked", [WALKED, None], ids=["told by our server", "told by queue_log alone"])
def test_the_tag_is_known_in_whatever_order_and_however_often(web: WebHotline, walked: Event | None) -> None:
    pieces = [piece for piece in account(walked) if piece]
    orders = list(itertools.permutations(range(len(pieces))))
    for order in [orders[0], orders[-1], *orders[7 : len(orders) : len(orders) // 6]]:
        with ruled(web) as ledger, web.database.writing() as session:
            for place in (*order, *order):
                ledger.hear(session, pieces[place], MORNING + timedelta(minutes=1))
            broadcast, categories = record_and_ticket(session)
            assert (broadcast, categories) == ("storm", ["city_management"]), order
            session.rollback()


def test_a_tag_learnt_late_puts_the_ticket_right(web: WebHotline) -> None:
    pieces = account(WALKED)
    with ruled(web) as ledger, web.database.writing() as session:
        for piece in [*pieces[:1], *pieces[2:]]:
            ledger.hear(session, piece, MORNING + timedelta(minutes=1))
        assert record_and_ticket(session) == (None, ["general"])
        ledger.hear(session, pieces[1], MORNING + timedelta(minutes=2))
        assert record_and_ticket(session)[0] == "storm"


def test_a_call_without_one_has_no_tag(web: WebHotline) -> None:
    web.call("hl1-1.1", agent_no="1001")
    shown = web.client(Role.SHIFT_LEADER).get("/api/calls/hl1-1.1").json()
    assert shown["broadcast"] is None
