"""The accounts of a first start: made together with the file that tells them, or not at all."""

import subprocess
from pathlib import Path

import pytest
from pydantic import SecretStr

from hotline import bootstrap, database, defaults_door, first_start
from hotline.accounts import Role, check_token
from hotline.settings import Settings
from ivr.agents.roster import all_agents


def test_a_first_start_that_could_not_write_its_file_is_made_again(tmp_path: Path) -> None:
    settings = Settings.model_validate({"home": tmp_path})
    defaults_door.lay_out(settings.config_dir)
    database.migrate(settings.database)
    file = first_start.accounts_file(settings)
    file.mkdir()
    with pytest.raises(IsADirectoryError):
        first_start.make_accounts(settings)

    file.rmdir()
    assert first_start.make_accounts(settings)
    words = file.read_text(encoding="utf-8")
    assert file.stat().st_mode & 0o777 == 0o600
    own = bootstrap.build(settings)
    with own.database.writing() as session:
        assert [agent.agent_no for agent in all_agents(session)] == ["1001", "1002"]
        caller = check_token(session, words.split("admin token: ")[1].split()[0], own.now())
        assert caller is not None
        assert caller.role is Role.ADMIN

    assert not first_start.make_accounts(settings)
    assert file.read_text(encoding="utf-8") == words


def test_the_command_for_another_terminal_works_in_any_folder(tmp_path: Path) -> None:
    """What a shell makes of the line is this hotline's own setting, also where a folder's name has a space."""
    settings = Settings(
        home=tmp_path / "a b", http_port=8017, database_url=SecretStr("postgresql://u:hunter2@h/x")
    )
    line = first_start.in_another_terminal(settings)
    assert "hunter2" not in line
    said = subprocess.run(
        ["sh", "-c", f"{line} settings"],
        env={},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    assert f"HOTLINE_HOME={tmp_path}/a b\n" in said
    assert "HOTLINE_HTTP_PORT=8017\n" in said
    assert "HOTLINE_SIP_PORT" not in line  # as everywhere
    assert Path(line.split()[-1]).name == "hotline"
