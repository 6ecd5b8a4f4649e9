"""The dispatcher puts into the queues what is due and fits, once, and clears up after whatever died."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlmodel import select
from support.fake_dialer import FakeDialer
from support.lost_calls import MORNING, SHANGHAI, a_policy, a_record, missed

from missed_call_redial.attempts import attempt_accepted, on_dialling
from missed_call_redial.callbacks import Attempt, Callback
from missed_call_redial.dispatcher import Dispatcher, TickReport
from missed_call_redial.owing import close_by_inbound, owe, prio_of
from missed_call_redial.policy import RecentAccepts
from missed_call_redial.queue_line import QueueLine, read_line
from tickets.outcome import Outcome
from vocabulary.errors import HotlineError

POLICY = a_policy(most_placeholders=5)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
NOON = MORNING + timedelta(hours=2)


class Site:
    """A hotline as far as callbacks are concerned: its log has been read up to `log_read_until`."""

    def __init__(self, database) -> None:
        self.database = database
        self.dialer = FakeDialer()
        self.log_read_until: datetime | None = None

    def open_number(self, sealed: str) -> str:
        if not sealed.startswith("sealed:+86"):
            raise HotlineError("cannot be opened")
        return sealed.removeprefix("sealed:+86")

    def dispatcher(self, owner: str = "w1") -> Dispatcher:
        return Dispatcher(
            self.database,
            self.dialer,
            policy=lambda: POLICY,
            zone=SHANGHAI,
            open_number=self.open_number,
            log_read_until=lambda: self.log_read_until,
            owner=owner,
        )

    def owe(self, count: int, **changes: object) -> None:
        with self.database.writing() as session:
            for n in range(count):
                call = missed(f"c{n}", number=f"+86139{n:08}", after=n * SECOND, **changes)  # type: ignore[arg-type]
                owe(session, call, POLICY, SHANGHAI, MORNING)

    def states(self) -> list[str]:
        with self.database.reading() as session:
            return list(session.exec(select(Callback.state).order_by(Callback.id)))


@pytest.fixture
def site(database) -> Site:
    return Site(database)


def tick(dispatcher: Dispatcher, now: datetime = NOON) -> TickReport:
    return asyncio.run(dispatcher.tick(now))


def test_what_is_due_is_placed_with_the_place_of_the_first_call(site):
    site.owe(1)
    assert tick(site.dispatcher()) == TickReport(placed=1)
    (request,) = site.dialer.placed
    assert (request.queue, request.prio, request.citizen) == ("general", prio_of(MORNING), "13900000000")
    assert (request.first_call_id, request.agent_wait_seconds, request.ring_seconds) == ("c0", 300, 45)
    assert "139" not in repr(request)
    assert site.states() == ["in_progress"]
    assert tick(site.dispatcher()) == TickReport()


def test_nobody_is_placed_in_quiet_hours(site):
    site.owe(1)
    dispatcher = site.dispatcher()
    assert tick(dispatcher, MORNING + timedelta(hours=12)) == TickReport()
    assert tick(dispatcher, MORNING + timedelta(hours=22)) == TickReport(placed=1)


def test_with_the_switch_down_nothing_is_even_claimed(site):
    site.owe(1)
    site.dialer.is_up = False
    assert tick(site.dispatcher()) == TickReport()
    assert site.states() == ["owed"]


def test_a_refusal_of_the_switch_is_owed_again(site):
    site.owe(1)
    site.dialer.refuses = True
    assert tick(site.dispatcher()) == TickReport(not_placed=1)
    assert site.states() == ["owed"]
    site.dialer.refuses = False
    assert tick(site.dispatcher(), NOON + MINUTE) == TickReport()
    assert tick(site.dispatcher(), NOON + 2 * MINUTE) == TickReport(placed=1)


def test_a_number_that_cannot_be_opened_stops_no_other(site):
    site.owe(1)
    with site.database.writing() as session:
        bad = missed("bad", number="+8613700000000", after=-MINUTE, number_sealed="broken")
        owe(session, bad, POLICY, SHANGHAI, MORNING)
    assert tick(site.dispatcher()) == TickReport(placed=1, not_placed=1)


def test_deadlines_pass_with_a_reason(site):
    site.owe(2)
    assert tick(site.dispatcher(), MORNING + timedelta(hours=25)) == TickReport(expired=2)
    assert site.states() == ["closed", "closed"]


class TestWhatVanished:
    def test_a_worker_killed_between_claim_and_placing(self, site):
        site.owe(1)

        class Killed(BaseException):
            pass

        async def die(_request: object) -> None:
            raise Killed

        alive = site.dialer.place
        site.dialer.place = die
        with pytest.raises(Killed):
            tick(site.dispatcher())
        site.dialer.place = alive
        assert site.states() == ["claimed"]

        other = site.dispatcher("w2")
        tick(other, NOON + 59 * SECOND)
        site.log_read_until = NOON + 60 * SECOND
        assert tick(other, NOON + 61 * SECOND) == TickReport()  # seen within the lease
        site.log_read_until = NOON + 70 * SECOND
        assert tick(other, NOON + 71 * SECOND) == TickReport(recovered=1)
        assert tick(other, NOON + 71 * SECOND + 2 * MINUTE) == TickReport(placed=1)
        assert len(site.dialer.placed) == 1

    def test_a_placing_in_doubt_is_not_repeated_while_its_channel_lives(self, site):
        site.owe(1)
        site.dialer.drops_answers = True
        dispatcher = site.dispatcher()
        assert tick(dispatcher) == TickReport(not_placed=1)
        site.log_read_until = NOON + timedelta(hours=3)
        for minutes in (5, 10, 15):
            assert tick(dispatcher, NOON + minutes * MINUTE) == TickReport()
        site.dialer.live.clear()
        tick(dispatcher, NOON + 20 * MINUTE)
        assert tick(dispatcher, NOON + 21 * MINUTE) == TickReport(recovered=1)

    def test_with_queue_log_unread_or_the_switch_down_nothing_is_concluded(self, site):
        site.owe(1)
        dispatcher = site.dispatcher()
        tick(dispatcher)
        site.dialer.live.clear()
        for minutes in (10, 20):
            assert tick(dispatcher, NOON + minutes * MINUTE) == TickReport()  # nobody reads the log
        site.log_read_until = NOON + timedelta(hours=3)
        site.dialer.is_up = False
        tick(dispatcher, NOON + 30 * MINUTE)
        assert tick(dispatcher, NOON + 40 * MINUTE) == TickReport()

    def test_a_dial_without_a_result_is_counted_and_not_repeated_at_once(self, site):
        site.owe(1)
        dispatcher = site.dispatcher()
        tick(dispatcher)
        attempt_id = site.dialer.placed[0].attempt_id
        with site.database.writing() as session:
            assert attempt_accepted(session, attempt_id, "1001", NOON, policy=POLICY, zone=SHANGHAI).dial
            on_dialling(session, attempt_id, NOON)
        site.dialer.live.clear()  # the switch was killed
        site.log_read_until = NOON + timedelta(hours=3)
        tick(dispatcher, NOON + 2 * MINUTE)
        assert tick(dispatcher, NOON + 3 * MINUTE) == TickReport(recovered=1)
        with site.database.reading() as session:
            callback = session.exec(select(Callback)).one()
            assert (callback.state, callback.attempts) == ("owed", 1)
            assert callback.due_at == NOON + 33 * MINUTE


class TestPacing:
    def test_no_more_placeholders_than_the_cap(self, site):
        site.owe(20)
        dispatcher = site.dispatcher()
        assert tick(dispatcher) == TickReport(placed=5)
        assert [request.first_call_id for request in site.dialer.placed] == ["c0", "c1", "c2", "c3", "c4"]
        assert tick(dispatcher) == TickReport()

    def test_two_workers_fill_the_same_room_together(self, site):
        site.owe(20)

        async def both() -> list[TickReport]:
            return await asyncio.gather(site.dispatcher("w1").tick(NOON), site.dispatcher("w2").tick(NOON))

        assert sum(report.placed for report in asyncio.run(both())) == 5

    def test_while_citizens_wait_live_the_share_holds(self, site):
        site.owe(20)
        with site.database.writing() as session:
            session.add(a_record("waiting", after=2 * 60 * MINUTE - MINUTE, outcome=Outcome.IN_PROGRESS))
            for n in range(7):
                answered = 2 * 60 * MINUTE - 2 * MINUTE
                session.add(
                    a_record(f"a{n}", after=answered, answered_after=answered, outcome=Outcome.ANSWERED)
                )
        with site.database.reading() as session:
            line = read_line(session, "general", POLICY, NOON)
            assert line == QueueLine(1, 0, RecentAccepts(live=7, callbacks=0))
            assert read_line(session, "heating", POLICY, NOON) == QueueLine(0, 0, RecentAccepts(0, 0))
        assert tick(site.dispatcher()) == TickReport(placed=3)  # 3 of 10
        with site.database.writing() as session:
            attempt = session.exec(select(Attempt).order_by(Attempt.id)).first()
            attempt_accepted(session, attempt.id, "1001", NOON, policy=POLICY, zone=SHANGHAI)
            line = read_line(session, "general", POLICY, NOON)
            assert line == QueueLine(1, 2, RecentAccepts(live=7, callbacks=1))
            assert line.room(POLICY) == 0

    def test_the_waiting_of_two_hours_ago_hold_nothing_back(self, site):
        site.owe(1)
        with site.database.writing() as session:
            session.add(a_record("ghost", after=-MINUTE, outcome=Outcome.IN_PROGRESS))
        assert tick(site.dispatcher()) == TickReport(placed=1)

    def test_each_queue_has_its_own_room(self, site):
        site.owe(6)
        with site.database.writing() as session:
            other = missed("h", number="+8613700000000", queue="heating")
            owe(session, other, POLICY, SHANGHAI, MORNING)
        assert tick(site.dispatcher()) == TickReport(placed=6)


def test_a_placeholder_whose_citizen_was_answered_meanwhile_is_withdrawn(site):
    site.owe(2)
    dispatcher = site.dispatcher()
    tick(dispatcher)
    settled, other = (request.attempt_id for request in site.dialer.placed)
    with site.database.writing() as session:
        number = session.get(Callback, 1).number_digest
        assert close_by_inbound(session, number, "c9", NOON) is not None
    tick(dispatcher, NOON + SECOND)
    assert site.dialer.withdrawn == [settled], other
