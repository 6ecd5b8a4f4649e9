"""An emergency message is switched while the database is away: noted, and entered when it is back."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel import Session
from support.command_line import run_command
from support.web_hotline import MORNING, Api, WebHotline, names_of_broadcasts

from hotline import broadcast_door, defaults_door
from ivr.calls.broadcasts_meanwhile import Meanwhile, Switched


def test_what_was_switched_without_the_database_is_entered_when_it_is_back(
    web: WebHotline, leader: Api
) -> None:
    on = leader.post("/api/broadcasts", {"name": "heating_outage"}).json()
    waiting = broadcast_door.meanwhile(web.hotline.settings)
    until = MORNING + timedelta(hours=2)
    waiting.note(Switched(MORNING + timedelta(seconds=1), "command line li", "storm", until))
    waiting.note(Switched(MORNING + timedelta(seconds=2), "command line li", str(on["id"])))
    waiting.note(
        Switched(MORNING + timedelta(seconds=3), "command line li", "spoken", until, "停水。", ("12319",))
    )
    web.clock += timedelta(minutes=1)
    board = broadcast_door.board_of(web.hotline)
    board.refresh()
    assert waiting.noted() == ()
    assert board.names(web.clock) == ["spoken", "storm"]
    first, second, third = leader.get("/api/broadcasts", which="all").json()["items"]
    assert (first["name"], first["say"], first["numbers"], first["is_on"]) == (
        "spoken",
        "停水。",
        ["12319"],
        True,
    )
    assert (second["name"], second["started_by"], second["is_on"]) == ("storm", "command line li", True)
    assert datetime.fromisoformat(second["started_at"]) == MORNING + timedelta(seconds=1)
    assert (third["ended_by"], third["is_on"]) == ("command line li", False)


def test_what_a_process_entered_before_it_died_is_not_entered_again(web: WebHotline, leader: Api) -> None:
    waiting = broadcast_door.meanwhile(web.hotline.settings)
    waiting.note(Switched(MORNING, "x", "storm", MORNING + timedelta(hours=2)))
    waiting.note(
        Switched(MORNING + timedelta(seconds=1), "x", "heating_outage", MORNING + timedelta(hours=2))
    )
    waiting.note(Switched(MORNING + timedelta(seconds=2), "x", "heating_outage"))
    written = (waiting.folder / "switched.json").read_bytes()
    waiting.enter(web.database.writing)
    web.clock += timedelta(minutes=1)
    leader.post("/api/broadcasts", {"name": "heating_outage"})
    (waiting.folder / "switched.json").write_bytes(written)
    waiting.enter(web.database.writing)
    assert names_of_broadcasts(leader) == ["heating_outage", "storm"]
    assert names_of_broadcasts(leader, which="all") == ["heating_outage", "heating_outage", "storm"]


def test_while_the_table_cannot_be_written_the_notes_stay(web: WebHotline) -> None:
    waiting = broadcast_door.meanwhile(web.hotline.settings)
    waiting.note(Switched(MORNING, "x", "storm", MORNING + timedelta(hours=2)))

    @contextmanager
    def away() -> Iterator[Session]:
        raise OperationalError("BEGIN", None, Exception("gone"))
        yield

    with pytest.raises(OperationalError):
        waiting.enter(away)
    assert [one.name for one in waiting.noted()] == ["storm"]


def test_the_command_switches_without_the_database(tmp_path: Path) -> None:
    home = tmp_path / "home"
    defaults_door.lay_out(home / "config")
    variables = {"HOTLINE_HOME": str(home)}
    away = variables | {"HOTLINE_DATABASE_URL": f"postgresql+psycopg://nobody@/x?host={tmp_path}/nowhere"}
    before = run_command(["broadcast", "on", "storm"], away)
    assert before.returncode != 0, "no server ever ran here"
    (home / "published").mkdir()
    on = run_command(["broadcast", "on", "storm", "--for", "2h"], away)
    assert on.returncode == 0, on.stderr
    assert "the database cannot be reached" in on.stdout
    assert "on: storm, until" in on.stdout
    wrong = run_command(["broadcast", "on", "strom"], away)
    assert (wrong.returncode != 0, 'Did you mean "storm"' in wrong.stderr) == (True, True)
    off = run_command(["broadcast", "off", "storm"], away)
    assert "off: storm. This machine's servers" in off.stdout
    noted = Meanwhile(home / "broadcasts_meanwhile").noted()
    assert [(one.name, one.until is None) for one in noted] == [("storm", False), ("storm", True)]
    assert noted[0].by.startswith("command line")
