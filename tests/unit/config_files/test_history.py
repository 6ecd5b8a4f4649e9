"""Lines of the history: which counts, what was in force a moment ago, and how far back a rollback goes."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ivr.config_files.history import (
    HISTORY,
    Entry,
    How,
    Note,
    entries,
    one_further_back,
    went_out,
    with_entry,
)

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def entry(
    number: int, version: str, before: str | None, how: How = "publish", *, at: datetime = NOON
) -> Entry:
    return Entry(number, version, before, Note(how, "zhang", "why", at.isoformat()))


def test_a_line_is_written_and_read_back(tmp_path: Path) -> None:
    written = Entry(1, "b", "a", Note("publish", "张", "供暖", NOON.isoformat()), ("f",), ("key 2: …",), 3)
    (tmp_path / HISTORY).write_text(with_entry(tmp_path, "a", written), "utf-8")
    assert entries(tmp_path, "b") == [written]
    assert "供暖" in (tmp_path / HISTORY).read_text("utf-8"), "for an editor"


def test_the_line_of_an_interrupted_publish_does_not_count_and_its_number_is_used_again(
    tmp_path: Path,
) -> None:
    for one, now in ((entry(0, "a", None), None), (entry(0, "b", "a"), "a")):
        (tmp_path / HISTORY).write_text(with_entry(tmp_path, now, one), "utf-8")
    assert [one.version for one in entries(tmp_path, "a")] == ["a"]
    assert [one.version for one in entries(tmp_path, "b")] == ["a", "b"]
    (tmp_path / HISTORY).write_text(with_entry(tmp_path, "a", entry(0, "c", "a")), "utf-8")
    assert [(one.number, one.version) for one in entries(tmp_path, "c")] == [(1, "a"), (2, "c")]


def test_a_kind_of_publish_that_this_program_does_not_know_is_left_out(tmp_path: Path) -> None:
    (tmp_path / HISTORY).write_text(with_entry(tmp_path, None, entry(0, "a", None)), "utf-8")
    line = json.loads((tmp_path / HISTORY).read_text("utf-8"))
    line["note"]["how"] = "magic"
    (tmp_path / HISTORY).write_text(json.dumps(line) + "\n", "utf-8")
    assert entries(tmp_path, "a") == []


def test_what_went_out_of_force_lately_is_what_calls_may_have_begun_with() -> None:
    old, young = NOON - timedelta(days=3), NOON - timedelta(hours=1)
    found = [
        entry(1, "a", None, at=old),
        entry(2, "b", "a", at=old),
        entry(3, "c", "b", at=young),
        entry(4, "b", "c", "rollback", at=young),
        entry(5, "d", "b", at=young),
    ]
    assert went_out(found, NOON - timedelta(days=1)) == ["c", "b"]
    assert went_out(found[:4], NOON - timedelta(days=1)) == ["c"], "b is in force again"
    assert went_out([], NOON) == []


def test_a_rollback_goes_back_from_where_somebody_put_the_set_in_force_on_purpose() -> None:
    found = [entry(1, "a", None), entry(2, "b", "a"), entry(3, "c", "b"), entry(4, "b", "c", "rollback")]
    assert one_further_back(found, "b") == "a"
    assert one_further_back(found[:3], "c") == "b"
    assert one_further_back(found[:1], "a") is None
    assert one_further_back([], "x") is None
