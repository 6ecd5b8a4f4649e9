"""A message that a caller left: found when his call is over, whoever hears of that, made a ticket, told to whom may hear it."""

import hashlib
import stat
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, col, select
from support.call_teller import Teller
from support.filled_home import FilledHome
from support.ringing_back import LOST, RingingBack
from support.spoken import say, words
from support.web_hotline import CITIZEN, MORNING, WebHotline

from hotline import backup
from hotline.accounts import Role
from hotline.bootstrap import voicemails
from hotline.web.audit import AuditEntry
from ivr.calls.ledger import Ledger
from missed_call_redial.callbacks import Callback
from tickets.call_events import Event, EventKind
from tickets.call_records import CallRecord
from tickets.tickets import Ticket
from vocabulary.hotline_names import IVR_SERVED

CALL = "hl1-1767578400.1"


@dataclass
class Told:
    """What is known of calls, told to the ledger of a web hotline."""

    web: WebHotline

    def __post_init__(self) -> None:
        hotline = self.web.hotline
        self.voicemails = voicemails(hotline)
        self.ledger = Ledger(lambda: hotline.running, hotline.sealer, hotline.settings.zone, self.voicemails)

    def speaks(self, seconds: float, call_id: str = CALL) -> Path:
        take = self.voicemails.new_take(call_id, 3, 120)
        if seconds:
            say(take, seconds)
        return take

    def hear(self, *events: Event) -> None:
        with self.web.database.writing() as session:
            self.ledger.hear(session, events, self.web.clock)

    def one_by_one(self, teller: Teller) -> None:
        for event in teller.events:
            self.hear(event)

    def debts(self) -> list[Callback]:
        with self.web.database.reading() as session:
            return list(session.exec(select(Callback)))

    def tickets(self) -> list[Ticket]:
        with self.web.database.reading() as session:
            return list(session.exec(select(Ticket)))


@pytest.fixture
def told(web: WebHotline) -> Told:
    return Told(web)


def hangs_up(after: float = 20, *, is_server_up: bool = True, **data: str) -> Teller:
    return (
        Teller(CALL, MORNING)
        .arrives(is_server_up=is_server_up)
        .ends(after, is_server_up=is_server_up, **data)
    )


def record_of(session: Session) -> CallRecord:
    return session.exec(select(CallRecord)).one()


@pytest.mark.parametrize("is_server_up", [True, False])
def test_a_message_becomes_a_ticket_and_no_debt(told: Told, is_server_up: bool) -> None:
    """With our server dead queue_log alone tells of the call, and the message is found all the same."""
    take = told.speaks(7.5)
    story = hangs_up(is_server_up=is_server_up)
    told.one_by_one(story)
    told.one_by_one(story)  # hearing it again changes nothing
    with told.web.database.reading() as session:
        record = record_of(session)
        assert (record.outcome, record.voicemail_seconds, record.has_voicemail) == ("voicemail", 7.5, True)
        assert record.voicemail_sha256 == hashlib.sha256(take.read_bytes()).hexdigest()
        assert record.voicemail_at is not None
        events = record.call_id
    assert events == CALL
    assert told.debts() == []
    (ticket,) = told.tickets()
    assert ticket.title == "语音留言 138****8000"
    assert "留言 8 秒" in ticket.text
    assert f"/api/calls/{CALL}/voicemail" in ticket.text


def test_a_call_is_never_lost_first_and_a_voicemail_later(told: Told) -> None:
    """The first word of the end finds the message in its own transaction."""
    told.speaks(5)
    arrived, *_, logged, _ = hangs_up().events
    told.hear(arrived)
    told.hear(logged)
    assert told.debts() == []
    with told.web.database.reading() as session:
        assert record_of(session).outcome == "voicemail"


@pytest.mark.parametrize("seconds", [0, 2.5])
def test_who_says_nothing_or_too_little_is_rung_back(told: Told, seconds: float) -> None:
    told.speaks(seconds)
    told.one_by_one(hangs_up())
    with told.web.database.reading() as session:
        record = record_of(session)
        assert (record.outcome, record.has_voicemail) == ("voicemail_no_message", False)
        assert record.disposition == "lost"
    assert [debt.state for debt in told.debts()] == ["owed"]
    assert told.tickets() == []


def test_who_never_came_to_the_recorder_has_no_message(told: Told) -> None:
    told.one_by_one(hangs_up())
    with told.web.database.reading() as session:
        assert record_of(session).outcome == "ivr_abandon"


def test_who_goes_on_to_the_queue_and_gives_up_is_rung_back_and_his_message_stays(told: Told) -> None:
    """So it is when our server dies while he speaks: he is led to the queue when he has ended."""
    told.speaks(6)
    story = Teller(CALL, MORNING).arrives(is_server_up=False).queues(20)
    story.log(41, EventKind.ABANDONED, position="1", wait="20").ends(41, is_server_up=False, abandoned="TRUE")
    told.one_by_one(story)
    with told.web.database.reading() as session:
        record = record_of(session)
        assert (record.outcome, record.voicemail_seconds) == ("queue_abandon", 6)
    assert len(told.debts()) == 1


def test_what_is_there_when_asterisk_dies_is_kept(told: Told) -> None:
    take = told.speaks(0)
    whole = words(6)
    take.write_bytes(whole[:40] + bytes(4) + whole[44:])
    told.one_by_one(Teller(CALL, MORNING).arrives().log(60, EventKind.SWITCH_RESTARTED))
    with told.web.database.reading() as session:
        record = record_of(session)
        assert (record.outcome, record.voicemail_seconds) == ("system_loss", 6)
    assert take.read_bytes() == whole


def test_a_folder_that_cannot_be_read_does_not_stop_the_account(told: Told) -> None:
    take = told.speaks(6)
    take.unlink()
    take.mkdir()
    told.one_by_one(hangs_up())
    with told.web.database.reading() as session:
        assert record_of(session).outcome == "ivr_abandon"


class TestListening:
    @pytest.fixture
    def left(self, told: Told) -> bytes:
        """What lies on the disk."""
        take = told.speaks(6)
        told.one_by_one(hangs_up(25, status=IVR_SERVED))
        return take.read_bytes()

    def test_the_calls_json_says_that_there_is_one(self, web: WebHotline, left: bytes) -> None:
        web.call("hl1-1.9", agent_no="1001", number="13900139000", after=timedelta(minutes=9))
        calls = web.client(Role.AGENT, "1001").get("/api/calls").json()["items"]
        told = {call["call_id"]: (call["has_voicemail"], call["voicemail_seconds"]) for call in calls}
        assert told == {"hl1-1.9": (False, None), CALL: (True, 6.0)}
        shown = web.client(Role.ADMIN).get(f"/api/calls/{CALL}")
        found = [one["data"] for one in shown.json()["timeline"] if one["kind"] == "voicemail"]
        assert found == [{"seconds": "6"}]
        assert hashlib.sha256(left).hexdigest() not in shown.text

    @pytest.mark.parametrize(("role", "agent_no"), [(Role.AGENT, "1001"), (Role.SHIFT_LEADER, None)])
    def test_it_is_heard_and_the_audit_says_by_whom(
        self, web: WebHotline, left: bytes, role: Role, agent_no: str | None
    ) -> None:
        answer = web.client(role, agent_no).get(f"/api/calls/{CALL}/voicemail")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/wav")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.content == left
        with web.database.reading() as session:
            entry = session.exec(select(AuditEntry).order_by(col(AuditEntry.id).desc())).first()
        assert entry is not None
        assert (entry.action, entry.subject, entry.reason) == ("voicemail_heard", f"call {CALL}", "6 s")
        assert (entry.role, entry.agent_no) == (role, agent_no)

    def test_nobody_hears_it_without_a_token(self, web: WebHotline, left: bytes) -> None:
        assert web.client().get(f"/api/calls/{CALL}/voicemail").status_code == 401

    def test_an_agent_does_not_hear_what_another_may_not_even_read(
        self, web: WebHotline, told: Told, left: bytes
    ) -> None:
        (ticket,) = told.tickets()
        leader = web.client(Role.SHIFT_LEADER)
        assert (
            leader.patch(
                f"/api/tickets/{ticket.id}", {"is_confidential": True, "version": ticket.version}
            ).status_code
            == 200
        )
        answer = web.client(Role.AGENT, "1001").get(f"/api/calls/{CALL}/voicemail")
        assert answer.status_code == 403
        assert leader.get(f"/api/calls/{CALL}/voicemail").status_code == 200

    def test_an_answered_callers_message_is_his_agents(self, web: WebHotline) -> None:
        """What he said there is heard by whom a change of the call is open to, and by who works on its ticket."""
        call_id = "hl1-1767578400.9"
        web.call(call_id, agent_no="1001")
        web.message(call_id)
        ticket_id = web.draft(call_id)

        def heard(role: Role, agent_no: str | None) -> int:
            return web.client(role, agent_no).get(f"/api/calls/{call_id}/voicemail").status_code

        assert [heard(Role.AGENT, agent_no) for agent_no in ("1001", "1002")] == [200, 403]
        assert [heard(role, None) for role in (Role.SHIFT_LEADER, Role.ADMIN)] == [200, 200]
        with web.database.reading() as session:
            audited = session.exec(
                select(AuditEntry).where(AuditEntry.action == "voicemail_heard").order_by(col(AuditEntry.id))
            ).all()
        assert [entry.agent_no for entry in audited] == ["1001", None, None], "who was refused heard nothing"

        with web.database.writing() as session:  # as it is when a shift leader gave him the ticket
            session.get_one(Ticket, ticket_id).agent_no = "1002"
        assert heard(Role.AGENT, "1002") == 200

    def test_who_rings_him_back_hears_it_and_no_other(self, web: WebHotline) -> None:
        """He left a message, went on to the queue and gave up: he is owed a call, which one agent makes."""
        site = RingingBack(web)
        site.lose()
        web.message(LOST)
        agents = [web.client(Role.AGENT, agent_no) for agent_no in ("1001", "1002")]

        def heard() -> list[int]:
            return [agent.get(f"/api/calls/{LOST}/voicemail").status_code for agent in agents]

        assert heard() == [200, 200], "nobody's so far"
        site.accept("1001")
        assert heard() == [200, 403]

    @pytest.mark.parametrize("call_id", ["hl1-1.9", "hl1-99.9", "..%2F..%2Fkeys"])
    def test_there_is_nothing_where_no_message_is(self, web: WebHotline, left: bytes, call_id: str) -> None:
        web.call("hl1-1.9", agent_no="1001", number=CITIZEN, after=timedelta(minutes=9))
        answer = web.client(Role.ADMIN).get(f"/api/calls/{call_id}/voicemail")
        assert answer.status_code in (404, 422)
        assert left not in answer.content

    def test_a_file_that_is_gone_is_told(self, web: WebHotline, told: Told, left: bytes) -> None:
        for file in told.voicemails.folder.rglob("*.wav"):
            file.unlink()
        answer = web.client(Role.ADMIN).get(f"/api/calls/{CALL}/voicemail")
        assert (answer.status_code, answer.json()["call_id"]) == (404, CALL)


def test_messages_are_backed_up_with_the_recordings(sqlite_home: FilledHome, tmp_path: Path) -> None:
    settings = sqlite_home.settings
    assert settings.voicemail_dir.is_relative_to(settings.home_dir / backup.RECORDINGS)
    take = sqlite_home.voicemails.new_take(CALL, 3, 120)
    say(take, 6)
    to = tmp_path / "apart"
    made = backup.make_backup(settings, tmp_path / "backup", MORNING, recordings_to=to)
    assert made.recordings == 1
    copied = to / take.relative_to(settings.home_dir / backup.RECORDINGS)
    assert copied.read_bytes() == take.read_bytes()
    assert stat.S_IMODE(copied.stat().st_mode) == 0o600
