"""A hotline as far as callbacks are concerned: its database, a dialer that only notes what it is told, agents at work."""

import asyncio
from datetime import datetime, timedelta

from sqlmodel import col, select
from support.fake_dialer import FakeDialer
from support.lost_calls import MORNING, SHANGHAI, a_policy, missed

from hotline.database import Database
from missed_call_redial.callbacks import Attempt, Callback
from missed_call_redial.dispatcher import Dispatcher, TickReport
from missed_call_redial.owing import owe
from missed_call_redial.queue_line import OnDuty
from vocabulary.errors import HotlineError

POLICY = a_policy(most_placeholders=5)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
NOON = MORNING + timedelta(hours=2)


def at_work(count: int, *queues: str, first: int = 1001, is_paused: bool = False) -> list[OnDuty]:
    """So many agents, all of whom serve these queues."""
    return [OnDuty(str(first + n), frozenset(queues), is_paused) for n in range(count)]


class Site:
    """A hotline as far as callbacks are concerned: its log has been read up to `log_read_until`."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.dialer = FakeDialer()
        self.log_read_until: datetime | None = None
        self.policy = POLICY
        self.is_log_read = True
        self.default_queue: str | None = None
        """Of 12345."""
        self.on_duty = at_work(9, "general", "heating")

    def _default_queue(self, number: str) -> str | None:
        return self.default_queue if number == "12345" else None

    def open_number(self, sealed: str) -> str:
        if not sealed.startswith("sealed:+86"):
            raise HotlineError("cannot be opened")
        return sealed.removeprefix("sealed:+86")

    def dispatcher(self, owner: str = "w1") -> Dispatcher:
        return Dispatcher(
            self.database,
            self.dialer,
            policy=lambda: self.policy,
            zone=SHANGHAI,
            open_number=self.open_number,
            log_read_until=lambda: self.log_read_until,
            is_log_read=lambda _session, _now: self.is_log_read,
            owner=owner,
            on_duty=lambda _session: self.on_duty,
            default_queue=self._default_queue,
        )

    def owe(self, count: int, **changes: object) -> None:
        with self.database.writing() as session:
            for n in range(count):
                call = missed(f"c{n}", number=f"+86139{n:08}", after=n * SECOND, **changes)
                owe(session, call, POLICY, SHANGHAI, MORNING)

    def states(self) -> list[str]:
        with self.database.reading() as session:
            return list(session.exec(select(Callback.state).order_by(col(Callback.id))))

    def attempts(self) -> list[Attempt]:
        with self.database.reading() as session:
            return list(session.exec(select(Attempt)))


def tick(dispatcher: Dispatcher, now: datetime = NOON) -> TickReport:
    return asyncio.run(dispatcher.tick(now))
