"""A hotline for the tests of the web door: real database and configuration, a fake switch, a set clock.

Calls are told as events, as Asterisk tells them; records, tickets and callbacks are made by the real rooms.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from sqlmodel import Session
from support.fake_switch import FakeSwitch
from support.spoken import say

from hotline.accounts import Role, create_token
from hotline.bootstrap import Hotline, voicemails
from hotline.database import Database
from hotline.settings import Settings
from hotline.web.app import create_app
from ivr.agents.roster import put_agent, read_agent
from ivr.config_files.checker import Configuration, check
from ivr.config_files.running import Running
from ivr.prompts.rendering import PromptLibrary
from missed_call_redial.callbacks import Callback
from missed_call_redial.missed import missed_from_record
from missed_call_redial.owing import owe
from tickets.call_events import Event, EventKind, EventSource, append
from tickets.call_records import CallRecord, refresh
from tickets.decision import Decision
from tickets.drafts import draft_for_call
from tickets.sealing import Sealer

CONFIG = Path(__file__).parents[2] / "config"
MORNING = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)  # Monday 10:00 in Shanghai
CITIZEN = "13800138000"
AT_ONCE = timedelta(0)


@cache
def shipped_configuration() -> Configuration:
    configuration, problems = check(CONFIG)
    assert configuration is not None, problems
    return configuration


class Api:
    """A client over ASGI, one event loop for all its requests."""

    def __init__(self, app: FastAPI, token: str | None = None) -> None:
        self.app = app
        self._runner = asyncio.Runner()
        self._transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        return self._runner.run(self._send(method, path, more))

    async def _send(self, method: str, path: str, more: Mapping[str, Any]) -> httpx.Response:
        async with httpx.AsyncClient(transport=self._transport, base_url="http://hotline") as client:
            return await client.request(method, path, **{"headers": self.headers, **more})

    def get(self, path: str, **params: Any) -> httpx.Response:
        return self.request("GET", path, params=params)

    def post(self, path: str, body: object = None) -> httpx.Response:
        return self.request("POST", path, **({} if body is None else {"json": body}))

    def patch(self, path: str, body: object) -> httpx.Response:
        return self.request("PATCH", path, json=body)

    def close(self) -> None:
        self._runner.close()


class WebHotline:
    """One hotline with agents 1001 and 1002, and a client for each role."""

    def __init__(self, database: Database, home: Path) -> None:
        self.clock = MORNING
        self.switch = FakeSwitch()
        self.configuration = configuration = shipped_configuration()
        self.hotline = Hotline(
            settings=Settings(home=home),
            database=database,
            sealer=Sealer({"k1": b"s" * 32}, "k1", b"d" * 32),
            switch=self.switch,
            now=lambda: self.clock,
        )
        self.hotline.replace_running(Running(configuration, PromptLibrary({}, {}), False))
        self.app = create_app(self.hotline)
        self._clients: list[Api] = []
        with database.writing() as session:
            for number, queues in (("1001", "general heating:5"), ("1002", "general")):
                agent = read_agent(number, f"坐席 {number}", queues, {"general", "heating"})
                put_agent(session, agent, self.hotline.sealer, "test", self.clock)

    @property
    def database(self) -> Database:
        return self.hotline.database

    def token(self, role: Role, agent_no: str | None = None, expires_at: datetime | None = None) -> str:
        with self.database.writing() as session:
            return create_token(session, role, agent_no, f"test {role}", self.clock, expires_at)

    def client(self, role: Role | None = None, agent_no: str | None = None) -> Api:
        """Without a role: without a token."""
        client = Api(self.app, self.token(role, agent_no) if role else None)
        self._clients.append(client)
        return client

    def client_with(self, token: str) -> Api:
        client = Api(self.app, token)
        self._clients.append(client)
        return client

    def close(self) -> None:
        for client in self._clients:
            client.close()

    def call(
        self,
        call_id: str,
        *,
        after: timedelta = AT_ONCE,
        number: str = CITIZEN,
        queue: str = "general",
        wait: float = 10,
        agent_no: str | None = None,
        talk: int = 60,
        has_ended: bool = True,
        greeting: float = 2,
        is_waiting: bool = False,
    ) -> None:
        """It reaches the queue `greeting` seconds after its arrival; without an agent it is abandoned."""
        story = _Story(call_id, MORNING + after)
        trunk = "test-loopback"
        story.tell(EventKind.ARRIVED, 0, caller=number, number_called="12345", trunk=trunk, prio="5")
        story.tell(EventKind.GREETED, greeting)
        story.tell(EventKind.QUEUED, greeting, queue=queue, caller=number, position="1")
        if agent_no is not None:
            story.tell(EventKind.CONNECTED, greeting + wait, agent=agent_no, hold=str(int(wait)))
        if has_ended and agent_no is not None:
            story.tell(
                EventKind.COMPLETED, greeting + wait + talk, agent=agent_no, talk=str(talk), by="agent"
            )
            story.tell(EventKind.ENDED, greeting + wait + talk, status="CONTINUE", agent=agent_no, cause="16")
        elif has_ended and not is_waiting:
            story.tell(EventKind.ABANDONED, greeting + wait, position="1", wait=str(int(wait)))
            story.tell(EventKind.ENDED, greeting + wait, abandoned="TRUE", cause="16")
        with self.database.writing() as session:
            append(session, story.events)
            self._refresh(session, call_id)

    def message(self, call_id: str) -> None:
        """The caller left one too."""
        kept = voicemails(self.hotline)
        say(kept.new_take(call_id, 3, 120), 6)
        found = kept.message_of(call_id)
        assert found is not None
        data = {"seconds": f"{found.seconds:g}", "name": str(found.name), "sha256": str(found.sha256)}
        event = Event(
            call_id, EventKind.VOICEMAIL, EventSource.WATCH, found.at, 0, data, f"{call_id}-message"
        )
        with self.database.writing() as session:
            append(session, [event])
            self._refresh(session, call_id)

    def _refresh(self, session: Session, call_id: str) -> None:
        record = refresh(
            session,
            call_id,
            sealer=self.hotline.sealer,
            normaliser=self.hotline.running.number_of,
            quick_hangup_seconds=5,
        )
        assert record is not None

    def draft(self, call_id: str, **decided: Any) -> int:
        """The id of the ticket that the rules make of this call."""
        wanted = {"rule_id": "test", "why": "queue=general", "title": "来电"} | decided
        with self.database.writing() as session:
            record = session.get_one(CallRecord, call_id)
            ticket_id = draft_for_call(session, record, Decision(**wanted), record.arrived_at)
            assert ticket_id is not None
            return ticket_id

    def owe(self, call_id: str) -> int:
        """The id of the callback that this lost call brings about."""
        with self.database.writing() as session:
            missed = missed_from_record(session.get_one(CallRecord, call_id), default_queue="general")
            zone = self.hotline.settings.zone
            owed = owe(session, missed, self.configuration.callbacks, zone, missed.missed_at)
            assert isinstance(owed, Callback), owed
            assert owed.id is not None
            return owed.id


def names_of_broadcasts(client: Api, **filters: str) -> list[str]:
    """Those that are on, the latest first; with which="all" those that were, too."""
    return [one["name"] for one in client.get("/api/broadcasts", **filters).json()["items"]]


class _Story:
    def __init__(self, call_id: str, arrived_at: datetime) -> None:
        self.call_id, self.arrived_at = call_id, arrived_at
        self.events: list[Event] = []

    def tell(self, kind: EventKind, after: float, **data: str) -> None:
        at, place = self.arrived_at + timedelta(seconds=after), len(self.events)
        key = f"{self.call_id}-{place}"
        self.events.append(Event(self.call_id, kind, EventSource.QUEUE_LOG, at, place, data, key))


ANSWERED, GIVEN_UP = "hl1-1.1", "hl1-1.2"
"""The two calls of `a_hotline_with_two_calls`."""


@contextmanager
def a_hotline_with_two_calls(database: Database, home: Path) -> Iterator[WebHotline]:
    """One call that agent 1001 answered, with its draft (ticket 1); one given up, with its debt (callback 1)."""
    with open_hotline(database, home) as hotline:
        hotline.call(ANSWERED, agent_no="1001")
        hotline.draft(ANSWERED)
        hotline.call(GIVEN_UP, after=timedelta(minutes=5), number="13900139000", wait=60)
        hotline.owe(GIVEN_UP)
        yield hotline


@contextmanager
def open_hotline(database: Database, home: Path) -> Iterator[WebHotline]:
    hotline = WebHotline(database, home)
    try:
        yield hotline
    finally:
        hotline.close()
