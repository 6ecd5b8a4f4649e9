"""The dispatcher puts into the queues what is due and fits, once, and clears up after whatever died."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import select
from support.callback_site import MINUTE, NOON, POLICY, SECOND, Site, at_work, tick
from support.lost_calls import MORNING, SHANGHAI, a_record, missed

from missed_call_redial.attempts import attempt_accepted
from missed_call_redial.callbacks import Callback
from missed_call_redial.claims import due_in_line
from missed_call_redial.dispatcher import TickReport
from missed_call_redial.missed import prio_of
from missed_call_redial.owing import owe


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


def test_an_emergency_is_rung_back_at_night(site):
    night = MORNING + timedelta(hours=12)
    site.owe(1)
    with site.database.writing() as session:
        fire = missed("fire", number="+8613911111111", after=timedelta(hours=12), is_critical=True)
        owe(session, fire, POLICY, SHANGHAI, night)
    dispatcher = site.dispatcher()
    assert tick(dispatcher, night + 59 * SECOND) == TickReport()
    assert tick(dispatcher, night + MINUTE) == TickReport(placed=1)
    assert [request.first_call_id for request in site.dialer.placed] == ["fire"]
    attempt_id = site.dialer.placed[0].attempt_id
    with site.database.writing() as session:
        at = night + 2 * MINUTE
        assert attempt_accepted(session, attempt_id, "1001", at, policy=POLICY, zone=SHANGHAI).dial


def test_a_second_miss_that_is_an_emergency_brings_the_debt_into_the_night(site):
    evening = timedelta(hours=12)
    with site.database.writing() as session:
        owe(session, missed("c1", after=evening), POLICY, SHANGHAI, MORNING)
        debt = session.exec(select(Callback)).one()
        assert debt.due_at == MORNING + timedelta(hours=22)
        owe(session, missed("c2", after=evening + MINUTE, is_critical=True), POLICY, SHANGHAI, MORNING)
        assert (debt.is_critical, debt.due_at) == (True, MORNING + evening + 2 * MINUTE)


def test_where_the_files_say_so_an_emergency_waits_for_the_morning_too(site):
    site.policy = POLICY.model_copy(update={"critical_any_hour": False})
    night = MORNING + timedelta(hours=12)
    with site.database.writing() as session:
        owe(
            session, missed("fire", after=timedelta(hours=12), is_critical=True), site.policy, SHANGHAI, night
        )
    assert tick(site.dispatcher(), night + MINUTE) == TickReport()


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

    def test_a_trunk_taken_out_of_the_files_for_an_hour_costs_nobody_his_call(self, site):
        site.owe(2)
        dispatcher = site.dispatcher()
        site.dialer.plans = {"landlines": "0"}
        assert [tick(dispatcher, NOON + n * SECOND) for n in range(3)] == [TickReport()] * 3
        assert site.states() == ["owed", "owed"]
        assert dispatcher.not_by_plan == 2
        with site.database.writing() as session:  # nor one who calls meanwhile
            call = missed("c9", number="+8613912345678", after=MINUTE)
            assert isinstance(owe(session, call, POLICY, SHANGHAI, NOON), Callback)
        tick(dispatcher, NOON + 11 * SECOND)
        assert dispatcher.not_by_plan == 3
        site.dialer.plans = {"mobiles": "139", "landlines": "0"}
        site.dialer.trunks_up = {"mobiles"}
        assert tick(dispatcher, NOON + 22 * SECOND) == TickReport(placed=3)
        assert dispatcher.not_by_plan == 0

    def test_a_number_that_no_plan_allows_until_its_deadline_says_so(self, site):
        site.owe(2)
        self.owe_a_landline(site)
        site.dialer.plans = {"landlines": "0"}
        site.dialer.trunks_up = set()
        assert tick(site.dispatcher(), MORNING + timedelta(hours=25)) == TickReport(expired=3)
        with site.database.reading() as session:
            ends = session.exec(select(Callback.closing_code, Callback.remark).order_by(Callback.id)).all()
        assert ends == [("expired", "no_trunk_allows")] * 2 + [("expired", None)]
        assert site.attempts() == []


def test_the_switch_is_asked_for_living_attempts_only_while_some_run(site):
    site.owe(1, wait_seconds=30.0)
    dispatcher = site.dispatcher()
    tick(dispatcher, MORNING)  # not due yet
    assert site.dialer.looks == 0
    tick(dispatcher)
    tick(dispatcher, NOON + SECOND)
    assert site.dialer.looks == 1


def test_before_the_log_was_read_to_its_end_nobody_is_placed(site):
    """After an outage: he may have called again, and been answered."""
    site.owe(1)
    site.is_log_read = False
    assert tick(site.dispatcher()) == TickReport()
    assert site.states() == ["owed"]
    site.is_log_read = True
    assert tick(site.dispatcher(), NOON + SECOND) == TickReport(placed=1)


class TestNobodyStaffsTheQueue:
    """Agents of general sit free; nobody is signed in to enterprise."""

    HALF = MORNING + POLICY.deadline / 2  # 22:00 in Shanghai, so quiet hours are switched off

    @pytest.fixture
    def site(self, site) -> Site:
        site.policy = POLICY.model_copy(update={"quiet_hours": None})
        site.on_duty = at_work(2, "general")
        return site

    def owe(self, site: Site, count: int) -> None:
        """All dialled 12345 and chose enterprise there."""
        site.owe(count, queue="enterprise")
        with site.database.writing() as session:
            session.add_all(a_record(f"c{n}", after=n * SECOND, queue="enterprise") for n in range(count))

    def test_a_promise_is_kept_by_the_default_queue_of_his_number(self, site):
        self.owe(site, 1)
        site.default_queue = "general"
        dispatcher = site.dispatcher()
        assert tick(dispatcher, self.HALF - SECOND) == TickReport()
        assert tick(dispatcher, self.HALF) == TickReport(placed=1)
        (request,) = site.dialer.placed
        assert (request.queue, request.prio) == ("general", prio_of(MORNING))
        assert site.attempts()[0].queue == "general"

    def test_not_while_nobody_knows_which_number_that_was(self, site):
        site.owe(1, queue="enterprise")
        site.default_queue = "general"
        assert tick(site.dispatcher(), self.HALF) == TickReport()

    def test_however_many_wait_as_many_statements(self, site):
        """Each second, the whole day: in the line of the default queue there is room for none of them."""
        site.default_queue = "heating"
        self.owe(site, 20)
        with site.database.writing() as session:
            for debt in session.exec(select(Callback).where(Callback.first_call_id != "c0")):
                debt.deadline_at += MINUTE * 10  # c0 alone is half through its time, later all of them are
        one = self.statements(site, self.HALF + MINUTE)
        assert self.statements(site, self.HALF + 20 * MINUTE) == one

    @pytest.mark.parametrize("database", ["sqlite"], indirect=True)
    def test_each_page_of_the_line_is_read_by_its_index(self, site):
        """With a storm's debts: sorted anew for each page, the line of 8,000 took half a second, each second."""
        self.owe(site, 7)
        heard: list[tuple[str, Any]] = []

        def hear(_c: object, _cursor: object, statement: str, parameters: object, *_more: object) -> None:
            heard.append((statement, parameters))

        engine = site.database.engine
        with site.database.reading() as session:
            connection = session.connection()
            event.listen(engine, "before_cursor_execute", hear)
            late = due_in_line(session, self.HALF + MINUTE, POLICY, ["general"], 3, late_in=["enterprise"])
            assert [due.callback_id for due in late] == [1, 2, 3, 4, 5, 6, 7]
            event.remove(engine, "before_cursor_execute", hear)
            assert len(heard) == 1 + 3
            for statement, parameters in heard[2:]:
                how = f"EXPLAIN QUERY PLAN {statement}"
                plan = [row[3] for row in connection.exec_driver_sql(how, parameters)]
                assert "ix_callback_line (state=? AND queue=? AND prio<?)" in plan[0], plan

    def statements(self, site: Site, at: datetime) -> int:
        found: list[str] = []

        def hear(_c: object, _cursor: object, statement: str, *_more: object) -> None:
            found.append(statement)

        event.listen(site.database.engine, "before_cursor_execute", hear)
        assert tick(site.dispatcher(), at) == TickReport()
        event.remove(site.database.engine, "before_cursor_execute", hear)
        return len(found)

    def test_by_another_queue_that_he_asked_for_first(self, site):
        self.owe(site, 1)
        site.on_duty = [*at_work(2, "general"), *at_work(1, "heating", first=2001)]
        site.default_queue = "general"
        with site.database.writing() as session:
            again = missed("again", number="+8613900000000", after=SECOND, queue="heating")
            owe(session, again, POLICY, SHANGHAI, MORNING)
        assert tick(site.dispatcher(), self.HALF + SECOND) == TickReport(placed=1)
        assert [request.queue for request in site.dialer.placed] == ["heating"]

    def test_it_takes_the_room_of_the_queue_where_it_stands(self, site):
        self.owe(site, 9)
        site.default_queue = "general"
        site.on_duty = at_work(1, "general")
        dispatcher = site.dispatcher()
        at = self.HALF + MINUTE
        assert tick(dispatcher, at) == TickReport(placed=3)  # one agent and a lead of two
        assert tick(dispatcher, at + SECOND) == TickReport()

    def test_while_somebody_is_signed_in_there_it_waits_for_him(self, site):
        self.owe(site, 1)
        site.default_queue = "general"
        site.on_duty += at_work(1, "enterprise", first=2001, is_paused=True)
        tick(site.dispatcher(), self.HALF)
        assert [request.queue for request in site.dialer.placed] == ["enterprise"]

    def test_with_nobody_anywhere_it_stays_owed(self, site):
        self.owe(site, 1)
        assert tick(site.dispatcher(), self.HALF) == TickReport()
        site.default_queue, site.on_duty = "general", []
        assert tick(site.dispatcher(), self.HALF + SECOND) == TickReport()
