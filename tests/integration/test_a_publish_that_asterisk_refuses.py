"""A publish that fails changes nothing: what can be known is asked beforehand, and what Asterisk refuses goes back."""

import stat
from pathlib import Path
from threading import Event, Thread

import pytest
import yaml
from support.filled_home import FilledHome

from hotline import asterisk_changes, config_door, into_force
from hotline.asterisk_process import AsteriskProgram
from ivr.config_files.history import Entry, entries
from ivr.config_files.published import note, store_of
from ivr.config_files.set_store import current

CONSOLE = """#!/bin/sh
# Asterisk's console: it says that all is well, whatever it read
cd "{folder}"
[ -e gone ] && exit 1
case "$4" in
  "core show channels concise") ;;
  "core show"*) echo 1;;
  "queue reload all") [ -e "goes away" ] && touch gone && exit 1;;
  "queue show q-brandnew") [ -e refuses ] && echo "No such queue: q-brandnew.";;
  "pjsip show endpoint trunk-brandnew") [ -e refuses ] && echo "Unable to find object trunk-brandnew.";;
esac
exit 0
"""


@pytest.fixture
def program(home: FilledHome, tmp_path: Path) -> AsteriskProgram:
    """One that answers, and has read the files of the set in force."""
    folder = config_door.etc_dir(home.settings)
    folder.mkdir(parents=True)
    (tmp_path / "data" / "sounds").mkdir(parents=True)
    console = folder / "console"
    console.write_text(CONSOLE.format(folder=folder))
    console.chmod(console.stat().st_mode | stat.S_IXUSR)
    found = AsteriskProgram((str(console),), str(tmp_path), str(tmp_path / "data"), "22.0.0")
    config_door.render_asterisk(home.settings, found, config_door.load(home.settings))
    return found


def changed(home: FilledHome, what: str = "queues") -> None:
    path = home.settings.config_dir / "hotline.yaml"
    found = yaml.safe_load(path.read_text("utf-8"))
    found["site"]["area_code"] = "0355"  # which yaml would take for octal
    if what == "queues":
        found["queues"].append({"name": "brandnew", "label": "新队列"})
    else:
        found["trunks"].append({"name": "brandnew", "mode": "address", "host": "192.0.2.1"})
    path.write_text(yaml.safe_dump(found, allow_unicode=True), "utf-8")


def publish(home: FilledHome, program: AsteriskProgram) -> list[str]:
    """What the command does, and says."""
    said: list[str] = []
    ready = into_force.make_ready(home.settings, program, config_door.checked(home.settings))

    def put() -> Entry | None:
        return config_door.put_in_force(home.settings, ready.running, note("publish", "zhang", "more"))

    into_force.bring(home.settings, program, ready, put, said.append)
    return said


def test_of_two_publishes_at_once_the_later_has_its_files_in_asterisk(
    home: FilledHome, program: AsteriskProgram
) -> None:
    """The first is held up between the pointer and Asterisk's files: it must not lay its own over those of the second."""
    settings, is_put, other_is_done = home.settings, Event(), Event()
    changed(home, "trunks")
    first = into_force.make_ready(settings, program, config_door.checked(settings))

    def put_slowly() -> Entry | None:
        entry = config_door.put_in_force(settings, first.running, note("publish", "li", "first"))
        is_put.set()
        other_is_done.wait(1)
        return entry

    slow = Thread(target=into_force.bring, args=(settings, program, first, put_slowly, [].append))
    slow.start()
    assert is_put.wait(20)
    changed(home)
    second = into_force.make_ready(settings, program, config_door.checked(settings))

    def put() -> Entry | None:
        return config_door.put_in_force(settings, second.running, note("publish", "zhang", "second"))

    into_force.bring(settings, program, second, put, [].append)
    other_is_done.set()
    slow.join(20)
    assert in_force(home) == second.version
    assert "[q-brandnew]" in of_asterisk(home)["queues.conf"]


def of_asterisk(home: FilledHome) -> dict[str, str]:
    return {path.name: path.read_text() for path in config_door.etc_dir(home.settings).glob("*.conf")}


def in_force(home: FilledHome) -> str | None:
    return current(store_of(home.home))


def noted(home: FilledHome) -> int:
    return len(entries(store_of(home.home), in_force(home)))


@pytest.mark.parametrize(("what", "named"), [("queues", "q-brandnew"), ("trunks", "trunk-brandnew")])
def test_what_asterisk_refuses_goes_back_with_its_files(
    home: FilledHome, program: AsteriskProgram, what: str, named: str
) -> None:
    before, files = in_force(home), of_asterisk(home)
    changed(home, what)
    refuses = config_door.etc_dir(home.settings) / "refuses"
    refuses.touch()
    with pytest.raises(into_force.NothingChanged) as refused:
        publish(home, program)
    assert str(refused.value).startswith(f"Asterisk did not take {named} from its new files; its log")
    assert f"Nothing has changed: configuration {before} is in force" in str(refused.value)
    assert (in_force(home), noted(home), of_asterisk(home)) == (before, 1, files)
    assert not asterisk_changes.has_waiting(home.settings)
    assert config_door.load(home.settings).configuration.version == before
    refuses.unlink()
    publish(home, program)
    assert (in_force(home) != before, noted(home)) == (True, 2)


def test_a_rollback_that_asterisk_refuses_says_what_is_in_force_and_what_lies_in_the_folder(
    home: FilledHome, program: AsteriskProgram
) -> None:
    """The earlier set has a queue that the set in force has not, and its files are back in the folder by then."""
    settings, path = home.settings, home.settings.config_dir / "hotline.yaml"
    without = path.read_text("utf-8")
    changed(home)
    publish(home, program)
    earlier, with_queue = str(in_force(home)), path.read_text("utf-8")
    path.write_text(without, "utf-8")
    publish(home, program)
    now = in_force(home)
    (config_door.etc_dir(settings) / "refuses").touch()
    ready = into_force.make_ready(settings, program, config_door.checked_kept(settings, earlier))

    def put() -> Entry | None:
        return config_door.roll_back(settings, ready.running, note("rollback", "li", "back")).entry

    with pytest.raises(into_force.NothingChanged) as refused:
        into_force.bring(settings, program, ready, put, [].append)
    assert "Nothing has changed" not in str(refused.value)
    assert f"Configuration {now} is in force as before" in str(refused.value)
    assert f"{settings.config_dir} holds the files of {earlier} already, which is not." in str(refused.value)
    assert (in_force(home), path.read_text("utf-8")) == (now, with_queue)
    config_door.roll_back(settings, config_door.load_told(settings), note("rollback", "li", "as it says"))
    assert path.read_text("utf-8") == without


def test_an_asterisk_that_goes_away_in_the_middle_reads_it_all_when_it_starts(
    home: FilledHome, program: AsteriskProgram
) -> None:
    before = in_force(home)
    changed(home)
    (config_door.etc_dir(home.settings) / "goes away").touch()
    said = publish(home, program)
    assert said[0] == "Asterisk does not run here; it reads its files when it starts"
    assert in_force(home) != before
    assert "[q-brandnew]" in of_asterisk(home)["queues.conf"]


def test_without_an_asterisk_a_publish_is_good_and_says_so(
    home: FilledHome, program: AsteriskProgram
) -> None:
    changed(home)
    (config_door.etc_dir(home.settings) / "gone").touch()
    assert publish(home, program)[0] == "Asterisk does not run here; it reads its files when it starts"
    assert noted(home) == 2


def test_a_template_of_which_asterisk_would_read_nothing_is_refused_beforehand(
    home: FilledHome, program: AsteriskProgram
) -> None:
    """Asterisk itself would say that it was reloaded, and have no queue after its next start."""
    before = in_force(home)
    own = home.settings.config_dir / "asterisk"
    own.mkdir(exist_ok=True)
    (own / "queues.conf.j2").write_text("[q-general]\n[q-open\n", "utf-8")
    with pytest.raises(config_door.NotTaken, match="Asterisk would read nothing of queues"):
        publish(home, program)
    assert (in_force(home), noted(home)) == (before, 1)
