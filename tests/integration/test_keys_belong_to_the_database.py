"""A lost or a wrong file of keys stops every command in one line; it is never replaced beside sealed values."""

from dataclasses import replace
from pathlib import Path

import pytest
from support.command_line import Done, run_command
from support.filled_home import FilledHome, a_filled_home

from hotline import bootstrap, defaults_door
from hotline.database import migrate
from hotline.keys import KeysAreMissing, WrongKeys
from hotline.settings import Settings
from tickets.sealing import Sealer


def typed(home: FilledHome, words: str, **more: str) -> Done:
    url = {"HOTLINE_DATABASE_URL": home.url} if home.url else {}
    return run_command(words.split(), {"HOTLINE_HOME": str(home.home), **url, **more})


def test_missing_keys_are_not_made_beside_sealed_values(tmp_path: Path, database_url: str) -> None:
    with a_filled_home(tmp_path / "home", database_url, calls=1) as home:
        elsewhere = tmp_path / "not mounted" / "keys.json"
        done = typed(home, "agent list", HOTLINE_KEYS_FILE=str(elsewhere))
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1, "one line"
        assert f"{elsewhere}: the file of keys is missing" in done.stderr
        assert "HOTLINE_KEYS_FILE" in done.stderr
        assert not elsewhere.parent.exists()
        assert typed(home, "agent list").returncode == 0, "with the true file all is well"


def test_an_agents_secret_alone_is_reason_enough(tmp_path: Path) -> None:
    with a_filled_home(tmp_path / "home", calls=0) as home:
        home.settings.keys_path.unlink()
        with pytest.raises(KeysAreMissing):
            bootstrap.build(home.settings)
        assert not home.settings.keys_path.exists()


def test_keys_of_another_hotline_are_refused(tmp_path: Path, database_url: str) -> None:
    with a_filled_home(tmp_path / "home", database_url, calls=1) as home:
        other = tmp_path / "other.json"
        Sealer.create_file(other)
        done = typed(home, "agent list", HOTLINE_KEYS_FILE=str(other))
        assert done.returncode == 1
        assert f"{other}: these are not the keys of this database" in done.stderr
        assert done.stderr.count("\n") == 1


def test_keys_with_another_digest_key_are_refused(tmp_path: Path) -> None:
    """They open everything, and would give each citizen a second digest."""
    with a_filled_home(tmp_path / "home", calls=1) as home:
        path = home.settings.keys_path
        own, other = path.read_text("ascii"), tmp_path / "other.json"
        Sealer.create_file(other)
        digest = [line for line in other.read_text("ascii").splitlines() if "digest_key" in line]
        path.write_text(
            "\n".join(digest[0] if "digest_key" in line else line for line in own.splitlines()), "ascii"
        )
        with pytest.raises(WrongKeys, match="another digest"):
            bootstrap.build(home.settings)


def test_a_file_that_lacks_the_newest_key_is_refused(tmp_path: Path) -> None:
    """A backup of before the key was changed: it opens the old rows, and not the latest."""
    with a_filled_home(tmp_path / "home", calls=1) as home:
        home.ledger = replace(home.ledger, sealer=Sealer.create_file(tmp_path / "second.json"))
        home.take_call()
        with pytest.raises(WrongKeys, match="cannot be opened"):
            bootstrap.build(home.settings)


def test_a_first_start_makes_keys_once(tmp_path: Path) -> None:
    settings = Settings.model_validate({"home": tmp_path})
    defaults_door.lay_out(settings.config_dir)
    migrate(settings.database)
    sealed = bootstrap.build(settings).sealer.seal("x")
    assert bootstrap.build(settings).sealer.open(sealed) == "x"


def test_two_files_never_name_their_keys_alike(tmp_path: Path) -> None:
    made = [Sealer.create_file(tmp_path / name).seal("x").partition(":")[0] for name in ("a", "b")]
    assert made[0] != made[1]
