"""A process knows the sets that calls still up may have begun with: those that it ran, and after a start the recent ones."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from support.filled_home import FilledHome

from hotline import bootstrap, config_door
from ivr.config_files.published import folder_of, note, store_of
from ivr.config_files.set_store import current


def publish(home: FilledHome, words: str) -> str:
    with (home.settings.config_dir / "codes.yaml").open("a") as file:
        file.write(f"# {words}\n")
    return config_door.load_changed(home.settings, by=note("publish", "zhang", words)).configuration.version


def test_a_start_knows_the_sets_that_went_out_of_force_today(home: FilledHome) -> None:
    versions = [publish(home, words) for words in ("one", "two", "three", "four")]
    server = bootstrap.build_server(home.settings)
    try:
        assert server.running.configuration.version == versions[-1]
        found = [server.ran_earlier(version) for version in versions]
        assert [one.configuration.version for one in found if one] == versions[:3]
        assert all(("zh", "goodbye") in one.prompts.paths for one in found if one)
    finally:
        server.database.engine.dispose()
    later = datetime.now(UTC) + timedelta(days=2)
    assert config_door.load_recent(home.settings, later) == []


def test_a_process_remembers_the_last_sets_that_it_ran_and_no_more(home: FilledHome) -> None:
    hotline = bootstrap.build(home.settings)
    try:
        first = hotline.running
        for n in range(12):
            of_then = replace(first.configuration, version=f"v{n}")
            hotline.replace_running(replace(first, configuration=of_then))
        known = [n for n in range(12) if hotline.ran_earlier(f"v{n}") is not None]
        assert known == list(range(1, 11)), "v11 runs, and the oldest are forgotten"
    finally:
        hotline.database.engine.dispose()


@pytest.mark.parametrize("draft", ["# a good draft\n", "areas: [\n"])
def test_a_server_that_is_told_of_a_publish_takes_that_and_no_draft(home: FilledHome, draft: str) -> None:
    own, told = publish(home, "one"), publish(home, "two")
    codes = home.settings.config_dir / "codes.yaml"
    good = codes.read_text("utf-8")
    codes.write_text(good + draft, "utf-8")
    for taken in (config_door.load_told(home.settings), config_door.load_asked(home.settings, own)):
        assert (taken.configuration.version, in_force(home)) == (told, told)
        assert ("zh", "goodbye") in taken.prompts.paths
    codes.write_text(good + "# saved, and the server told by hand\n", "utf-8")
    assert config_door.load_told(home.settings).configuration.version == told, "told twice of one publish"
    taken = config_door.load_asked(home.settings, told)
    assert taken.configuration.version == in_force(home) != told


def test_a_set_that_is_damaged_since_leaves_the_files(home: FilledHome) -> None:
    own, told = publish(home, "one"), publish(home, "two")
    (folder_of(home.home, told) / "codes.yaml").write_text("areas: [\n", "utf-8")
    with pytest.raises(config_door.NotTaken, match="no whole set"):
        config_door.load_told(home.settings)
    assert config_door.load_asked(home.settings, own).configuration.version == told


def in_force(home: FilledHome) -> str | None:
    return current(store_of(home.home))
