"""queue_log on a real disk: grows, is cut, rotates, vanishes, is replaced; no line is lost or read twice."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.telephony.queue_log import LogLine
from ivr.telephony.queue_log_file import LogPosition, QueueLogFile


def line(n: int, epoch: int = 1795397954) -> str:
    return f"{epoch + n}|hot-{n}|main|NONE|ABANDON|1|1|{n}\n"


class Reader:
    """Reads on from where it stood, as the listener does after each batch and after each of its restarts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.position: LogPosition | None = None
        self.lines: list[LogLine] = []

    def read(self, limit: int = 2000) -> list[str]:
        """The new lines' call ids."""
        stored = None if self.position is None else LogPosition.parse(str(self.position))
        found: list[LogLine] = []
        while True:
            new, stored = QueueLogFile(self.path).read_new(stored, limit)
            if not new:
                break
            assert len(new) <= limit
            found += new
        self.position = stored
        self.lines += found
        return [one.text.split("|")[1] for one in found]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "queue_log"


def append(path: Path, text: str) -> None:
    with path.open("a") as stream:
        stream.write(text)


def rotate(path: Path, suffix: str) -> None:
    path.rename(path.with_name(f"{path.name}.{suffix}"))


def test_it_reads_what_is_there_and_then_what_comes(log: Path):
    append(log, line(0) + line(1))
    reader = Reader(log)
    assert reader.read() == ["hot-0", "hot-1"]
    assert reader.read() == []
    append(log, line(2))
    assert reader.read() == ["hot-2"]


def test_a_missing_file_is_waited_for(log: Path):
    reader = Reader(log)
    assert reader.read() == []
    append(log, line(0))
    assert reader.read() == ["hot-0"]


def test_a_missing_folder_is_waited_for(tmp_path: Path):
    assert QueueLogFile(tmp_path / "none" / "queue_log").read_new(None) == ([], None)


def test_a_half_line_waits_for_its_rest(log: Path):
    append(log, line(0) + line(1)[:20])
    reader = Reader(log)
    assert reader.read() == ["hot-0"]
    append(log, line(1)[20:])
    assert reader.read() == ["hot-1"]


def test_a_half_first_line_waits(log: Path):
    append(log, line(0)[:10])
    reader = Reader(log)
    assert reader.read() == []
    append(log, line(0)[10:])
    assert reader.read() == ["hot-0"]


def test_a_batch_has_a_limit(log: Path):
    append(log, "".join(line(n) for n in range(25)))
    first, position = QueueLogFile(log).read_new(None, limit=10)
    assert len(first) == 10
    rest, _ = QueueLogFile(log).read_new(position, limit=100)
    assert len(rest) == 15


def test_rotation_between_two_reads_loses_nothing(log: Path):
    append(log, line(0))
    reader = Reader(log)
    assert reader.read() == ["hot-0"]
    append(log, line(1))
    rotate(log, "1795397956")
    append(log, line(2))
    assert reader.read() == ["hot-1", "hot-2"]


def test_many_rotations_while_nobody_reads(log: Path):
    append(log, line(0))
    reader = Reader(log)
    reader.read()
    for n in range(1, 20, 2):
        append(log, line(n))
        rotate(log, str(1795397954 + n))
        append(log, line(n + 1))
    assert reader.read(limit=3) == [f"hot-{n}" for n in range(1, 21)]


def test_rotation_by_counting_names(log: Path):
    """rotatestrategy=rotate: queue_log.0 becomes .1; the names say nothing about the order."""
    append(log, line(0))
    reader = Reader(log)
    reader.read()
    append(log, line(1))
    rotate(log, "0")
    append(log, line(2))
    rotate(log.with_name("queue_log.0"), "tmp")
    log.with_name("queue_log.0.tmp").rename(log.with_name("queue_log.1"))
    rotate(log, "0")
    append(log, line(3))
    assert reader.read() == ["hot-1", "hot-2", "hot-3"]


def test_after_rotation_the_new_file_is_not_there_yet(log: Path):
    append(log, line(0))
    reader = Reader(log)
    reader.read()
    rotate(log, "1")
    append(log.with_name("queue_log.1"), line(1))
    assert reader.read() == ["hot-1"]
    append(log.with_name("queue_log.1"), line(2))
    append(log, "")
    assert reader.read() == ["hot-2"]
    append(log, line(3))
    assert reader.read() == ["hot-3"]


def test_a_half_line_left_behind_by_a_killed_switch(log: Path):
    append(log, line(0) + line(1)[:15])
    reader = Reader(log)
    reader.read()
    append(log, "1795398000|NONE|NONE|NONE|QUEUESTART|\n")
    assert len(reader.read()) == 1
    assert reader.lines[-1].text.endswith("|QUEUESTART|")
    append(log, line(60)[:15])
    rotate(log, "9")
    append(log, line(70))
    assert reader.read() == ["hot-70"]


def test_a_file_copied_back_is_not_read_from_the_start(log: Path, caplog: pytest.LogCaptureFixture):
    append(log, "".join(line(n) for n in range(10)))
    reader = Reader(log)
    reader.read()
    shutil.copy(log, log.with_name("copy"))
    os.replace(log.with_name("copy"), log)
    append(log, line(10))
    assert reader.read() == ["hot-9", "hot-10"], "at most the last second comes again, with the same meaning"
    assert "the file read last is gone" in caplog.text


def test_files_that_were_removed_leave_a_gap_that_is_told(log: Path, caplog: pytest.LogCaptureFixture):
    append(log, line(0))
    reader = Reader(log)
    reader.read()
    log.unlink()
    assert reader.read() == []
    append(log, line(5))
    assert reader.read() == ["hot-5"]
    assert caplog.text.count("the file read last is gone") == 1


def test_a_truncated_file_goes_on(log: Path):
    """copytruncate is forbidden (operations page), and still must not stop us."""
    append(log, line(0) + line(1))
    reader = Reader(log)
    reader.read()
    log.write_text(line(2))
    assert reader.read() == ["hot-2"]


def test_packed_files_and_folders_beside_it_are_left_alone(log: Path):
    append(log, line(0))
    log.with_name("queue_log.1.gz").write_bytes(b"\x1f\x8b" + b"1795397954|x|y|z|ABANDON|\n")
    log.with_name("queue_log.d").mkdir()
    reader = Reader(log)
    assert reader.read() == ["hot-0"]
    rotate(log, "1")
    append(log, line(1))
    assert reader.read() == ["hot-1"]


def test_a_line_without_end_does_not_stop_the_log(log: Path):
    append(log, line(0) + "x" * 200_000)
    reader = Reader(log)
    assert reader.read() == ["hot-0"]
    append(log, "x|x\n" + line(1))
    assert reader.read()[-1] == "hot-1"


def test_any_bytes_in_the_log(log: Path):
    log.write_bytes(line(0).encode() + "张三".encode("gb18030") + b"|\xff\xfe\0\n" + line(1).encode())
    reader = Reader(log)
    assert [one for one in reader.read() if one.startswith("hot")] == ["hot-0", "hot-1"]


@pytest.mark.parametrize("text", ["", "a:b:c", "x:1", "x:1:2:3"])
def test_a_stored_position_that_is_none_is_refused(text: str):
    with pytest.raises(ValueError):  # noqa: PT011
        LogPosition.parse(text)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["write", "write", "write", "rotate", "read"]),
            st.integers(1, 90),
            st.integers(1, 5),
        ),
        max_size=40,
    )
)
def test_cut_anywhere_rotated_anytime_no_line_is_lost_or_doubled(steps: list[tuple[str, int, int]]):
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "queue_log"
        everything = "".join(line(n) for n in range(400))
        append(log, everything[: len(line(0))])
        reader = Reader(log)
        reader.read()
        written, rotations = len(line(0)), 0
        for step, size, limit in steps:
            if step == "write":
                append(log, everything[written : written + size])
                written += size
            elif step == "rotate":
                end = everything.index("\n", written - 1) + 1  # a switch rotates between two lines
                append(log, everything[written:end])
                written = end
                if log.exists():
                    rotations += 1
                    rotate(log, f"{rotations % 3}.{rotations}")
            else:
                reader.read(limit)
        append(log, everything[written:])
        reader.read()
        assert [one.text.split("|")[1] for one in reader.lines] == [f"hot-{n}" for n in range(400)]
        assert len({(one.file_id, one.offset) for one in reader.lines}) == 400
