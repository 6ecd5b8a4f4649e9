"""A command on a hotline that is not set up yet says what to do, in one line, and never shows a traceback."""

from pathlib import Path

import pytest
from support.command_line import Done, run_command

from hotline.environment import WrongEnvironment, settings_from_environment
from hotline.settings import Settings


def hotline(home: Path, *words: str, **more: str) -> Done:
    return run_command(list(words), {"HOTLINE_HOME": str(home), **more})


def test_without_tables_it_asks_for_migrate(tmp_path: Path) -> None:
    assert hotline(tmp_path, "init", str(tmp_path / "config")).returncode == 0
    done = hotline(tmp_path, "agent", "list")
    assert done.returncode == 1
    assert "run `hotline migrate`" in done.stderr
    assert "Traceback" not in done.stderr
    assert hotline(tmp_path, "migrate").returncode == 0
    assert hotline(tmp_path, "agent", "add", "1001", "王芳", "-q", "general").returncode == 0
    listed = hotline(tmp_path, "agent", "list")
    assert listed.stdout.split()[:3] == ["1001", "王芳", "general:0"]
    token = hotline(tmp_path, "token", "create", "--role", "admin")
    assert token.returncode == 0
    last = token.stdout.rstrip("\n").splitlines()[-1]
    assert len(last) > 30
    assert " " not in last


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"HOTLINE_TIMEZONE": "Mars/Base"}, "HOTLINE_TIMEZONE: Value error, no time zone 'Mars/Base'"),
        ({"HOTLINE_HTTP_PORT": "x"}, "HOTLINE_HTTP_PORT:"),
        ({"HOTLINE_HTTP_PORT": "5060"}, "HOTLINE_SIP_PORT and HOTLINE_HTTP_PORT are both 5060"),
    ],
)
def test_a_wrong_setting_is_named_with_its_variable(
    tmp_path: Path, variables: dict[str, str], words: str
) -> None:
    done = hotline(tmp_path, "settings", **variables)
    assert done.returncode != 0
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p@ss:sekret@127.0.0.1/x",
        "postgresql://u:p@sekret@127.0.0.1/x",
        "postgresql://u:p@sekret/y@127.0.0.1/x",
        "postgresql://u:p@sekret?y@127.0.0.1/x",
        "postgresql://u:sekret",
        "postgresql://u:sekret@127.0.0.1:port/x",
        "mysql://u:sekret@127.0.0.1/x",
        "sekret",
    ],
)
def test_no_part_of_a_database_address_that_cannot_be_read_is_shown(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOTLINE_DATABASE_URL", url)
    with pytest.raises(WrongEnvironment) as told:
        settings_from_environment()
    assert "HOTLINE_DATABASE_URL: Value error, no address of a database" in str(told.value)
    assert "%40 for @" in str(told.value)
    assert "sekret" not in str(told.value) + str(told.value.__cause__)


def test_a_command_shows_no_part_of_it_either(tmp_path: Path) -> None:
    done = hotline(tmp_path, "migrate", HOTLINE_DATABASE_URL="postgresql://u:p@ss:sekret@127.0.0.1/x")
    assert done.returncode == 1
    assert "HOTLINE_DATABASE_URL: " in done.stderr
    assert "sekret" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p%40ss%3Asekret@127.0.0.1:5432/x",
        "postgresql+psycopg:///x?host=/run/postgresql",
        "postgres://u@h/x",
        "sqlite:////srv/folder@home/hotline.db",
    ],
)
def test_addresses_of_databases_that_are_taken(url: str) -> None:
    assert Settings.model_validate({"database_url": url}).database == url


def test_settings_never_print_a_secret(tmp_path: Path) -> None:
    done = hotline(
        tmp_path, "settings", HOTLINE_DATABASE_URL="postgresql://u:hunter2@h/x", HOTLINE_AMI_SECRET="hunter2"
    )
    assert done.returncode == 0, done.stderr
    assert "hunter2" not in done.stdout + done.stderr
    assert "HOTLINE_HTTP_PORT=8000" in done.stdout
