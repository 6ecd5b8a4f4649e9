"""An emergency message: who may switch it on, how it ends, what stays known of it, and which calls carry its name."""

import itertools
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col, select
from support.command_line import run_command
from support.web_hotline import MORNING, Api, WebHotline

from hotline import broadcast_door, defaults_door
from hotline.accounts import Role, all_tokens, revoke_token
from hotline.broadcast_cli import end_of
from hotline.web.audit import AuditEntry
from ivr.calls.broadcast_codes import LeadersPhones, NotAShiftLeader
from ivr.calls.broadcasts import BadBroadcast, Broadcast, Wanted, planned
from ivr.calls.broadcasts_meanwhile import Meanwhile, Switched
from ivr.calls.ledger import Ledger
from ivr.config_files.running import Running
from ivr.lines import FeatureCodes
from ivr.telephony.queue_log import LogLine, to_events
from routing.rules import RoutingRules
from tickets.call_events import Event, EventKind, EventSource
from tickets.call_records import CallRecord
from tickets.tickets import Ticket

needs_voice = pytest.mark.usefixtures("a_voice")


@pytest.fixture
def a_voice() -> None:
    assert shutil.which("espeak-ng"), "scripts/setup.sh brings it"


@pytest.fixture
def leader(web: WebHotline) -> Api:
    return web.client(Role.SHIFT_LEADER)


def on_names(client: Api, **filters: str) -> list[str]:
    return [one["name"] for one in client.get("/api/broadcasts", **filters).json()["items"]]


def test_a_shift_leader_switches_a_prepared_message_on_and_off(web: WebHotline, leader: Api) -> None:
    answer = leader.post("/api/broadcasts", {"name": "storm"})
    assert answer.status_code == 201, answer.text
    on = answer.json()
    assert (on["name"], on["numbers"], on["say"], on["is_on"], on["is_played"]) == (
        "storm",
        None,
        None,
        True,
        True,
    )
    assert datetime.fromisoformat(on["until"]) == MORNING + timedelta(minutes=180), "as broadcasts.yaml says"
    assert (on["started_by"], on["is_long"]) == ("shift_leader test shift_leader", False)
    assert on["seconds"] > 5
    agent = web.client(Role.AGENT, "1001")
    assert on_names(agent) == ["storm"]
    assert [one["name"] for one in agent.get("/api/broadcasts").json()["ready"]] == [
        "storm",
        "heating_outage",
    ]
    assert 'hotline_broadcast_on{name="storm"} 1.0' in web.client().get("/metrics").text

    web.clock += timedelta(minutes=5)
    off = leader.request("DELETE", f"/api/broadcasts/{on['id']}").json()
    assert (off["is_on"], off["ended_by"]) == (False, "shift_leader test shift_leader")
    web.clock += timedelta(minutes=5)
    again = leader.request("DELETE", f"/api/broadcasts/{on['id']}")
    assert again.json() == off, "said twice it changes nothing"
    assert on_names(leader) == []
    assert on_names(leader, which="all") == ["storm"]
    metrics = web.client().get("/metrics").text
    assert all(f'hotline_broadcast_on{{name="{name}"}} 0.0' in metrics for name in ("storm", "spoken"))
    with web.database.reading() as session:
        audited = [
            (one.action, one.subject, one.reason)
            for one in session.exec(select(AuditEntry).order_by(col(AuditEntry.id)))
        ]
    subject = f"broadcast {on['id']}"
    assert audited == [("broadcast_on", subject, "storm"), ("broadcast_off", subject, "storm")]


def test_nobody_below_a_shift_leader_switches(web: WebHotline, leader: Api) -> None:
    agent = web.client(Role.AGENT, "1001")
    assert agent.post("/api/broadcasts", {"name": "storm"}).status_code == 403
    assert web.client().get("/api/broadcasts").status_code == 401
    on = leader.post("/api/broadcasts", {"name": "storm"}).json()
    assert agent.request("DELETE", f"/api/broadcasts/{on['id']}").status_code == 403
    assert on_names(agent) == ["storm"]
    assert web.client(Role.ADMIN).request("DELETE", f"/api/broadcasts/{on['id']}").status_code == 200


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({}, "nothing is said"),
        ({"name": "strom"}, 'no broadcast "strom" in broadcasts.yaml. Did you mean "storm"?'),
        ({"name": "storm", "numbers": ["12346"]}, 'no number "12346"'),
        ({"name": "storm", "until": "2026-03-02T02:00:00Z"}, "it would be over already"),
        ({"name": "storm", "until": "2026-03-03T02:00:01Z"}, "for more than 1440 minutes"),
        ({"say": "☎"}, "cannot be spoken"),
        ({"say": " "}, "has no words"),
        ({"say": "水" * 601}, "has 601 characters"),
    ],
)
def test_what_cannot_be_switched_on_is_told_and_nothing_is_on(
    leader: Api, asked: dict[str, str], words: str
) -> None:
    answer = leader.post("/api/broadcasts", asked)
    assert answer.status_code == 422
    assert words in answer.json()["detail"], answer.text
    assert answer.json()["remedy"]
    assert on_names(leader) == []


def test_a_number_for_emergencies_has_no_broadcast(web: WebHotline) -> None:
    lines = web.configuration.lines
    urgent = lines.numbers[0].model_copy(update={"is_emergency": True})
    marked = lines.model_copy(update={"numbers": [urgent, *lines.numbers[1:]]})
    known = type(web.configuration)(**{**vars(web.configuration), "lines": marked})
    with pytest.raises(BadBroadcast, match="callers of 12345 hear none: it is for emergencies"):
        planned(known, Wanted("storm", numbers=("12319", "12345")), "x", MORNING)
    assert planned(known, Wanted("storm"), "x", MORNING).numbers is None, "the others hear it"


def test_a_slip_in_the_request_is_refused(leader: Api) -> None:
    assert leader.post("/api/broadcasts", {"name": "storm", "untill": "x"}).status_code == 422
    assert leader.post("/api/broadcasts", {"name": "storm", "numbers": []}).status_code == 422
    assert (
        leader.request("DELETE", "/api/broadcasts/77").json()["type"]
        == "urn:hotline:problem:no_such_broadcast"
    )


@needs_voice
def test_what_is_said_is_spoken_when_it_is_switched_on(web: WebHotline, leader: Api) -> None:
    on = leader.post(
        "/api/broadcasts", {"say": "城东停水，今晚8点前恢复。", "numbers": ["12319", "12319"]}
    ).json()
    assert (on["name"], on["numbers"]) == ("spoken", ["12319"])
    assert datetime.fromisoformat(on["until"]) == MORNING + timedelta(minutes=120)
    (sound,) = (web.hotline.settings.prompts_dir / "broadcasts").glob("*.wav")
    board = broadcast_door.board_of(web.hotline)
    board.refresh()
    on_air, library = board.for_call("12319", web.hotline.running, web.clock)
    assert on_air is not None
    assert library.paths["zh", on_air.prompts[0]] == sound
    assert abs(library.length(on_air.prompts[0], "zh") - on["seconds"]) < 0.1
    assert board.for_call("12345", web.hotline.running, web.clock)[0] is None
    long = leader.post("/api/broadcasts", {"name": "storm", "say": "请避开积水路段，" * 20}).json()
    assert (long["name"], long["is_long"]) == ("storm", True)


def test_it_ends_by_itself(web: WebHotline, leader: Api) -> None:
    leader.post("/api/broadcasts", {"name": "storm"})
    web.clock += timedelta(minutes=180)
    assert on_names(leader) == []
    (over,) = leader.get("/api/broadcasts", which="all").json()["items"]
    assert (over["is_on"], over["ended_at"]) == (False, None)


def phones(web: WebHotline, codes: FeatureCodes | None = None) -> LeadersPhones:
    running = web.hotline.running
    if codes is not None:
        lines = running.configuration.lines.model_copy(update={"feature_codes": codes})
        known = {**vars(running.configuration), "lines": lines}
        running = Running(type(running.configuration)(**known), running.prompts, False)
    return LeadersPhones(
        lambda: running,
        web.database.writing,
        lambda session, agent_no: broadcast_door.leads(web.hotline, session, agent_no),
        lambda: web.clock,
    )


def test_only_a_shift_leaders_phone_switches(web: WebHotline, leader: Api) -> None:
    desk = phones(web)
    web.token(Role.AGENT, "1001")
    web.token(Role.SHIFT_LEADER)  # for nobody's phone
    with pytest.raises(NotAShiftLeader):
        desk.dial("*201", "1001")
    web.token(Role.SHIFT_LEADER, "1001", MORNING + timedelta(hours=8))
    assert desk.dial("*202", "1001") == "broadcast_on"
    assert desk.dial("*201", "1001") == "broadcast_on"
    assert on_names(leader) == ["storm", "heating_outage"]
    with pytest.raises(NotAShiftLeader):
        desk.dial("*21", "1002")
    assert desk.dial("*21", "1001") == "broadcast_off"
    assert on_names(leader) == []
    web.clock += timedelta(hours=8)
    with pytest.raises(NotAShiftLeader):
        desk.dial("*201", "1001")


def test_a_revoked_token_leads_no_shift(web: WebHotline) -> None:
    web.token(Role.SHIFT_LEADER, "1001")
    with web.database.writing() as session:
        (token,) = [token for token, _ in all_tokens(session) if token.agent_no == "1001"]
        revoke_token(session, token.id or 0)
    with pytest.raises(NotAShiftLeader):
        phones(web).dial("*21", "1001")


@pytest.mark.parametrize("code", ["*20", "*200", "*203", "*20x", "*201234"])
def test_a_slip_on_the_phone_switches_nothing_on(web: WebHotline, leader: Api, code: str) -> None:
    web.token(Role.SHIFT_LEADER, "1001")
    with pytest.raises(BadBroadcast):
        phones(web).dial(code, "1001")
    assert on_names(leader) == []


def test_codes_that_are_not_these_are_the_agents_own(web: WebHotline) -> None:
    for code in ("*10", "*11", "*12", "*122", "*13"):
        assert phones(web).dial(code, "1001") is None
    for code in ("*201", "*21"):
        assert phones(web, FeatureCodes()).dial(code, "1001") is None, "without codes no phone switches"
    own = FeatureCodes(pause="*2", broadcast_on="*20", broadcast_off="*21")
    assert phones(web, own).dial("*2", "1001") is None
    own = FeatureCodes(pause="*12", broadcast_on="*1", broadcast_off="*9")
    assert phones(web, own).dial("*121", "1001") is None, "a pause with its first reason"


# --- calls during it ---


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


# --- the end, as a person types it ---

ZONE = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("until", "lasting", "minutes"),
    [
        (None, "2h", 120),
        (None, "90m", 90),
        (None, "90", 90),
        (None, "1h30m", 90),
        ("10:30", None, 30),
        ("09:59", None, 23 * 60 + 59),
        ("24:00", None, 14 * 60),
        ("0:00", None, 14 * 60),
    ],
)
def test_the_end_is_read_as_people_write_it(until: str | None, lasting: str | None, minutes: int) -> None:
    assert end_of(until, lasting, MORNING, ZONE) == MORNING + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("until", "lasting"),
    [
        ("18:00", "2h"),
        ("25:00", None),
        ("24:30", None),
        ("6pm", None),
        (None, ""),
        (None, "0h"),
        (None, "soon"),
    ],
)
def test_an_end_that_is_none_is_refused(until: str | None, lasting: str | None) -> None:
    with pytest.raises(BadBroadcast):
        end_of(until, lasting, MORNING, ZONE)


def test_without_words_for_it_the_end_is_left_to_the_file() -> None:
    assert end_of(None, None, MORNING, ZONE) is None


def test_the_row_says_whether_it_is_on() -> None:
    row = Broadcast(name="storm", started_at=MORNING, started_by="x", until=MORNING + timedelta(minutes=1))
    assert [row.is_on(MORNING + timedelta(seconds=n)) for n in (0, 59, 60)] == [True, True, False]
    row.ended_at = MORNING
    assert not row.is_on(MORNING)


# --- switched while the database is away ---


def test_what_was_switched_without_the_database_is_entered_when_it_is_back(
    web: WebHotline, leader: Api
) -> None:
    on = leader.post("/api/broadcasts", {"name": "heating_outage"}).json()
    waiting = broadcast_door.meanwhile(web.hotline.settings)
    until = MORNING + timedelta(hours=2)
    waiting.note(Switched(MORNING + timedelta(seconds=1), "command line li", "storm", until))
    waiting.note(Switched(MORNING + timedelta(seconds=2), "command line li", str(on["id"])))
    waiting.note(
        Switched(MORNING + timedelta(seconds=3), "command line li", "spoken", until, "停水。", ("12319",))
    )
    web.clock += timedelta(minutes=1)
    board = broadcast_door.board_of(web.hotline)
    board.refresh()
    assert waiting.noted() == ()
    assert board.names(web.clock) == ["spoken", "storm"]
    first, second, third = leader.get("/api/broadcasts", which="all").json()["items"]
    assert (first["name"], first["say"], first["numbers"], first["is_on"]) == (
        "spoken",
        "停水。",
        ["12319"],
        True,
    )
    assert (second["name"], second["started_by"], second["is_on"]) == ("storm", "command line li", True)
    assert datetime.fromisoformat(second["started_at"]) == MORNING + timedelta(seconds=1)
    assert (third["ended_by"], third["is_on"]) == ("command line li", False)


def test_what_a_process_entered_before_it_died_is_not_entered_again(web: WebHotline, leader: Api) -> None:
    waiting = broadcast_door.meanwhile(web.hotline.settings)
    waiting.note(Switched(MORNING, "x", "storm", MORNING + timedelta(hours=2)))
    waiting.note(
        Switched(MORNING + timedelta(seconds=1), "x", "heating_outage", MORNING + timedelta(hours=2))
    )
    waiting.note(Switched(MORNING + timedelta(seconds=2), "x", "heating_outage"))
    written = (waiting.folder / "switched.json").read_bytes()
    waiting.enter(web.database.writing)
    web.clock += timedelta(minutes=1)
    leader.post("/api/broadcasts", {"name": "heating_outage"})
    (waiting.folder / "switched.json").write_bytes(written)
    waiting.enter(web.database.writing)
    assert on_names(leader) == ["heating_outage", "storm"]
    assert on_names(leader, which="all") == ["heating_outage", "heating_outage", "storm"]


def test_while_the_table_cannot_be_written_the_notes_stay(web: WebHotline) -> None:
    waiting = broadcast_door.meanwhile(web.hotline.settings)
    waiting.note(Switched(MORNING, "x", "storm", MORNING + timedelta(hours=2)))

    @contextmanager
    def away() -> Iterator[Session]:
        raise OperationalError("BEGIN", None, Exception("gone"))
        yield

    with pytest.raises(OperationalError):
        waiting.enter(away)
    assert [one.name for one in waiting.noted()] == ["storm"]


def test_the_command_switches_without_the_database(tmp_path: Path) -> None:
    home = tmp_path / "home"
    defaults_door.lay_out(home / "config")
    variables = {"HOTLINE_HOME": str(home)}
    away = variables | {"HOTLINE_DATABASE_URL": f"postgresql+psycopg://nobody@/x?host={tmp_path}/nowhere"}
    before = run_command(["broadcast", "on", "storm"], away)
    assert before.returncode != 0, "no server ever ran here"
    (home / "published").mkdir()
    on = run_command(["broadcast", "on", "storm", "--for", "2h"], away)
    assert on.returncode == 0, on.stderr
    assert "the database cannot be reached" in on.stdout
    assert "on: storm, until" in on.stdout
    wrong = run_command(["broadcast", "on", "strom"], away)
    assert (wrong.returncode != 0, 'Did you mean "storm"' in wrong.stderr) == (True, True)
    off = run_command(["broadcast", "off", "storm"], away)
    assert "off: storm. This machine's servers" in off.stdout
    noted = Meanwhile(home / "broadcasts_meanwhile").noted()
    assert [(one.name, one.until is None) for one in noted] == [("storm", False), ("storm", True)]
    assert noted[0].by.startswith("command line")
