"""A set of config files that makes no Asterisk's files is never the last good one; and who only looks changes nothing."""

from pathlib import Path

import pytest
import yaml
from support.command_line import Done, run_command
from support.filled_home import FilledHome, a_filled_home

from hotline import config_door
from hotline.asterisk_process import AsteriskProgram
from hotline.backup_manifest import files_below
from ivr.config_files.published import NoGoodConfiguration, load_published, note
from ivr.config_files.running import Running
from ivr.telephony.asterisk_files import FILTERS, CannotRender

SECRET = "HOTLINE_TEST_TRUNK_SECRET"
BY = note("reload")


def typed(home: FilledHome, words: str, **more: str) -> Done:
    return run_command(words.split(), {"HOTLINE_HOME": str(home.home), **more})


def own_template(home: FilledHome, text: str, name: str = "queues") -> Path:
    path = home.settings.config_dir / "asterisk" / f"{name}.conf.j2"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def with_carrier(home: FilledHome) -> int:
    """The line of hotline.yaml in which its secret is named."""
    path = home.settings.config_dir / "hotline.yaml"
    found = yaml.safe_load(path.read_text("utf-8"))
    carrier = {"name": "carrier-a", "mode": "registration", "host": "192.0.2.1", "username": "u"}
    found["trunks"].append({**carrier, "secret_env": SECRET})
    found["site"]["area_code"] = "0355"
    path.write_text(yaml.safe_dump(found, allow_unicode=True), "utf-8")
    return next(n for n, row in enumerate(path.read_text("utf-8").splitlines(), 1) if SECRET in row)


def of_secrets(running: Running) -> list[str]:
    """Beside warnings that the new trunk may carry no transfer."""
    return [str(one) for one in running.problems if one.path[-1:] == ("secret_env",)]


def refused(home: FilledHome) -> list[str]:
    """What is said by whoever would publish the folder: nothing is published then."""
    before = published(home)
    with pytest.raises(config_door.NotTaken) as found:
        config_door.load_changed(home.settings, by=BY)
    assert published(home) == before
    return str(found.value).splitlines()


def refused_secret(home: FilledHome) -> str:
    [said] = [line for line in refused(home) if "secret_env" in line]
    return said


def published(home: FilledHome) -> str:
    found = load_published(home.home)
    assert found is not None
    return found.version


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[q]\n{% if %}\n", "asterisk/queues.conf.j2:2:1  Expected an expression"),
        ("[q]\n\n{{ nothing_such | word }}\n", "asterisk/queues.conf.j2:3:1  UndefinedError: 'nothing_such'"),
        ("{{ ami_port | such }}\n", "asterisk/queues.conf.j2:1:1  No filter named 'such'"),
        ("\n{{ ami_port }}\n", "the template prints it without a filter"),
        ("\n{{ system_name.none.such() | word }}\n", "asterisk/queues.conf.j2:2:1  UndefinedError"),
        ("\n{{ (ami_port // 0) | number }}\n", "asterisk/queues.conf.j2:2:1  ZeroDivisionError"),
    ],
)
def test_a_template_of_the_site_is_checked(home: FilledHome, text: str, words: str) -> None:
    good = published(home)
    own_template(home, text)
    checked = typed(home, "check")
    assert checked.returncode == 1
    assert words in checked.stdout
    assert any(words in line for line in refused(home))
    running = config_door.load(home.settings)
    assert (running.configuration.version, running.is_degraded) == (good, False), "a draft stops nothing"
    fact, *faults, _ = config_door.told_of_the_folder(home.settings)
    assert "asterisk/queues.conf.j2 (new)" in fact
    assert any(words in line for line in faults)


@pytest.mark.parametrize("draft", ["{% if %}", "[q-of-a-draft]\n"])
def test_the_set_in_force_is_rendered_with_its_own_templates(
    home: FilledHome, tmp_path: Path, draft: str
) -> None:
    path = own_template(home, "[q-of-mine]\n")
    good = config_door.load_changed(home.settings, by=BY)
    path.write_text(draft, "utf-8")
    running = config_door.load_to_render(home.settings)
    assert running.configuration.version == good.configuration.version
    (tmp_path / "data" / "sounds").mkdir(parents=True)
    program = AsteriskProgram((), str(tmp_path), str(tmp_path / "data"), "22.0")
    assert config_door.asterisk_files(home.settings, program, running)["queues.conf"] == "[q-of-mine]\n"


def test_a_missing_trunk_secret_is_told_with_its_line_and_not_published(
    home: FilledHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(SECRET, raising=False)
    good = published(home)
    line = with_carrier(home)
    said = refused_secret(home)
    assert published(home) == good
    assert said.startswith(f"hotline.yaml:{line}:")
    assert f"Set {SECRET}" in said
    checked = typed(home, "check")
    assert checked.returncode == 0, "this shell need not have it"
    assert f"warning: hotline.yaml:{line}:" in checked.stdout
    monkeypatch.setenv(SECRET, "hunter2hunter2;")
    said = refused_secret(home)
    assert "cannot stand" in said
    assert "hunter2" not in said
    monkeypatch.setenv(SECRET, "hunter2hunter2")
    config_door.load_changed(home.settings, by=BY)
    assert published(home) != good


def test_a_set_in_force_asks_for_no_secret_where_nothing_is_written(
    home: FilledHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that was told by SIGHUP has the environment of its start; after a restart a mistyped variable brings back
    no older set, whose numbers and rules nobody meant."""
    monkeypatch.setenv(SECRET, "hunter2hunter2")
    config_door.load(home.settings)
    older = published(home)
    with_carrier(home)
    version = config_door.load_changed(
        home.settings, by=BY
    ).configuration.version  # by `hotline reload`, which has it
    monkeypatch.delenv(SECRET)
    for running in (config_door.load_changed(home.settings, by=BY), config_door.load(home.settings)):
        assert (running.configuration.version, running.is_degraded) == (version, False)
        [said] = of_secrets(running)
        assert f"Set {SECRET}" in said
    (home.settings.config_dir / "hotline.yaml").write_text("broken: [", "utf-8")
    running = config_door.load(home.settings)
    assert (running.configuration.version, running.is_degraded) == (version, False)
    assert older != version
    with pytest.raises(config_door.NotTaken, match=SECRET):
        config_door.trunk_secrets(running.configuration.lines)


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("system_name", "a b", "environment:1:1  HOTLINE_SYSTEM_NAME: 'a b' cannot stand in Asterisk's files as a word: "
         "letters, digits, '_', '.' and '-' only. Set HOTLINE_SYSTEM_NAME otherwise."),
        ("sip_bind", "0.0.0.0;", "environment:1:1  HOTLINE_SIP_BIND: '0.0.0.0;' cannot stand in Asterisk's files as a "
         "address: no such host can be. Set HOTLINE_SIP_BIND otherwise."),
        ("asterisk_etc", "/srv/a:b", "environment:1:1  HOTLINE_ASTERISK_ETC: '/srv/a:b' cannot stand in Asterisk's files "
         "as a path: an absolute path without special characters. "
         "Set HOTLINE_ASTERISK_ETC otherwise; a folder is to be moved first."),
    ],
)  # fmt: skip
def test_a_setting_is_told_by_its_variable(home: FilledHome, setting: str, value: str, said: str) -> None:
    settings = home.settings.model_copy(update={setting: Path(value) if value.startswith("/") else value})
    running = config_door.load(settings)
    assert running.is_degraded, "no set can be rendered so: the one in force runs on"
    unusable, *others = [str(one) for one in running.problems]
    assert "the set in force cannot be used any more" in unusable
    assert others == [said]


def test_a_folder_within_the_state_folder_is_told_by_its_own_variable(home: FilledHome) -> None:
    settings = home.settings.model_copy(update={"asterisk_etc": home.home / "e;tc"})
    assert [one.path for one in config_door.load(settings).problems] == [(), ("HOTLINE_ASTERISK_ETC",)]


def test_a_state_folder_that_cannot_stand_in_asterisks_files_is_told_too(
    home: FilledHome, tmp_path: Path
) -> None:
    moved = tmp_path / "a:b"
    home.home.rename(moved)
    found = config_door.load(home.settings.model_copy(update={"home": moved})).problems
    assert [(one.file, one.path) for one in found[1:]] == [("environment", ("HOTLINE_HOME",))]


def test_a_template_that_prints_a_trunks_secret_does_not_tell_it(home: FilledHome) -> None:
    with_carrier(home)
    own_template(home, "password = {{ trunk_secrets['carrier-a'] }}\n")
    told = typed(home, "check", **{SECRET: "S3cretOfCarrier99"})
    assert told.returncode == 1
    assert "the template prints it without a filter" in told.stdout
    assert "S3cret" not in told.stdout + told.stderr


def test_words_that_a_newer_program_says_by_itself_are_the_shipped_ones(home: FilledHome) -> None:
    """A site's files, and its set in force, are of before the upgrade: neither may be refused for that."""
    path = home.settings.config_dir / "prompts.yaml"
    found = yaml.safe_load(path.read_text("utf-8"))
    del found["prompts"]["callback_not_now"]
    found["prompts"]["refused"] = {"zh": "不行。", "en": "No."}
    path.write_text(yaml.safe_dump(found, allow_unicode=True), "utf-8")
    running = config_door.load_changed(home.settings, by=BY)
    assert [one.severity for one in running.problems] == ["warning"]
    assert ("zh", "callback_not_now") in running.prompts.paths
    assert running.configuration.prompts.prompts["refused"].zh == "不行。"
    (home.settings.config_dir / "codes.yaml").write_text("x\n")
    again = config_door.load(home.settings)
    assert again.configuration == running.configuration, "the set in force serves, also without it"


def test_a_first_start_with_such_a_set_refuses_and_names_it(tmp_path: Path) -> None:
    with a_filled_home(tmp_path / "home", calls=0) as home:
        for path in sorted((home.home / "published").rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        own_template(home, "{% if %}")
        with pytest.raises(NoGoodConfiguration) as refused:
            config_door.load(home.settings)
        assert "asterisk/queues.conf.j2:1:1" in str(refused.value.problems[0])


COMPARE = "Compare it with the shipped template of that name; without a file of your own that one is used."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"[q]\n{% if %}\n", f"asterisk/queues.conf.j2:2:1  Expected an expression, got 'end of statement block'. {COMPARE}"),
        (b"{{ such.thing | word }}", f"asterisk/queues.conf.j2:1:1  UndefinedError: 'such' is undefined. {COMPARE}"),
        (
            b"[q-a]\n[q-b(]\n[q-c\n",
            "asterisk/queues.conf.j2:1:1  Asterisk would read nothing of queues.conf "
            f"(no closing ']'; line 3 of what this template makes). {COMPARE}",
        ),
        (
            b"{{ ami_port }}",
            "asterisk/queues.conf.j2:1:1  5038 cannot stand in Asterisk's files as a value: "
            "the template prints it without a filter. Write it otherwise.",
        ),
        (
            b"\xc0",
            "asterisk/queues.conf.j2:1:1  the file cannot be read ('utf-8' codec can't decode byte 0xc0 in position 0: "
            "invalid start byte). Save it as UTF-8.",
        ),
    ],
)  # fmt: skip
def test_a_template_is_told_in_these_words(home: FilledHome, text: bytes, said: str) -> None:
    own_template(home, "").write_bytes(text)
    assert refused(home) == [said]


def test_a_trunks_secret_is_told_in_these_words(home: FilledHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SECRET, raising=False)
    where = f"hotline.yaml:{with_carrier(home)}:15  trunks → 2 → secret_env: "
    remedy = f"Set {SECRET} for the server and for this command."
    said = refused_secret(home)
    assert said == f"{where}no such variable is in the environment. {remedy}"
    monkeypatch.setenv(SECRET, "short")
    said = refused_secret(home)
    why = "8 to 128 printable ASCII characters, no space, no ';', no '${', and neither '#' nor '[' first"
    assert said == f"{where}the secret in it cannot stand in Asterisk's files: {why}. {remedy}"


@pytest.mark.parametrize("words", ["agent list", "token list", "agent phone 1001", "status"])
def test_a_command_that_looks_puts_nothing_into_force(home: FilledHome, words: str) -> None:
    """The admin is in the middle of an edit; what runs goes on running."""
    good = published(home)
    path = home.settings.config_dir / "prompts.yaml"
    path.write_text(path.read_text("utf-8") + "\n# half done\n", "utf-8")
    before = {name: facts for name, facts in files_below(home.home).items() if is_of_the_set(name)}
    assert typed(home, words).returncode in (0, 1)
    assert {name: facts for name, facts in files_below(home.home).items() if is_of_the_set(name)} == before
    assert published(home) == good


def test_a_refused_secret_is_not_repeated() -> None:
    with pytest.raises(CannotRender) as refused:
        FILTERS["secret"]("hunter2 hunter2")
    assert "hunter2" not in str(refused.value)


def is_of_the_set(name: str) -> bool:
    return name.startswith(("published/", "prompts/", "asterisk/", "config/"))
