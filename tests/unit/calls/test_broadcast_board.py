"""What a process plays of the broadcasts that are on: from memory, whatever becomes of database, voice and files."""

import json
import logging
import wave
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread, current_thread

import pytest
from sqlalchemy.exc import OperationalError

from hotline import defaults_door
from ivr.calls.broadcast_board import Board, OnNow
from ivr.calls.broadcasts_meanwhile import Meanwhile, Switched
from ivr.config_files.checker import Configuration, check
from ivr.config_files.running import Running
from ivr.prompts.rendering import PromptLibrary

NOW = datetime(2026, 7, 20, 8, 0, tzinfo=UTC)
END = NOW + timedelta(hours=2)
STORM = OnNow(1, "storm", None, None, END)
LOCAL = OnNow(2, "heating_outage", None, ("12319",), END)
NAMES = ("storm_known", "storm_to_do", "heating_outage_known", "heating_outage_to_do")
SAID = OnNow(3, "spoken", "城东停水。", ("12345",), END)


class World:
    """A database, a voice and a disk; each may fail."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.on: tuple[OnNow, ...] = ()
        self.is_away = False
        self.has_voice = True
        self.made: list[str] = []
        self.tried = 0
        self.seconds = 0.0
        self.meanwhile = Meanwhile(folder / "meanwhile")

    def read(self) -> tuple[OnNow, ...]:
        if self.is_away:
            raise OperationalError("SELECT", None, Exception("gone"))
        return self.on

    def make(self, text: str) -> Path:
        self.tried += 1
        if not self.has_voice:
            raise OSError("no voice")
        self.made.append(text)
        path = self.folder / "said.wav"
        with wave.open(str(path), "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(8000)
            sound.writeframes(b"\0\0" * 12_000)
        return path

    def board(self) -> Board:
        return Board(
            self.read,
            self.make,
            self.folder / "home" / "broadcasts.json",
            lambda: self.seconds,
            self.meanwhile.noted,
        )


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture(scope="module")
def configuration() -> Configuration:
    found, problems = check(defaults_door.shipped())
    assert found is not None, problems
    return found


@pytest.fixture
def running(configuration: Configuration) -> Running:
    paths = {("zh", name): Path(f"/p/{name}.wav") for name in ("greeting", *NAMES)}
    seconds = dict.fromkeys(paths, 2.0)
    return Running(configuration, PromptLibrary(paths, seconds), False)


def heard(
    board: Board, running: Running, number: str = "12345", now: datetime = NOW
) -> tuple[str, tuple[str, ...]]:
    on_air, library = board.for_call(number, running, now)
    if on_air is None:
        assert library is running.prompts
        return "", ()
    return on_air.name, tuple(library.sound(name, "zh") for name in on_air.prompts)


def test_nothing_on_changes_nothing(world: World, running: Running) -> None:
    board = world.board()
    board.refresh()
    assert heard(board, running) == ("", ())
    assert not board.memory.exists()


def test_the_latest_that_concerns_the_number_is_heard(world: World, running: Running) -> None:
    world.on, board = (LOCAL, STORM), world.board()
    board.refresh()
    assert heard(board, running) == ("storm", ("/p/storm_known", "/p/storm_to_do"))
    assert heard(board, running, "12319")[0] == "heating_outage"
    assert board.names(NOW) == ["heating_outage", "storm"]


def test_it_ends_by_itself_whether_or_not_anybody_looks(world: World, running: Running) -> None:
    world.on, board = (STORM,), world.board()
    board.refresh()
    world.is_away = True
    board.refresh()
    assert heard(board, running, now=END - timedelta(seconds=1))[0] == "storm"
    assert heard(board, running, now=END) == ("", ())
    assert board.names(END) == []


def test_the_database_goes_and_is_complained_of_once(
    world: World, running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    world.on, board = (STORM,), world.board()
    board.refresh()
    world.is_away = True
    with caplog.at_level(logging.ERROR):
        for _ in range(5):
            board.refresh()
    assert len(caplog.records) == 1
    assert heard(board, running)[0] == "storm"
    world.is_away, world.on = False, ()
    board.refresh()
    assert heard(board, running) == ("", ())
    assert json.loads(board.memory.read_text("utf-8")) == []


def test_a_restart_while_the_database_is_away_knows_what_was_on(world: World, running: Running) -> None:
    world.on = (SAID, STORM)
    world.board().refresh()
    world.is_away = True
    after = world.board()
    after.remember()
    after.refresh()
    assert heard(after, running) == ("spoken", (str(world.folder / "said"),))
    assert heard(after, running, "12319")[0] == "storm"
    assert after.on == world.on


@pytest.mark.parametrize(
    "text",
    ["", "[", "{}", "[1]", '[{"id": 1}]', '[{"id":1,"name":"x","text":null,"numbers":null,"until":"?"}]'],
)
def test_a_damaged_memory_is_nothing_known(world: World, running: Running, text: str) -> None:
    board = world.board()
    board.memory.parent.mkdir()
    board.memory.write_text(text, "utf-8")
    board.remember()
    assert heard(board, running) == ("", ())


def test_what_is_said_is_spoken_once_and_never_in_a_call(world: World, running: Running) -> None:
    world.on, board = (SAID,), world.board()
    for _ in range(3):
        board.refresh()
    assert world.made == [SAID.text]
    on_air, library = board.for_call("12345", running, NOW)
    assert on_air is not None
    assert library.length(on_air.prompts[0], "zh") == 1.5
    assert library.sound(on_air.prompts[0], "en") == library.sound(on_air.prompts[0], "zh"), (
        "for who chose English"
    )
    assert library.sound("greeting", "zh") == "/p/greeting"
    (world.folder / "said.wav").unlink()
    assert heard(board, running)[0] == "spoken", "a deleted sound is a silence, and the call goes on"
    board.refresh()
    assert len(world.made) == 2, "and it is made again"


def test_without_a_voice_the_calls_go_on_and_carry_the_name(world: World, running: Running) -> None:
    world.on, world.has_voice, board = (SAID,), False, world.board()
    board.refresh()
    assert heard(board, running) == ("spoken", ())


def test_a_text_that_no_voice_speaks_is_tried_each_minute_and_told_once(
    world: World, running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    world.on, world.has_voice, board = (SAID,), False, world.board()
    for second in range(121):
        world.seconds = float(second)
        board.refresh()
    assert (world.tried, len(caplog.records)) == (3, 1)
    assert board.names(NOW) == ["spoken"]
    world.on = (replace(SAID, id=4, text="城西停水。"), SAID)
    board.refresh()
    assert (world.tried, len(caplog.records)) == (4, 2), "another text is tried at once, and told"
    world.has_voice, world.seconds = True, 180.0
    board.refresh()
    assert heard(board, running) == ("spoken", (str(world.folder / "said"),))
    assert sorted(world.made) == sorted([SAID.text or "", "城西停水。"])


def test_one_that_ends_is_over_while_a_voice_is_still_at_work(world: World, running: Running) -> None:
    world.on, board = (STORM,), world.board()
    board.refresh()
    world.on = (SAID,)
    during: list[str] = []

    def slow(text: str) -> Path:
        during.append(heard(board, running, "12319")[0])
        return world.make(text)

    board.make = slow
    board.refresh()
    assert during == [""]
    assert heard(board, running)[0] == "spoken"


def test_words_missing_in_a_chosen_language_are_said_in_the_sites(world: World, running: Running) -> None:
    world.on, board = (STORM,), world.board()
    board.refresh()
    _, library = board.for_call("12345", running, NOW)
    assert library.sound("storm_known", "en") == "/p/storm_known"
    assert library.length("storm_known", "en") == 2.0


def test_a_message_taken_out_of_the_files_is_heard_no_more_but_tagged(world: World, running: Running) -> None:
    world.on, board = (replace(STORM, name="gone"),), world.board()
    board.refresh()
    assert heard(board, running) == ("gone", ())


# --- switched while the database is away ---


def test_what_is_switched_without_the_database_is_heard_over_a_restart_too(
    world: World, running: Running
) -> None:
    world.on, board = (LOCAL,), world.board()
    board.refresh()
    world.is_away = True
    world.meanwhile.note(Switched(NOW, "x", "storm", END))
    board.refresh()
    assert (heard(board, running)[0], heard(board, running, "12319")[0]) == ("storm", "storm")
    assert "storm" not in board.memory.read_text("utf-8"), "it stays in its own file alone"
    after = world.board()
    after.remember()
    assert after.names(NOW) == ["heating_outage", "storm"]
    world.meanwhile.note(Switched(NOW, "x", "heating_outage"))
    after.refresh()
    assert after.names(NOW) == ["storm"]
    world.meanwhile.note(Switched(NOW, "x", None))
    after.refresh()
    assert after.names(NOW) == []


def test_one_that_is_said_without_the_database_is_spoken(world: World, running: Running) -> None:
    world.is_away, board = True, world.board()
    world.meanwhile.note(Switched(NOW, "x", "spoken", END, SAID.text, ("12345",)))
    board.refresh()
    assert heard(board, running) == ("spoken", (str(world.folder / "said"),))
    assert heard(board, running, "12319") == ("", ())


@pytest.mark.parametrize("text", ["", "[", "[1]", '{"x": 1}', '[{"at": "?"}]'])
def test_damaged_notes_are_put_aside_and_stop_nothing(
    world: World, running: Running, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    world.meanwhile.note(Switched(NOW, "x", "storm", END))
    (world.meanwhile.folder / "switched.json").write_text(text, "utf-8")
    board = world.board()
    for _ in range(3):
        board.refresh()
    assert heard(board, running) == ("", ())
    assert len(caplog.records) == 1
    world.meanwhile.note(Switched(NOW, "x", "storm", END))
    board.refresh()
    assert heard(board, running)[0] == "storm"


def test_damaged_notes_that_cannot_be_put_aside_stop_neither_a_start_nor_a_look(
    world: World, running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    world.on = (STORM,)
    world.meanwhile.note(Switched(NOW, "x", "heating_outage", END))
    (world.meanwhile.folder / "switched.json").write_text("[", "utf-8")
    (world.meanwhile.folder / "switched.damaged").mkdir()
    board = world.board()
    board.remember()
    for _ in range(3):
        board.refresh()
        assert world.meanwhile.noted() == ()
    assert heard(board, running)[0] == "storm"
    assert [record.message.count("cannot be put aside") for record in caplog.records] == [1]


def test_notes_that_are_read_beside_a_process_that_writes_them_are_not_put_aside(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The damage was looked at before, and good notes stand there by the time it would be put aside."""
    folder = world.meanwhile.folder
    folder.mkdir()
    (folder / "switched.json").write_text("[", "utf-8")
    looked, is_written = Event(), Event()
    found: list[tuple[Switched, ...]] = []
    looking = Thread(target=lambda: found.append(world.meanwhile.noted()))
    read = Meanwhile._read

    def read_slowly(self: Meanwhile) -> tuple[Switched, ...]:
        try:
            return read(self)
        finally:
            if current_thread() is looking and not looked.is_set():
                looked.set()
                is_written.wait(20)

    monkeypatch.setattr(Meanwhile, "_read", read_slowly)
    looking.start()
    assert looked.wait(20)
    world.meanwhile.note(Switched(NOW, "x", "storm", END))
    is_written.set()
    looking.join(20)
    assert [one.name for one in found[0]] == ["storm"]
    assert [one.name for one in world.meanwhile.noted()] == ["storm"]


def test_what_another_process_entered_is_heard_on_until_the_database_tells_it(
    world: World, running: Running
) -> None:
    world.is_away, board = True, world.board()
    world.meanwhile.note(Switched(NOW, "x", "storm", END))
    board.refresh()
    (world.meanwhile.folder / "switched.json").unlink()
    board.refresh()
    assert heard(board, running)[0] == "storm"
    world.is_away, world.on = False, (STORM,)
    board.refresh()
    assert board.on == (STORM,)
