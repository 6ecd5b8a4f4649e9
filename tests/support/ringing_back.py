"""Agents who ring a citizen back in a hotline with its real ledger and desk: only Asterisk's part is played."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlmodel import col, select
from support.claiming import claim_first
from support.fake_channel import FakeChannel
from support.web_hotline import CITIZEN, MORNING, WebHotline

from hotline.rounds import DraftsInVain
from ivr.calls.desk import CallDesk
from ivr.calls.ledger import Ledger
from missed_call_redial.attempts import on_dialled, on_dialling
from missed_call_redial.callbacks import Attempt, Callback, CallbackState
from missed_call_redial.claims import mark_placed
from routing.rules import RoutingRules, Rule, Then, When
from tickets.call_events import Event, EventKind, EventSource
from tickets.call_records import CallRecord
from tickets.tickets import Ticket, TicketHistory, history, of_call
from vocabulary.hotline_names import DIAL

LOST = "hl1-1795397954.1"
BUSY = ("BUSY", 17, "SIP 486 Busy Here")
TALK = ("ANSWER", 16, "SIP 200 OK")


def story_of(call_id: str, *told: tuple[float, EventKind, dict[str, str]], after: float = 0) -> list[Event]:
    """Lines of queue_log about one call, so many seconds after its arrival."""
    start = MORNING + timedelta(seconds=after)
    return [
        Event(
            call_id, kind, EventSource.QUEUE_LOG, start + timedelta(seconds=second), n, data, f"{call_id}:{n}"
        )
        for n, (second, kind, data) in enumerate(told)
    ]


def lost_story(call_id: str = LOST, number: str = CITIZEN, after: float = 0) -> list[Event]:
    return story_of(
        call_id,
        (
            0,
            EventKind.ARRIVED,
            {"caller": number, "number_called": "12345", "trunk": "test-loopback", "prio": "5"},
        ),
        (2, EventKind.GREETED, {}),
        (3, EventKind.QUEUED, {"queue": "general", "caller": number, "position": "1"}),
        (40, EventKind.ABANDONED, {"position": "1", "wait": "37"}),
        (40, EventKind.ENDED, {"abandoned": "TRUE", "cause": "16", "by": "citizen", "queue": "general"}),
        after=after,
    )


def answered_story(
    call_id: str, agent_no: str, talk: int = 60, number: str = CITIZEN, after: float = 0
) -> list[Event]:
    """No talk at all if `talk` is 0: then nobody was there when the agent picked up."""
    return story_of(
        call_id,
        (
            0,
            EventKind.ARRIVED,
            {"caller": number, "number_called": "12345", "trunk": "test-loopback", "prio": "5"},
        ),
        (2, EventKind.GREETED, {}),
        (3, EventKind.QUEUED, {"queue": "general", "caller": number, "position": "1"}),
        (10, EventKind.CONNECTED, {"agent": agent_no, "hold": "7"}),
        (10 + talk, EventKind.COMPLETED, {"agent": agent_no, "talk": str(talk), "by": "citizen"}),
        (10 + talk, EventKind.ENDED, {"status": "CONTINUE", "agent": agent_no, "cause": "16"}),
        after=after,
    )


@dataclass
class RingingBack:
    """The web's hotline, and what Asterisk would tell it. `clock` is the hotline's."""

    web: WebHotline

    def __post_init__(self) -> None:
        hotline = self.web.hotline
        self.zone = hotline.settings.zone
        self.ledger = Ledger(lambda: hotline.running, hotline.sealer, self.zone)
        self.desk = CallDesk(
            self.ledger,
            lambda: hotline.running,
            hotline.database.write,
            hotline.now,
            lambda: frozenset({"test-loopback"}),
        )

    @property
    def now(self) -> datetime:
        return self.web.clock

    def later(self, **more: float) -> None:
        self.web.clock += timedelta(**more)

    def hear(self, events: Sequence[Event]) -> None:
        with self.web.database.writing() as session:
            self.ledger.hear(session, events, self.now)

    def lose(self, call_id: str = LOST, number: str = CITIZEN) -> None:
        """A citizen gives up in the queue; his debt is due now."""
        self.hear(lost_story(call_id, number))
        self.later(hours=1)

    def place(self) -> str:
        """The debt that is due is claimed and placed: the attempt's id."""
        policy = self.web.configuration.callbacks
        with self.web.database.writing() as session:
            debt = session.exec(select(Callback).where(col(Callback.state) == CallbackState.OWED)).one()
            self.web.clock = max(self.now, debt.due_at)
            (claim,) = claim_first(session, "tests", self.now, policy, 1)
            mark_placed(session, claim.attempt_id, self.now)
        return claim.attempt_id

    def accept(self, agent_no: str) -> str:
        """The same, and this agent accepts it: he is told to dial."""
        attempt_id = self.place()
        channel = FakeChannel(arguments=[attempt_id, agent_no])
        self.desk.accept_callback(channel)
        assert DIAL in dict(channel.set), "he was not told to dial"
        with self.web.database.writing() as session:
            on_dialling(session, attempt_id, self.now)
        return attempt_id

    def dialled(self, attempt_id: str, result: tuple[str, int, str], talk: float = 0) -> None:
        self.later(minutes=1)
        policy = self.web.configuration.callbacks
        with self.web.database.writing() as session:
            on_dialled(
                session, attempt_id, *result, talk, self.now, policy=policy, zone=self.zone, now=self.now
            )

    def record(self, call_id: str = LOST) -> CallRecord:
        with self.web.database.reading() as session:
            return session.get_one(CallRecord, call_id)

    def tickets(self, call_id: str = LOST) -> list[Ticket]:
        with self.web.database.reading() as session:
            return [ticket for ticket, _ in of_call(session, call_id)]

    def ticket(self, call_id: str = LOST) -> Ticket:
        (only,) = self.tickets(call_id)
        return only

    def history(self, ticket: Ticket) -> list[TicketHistory]:
        with self.web.database.reading() as session:
            return history(session, ticket.id or 0)

    def debt(self) -> Callback:
        with self.web.database.reading() as session:
            return session.exec(select(Callback).order_by(col(Callback.id).desc()).limit(1)).one()


ANY_CALL = Rule(id="all", when=When(), then=Then(title="来电"))
LOST_CALL = Rule(
    id="lost", when=When(outcome=("queue_abandon",)), then=Then(ticket=False, disposition="lost")
)


def rule_by(site: RingingBack, *rules: Rule) -> None:
    running = site.web.hotline.running
    configuration = replace(running.configuration, rules=RoutingRules(rules=rules))
    site.web.hotline.replace_running(replace(running, configuration=configuration))


def settle_drafts(site: RingingBack) -> list[int]:
    return DraftsInVain(site.web.database, site.ledger).settle(site.now)


def tried_in_vain(site: RingingBack) -> None:
    """One attempt, and the citizen's line was busy."""
    site.lose()
    site.dialled(site.accept("1001"), BUSY)


def told_late(site: RingingBack) -> str:
    """The second attempt, by 1002, was not heard to its end, and the debt expired: the draft was closed."""
    tried_in_vain(site)
    attempt = site.accept("1002")
    with site.web.database.writing() as session:
        row = session.exec(select(Attempt).where(col(Attempt.id) == attempt)).one()
        row.state, row.outcome, row.counts, row.ended_at = "done", "unknown", True, site.now
        debt = session.exec(select(Callback)).one()
        debt.state, debt.closing_code, debt.closed_at = "closed", "expired", site.now
    assert settle_drafts(site) == [1]
    return attempt
