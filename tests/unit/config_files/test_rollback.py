"""Back to an earlier set: its files return to where admins edit, nothing unpublished is lost, and a kill leaves old or new."""

import os
import stat
from itertools import count
from pathlib import Path

import pytest
from support.slim_config import SHIPPED, lay_out_with_one_example

from ivr.config_files import published
from ivr.config_files.checker import Configuration, check, content_version
from ivr.config_files.differences import Difference
from ivr.config_files.history import Entry, entries
from ivr.config_files.published import (
    FilesChanged,
    NoGoodConfiguration,
    SetChanged,
    load_for_start,
    note,
    publish,
    store_of,
)
from ivr.config_files.putting_back import CannotPutBack
from ivr.config_files.rollback import NoSuchSet, RolledBack, roll_back, version_before, version_meant
from ivr.config_files.set_store import current, is_whole
from ivr.config_files.sources import read_sources
from vocabulary.config_problem import ConfigProblem


class Site:
    """A config folder and a state folder; `publish` is what the command does of it."""

    def __init__(self, folder: Path) -> None:
        self.config, self.home = folder / "config", folder / "home"
        lay_out_with_one_example(self.config)
        self.home.mkdir()

    @property
    def in_force(self) -> str | None:
        return current(store_of(self.home))

    @property
    def on_disk(self) -> dict[str, bytes]:
        return read_sources(self.config)[0]

    @property
    def history(self) -> list[Entry]:
        return entries(store_of(self.home), self.in_force)

    def write(self, name: str, text: str) -> None:
        (self.config / name).parent.mkdir(exist_ok=True)
        (self.config / name).write_text(text, "utf-8")

    def record(self, sound: bytes) -> None:
        (self.config / "prompts" / "zh").mkdir(parents=True, exist_ok=True)
        (self.config / "prompts" / "zh" / "greeting.wav").write_bytes(sound)

    def publish(self, why: str) -> str:
        configuration, problems = check(self.config)
        assert configuration is not None, problems
        publish(self.config, configuration, self.home, note("publish", "zhang", why))
        return configuration.version

    def remark(self, words: str) -> str:
        """One more set, which differs in a comment."""
        self.write("codes.yaml", (SHIPPED / "codes.yaml").read_text("utf-8") + f"# {words}\n")
        return self.publish(words)

    def roll_back(self, version: str | None = None) -> RolledBack:
        return roll_back(
            self.config,
            self.home,
            version or version_before(self.home, self.in_force),
            note("rollback", "li", "it was wrong"),
        )


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_publish_is_noted_with_who_why_and_the_paths_that_changed(site: Site) -> None:
    first = site.publish("begin")
    menu = (SHIPPED / "menus" / "main.yaml").read_text("utf-8")
    site.write("menus/main.yaml", menu.replace("kind: queue", "kind: queue\n    queue: heating\n    #"))
    second = site.publish("heating season")
    one, two = site.history
    assert (one.number, one.version, one.before) == (1, first, None)
    assert (two.number, two.version, two.before) == (2, second, first)
    assert (two.note.how, two.note.who, two.note.why) == ("publish", "zhang", "heating season")
    assert two.files == ("menus/main.yaml (changed)",)
    [path] = [line for line in two.paths if "12345" in line]
    assert (
        'when answered: hears greeting, then queue "heating"; before: hears greeting, then queue "general"'
        in path
    )


def test_what_is_published_again_is_noted_once(site: Site) -> None:
    site.publish("begin")
    site.publish("again")
    assert [one.note.why for one in site.history] == ["begin"]


def test_a_start_is_noted_too(site: Site) -> None:
    load_for_start(site.config, site.home)
    load_for_start(site.config, site.home)
    assert [one.note.how for one in site.history] == ["start"]


def test_what_is_saved_while_it_is_checked_is_not_published_unchecked(site: Site) -> None:
    configuration, _ = check(site.config)
    assert configuration is not None
    site.write("codes.yaml", "areas: [\n")
    with pytest.raises(FilesChanged):
        publish(site.config, configuration, site.home, note("publish", "zhang", "begin"))
    assert site.in_force is None


def test_a_start_checks_again_what_is_saved_meanwhile(site: Site) -> None:
    looks = []

    def saved_meanwhile(_folder: Path, configuration: Configuration) -> list[ConfigProblem]:
        looks.append(configuration.version)
        if len(looks) == 1:
            site.write("codes.yaml", (site.config / "codes.yaml").read_text("utf-8") + "# saved\n")
        return []

    start = load_for_start(site.config, site.home, saved_meanwhile)
    assert not start.is_degraded
    assert len(set(looks)) == 2
    assert start.configuration.version == looks[1] == site.in_force


def test_a_set_that_is_published_meanwhile_is_not_rolled_over_unasked(site: Site) -> None:
    """Whoever says "the one before" means the one before what he saw."""
    first, second = site.publish("begin"), site.remark("second")
    meant = version_before(site.home, second)
    assert meant == first
    third = site.remark("third")
    on_disk = site.on_disk
    with pytest.raises(SetChanged):
        roll_back(site.config, site.home, meant, note("rollback", "li", "it was wrong"), onto=second)
    assert (site.in_force, site.on_disk, len(site.history)) == (third, on_disk, 3)
    roll_back(site.config, site.home, meant, note("rollback", "li", "it was wrong"), onto=third)
    assert site.in_force == first


def test_a_rollback_brings_set_and_files_back_and_is_noted(site: Site) -> None:
    first = site.publish("begin")
    before = site.on_disk
    site.write("menus/night.yaml", (SHIPPED / "menus" / "main.yaml").read_text("utf-8"))
    second = site.remark("second")
    done = site.roll_back()
    assert site.in_force == first
    assert site.on_disk == before, "the new menu is gone, the changed file is as it was"
    assert done.aside is None, "all that went is in the set that was published"
    assert not load_for_start(site.config, site.home).is_degraded
    [_, _, last] = site.history
    assert (last.version, last.before, last.note.how, last.note.who) == (first, second, "rollback", "li")
    assert "menus/night.yaml (removed)" in last.files


def test_edits_that_were_never_published_are_kept_aside(site: Site) -> None:
    site.publish("begin")
    site.remark("second")
    site.write("menus/tax.yaml", "half: done\n")
    site.write("prompts.yaml", "prompts: [\n")
    done = site.roll_back()
    assert done.aside is not None
    assert done.aside.is_relative_to(site.home)
    kept = {p.relative_to(done.aside).as_posix(): p.read_text("utf-8") for p in done.aside.rglob("*.yaml")}
    assert kept == {"menus/tax.yaml": "half: done\n", "prompts.yaml": "prompts: [\n"}
    assert check(site.config)[0] is not None


def test_recorded_prompts_go_back_too_and_one_that_was_never_published_is_kept_aside(site: Site) -> None:
    spoken = site.publish("begin")
    site.record(b"RIFF first")
    first = site.publish("a voice")
    site.record(b"RIFF second")
    second = site.publish("a better voice")
    assert site.history[-1].files == ("prompts/zh/greeting.wav (changed)",)
    site.record(b"RIFF third")
    done = site.roll_back()
    assert site.in_force == first != second
    assert site.on_disk["prompts/zh/greeting.wav"] == b"RIFF first"
    assert done.aside is not None
    assert (done.aside / "prompts" / "zh" / "greeting.wav").read_bytes() == b"RIFF third"
    site.roll_back(spoken)
    assert "prompts/zh/greeting.wav" not in site.on_disk


def test_sets_with_the_same_recording_have_one_file_of_it_and_each_is_whole(site: Site) -> None:
    site.record(b"RIFF first")
    sets = [store_of(site.home) / version for version in (site.publish("begin"), site.remark("second"))]
    one, two = (folder / "prompts" / "zh" / "greeting.wav" for folder in sets)
    assert one.samefile(two)
    one.unlink()
    one.write_bytes(b"RIFF damaged")
    assert [is_whole(folder) for folder in sets] == [False, True]
    third = store_of(site.home) / site.remark("third")
    assert is_whole(third)


def test_a_rollback_to_what_is_in_force_only_puts_its_files_back(site: Site) -> None:
    first = site.publish("begin")
    site.write("codes.yaml", "areas: [\n")
    done = site.roll_back(first)
    assert done.entry is None
    assert done.aside is not None
    assert len(site.history) == 1
    assert check(site.config)[0] is not None


def test_each_rollback_goes_one_further_back_and_the_undone_can_be_had_again(site: Site) -> None:
    first, second, third = site.publish("begin"), site.remark("second"), site.remark("third")
    site.roll_back()
    assert site.in_force == second
    site.roll_back()
    assert site.in_force == first
    with pytest.raises(NoSuchSet, match="nothing before the set in force"):
        site.roll_back()
    site.roll_back(version_meant(site.home, third[:6]))
    assert site.in_force == third
    assert version_meant(site.home, "2") == second


def test_first_letters_that_are_all_digits_are_no_number_of_the_history(site: Site) -> None:
    file = site.config / "codes.yaml"
    text = file.read_text("utf-8")
    for number in count():
        file.write_text(f"{text}# {number}\n", "utf-8")
        if content_version(read_sources(site.config)[0])[:4].isdecimal():
            break
    version = site.publish("begin")
    assert version_meant(site.home, version[:4]) == version


@pytest.mark.parametrize(
    ("wanted", "why"), [("99", "no such number"), ("abc", "no kept set"), ("zzzz", "no kept set")]
)
def test_a_version_that_is_not_kept_is_refused(site: Site, wanted: str, why: str) -> None:
    site.publish("begin")
    with pytest.raises(NoSuchSet, match=why):
        version_meant(site.home, wanted)


def test_a_damaged_set_is_not_gone_back_to(site: Site) -> None:
    first = site.publish("begin")
    site.remark("second")
    (store_of(site.home) / first / "codes.yaml").write_text("x: 1\n")
    with pytest.raises(NoSuchSet, match="damaged"):
        version_before(site.home, site.in_force)


def test_files_keep_who_may_read_them(site: Site) -> None:
    site.publish("begin")
    site.remark("second")
    (site.config / "codes.yaml").chmod(0o640)
    site.roll_back()
    assert stat.S_IMODE((site.config / "codes.yaml").stat().st_mode) == 0o640


@pytest.mark.parametrize(
    "name", ["menus/storm.yaml", "calendar/storm.yaml", "lists/storm.yaml", "broadcasts.yaml"]
)
def test_a_file_that_the_earlier_set_did_not_have_goes_again(site: Site, name: str) -> None:
    """Else a reload, which follows each rollback, would put a mixture of both sets in force."""
    (site.config / "broadcasts.yaml").unlink()
    first = site.publish("begin")
    site.write(
        name,
        {
            "menus": (SHIPPED / "menus" / "main.yaml").read_text("utf-8"),
            "calendar": (SHIPPED / "calendar" / "office.yaml").read_text("utf-8"),
            "lists": (SHIPPED / "lists" / "enterprises.yaml").read_text("utf-8"),
            "broadcasts.yaml": (SHIPPED / "broadcasts.yaml").read_text("utf-8"),
        }[name.partition("/")[0]],
    )
    assert site.publish("a storm") != first
    site.roll_back()
    assert not (site.config / name).exists()
    start = load_for_start(site.config, site.home)
    assert (start.configuration.version, site.in_force) == (first, first)


def test_a_folder_where_a_file_belongs_is_refused_before_anything_changes(site: Site) -> None:
    site.publish("begin")
    second = site.remark("second")
    (site.config / "codes.yaml").unlink()
    (site.config / "codes.yaml").mkdir()
    with pytest.raises(CannotPutBack, match="not a plain file"):
        site.roll_back()
    assert site.in_force == second
    assert not (site.home / "unpublished").exists() or not list((site.home / "unpublished").iterdir())


def test_a_full_disk_changes_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.publish("begin")
    second = site.remark("second")
    before = {p: p.read_bytes() for p in site.config.rglob("*") if p.is_file()}

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        site.roll_back()
    monkeypatch.undo()
    assert site.in_force == second
    assert {p: p.read_bytes() for p in site.config.rglob("*") if p.is_file()} == before


def test_a_damaged_plan_puts_back_what_is_in_force_and_keeps_all_else(site: Site) -> None:
    site.publish("begin")
    before = site.on_disk
    site.write("codes.yaml", "areas: [\n")
    (store_of(site.home) / ".putting-back").write_bytes(b"\xff{")
    assert not load_for_start(site.config, site.home).is_degraded
    assert site.on_disk == before
    assert [p.read_text() for p in site.home.glob("unpublished/*/codes.yaml")] == ["areas: [\n"]


def test_a_cut_rollback_that_cannot_be_finished_runs_the_set_in_force_and_says_so(site: Site) -> None:
    first = site.publish("begin")
    site.write("codes.yaml", "areas: [\n")
    (store_of(site.home) / ".putting-back").write_bytes(b"\xff{")
    (site.home / "unpublished").write_text("no folder")
    start = load_for_start(site.config, site.home)
    assert (start.is_degraded, start.configuration.version) == (False, first)
    [told] = start.problems
    assert told.fault.startswith("a rollback was cut, and its files cannot be put back now (")
    assert told.remedy == "Say `hotline reload` as a user who may write there."


def test_files_that_are_saved_again_and_again_are_not_published(site: Site) -> None:
    def always_saved(_folder: Path, _configuration: Configuration) -> list[ConfigProblem]:
        site.write("codes.yaml", (site.config / "codes.yaml").read_text("utf-8") + "# saved\n")
        return []

    with pytest.raises(NoGoodConfiguration) as refused:
        load_for_start(site.config, site.home, always_saved)
    told = refused.value.problems[-1]
    assert told.fault.endswith("was saved while the set was checked; say it again.")
    assert told.remedy == "Or start again."
    assert current(store_of(site.home)) is None


def test_a_good_set_comes_into_force_though_it_cannot_be_compared(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.publish("begin")

    def stumbles(_before: object, _after: object) -> Difference:
        raise RuntimeError

    monkeypatch.setattr(published, "difference", stumbles)
    assert site.remark("second") == site.in_force
    assert site.history[-1].paths == ("could not be compared",)


def test_who_and_why_are_one_printable_line() -> None:
    said = note("publish", "zhang\n", "new\x1b[31m line\r\nhere \u202e" + "x" * 1000)
    assert said.who == "zhang"
    assert said.why.startswith("new[31m line here x")
    assert len(said.why) == 500


@pytest.mark.parametrize("line", [b"\xff\xfe\n", b"{}\n", b'{"number": 1}\n', b"[" * 500 + b"\n", b"12\n"])
def test_a_damaged_line_of_the_history_costs_no_other(site: Site, line: bytes) -> None:
    site.publish("begin")
    with (store_of(site.home) / "history.jsonl").open("ab") as file:
        file.write(line)
    site.remark("second")
    assert [one.note.why for one in site.history] == ["begin", "second"]
