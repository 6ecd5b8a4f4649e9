"""A publish or rollback that is killed leaves the old set or the new in force, whole and noted; said again, it goes through."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support.killed import run_until
from support.slim_config import lay_out_with_one_example

from ivr.config_files.checker import check
from ivr.config_files.history import entries
from ivr.config_files.published import load_for_start, load_published, note, publish, store_of
from ivr.config_files.rollback import roll_back, take_back
from ivr.config_files.set_store import current
from ivr.config_files.sources import read_sources

UNPUBLISHED = "menus/tax.yaml"


def put_in_force(config: Path, home: Path, why: str) -> str:
    configuration, problems = check(config)
    assert configuration is not None, problems
    publish(config, configuration, home, note("publish", "zhang", why))
    return configuration.version


def remark(config: Path, words: str) -> None:
    with (config / "codes.yaml").open("a") as file:
        file.write(f"# {words}\n")


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """Two sets were published; `first` and `second` name them."""
    folder = tmp_path / "template"
    lay_out_with_one_example(folder / "config")
    (folder / "first").write_text(put_in_force(folder / "config", folder / "home", "begin"))
    remark(folder / "config", "second")
    extra = (folder / "config" / "menus" / "main.yaml").read_text("utf-8")
    (folder / "config" / "menus" / "night.yaml").write_text(extra, "utf-8")
    (folder / "second").write_text(put_in_force(folder / "config", folder / "home", "second"))
    return folder


def every_step(template: Path, work: Callable[[Path], object], least: int = 20) -> list[Path]:
    """A copy for each step on the disk, in which `work` was killed before it."""
    dry = Path(shutil.copytree(template, template.parent / "dry"))
    steps = run_until(0, lambda: work(dry), is_read_counted=False)
    assert steps > least
    killed = []
    for step in range(1, steps + 2):
        folder = Path(shutil.copytree(template, template.parent / f"at{step}"))
        run_until(step, lambda folder=folder: work(folder), is_read_counted=False)
        killed.append(folder)
    return killed


def noted(home: Path) -> list[str]:
    return [one.version for one in entries(store_of(home), current(store_of(home)))]


def test_a_killed_publish_leaves_old_or_new(template: Path) -> None:
    first, second = (template / "first").read_text(), (template / "second").read_text()
    remark(template / "config", "third")
    configuration, _ = check(template / "config")
    assert configuration is not None
    third, seen = configuration.version, set()
    for folder in every_step(
        template,
        lambda at: publish(at / "config", configuration, at / "home", note("publish", "li", "third")),
    ):
        home = folder / "home"
        found = load_published(home)
        assert found is not None
        now = current(store_of(home))
        assert found.version == now
        assert noted(home) == ([first, second, third] if now == third else [first, second])
        seen.add(now)
        put_in_force(folder / "config", home, "said again")
        assert noted(home) == [first, second, third]
        assert current(store_of(home)) == third
    assert seen == {second, third}


def test_a_publish_that_is_taken_back_and_killed_leaves_old_or_new(template: Path) -> None:
    """As where Asterisk refuses its new files."""
    first, second = (template / "first").read_text(), (template / "second").read_text()
    third = remark_and_put_in_force(template)
    seen = set()
    for folder in every_step(template, lambda at: take_back(at / "home", third, second), least=4):
        home = folder / "home"
        now = current(store_of(home))
        assert load_for_start(folder / "config", home).configuration.version == now
        assert noted(home) == ([first, second, third] if now == third else [first, second])
        seen.add(now)
        assert take_back(home, third, second) is (now == third)
        assert noted(home) == [first, second], "as if it had never been"
        put_in_force(folder / "config", home, "said again")
        assert noted(home) == [first, second, third]
    assert seen == {second, third}


def remark_and_put_in_force(template: Path) -> str:
    remark(template / "config", "third")
    return put_in_force(template / "config", template / "home", "third")


def test_a_killed_rollback_leaves_old_or_new_and_loses_no_edit(template: Path) -> None:
    first, second = (template / "first").read_text(), (template / "second").read_text()
    (template / "config" / UNPUBLISHED).write_text("half: done\n")
    wanted, _ = read_sources(store_of(template / "home") / first)
    seen = set()
    for folder in every_step(
        template, lambda at: roll_back(at / "config", at / "home", first, note("rollback", "li", "back"))
    ):
        config, home = folder / "config", folder / "home"
        now = current(store_of(home))
        seen.add(now)
        start = load_for_start(config, home)
        assert start.configuration.version == now, "never a mixture of both"
        assert noted(home)[-1] == now
        edits = [one for one in folder.rglob("tax.yaml") if one.read_text() == "half: done\n"]
        if now == second:
            assert (config / UNPUBLISHED) in edits, "nothing was touched"
            assert not start.is_degraded, "the half menu is a draft, and no more"
            roll_back(config, home, first, note("rollback", "li", "said again"))
        assert read_sources(config)[0] == wanted
        assert not (config / "menus" / "night.yaml").exists()
        assert [one for one in folder.rglob("tax.yaml") if one.is_relative_to(home / "unpublished")]
        assert noted(home) == [first, second, first]
        left = [one for one in config.rglob(".*")]
        assert left == []
    assert seen == {first, second}


def test_a_rollback_that_was_cut_is_never_published_as_a_mixture_where_nobody_may_write(
    template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's user may not write the folder: it runs on the set that is in force until somebody may."""
    first = (template / "first").read_text()
    dry = Path(shutil.copytree(template, template.parent / "counted"))
    work = lambda at: roll_back(at / "config", at / "home", first, note("rollback", "li", "back"))  # noqa: E731
    steps = run_until(0, lambda: work(dry), is_read_counted=False)
    cut = next(folder for step in range(steps, 1, -1) if (folder := _cut(template, work, step)) is not None)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)
    start = load_for_start(cut / "config", cut / "home")
    assert (start.configuration.version, start.is_degraded) == (first, False)
    assert "a rollback was cut" in str(start.problems[0])
    monkeypatch.undo()
    assert load_for_start(cut / "config", cut / "home").problems == ()


def _cut(template: Path, work: Callable[[Path], object], step: int) -> Path | None:
    """A copy whose rollback came into force and whose files are not all back."""
    folder = Path(shutil.copytree(template, template.parent / f"cut{step}"))
    run_until(step, lambda: work(folder), is_read_counted=False)
    wanted, _ = read_sources(store_of(folder / "home") / str(current(store_of(folder / "home"))))
    is_mixed = current(store_of(folder / "home")) == (template / "first").read_text()
    return (
        folder
        if is_mixed and read_sources(folder / "config")[0]["codes.yaml"] != wanted["codes.yaml"]
        else None
    )
