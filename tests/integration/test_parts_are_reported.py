"""Several processes share the work: the rows by which each can be found, and what becomes of those that ended."""

from datetime import UTC, datetime, timedelta

from sqlmodel import select

from hotline.as_found import running_processes
from hotline.database import Database
from hotline.parts import PARTS, STALE, PartReport, all_parts, report, report_process

NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
PROCESSES = ["elsewhere:11", "elsewhere:12", "elsewhere:13"]


def test_every_process_is_found_though_one_of_them_reported_the_part_last(database: Database) -> None:
    for process in PROCESSES:
        with database.writing() as session:
            report_process(session, process, NOW)
            report(session, "agi", True, {"busy": 0}, process, NOW)
    with database.reading() as session:
        assert running_processes(session, NOW) == PROCESSES
        parts = all_parts(session, NOW)
    assert set(parts) == set(PARTS)
    assert (parts["agi"].process, parts["agi"].detail) == (PROCESSES[-1], {"busy": 0})


def test_a_silent_process_is_no_longer_found_and_in_the_end_forgotten(database: Database) -> None:
    with database.writing() as session:
        report_process(session, PROCESSES[0], NOW)
    later = NOW + STALE + timedelta(seconds=1)
    with database.writing() as session:
        report_process(session, PROCESSES[1], later)
        assert running_processes(session, later) == [PROCESSES[1]]
        assert len(session.exec(select(PartReport)).all()) == 2
    much_later = NOW + timedelta(hours=2)
    with database.writing() as session:
        report_process(session, PROCESSES[2], much_later)
    with database.reading() as session:
        assert [row.process for row in session.exec(select(PartReport))] == [PROCESSES[2]]


def test_a_report_takes_the_place_of_the_one_before(database: Database) -> None:
    for is_up, detail in ((True, {"a": 1}), (False, {"reason": "lost"})):
        with database.writing() as session:
            report(session, "asterisk", is_up, detail, PROCESSES[0], NOW)
    with database.reading() as session:
        [row] = session.exec(select(PartReport)).all()
    assert (row.is_up, row.detail) == (False, {"reason": "lost"})
