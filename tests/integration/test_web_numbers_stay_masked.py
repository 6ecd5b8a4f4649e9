"""No endpoint but the audited reveal shows a whole number, whoever asks and whatever is asked."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from support.claiming import claim_first
from support.web_hotline import MORNING, WebHotline, open_hotline

from hotline.accounts import Role
from hotline.database import Database
from hotline.web.access import ACCESS
from tickets.call_events import Event, EventKind, EventSource, append

MOBILE, LANDLINE, FOREIGN, OUTSIDE = "13812345678", "03557654321", "+14155550123", "13787654321"
# The ends of the numbers behind the area or country code: no writing of a number hides them
TELLING = ("12345678", "38123456", "7654321", "5550123", "41555501", "87654321")


@pytest.fixture
def web(database: Database, tmp_path: Path) -> Iterator[WebHotline]:
    with open_hotline(database, tmp_path) as hotline:
        for n, number in enumerate((MOBILE, LANDLINE, FOREIGN)):
            hotline.call(f"hl1-1.{n}", after=timedelta(minutes=n), number=number, agent_no="1001")
            hotline.draft(f"hl1-1.{n}")
        hotline.call("hl1-2.1", after=timedelta(minutes=7), number=MOBILE, wait=60)
        hotline.call("hl1-2.2", after=timedelta(minutes=8), number=LANDLINE, wait=60)
        hotline.owe("hl1-2.1")
        hotline.owe("hl1-2.2")
        with hotline.database.writing() as session:
            claim_first(session, "w", MORNING + timedelta(hours=1), hotline.configuration.callbacks, 1)
            append(session, [_transfer("hl1-1.0"), _strange("hl1-1.0")])
        yield hotline


def _transfer(call_id: str) -> Event:
    data = {"kind": "blind", "to": OUTSIDE}
    return Event(call_id, EventKind.TRANSFERRED, EventSource.QUEUE_LOG, MORNING, 9, data, "t")


def _strange(call_id: str) -> Event:
    """A field that nobody foresaw is not shown."""
    return Event(call_id, EventKind.TOOK_NUMBER, EventSource.AGI, MORNING, 9, {"unforeseen": OUTSIDE}, "u")


def test_no_answer_holds_a_whole_number(web: WebHotline) -> None:
    answers = []
    for client in (web.client(Role.AGENT, "1001"), web.client(Role.ADMIN)):
        for method, path in ACCESS:
            if method != "GET":
                continue
            for call_id, number in (("hl1-1.0", "1"), ("hl1-1.1", "2"), ("hl1-1.2", "3"), ("hl1-2.1", "1")):
                ids = {"call_id": call_id, "ticket_id": number, "callback_id": "1", "agent_no": "1001"}
                answers.append((path, client.get(path.format(**ids, name="general")).text))
        for body in ({"version": 1}, {"version": 1, "state": "closed"}, {"version": 1, "title": "x"}):
            answers.append(("PATCH", client.patch("/api/tickets/1", body).text))
        for number in (MOBILE, LANDLINE, FOREIGN):
            for room in ("calls", "tickets", "callbacks"):
                answers.append((room, client.get(f"/api/{room}", number=number).text))
                answers.append((room, client.get(f"/api/{room}", number=number, limit="many").text))
                answers.append((room, client.get(f"/api/{room}", cursor=number).text))
    for path, told in answers:
        assert not [part for part in TELLING if part in told], (path, told)
    together = "".join(told for _, told in answers)
    for masked in ("138****5678", "0355****21", "+1*****23", "137****4321"):
        assert masked in together


def test_only_the_reveal_shows_it(web: WebHotline) -> None:
    client = web.client(Role.SHIFT_LEADER)
    for n, dialled in enumerate((MOBILE, LANDLINE, "0014155550123")):
        answer = client.post(f"/api/calls/hl1-1.{n}/reveal", {"reason": "the citizen asked"})
        assert answer.json()["number"] == dialled
