"""After a storm: how many callbacks stand in the queues, and who gives way to the living."""

import asyncio

from sqlmodel import select
from support.callback_site import MINUTE, NOON, POLICY, SECOND, at_work, tick
from support.lost_calls import MORNING, SHANGHAI, a_record, missed

from missed_call_redial.attempts import attempt_accepted, on_placeholder_left
from missed_call_redial.callbacks import Attempt, Callback
from missed_call_redial.dispatcher import TickReport
from missed_call_redial.owing import owe
from missed_call_redial.policy import RecentAccepts
from missed_call_redial.queue_line import Line, read_floor
from tickets.call_records import CallRecord
from tickets.outcome import Outcome


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
