"""Commands that set a hotline up and look after it, as far as they need no Asterisk, and what they bring about."""

from pathlib import Path

from support.repository import ROOT
from support.sipp import free_port
from support.terminal import Terminal

from hotline import database
from hotline.settings import Settings


def test_init_lays_out_what_is_missing_and_leaves_what_is_edited(shell: Terminal, tmp_path: Path) -> None:
    said = shell.type("init", str(tmp_path / "new"))
    files = list((ROOT / "config").rglob("*.yaml"))
    assert said == f"{len(files)} files written to {tmp_path / 'new'}\n"
    edited, deleted = tmp_path / "new" / "hotline.yaml", tmp_path / "new" / "menus" / "main.yaml"
    shipped = deleted.read_bytes()
    edited.write_text("# mine\n", encoding="utf-8")
    deleted.unlink()
    said = shell.type("init", str(tmp_path / "new"))
    assert "left as it is: hotline.yaml\n" in said
    assert "left as it is: menus/main.yaml" not in said
    assert said.endswith(f"1 files written to {tmp_path / 'new'}\n")
    assert edited.read_text(encoding="utf-8") == "# mine\n"
    assert deleted.read_bytes() == shipped


def test_messages_are_laid_out_only_with_the_words_that_they_say(shell: Terminal, tmp_path: Path) -> None:
    folder = tmp_path / "older"
    shell.type("init", str(folder))
    (folder / "broadcasts.yaml").unlink()
    said = shell.type("init", str(folder))
    assert "broadcasts.yaml" not in said
    assert not (folder / "broadcasts.yaml").exists()
    assert "the configuration is good" in shell.type("check", HOTLINE_CONFIG=str(folder))


def test_check_tells_all_problems_and_changes_nothing(shell: Terminal, tmp_path: Path) -> None:
    assert "the configuration is good (version " in shell.type("check")
    shell.type("init", str(tmp_path / "bad"))
    file = tmp_path / "bad" / "hotline.yaml"
    file.write_text(file.read_text(encoding="utf-8") + "nonsense: 1\nmore_nonsense: 2\n", encoding="utf-8")
    before = file.read_bytes()
    said = shell.type("check", code=1, HOTLINE_CONFIG=str(tmp_path / "bad"))
    assert f"problems in {tmp_path / 'bad'}" in said
    assert "hotline.yaml:" in said
    assert "nonsense" in said
    assert "more_nonsense" in said
    assert file.read_bytes() == before


def test_problems_are_told_in_the_language_asked_for(shell: Terminal, tmp_path: Path) -> None:
    assert shell.type("check --language zh").startswith("配置没有错误（版本 ")
    folder = tmp_path / "bad"
    shell.type("init", str(folder))
    file = folder / "hotline.yaml"
    file.write_text(file.read_text(encoding="utf-8") + "nonsense: 1\n", encoding="utf-8")
    bad = {"HOTLINE_CONFIG": str(folder)}
    fault = '没有 "nonsense" 这个键。请删去。此处可用的键：'
    said = shell.type("check --language zh", code=1, **bad)
    assert fault in said
    assert f"{folder} 中有 1 处错误" in said
    assert said == shell.type("check", code=1, HOTLINE_LANGUAGE="zh", **bad)
    assert said == shell.type("check", code=1, LC_ALL="zh_CN.UTF-8", **bad)
    assert 'unknown key "nonsense". Take it out.' in shell.type(
        "check --language en", code=1, HOTLINE_LANGUAGE="zh", **bad
    )
    for command in ("prompts list", "doctor"):
        assert fault in shell.type(command, code=1, HOTLINE_LANGUAGE="zh", **bad)


def test_migrate_names_the_revision_and_may_be_run_again(shell: Terminal) -> None:
    said = f"the database is at revision {database.head_revision()}\n"
    assert [shell.type("migrate") for _ in range(2)] == [said, said]
    assert (shell.home / "hotline.db").stat().st_mode & 0o777 == 0o600


def test_settings_show_every_setting_and_no_secret(shell: Terminal) -> None:
    said = shell.type("settings", HOTLINE_AMI_SECRET="hunter2", HOTLINE_HTTP_PORT="8123")
    for name, described in Settings.model_fields.items():
        assert f"HOTLINE_{name.upper()}=" in said
        assert str(described.description) in said
    assert "HOTLINE_HTTP_PORT=8123\n" in said
    assert "HOTLINE_AMI_SECRET=**" in said
    assert "hunter2" not in said


def test_backup_and_restore_bring_everything_back(shell: Terminal, tmp_path: Path) -> None:
    shell.type("token create --role admin --label kept")
    shell.type("backup", str(tmp_path / "safe"), "--keys", str(tmp_path / "keys"))
    [folder] = (tmp_path / "safe").iterdir()
    elsewhere = {"HOTLINE_HOME": str(tmp_path / "new"), "HOTLINE_CONFIG": str(tmp_path / "new" / "config")}
    said = shell.type("restore", str(folder), "--keys", str(tmp_path / "keys"), **elsewhere)
    assert f" to {tmp_path / 'new'}\n" in said
    assert "kept" in shell.type("token list", **elsewhere)
    assert (tmp_path / "new" / "config" / "hotline.yaml").is_file()


def test_status_doctor_reload_and_call_of_a_hotline_that_does_not_run(shell: Terminal) -> None:
    # an empty private root: whatever Asterisk this machine has is not ours
    without = {
        "HOTLINE_ASTERISK_ROOT": str(shell.folder / "none"),
        "HOTLINE_ASTERISK_HTTP_PORT": str(free_port()),
    }
    assert "The hotline is NOT up" in shell.type("status", code=1, **without)
    told = shell.type("doctor", code=1, **without)
    assert "FAIL  asterisk" in told
    assert "what to do" not in told
    assert "does not run here" in shell.type("call 12345", code=1, **without)
    for command in ("reload", "asterisk render", "asterisk up"):
        assert "holds no Asterisk" in shell.type(command, code=1, **without)
    assert shell.type("asterisk down", **without) == "Asterisk is not running\n"


def test_serve_refuses_a_part_that_is_none(shell: Terminal) -> None:
    assert "choose from agi, web, worker" in shell.type("serve --only phone", code=2)
