"""A recording is heard when it was published and not before; the way back brings back what callers heard then."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import sounds_kept
from support.command_line import run_command
from support.filled_home import FilledHome, a_filled_home

from hotline import config_door
from ivr.config_files.chosen_files import with_chosen
from ivr.config_files.published import note
from ivr.config_files.running import Running


@pytest.fixture
def home(tmp_path: Path) -> Iterator[FilledHome]:
    with a_filled_home(tmp_path / "home", calls=0) as filled:
        sounds_kept.lay_in(filled.settings)
        yield filled


def imported(home: FilledHome, seconds: str) -> tuple[bytes, str]:
    """A recording so long, brought in; and what is said of it."""
    studio = home.home.parent / "studio.wav"
    synth = ["synth", seconds, "sine", "300-3000", "gain", "-12"]
    subprocess.run(["sox", "-n", "-r", "44100", "-b", "16", str(studio), *synth], check=True)
    done = run_command(["prompts", "import", "goodbye", str(studio)], {"HOTLINE_HOME": str(home.home)})
    assert done.returncode == 0, done.stderr
    return (home.settings.config_dir / "prompts" / "zh" / "goodbye.wav").read_bytes(), done.stdout


def published(home: FilledHome) -> Running:
    running = config_door.checked(home.settings)
    config_door.put_in_force(home.settings, running, note("publish"))
    return running


def rolled_back(home: FilledHome, version: str) -> Running:
    running = config_door.checked_kept(home.settings, version)
    config_door.roll_back(home.settings, running, note("rollback"))
    return running


def played(home: FilledHome, running: Running) -> bytes:
    """What a menu plays, which is what the dialplan plays too."""
    heard = Path(running.prompts.sound("goodbye", "zh") + ".wav").read_bytes()
    assert (home.settings.prompts_dir / "zh" / "goodbye.wav").read_bytes() == heard
    return heard


def test_an_import_is_a_draft_and_a_rollback_plays_what_was_published(home: FilledHome) -> None:
    before = config_door.load(home.settings)
    spoken = played(home, before)

    first, said = imported(home, "2")
    assert (
        "a draft, which callers do not hear yet: `hotline menus publish --only prompts/zh/goodbye.wav "
        in said
    )
    assert played(home, config_door.load(home.settings)) == spoken, "a restart brings no draft into force"
    with_first = published(home)
    assert played(home, with_first) == first

    second, _ = imported(home, "1")
    assert played(home, config_door.load(home.settings)) == first
    with_second = published(home)
    assert played(home, with_second) == second
    assert first != second

    assert played(home, rolled_back(home, with_first.configuration.version)) == first
    assert played(home, config_door.load(home.settings)) == first
    assert played(home, published(home)) == first, "the file went back into the folder"
    assert played(home, rolled_back(home, before.configuration.version)) == spoken


def test_a_recording_is_published_alone_and_leaves_the_menus_drafts(home: FilledHome) -> None:
    config_door.load(home.settings)
    first, _ = imported(home, "2")
    menu = home.settings.config_dir / "menus" / "main.yaml"
    menu.write_text("start: [\n", "utf-8")
    with with_chosen(home.settings.config_dir, home.home, ["prompts/zh/goodbye.wav"]) as chosen:
        running = config_door.checked(home.settings, chosen.folder)
        config_door.put_in_force(home.settings, running, note("publish"), onto=chosen.onto)
    assert played(home, config_door.load(home.settings)) == first
    fact, *_ = config_door.told_of_the_folder(home.settings)
    assert "1 file differs" in fact
    assert "menus/main.yaml (changed)" in fact


def test_the_sound_of_an_older_set_is_made_again_where_the_cache_forgot_it(home: FilledHome) -> None:
    config_door.load(home.settings)
    first, _ = imported(home, "2")
    with_first = published(home)
    imported(home, "1")
    published(home)
    Path(with_first.prompts.sound("goodbye", "zh") + ".wav").unlink()
    assert played(home, rolled_back(home, with_first.configuration.version)) == first
