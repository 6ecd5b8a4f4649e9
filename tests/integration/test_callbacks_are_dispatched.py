"""The dispatcher puts into the queues what is due and fits, once, and clears up after whatever died."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlmodel import select
from support.fake_dialer import FakeDialer
from support.lost_calls import MORNING, SHANGHAI, a_policy, a_record, missed

from missed_call_redial.attempts import attempt_accepted, on_dialling, on_placeholder_left
from missed_call_redial.callbacks import Attempt, Callback
from missed_call_redial.dispatcher import Dispatcher, TickReport
from missed_call_redial.owing import close_by_inbound, owe, prio_of
from missed_call_redial.policy import RecentAccepts
from missed_call_redial.queue_line import Line, OnDuty, read_floor
from tickets.call_records import CallRecord
from tickets.outcome import Outcome
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

    def __init__(self, database) -> None:
        self.database = database
        self.dialer = FakeDialer()
        self.log_read_until: datetime | None = None
        self.on_duty = at_work(9, "general", "heating")

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
            on_duty=lambda _session: self.on_duty,
        )

    def owe(self, count: int, **changes: object) -> None:
        with self.database.writing() as session:
            for n in range(count):
                call = missed(f"c{n}", number=f"+86139{n:08}", after=n * SECOND, **changes)  # type: ignore[arg-type]
                owe(session, call, POLICY, SHANGHAI, MORNING)

    def states(self) -> list[str]:
        with self.database.reading() as session:
            return list(session.exec(select(Callback.state).order_by(Callback.id)))

    def attempts(self) -> list[Attempt]:
        with self.database.reading() as session:
            return list(session.exec(select(Attempt)))


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
    dispatcher = site.dispatcher()
    assert tick(dispatcher) == TickReport(placed=1)
    assert tick(dispatcher, NOON + 10 * MINUTE) == TickReport()
    assert len(site.attempts()) == 1


def test_deadlines_pass_with_a_reason(site):
    site.owe(2)
    assert tick(site.dispatcher(), MORNING + timedelta(hours=25)) == TickReport(expired=2)
    assert site.states() == ["closed", "closed"]


class TestSomeTrunksAreDown:
    """Mobiles go over one trunk, landlines over another."""

    @pytest.fixture
    def site(self, site) -> Site:
        site.dialer.plans = {"mobiles": "139", "landlines": "0"}
        site.dialer.trunks_up = {"landlines"}
        return site

    def owe_a_landline(self, site) -> None:
        with site.database.writing() as session:
            call = missed("landline", number="+8603551234567", after=MINUTE * 10)
            owe(session, call, POLICY, SHANGHAI, MORNING)

    def test_older_debts_behind_a_dead_trunk_keep_nobody_waiting(self, site):
        site.owe(700)
        self.owe_a_landline(site)
        dispatcher = site.dispatcher()
        reports = [tick(dispatcher, NOON + n * SECOND) for n in range(5)]
        assert sum(report.placed for report in reports) == 1
        assert sum(report.not_placed for report in reports) == 0
        assert [request.first_call_id for request in site.dialer.placed] == ["landline"]
        assert len(site.attempts()) == 1
        assert set(site.states()) == {"owed", "in_progress"}

    def test_each_number_is_asked_for_once_and_not_all_in_one_round(self, site):
        site.owe(700)
        dispatcher = site.dispatcher()
        tick(dispatcher)
        assert site.dialer.numbers_asked == 500
        for n in range(1, 4):
            tick(dispatcher, NOON + n * SECOND)
        assert site.dialer.numbers_asked == 700

    def test_they_are_dialled_in_their_order_as_soon_as_it_is_up(self, site):
        site.owe(9)
        dispatcher = site.dispatcher()
        assert tick(dispatcher) == TickReport()
        site.dialer.trunks_up = {"mobiles"}
        assert tick(dispatcher, NOON + SECOND) == TickReport(placed=5)
        assert [request.first_call_id for request in site.dialer.placed] == ["c0", "c1", "c2", "c3", "c4"]

    def test_numbers_that_no_plan_allows_any_more_are_owed_no_longer(self, site):
        site.owe(2)
        dispatcher = site.dispatcher()
        tick(dispatcher)
        assert site.states() == ["owed", "owed"]
        site.dialer.plans = {"landlines": "0"}
        assert tick(dispatcher, NOON + SECOND) == TickReport()
        with site.database.reading() as session:
            for debt in session.exec(select(Callback)):
                assert (debt.state, debt.closing_code, debt.remark) == (
                    "closed",
                    "cancelled",
                    "no_trunk_allows",
                )
        assert site.attempts() == []


def test_the_switch_is_asked_for_living_attempts_only_while_some_run(site):
    site.owe(1, wait_seconds=30.0)
    dispatcher = site.dispatcher()
    tick(dispatcher, MORNING)  # not due yet
    assert site.dialer.looks == 0
    tick(dispatcher)
    tick(dispatcher, NOON + SECOND)
    assert site.dialer.looks == 1


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
        site.on_duty = at_work(9, "general")
        with site.database.reading() as session:
            floor = read_floor(session, POLICY, NOON, site.on_duty)
            assert floor.line("general") == Line(1, 0, 9, RecentAccepts(live=7, callbacks=0))
            assert floor.line("heating") == Line(0, 0, None, RecentAccepts(0, 0))
        assert tick(site.dispatcher()) == TickReport(placed=3)  # 3 of 10
        with site.database.writing() as session:
            attempt = session.exec(select(Attempt).order_by(Attempt.id)).first()
            attempt_accepted(session, attempt.id, "1001", NOON, policy=POLICY, zone=SHANGHAI)
            floor = read_floor(session, POLICY, NOON, site.on_duty)
            assert floor.line("general") == Line(1, 2, 8, RecentAccepts(live=7, callbacks=1))
            assert not floor.has_room("general", POLICY)

    def test_the_waiting_of_two_hours_ago_hold_nothing_back(self, site):
        site.owe(1)
        with site.database.writing() as session:
            session.add(a_record("ghost", after=-MINUTE, outcome=Outcome.IN_PROGRESS))
        assert tick(site.dispatcher()) == TickReport(placed=1)

    def test_each_queue_has_its_own_room(self, site):
        site.on_duty = at_work(9, "general") + at_work(9, "heating", first=2001)
        site.owe(6)
        with site.database.writing() as session:
            other = missed("h", number="+8613700000000", queue="heating")
            owe(session, other, POLICY, SHANGHAI, MORNING)
        assert tick(site.dispatcher()) == TickReport(placed=6)


class TestRoomForTheLiving:
    """After a storm nobody may find more callbacks before him than the agents who are free, and a small lead."""

    def waiting(self, site, count: int = 1, queue: str = "general") -> None:
        with site.database.writing() as session:
            for n in range(count):
                late = 2 * 60 * MINUTE - MINUTE
                call = f"{queue}{n}"
                session.add(a_record(call, after=late, outcome=Outcome.IN_PROGRESS, queue=queue))

    def hung_up(self, site) -> None:
        with site.database.writing() as session:
            for record in session.exec(select(CallRecord)):
                record.is_open = False
                session.add(record)

    def answered(self, site, count: int) -> None:
        late = 2 * 60 * MINUTE - 2 * MINUTE
        with site.database.writing() as session:
            for n in range(count):
                call = a_record(f"a{n}", after=late, answered_after=late, outcome=Outcome.ANSWERED)
                session.add(call)

    def accept(self, site, *attempts: str, agent_no: str = "1001") -> None:
        with site.database.writing() as session:
            for attempt_id in attempts:
                attempt_accepted(session, attempt_id, agent_no, NOON, policy=POLICY, zone=SHANGHAI)

    def first_calls(self, site, attempts: list[str]) -> list[str]:
        calls = {request.attempt_id: request.first_call_id for request in site.dialer.placed}
        return [calls[attempt_id] for attempt_id in attempts]

    def test_with_nobody_signed_in_nothing_is_placed(self, site):
        site.owe(9)
        site.on_duty = at_work(2, "heating")
        assert tick(site.dispatcher()) == TickReport()
        assert set(site.states()) == {"owed"}

    def test_as_many_as_agents_are_free_and_two_more(self, site):
        site.owe(9)
        site.on_duty = at_work(2, "general") + at_work(7, "general", first=2001, is_paused=True)
        dispatcher = site.dispatcher()
        assert tick(dispatcher) == TickReport(placed=4)
        assert tick(dispatcher) == TickReport()

    def test_who_talks_is_not_free(self, site):
        site.owe(9)
        site.on_duty = at_work(3, "general")
        with site.database.writing() as session:
            talk = a_record(
                "talk", after=119 * MINUTE, answered_after=119 * MINUTE, outcome=Outcome.IN_PROGRESS
            )
            talk.agent_no = "1001"
            session.add(talk)
        dispatcher = site.dispatcher()
        assert tick(dispatcher) == TickReport(placed=4)  # 1002, 1003 and the lead
        self.accept(site, site.dialer.placed[0].attempt_id, agent_no="1002")
        assert tick(dispatcher) == TickReport()  # only 1003 and the lead
        self.accept(site, site.dialer.placed[1].attempt_id, agent_no="1003")
        assert tick(dispatcher) == TickReport()
        self.accept(site, site.dialer.placed[2].attempt_id, agent_no="1001")
        assert tick(dispatcher) == TickReport(placed=1)  # everybody talks; the lead stands ready

    def test_those_who_came_last_give_way_when_citizens_call(self, site):
        site.owe(9)
        site.on_duty = at_work(3, "general")
        dispatcher = site.dispatcher()
        assert tick(dispatcher) == TickReport(placed=5)
        self.answered(site, 5)
        assert tick(dispatcher, NOON + SECOND) == TickReport()
        assert site.dialer.withdrawn == []  # nobody waits
        self.waiting(site)
        assert tick(dispatcher, NOON + 2 * SECOND) == TickReport()
        assert self.first_calls(site, site.dialer.withdrawn) == ["c4", "c3", "c2"]  # two of seven may stay
        assert tick(dispatcher, NOON + 3 * SECOND) == TickReport()
        assert len(site.dialer.withdrawn) == 3  # not asked again each second
        assert tick(dispatcher, NOON + 8 * SECOND) == TickReport()
        assert len(site.dialer.withdrawn) == 6  # an agent's phone rings for them still

    def test_whom_an_agent_accepted_does_not_give_way(self, site):
        site.owe(2)
        dispatcher = site.dispatcher()
        tick(dispatcher)
        accepted, other = (request.attempt_id for request in site.dialer.placed)
        self.accept(site, accepted)
        self.waiting(site)
        tick(dispatcher, NOON + SECOND)
        assert site.dialer.withdrawn == [other]

    def test_who_gave_way_is_owed_still_and_comes_back(self, site):
        site.owe(1)
        dispatcher = site.dispatcher()
        tick(dispatcher)
        self.waiting(site)
        tick(dispatcher, NOON + SECOND)
        (attempt_id,) = site.dialer.withdrawn
        with site.database.writing() as session:
            gone = {"policy": POLICY, "zone": SHANGHAI, "now": NOON + 2 * SECOND}
            assert on_placeholder_left(session, attempt_id, "withdrawn", NOON + 2 * SECOND, **gone)
            debt = session.exec(select(Callback)).one()
            assert (debt.state, debt.attempts) == ("owed", 0)
        assert tick(dispatcher, NOON + 3 * MINUTE) == TickReport()  # he waits still
        self.hung_up(site)
        assert tick(dispatcher, NOON + 4 * MINUTE) == TickReport(placed=1)

    def test_queues_that_share_an_agent_are_one_line(self, site):
        """Else the callbacks of one queue would take the agents for whom citizens wait in the other."""
        site.owe(9)
        self.waiting(site, queue="heating")
        site.on_duty = at_work(3, "general", "enterprise") + at_work(1, "enterprise", "heating", first=2001)
        assert tick(site.dispatcher()) == TickReport()
        site.on_duty = at_work(3, "general", "enterprise") + at_work(1, "heating", first=2001)
        assert tick(site.dispatcher()) == TickReport(placed=5)

    def test_shared_agents_are_counted_once_and_the_oldest_debt_is_first(self, site):
        with site.database.writing() as session:
            for n, queue in enumerate(["heating", "general", "general", "heating", "general", "heating"]):
                owe(
                    session,
                    missed(f"q{n}", number=f"+86137{n:08}", after=n * SECOND, queue=queue),
                    POLICY,
                    SHANGHAI,
                    MORNING,
                )
        site.on_duty = at_work(2, "general", "heating")
        assert tick(site.dispatcher()) == TickReport(placed=4)
        assert [request.first_call_id for request in site.dialer.placed] == ["q0", "q1", "q2", "q3"]

    def test_a_queue_stands_no_deeper_than_its_own_agents_can_serve(self, site):
        site.owe(9, queue="heating")
        site.on_duty = at_work(8, "general") + at_work(1, "general", "heating", first=2001)
        assert tick(site.dispatcher()) == TickReport(placed=3)


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
