"""What the dispatcher has placed and what became of it: withdrawn when it stands in vain, owed again when it vanished."""

import asyncio
from datetime import timedelta

import pytest
from sqlmodel import select
from support.callback_site import MINUTE, NOON, POLICY, SECOND, tick
from support.lost_calls import MORNING, SHANGHAI, missed

from missed_call_redial.attempts import attempt_accepted, on_dialling
from missed_call_redial.callbacks import Callback
from missed_call_redial.dispatcher import TickReport
from missed_call_redial.owing import close_by_inbound, owe


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

    def test_what_ended_before_the_list_of_channels_was_told_is_read_first(self, site):
        """Its end stands in queue_log, perhaps behind the moment at which the list was asked for."""
        site.owe(1)
        dispatcher = site.dispatcher()
        tick(dispatcher)
        site.dialer.live.clear()
        at_once = site.dialer.live_attempts

        async def late() -> frozenset[str]:
            await asyncio.sleep(0.1)  # the list is long
            return await at_once()

        site.dialer.live_attempts = late
        later = NOON + 10 * MINUTE
        tick(dispatcher, later)
        site.log_read_until = later + timedelta(milliseconds=50)
        assert tick(dispatcher, later + SECOND) == TickReport()
        site.log_read_until = later + MINUTE
        assert tick(dispatcher, later + 2 * SECOND) == TickReport(recovered=1)

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


def test_a_placeholder_whose_citizen_was_answered_meanwhile_is_withdrawn(site):
    site.owe(2)
    dispatcher = site.dispatcher()
    tick(dispatcher)
    settled, other = (request.attempt_id for request in site.dialer.placed)
    with site.database.writing() as session:
        number = session.get(Callback, 1).number_digest
        assert close_by_inbound(session, number, "c9", NOON)
    tick(dispatcher, NOON + SECOND)
    assert site.dialer.withdrawn == [settled], other


def test_a_placing_whose_answer_was_lost_is_withdrawn_like_any_other(site):
    site.owe(1)
    site.dialer.drops_answers = True
    dispatcher = site.dispatcher()
    assert tick(dispatcher) == TickReport(not_placed=1)
    assert site.states() == ["claimed"]
    with site.database.writing() as session:
        number = session.get(Callback, 1).number_digest
        assert close_by_inbound(session, number, "c9", NOON)
    tick(dispatcher, NOON + SECOND)
    assert site.dialer.withdrawn == [site.dialer.placed[0].attempt_id]


class TestStandingInVain:
    def test_no_trunk_can_dial_him_any_more(self, site):
        site.owe(1)
        dispatcher = site.dispatcher()
        tick(dispatcher)
        site.dialer.trunks_up = set()
        tick(dispatcher, NOON + SECOND)
        site.dialer.trunks_up = {"trunk"}
        tick(dispatcher, NOON + 10 * SECOND)  # it only missed one question
        site.dialer.trunks_up = set()
        for seconds in (20, 34):
            tick(dispatcher, NOON + seconds * SECOND)
        assert site.dialer.withdrawn == []
        tick(dispatcher, NOON + 35 * SECOND)
        assert site.dialer.withdrawn == [site.dialer.placed[0].attempt_id]

    def test_quiet_hours_began(self, site):
        site.owe(1)
        with site.database.writing() as session:
            owe(session, missed("c9", number="+8613911111111", is_critical=True), POLICY, SHANGHAI, MORNING)
        dispatcher = site.dispatcher()
        evening = MORNING + timedelta(hours=11, minutes=29)
        assert tick(dispatcher, evening) == TickReport(placed=2)
        critical, other = (request.attempt_id for request in site.dialer.placed)
        tick(dispatcher, evening + MINUTE)
        assert site.dialer.withdrawn == [other], critical
