"""Many write at once: nothing is lost, nothing comes twice, and a follower of the log misses nothing."""

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlmodel import Session, col
from support.call_teller import START, Teller

from hotline.database import Database, DatabaseIsBusy, make_engine
from tickets.call_events import CallEvent, Event, EventKind, EventSource, append
from tickets.codes import TicketNumbering
from tickets.numbering import TicketSequence, draw

THREADS, TIMES = 10, 40
LIMIT = 60


def in_threads(work: Callable[[int], None]) -> None:
    """Runs `work` in ten threads at once; an error in one of them is the test's error."""
    errors: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            work(number)
        except BaseException as fault:
            errors.append(fault)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
    assert not any(thread.is_alive() for thread in threads)
    assert errors == []


def event(call_id: str, number: int, kind: EventKind = EventKind.GREETED) -> Event:
    return Event(call_id, kind, EventSource.AGI, datetime.now(UTC), number, {}, f"{call_id}:{number}")


def after(session: Session, last_id: int, limit: int) -> list[CallEvent]:
    """What followed the event `last_id`, oldest first: as somebody reads who follows the log."""
    rising = col(CallEvent.id)
    return list(
        session.execute(select(CallEvent).where(rising > last_id).order_by(rising).limit(limit)).scalars()
    )


def test_read_then_write_increments_lose_nothing(database: Database):
    day = date(2026, 11, 23)
    with database.writing() as session:
        session.add(TicketSequence(area6="140100", day=day, last=0))

    def count(_number: int) -> None:
        for _ in range(TIMES):
            with database.writing() as session:
                row = session.execute(select(TicketSequence).with_for_update()).scalar_one()
                row.last += 1

    in_threads(count)
    with database.reading() as session:
        assert session.execute(select(TicketSequence)).scalar_one().last == THREADS * TIMES


def test_increments_over_several_processes_lose_nothing(database: Database):
    """Each thread with an engine of its own, as processes have: only the database itself can order them."""
    day = date(2026, 11, 23)
    with database.writing() as session:
        session.add(TicketSequence(area6="140100", day=day, last=0))
    url = database.engine.url.render_as_string(hide_password=False)

    def count(_number: int) -> None:
        own = Database(make_engine(url))
        for _ in range(TIMES):
            with own.writing() as session:
                row = session.execute(select(TicketSequence).with_for_update()).scalar_one()
                row.last += 1
        own.engine.dispose()

    in_threads(count)
    with database.reading() as session:
        assert session.execute(select(TicketSequence)).scalar_one().last == THREADS * TIMES


def test_ticket_numbers_are_unique_and_without_gaps(database: Database):
    numbering, drawn = TicketNumbering(area6="140100", template="{yyyymmdd}{seq5}"), []

    def take(_number: int) -> None:
        for _ in range(TIMES):
            with database.writing() as session:
                drawn.append(draw(session, numbering, date(2026, 11, 23)))

    in_threads(take)
    assert sorted(drawn) == [f"20261123{number:05}" for number in range(1, THREADS * TIMES + 1)]


def test_a_number_drawn_in_vain_is_drawn_again_and_each_day_begins_anew(database: Database):
    numbering = TicketNumbering(area6="140100", template="{yyyymmdd}{seq5}")

    def draw_in_vain() -> None:
        with database.writing() as session:
            draw(session, numbering, date(2026, 11, 23))
            raise ValueError("the desk changed its mind")

    with pytest.raises(ValueError, match="changed its mind"):
        draw_in_vain()
    with database.writing() as session:
        assert draw(session, numbering, date(2026, 11, 23)) == "2026112300001"
        assert draw(session, numbering, date(2026, 11, 24)) == "2026112400001"
        assert draw(session, numbering, date(2026, 11, 23)) == "2026112300002"


def test_append_is_idempotent_and_says_who_gained(database: Database):
    events = [event("a", 1), event("a", 2), event("b", 1)]
    with database.writing() as session:
        assert append(session, [*events, events[0]]) == ["a", "b"]
    with database.writing() as session:
        assert append(session, [*events, event("b", 2)]) == ["b"]
        assert append(session, []) == []
    with database.reading() as session:
        kept = after(session, 0, 100)
    assert [(row.call_id, row.key) for row in kept] == [
        ("a", "a:1"),
        ("a", "a:2"),
        ("b", "b:1"),
        ("b", "b:2"),
    ]
    assert all(row.at.utcoffset() == timedelta(0) for row in kept)


def test_the_same_events_from_all_sides_at_once_come_in_once(database: Database):
    events = [event(f"call-{number % 7}", number) for number in range(TIMES)]

    def tell(number: int) -> None:
        for one in events[number:] + events[:number]:
            with database.writing() as session:
                append(session, [one])

    in_threads(tell)
    with database.reading() as session:
        assert sorted(row.key for row in after(session, 0, 1000)) == sorted(one.key for one in events)


def test_a_follower_misses_nothing_while_many_write(database: Database):
    seen: list[int] = []
    is_over = threading.Event()

    def follow() -> None:
        last = 0
        while True:
            is_last_look = is_over.is_set()
            with database.reading() as session:
                ids = [row.id for row in after(session, last, 50)]
            seen.extend(found for found in ids if found is not None)
            last = seen[-1] if seen else 0
            if is_last_look and not ids:
                return

    follower = threading.Thread(target=follow)
    follower.start()

    def tell(number: int) -> None:
        for count in range(TIMES):
            with database.writing() as session:
                append(session, [event(f"call-{number}", count)])

    in_threads(tell)
    is_over.set()
    follower.join(LIMIT)
    with database.reading() as session:
        all_ids = list(session.execute(select(col(CallEvent.id)).order_by(col(CallEvent.id))).scalars())
    assert seen == all_ids
    assert len(seen) == THREADS * TIMES


def test_an_error_leaves_nothing_behind(database: Database):
    def fail() -> None:
        with database.writing() as session:
            append(session, [event("a", 1)])
            raise ValueError("later in the same unit of work")

    with pytest.raises(ValueError, match="same unit of work"):
        fail()
    with database.reading() as session:
        assert after(session, 0, 10) == []


def test_reading_goes_on_while_somebody_writes(database: Database):
    with database.writing() as session:
        append(session, [event("a", 1)])
        with database.reading() as other:
            assert after(other, 0, 10) == []


def test_sqlite_is_set_up_for_what_we_promise(database: Database):
    if database.engine.dialect.name == "postgresql":
        with database.reading() as session:
            assert session.execute(text("SHOW synchronous_commit")).scalar_one() == "on"
        return
    with database.reading() as session:
        found = {
            name: session.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}


def test_a_unit_of_work_inside_another_is_refused_not_hung(tmp_path, monkeypatch):
    monkeypatch.setattr("hotline.database.BUSY_SECONDS", 0.05)
    database = Database(make_engine(f"sqlite:///{tmp_path}/x.db"))
    with database.writing(), pytest.raises(DatabaseIsBusy), database.writing():
        pass
    with database.writing():
        pass
    database.engine.dispose()


def test_times_come_back_as_they_went_in(database: Database):
    told = Teller("x").agi(0.123456, EventKind.GREETED).events
    with database.writing() as session:
        append(session, told)
    with database.reading() as session:
        assert after(session, 0, 1)[0].at == START + timedelta(seconds=0.123456)


def test_who_works_together_is_told_of_his_own_fault_alone(database: Database):
    """Half of the work fails: it raises for whoever brought it, and the other half is committed."""

    def work(number: int) -> None:
        for n in range(TIMES):
            one = event(f"w{number}", n)
            if n % 2:
                with pytest.raises(ZeroDivisionError):
                    database.write(lambda session, one=one: append(session, [one]) and 1 // 0)
            else:
                assert database.write(lambda session, one=one: append(session, [one])) == [one.call_id]

    in_threads(work)
    with database.reading() as session:
        kept = session.execute(select(CallEvent.call_id, CallEvent.seq)).all()
    assert sorted(kept) == [(f"w{number}", n) for number in range(THREADS) for n in range(0, TIMES, 2)]


def test_what_was_written_together_is_there_when_the_call_returns(database: Database):
    """Also the objects of a session, and what another thread wrote in the same commit."""
    other = Database(make_engine(database.engine.url.render_as_string(hide_password=False)))

    def work(number: int) -> None:
        day = date(2026, 1, number + 1)
        for n in range(TIMES // 4):
            database.write(
                lambda session, n=n: session.merge(TicketSequence(area6="140100", day=day, last=n))
            )
            with other.reading() as session:
                assert session.get_one(TicketSequence, ("140100", day)).last == n

    in_threads(work)
    other.engine.dispose()
