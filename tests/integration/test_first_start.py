"""The accounts of a first start: made together with the file that tells them, or not at all."""

from pathlib import Path

import pytest

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
