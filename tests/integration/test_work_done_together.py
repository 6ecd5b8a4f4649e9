"""Work of many threads in one commit on SQLite: whoever does it, each hears of his own, the truth, and in time."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlmodel import Session, col
from support.waiting import wait_for

from hotline.database import Database, DatabaseIsBusy, make_engine, migrate
from tickets.numbering import TicketSequence
from vocabulary.errors import HotlineError

LIMIT = 30


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path}/x.db"
    migrate(url)
    database = Database(make_engine(url))
    yield database
    database.engine.dispose()


def put(session: Session, name: str) -> str:
    session.execute(
        text("INSERT INTO ticket_sequence (area6, day, last) VALUES (:name, '2026-11-23', 1)"), {"name": name}
    )
    return name


def kept(database: Database) -> set[str]:
    with database.reading() as session:
        return set(session.execute(select(col(TicketSequence.area6))).scalars())


@dataclass
class Caller:
    """One thread that brings one piece of work, and what it was told."""

    database: Database
    name: str
    work: Callable[["Caller", Session], str]
    told: object = None
    thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._call, daemon=True)

    def _call(self) -> None:
        try:
            self.told = self.database.write(lambda session: self.work(self, session))
        except BaseException as fault:
            self.told = fault

    @property
    def leads(self) -> bool:
        """Its own thread does the work now."""
        return threading.current_thread() is self.thread


def all_at_once(database: Database, callers: list[Caller]) -> None:
    """None gets a turn before all wait for one; returns when each was told something."""
    with database.writing():
        for caller in callers:
            caller.thread.start()
        wait_for(lambda: len(database._waiting) == len(callers))
    for caller in callers:
        caller.thread.join(LIMIT)
    assert not any(caller.thread.is_alive() for caller in callers)


def good(caller: Caller, session: Session) -> str:
    return put(session, caller.name)


def test_the_fault_of_one_is_told_to_him_alone(database: Database) -> None:
    def bad(caller: Caller, session: Session) -> str:
        put(session, caller.name)
        raise ValueError(caller.name)

    callers = [Caller(database, f"c{n}", bad if n % 3 == 0 else good) for n in range(40)]
    all_at_once(database, callers)
    for n, caller in enumerate(callers):
        assert caller.told == caller.name if n % 3 else isinstance(caller.told, ValueError), caller
        assert n % 3 or str(caller.told) == caller.name
    assert kept(database) == {caller.name for n, caller in enumerate(callers) if n % 3}


@pytest.mark.parametrize("fatal", [KeyboardInterrupt, SystemExit, MemoryError])
def test_one_whose_thread_dies_at_the_work_of_all_takes_nobody_with_him(
    database: Database, fatal: type[BaseException]
) -> None:
    """Half of them die as soon as they lead: nobody waits for ever, and nobody is told of a commit that was not made."""

    def dies_leading(caller: Caller, session: Session) -> str:
        if caller.leads:
            raise fatal
        return put(session, caller.name)

    callers = [Caller(database, f"c{n}", good if n % 2 else dies_leading) for n in range(20)]
    all_at_once(database, callers)
    assert all(caller.told == caller.name for caller in callers if caller.work is good)
    assert all(caller.told == caller.name or isinstance(caller.told, fatal) for caller in callers)
    assert kept(database) == {caller.name for caller in callers if caller.told == caller.name}


def test_all_die_leading_and_each_hears_of_his_own_end(database: Database) -> None:
    def dies_leading(caller: Caller, session: Session) -> str:
        if caller.leads:
            raise SystemExit(caller.name)
        return put(session, caller.name)

    callers = [Caller(database, f"c{n}", dies_leading) for n in range(5)]
    all_at_once(database, callers)
    assert [str(caller.told) for caller in callers] == [caller.name for caller in callers]
    assert kept(database) == set()
    assert database.write(lambda session: put(session, "next")) == "next"


def test_a_piece_that_rolls_the_session_back_undoes_nobody_elses(database: Database) -> None:
    """As with a piece that catches its own IntegrityError."""

    def gives_in(caller: Caller, session: Session) -> str:
        put(session, caller.name)
        session.rollback()
        return "gave in"

    for n in range(4):  # whichever comes last in the commit
        callers = [Caller(database, f"r{n}{i}", gives_in if i == n else good) for i in range(4)]
        all_at_once(database, callers)
        told = {caller.name for caller in callers if caller.told == caller.name}
        assert told == {caller.name for caller in callers if caller.work is good}
        assert told <= kept(database)
        assert f"r{n}{n}" not in kept(database)


def test_work_that_gets_no_turn_is_not_done_later(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hotline.database.BUSY_SECONDS", 0.05)
    with database.writing(), pytest.raises(DatabaseIsBusy):
        database.write(lambda session: put(session, "late"))
    database.write(lambda session: put(session, "in time"))
    assert kept(database) == {"in time"}


def test_a_slow_piece_costs_the_others_an_error_and_not_their_patience(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who was told that it was busy finds nothing done, whoever had his work in hand by then."""
    monkeypatch.setattr("hotline.database.BUSY_SECONDS", 0.5)
    go_on = threading.Event()
    under_way = threading.Event()

    def slow(caller: Caller, session: Session) -> str:
        under_way.set()
        assert go_on.wait(LIMIT)
        return put(session, caller.name)

    callers = [Caller(database, f"c{n}", slow if n == 2 else good) for n in range(6)]
    with database.writing():
        for caller in callers:
            caller.thread.start()
        wait_for(lambda: len(database._waiting) == len(callers))
    assert under_way.wait(LIMIT)
    # one thread is held, the one that does the slow piece; to all others it was told
    wait_for(lambda: sum(caller.told is not None for caller in callers) >= len(callers) - 1, LIMIT)
    assert all(isinstance(c.told, DatabaseIsBusy) or c.told in (None, c.name) for c in callers)
    assert any(isinstance(caller.told, DatabaseIsBusy) for caller in callers)
    go_on.set()
    for caller in callers:
        caller.thread.join(LIMIT)
    assert {caller.name for caller in callers if caller.told == caller.name} == kept(database)
    assert all(isinstance(c.told, HotlineError) for c in callers if c.told != c.name)


def test_work_that_was_committed_is_never_called_busy(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody did it, and before he who brought it could look, the turn went to others for too long."""
    monkeypatch.setattr("hotline.database.BUSY_SECONDS", 1.0)
    caller = Caller(database, "mine", good)
    with database.writing():
        caller.thread.start()
        wait_for(lambda: database._waiting)
        [unit] = database._waiting
        database._waiting.clear()
        unit.value, unit.is_done = "mine", True  # as a leader leaves it
        caller.thread.join(LIMIT)
    assert caller.told == "mine"


def test_no_more_is_taken_along_once_the_commit_is_late(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of many slow pieces is for its own thread: nobody's thread does them all one after the other."""
    monkeypatch.setattr("hotline.database._TOGETHER_SECONDS", 0.0)
    did: dict[str, str] = {}

    def note(caller: Caller, session: Session) -> str:
        did[caller.name] = threading.current_thread().name
        return put(session, caller.name)

    callers = [Caller(database, f"c{n}", note) for n in range(8)]
    all_at_once(database, callers)
    assert did == {caller.name: caller.thread.name for caller in callers}
    assert kept(database) == {caller.name for caller in callers}
