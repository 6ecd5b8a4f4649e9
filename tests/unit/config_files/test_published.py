"""The set in force: every start runs on it, whatever lies in the folder, and no interruption leaves half of one."""

import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.slim_config import lay_out_with_one_example

from ivr.config_files import set_store
from ivr.config_files.checker import check
from ivr.config_files.chosen_files import with_chosen
from ivr.config_files.history import entries
from ivr.config_files.published import (
    NoGoodConfiguration,
    SetChanged,
    load_for_start,
    load_published,
    note,
    publish,
    store_of,
)
from ivr.config_files.set_store import current
from vocabulary.config_problem import ConfigProblem


@pytest.fixture
def config(tmp_path):
    folder = tmp_path / "config"
    lay_out_with_one_example(folder)
    return folder


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def change(config, remark):
    with (config / "codes.yaml").open("a") as file:
        file.write(f"# {remark}\n")
    return check(config)[0].version


def publish_change(config, home, remark):
    version = change(config, remark)
    publish(config, check(config)[0], home, note("publish"))
    return version


def break_it(config):
    (config / "hotline.yaml").write_text("site: [\n")


def test_a_first_start_publishes(config, home):
    start = load_for_start(config, home)
    assert not start.is_degraded
    assert start.problems == ()
    assert load_published(home) == start.configuration


def test_a_later_start_takes_what_is_in_force_and_leaves_a_draft_alone(config, home):
    """A crash at night must not put half an edit in force, however valid it is."""
    first = load_for_start(config, home).configuration
    draft = change(config, "half done")
    start = load_for_start(config, home)
    assert (start.configuration, start.is_degraded, start.problems) == (first, False, ())
    assert current(store_of(home)) == first.version != draft
    assert len(entries(store_of(home), first.version)) == 1


def test_a_file_alone_does_not_take_back_what_another_published_meanwhile(config, home):
    load_for_start(config, home)
    change(config, "mine")
    with with_chosen(config, home, ["codes.yaml"]) as chosen:
        with (config / "callbacks.yaml").open("a") as file:
            file.write("# another's\n")
        others = check(config)[0].version
        publish(config, check(config)[0], home, note("publish", "li"))
        with pytest.raises(SetChanged, match="while this one was checked; say it again"):
            publish(chosen.folder, check(chosen.folder)[0], home, note("publish"), onto=chosen.onto)
    assert current(store_of(home)) == others


def test_a_draft_with_faults_stops_nothing(config, home):
    good = load_for_start(config, home).configuration
    break_it(config)
    start = load_for_start(config, home)
    assert (start.configuration, start.is_degraded, start.problems) == (good, False, ())
    shutil.rmtree(config)
    assert load_for_start(config, home) == start


def test_a_first_start_with_bad_files_refuses(config, home):
    break_it(config)
    with pytest.raises(NoGoodConfiguration) as refused:
        load_for_start(config, home)
    assert any(p.file == "hotline.yaml" for p in refused.value.problems)
    assert "no earlier set can be run on" in str(refused.value)


def test_a_second_start_writes_nothing(config, home):
    load_for_start(config, home)
    before = {p: p.stat().st_mtime_ns for p in home.rglob("*")}
    load_for_start(config, home)
    assert {p: p.stat().st_mtime_ns for p in home.rglob("*")} == before


def test_a_damaged_set_in_force_gives_way_to_the_folder(config, home):
    broken = load_for_start(config, home).configuration.version
    (home / "published" / broken / "codes.yaml").write_text("areas: []\n")
    new = change(config, "second")
    start = load_for_start(config, home)
    assert (start.configuration.version, start.is_degraded, current(store_of(home))) == (new, False, new)
    [told] = start.problems
    assert told.fault == "the set in force cannot be used any more (it is damaged or was removed)."
    assert told.remedy == (
        "An older set runs, or the config folder was published where none is good: see `hotline menus history`. "
        "Mend the files, then say `hotline menus publish --why TEXT`."
    )


def test_a_set_in_force_that_this_program_cannot_use_gives_way_to_the_folder(config, home):
    """After an upgrade, say."""
    old = load_for_start(config, home).configuration.version
    new = change(config, "of the new program")

    def refuses_the_old(_folder, configuration):
        is_old = configuration.version == old
        return [ConfigProblem("codes.yaml", 3, 1, (), "it is of old.", "Renew it.")] if is_old else []

    start = load_for_start(config, home, refuses_the_old)
    assert (start.configuration.version, start.is_degraded) == (new, False)
    [told] = start.problems
    assert told.fault.endswith("(this program finds faults in it, the first: codes.yaml:3:1  it is of old).")
    assert told.severity == "error"


def test_a_stricter_program_runs_the_older_set_and_puts_no_draft_in_force(config, home):
    """Whoever upgrades has published the older one, and knows it; the draft nobody has."""
    older = load_for_start(config, home).configuration
    refused = publish_change(config, home, "second")
    change(config, "half done")

    def is_stricter(_folder, configuration):
        is_refused = configuration.version == refused
        return [ConfigProblem("codes.yaml", 3, 1, (), "no more.", "Renew it.")] if is_refused else []

    start = load_for_start(config, home, is_stricter)
    assert (start.configuration, start.is_degraded) == (older, True)
    assert current(store_of(home)) == refused, "as it was published; nothing else was"
    [told] = start.problems
    assert (told.fault, told.severity) == (
        "the set in force cannot be used any more (this program finds faults in it, the first: codes.yaml:3:1  no more).",
        "error",
    )
    again = load_for_start(config, home)
    assert (again.configuration.version, again.is_degraded) == (refused, False), "by the program before"


def test_the_folder_that_holds_the_very_set_in_force_is_no_draft(config, home):
    load_for_start(config, home)
    damaged = publish_change(config, home, "second")
    (home / "published" / damaged / "codes.yaml").unlink()
    start = load_for_start(config, home)
    assert (start.configuration.version, start.is_degraded) == (damaged, False)
    assert load_for_start(config, home).problems == (), "made whole again"


def test_where_neither_can_be_used_an_older_set_runs_and_says_so(config, home):
    old = load_for_start(config, home).configuration
    new = publish_change(config, home, "second")
    (home / "published" / new / "codes.yaml").write_text("areas: []\n")
    assert load_published(home) == old
    break_it(config)
    start = load_for_start(config, home)
    assert (start.configuration, start.is_degraded) == (old, True)
    [told] = start.problems
    assert "it is damaged" in told.fault
    (home / "published" / old.version / "codes.yaml").write_text("areas: []\n")
    with pytest.raises(NoGoodConfiguration) as refused:
        load_for_start(config, home)
    assert "it is damaged" in refused.value.problems[0].fault
    assert any(p.file == "hotline.yaml" for p in refused.value.problems), "then the draft is looked at too"


def test_a_damaged_set_is_made_whole_again(config, home):
    version = load_for_start(config, home).configuration.version
    (home / "published" / version / "codes.yaml").unlink()
    load_for_start(config, home)
    break_it(config)
    start = load_for_start(config, home)
    assert (start.configuration.version, start.problems) == (version, ())


@pytest.mark.parametrize("pointer", [b"", b"../../etc", b"\xff\xfe", b"0123456789abcdef\n"])
def test_a_damaged_pointer_is_survived(config, home, pointer):
    good = load_for_start(config, home).configuration
    (home / "published" / "current").write_bytes(pointer)
    assert load_published(home) == good
    change(config, "half done")
    start = load_for_start(config, home)
    assert (start.configuration, start.is_degraded) == (good, True), "no draft comes into force by that"
    why = "it is damaged or was removed" if pointer[:1].isdigit() else "its name cannot be read"
    assert start.problems[0].fault == f"the set in force cannot be used any more ({why})."


def test_only_the_newest_sets_are_kept(config, home, monkeypatch):
    monkeypatch.setattr(set_store, "KEPT_SETS", 5)
    for n in range(set_store.KEPT_SETS + 5):
        version = publish_change(config, home, f"change {n}")
    kept = [p.name for p in (home / "published").iterdir() if p.is_dir()]
    assert len(kept) == set_store.KEPT_SETS
    assert version in kept


def test_a_full_disk_does_not_stop_a_good_start(config, home, monkeypatch):
    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "mkdtemp", full)
    start = load_for_start(config, home)
    assert not start.is_degraded
    fault = "this set could not be kept as the last good one (No space left on device)"
    assert str(start.problems[-1]) == f"{config}:1:1  {fault}. Check space and rights of {home}."


def test_processes_that_start_together_do_not_disturb_each_other(config, home):
    with ThreadPoolExecutor(8) as pool:
        starts = list(pool.map(lambda _: load_for_start(config, home), range(16)))
    assert {(s.is_degraded, s.problems) for s in starts} == {(False, ())}
    assert load_published(home) == starts[0].configuration


class KilledError(BaseException):
    """Stands for a kill -9: nothing of ours catches it."""


class Countdown:
    """Lets so many steps on the disk through and ends the run at the next, before or after it was done."""

    def __init__(self, monkeypatch, steps, *, is_done):
        self.left, self.is_done = steps, is_done
        for module, name in ((os, "fsync"), (os, "replace"), (tempfile, "mkdtemp"), (tempfile, "mkstemp")):
            monkeypatch.setattr(module, name, self._counted(getattr(module, name)))

    def _counted(self, real):
        def step(*args, **kwargs):
            self.left -= 1
            if self.left < 0 and not self.is_done:
                raise KilledError
            result = real(*args, **kwargs)
            if self.left < 0:
                raise KilledError
            return result

        return step


@pytest.mark.parametrize("is_done", [False, True])
def test_a_kill_at_any_step_leaves_the_old_or_the_new_whole(config, home, is_done):
    old = load_for_start(config, home).configuration
    seen = set()
    for steps in range(100):
        new = change(config, f"{is_done} {steps}")
        with pytest.MonkeyPatch.context() as patched:
            Countdown(patched, steps, is_done=is_done)
            try:
                publish(config, check(config)[0], home, note("publish"))
                was_killed = False
            except KilledError:
                was_killed = True
        found = load_published(home)
        assert found is not None
        assert found.version in {old.version, new}
        seen.add(found.version == new)
        old = found
        if not was_killed:
            break
    assert not was_killed
    assert steps > 8
    assert seen == {False, True}
