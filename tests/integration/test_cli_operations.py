"""The commands at a terminal: every help tells a stranger what is needed, and every fault is one line and an exit code."""

import ast
import inspect
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest
import typer
import yaml
from support.command_line import Done, run_command
from support.filled_home import NOW, FilledHome, a_filled_home, whole_calls
from support.sipp import free_port
from support.terminal import LOADS_WHEN_RUN
from typer.testing import CliRunner

from hotline import backup, config_door
from hotline.cli import app
from hotline.findings import Level
from hotline.parts import report
from hotline.place_call import CALLER, CannotCall, plan_call
from hotline.rounds import config_part
from hotline.settings import Settings
from hotline.status import as_json, as_text, status_now
from ivr.config_files.checker import check
from ivr.config_files.published import note, publish
from ivr.config_files.running import Running
from vocabulary.config_problem import ConfigProblem

REPOSITORY = Path(__file__).resolve().parents[2]
LEAST_WORDS = 4


@pytest.fixture
def home(tmp_path: Path) -> Iterator[FilledHome]:
    with a_filled_home(tmp_path / "home", calls=2) as filled:
        yield filled


def hotline(home: Path, *words: str, **environment: str) -> Done:
    return run_command(list(words), {"HOTLINE_HOME": str(home), **environment})


def all_commands() -> list[tuple[str, click.Command]]:
    found: list[tuple[str, click.Command]] = []

    def walk(name: str, command: click.Command) -> None:
        found.append((name, command))
        for one, below in getattr(command, "commands", {}).items():
            walk(f"{name} {one}", below)

    walk("hotline", typer.main.get_command(app))
    return found


@pytest.mark.parametrize(("name", "command"), all_commands(), ids=[name for name, _ in all_commands()])
def test_every_help_tells_a_stranger_what_is_needed(name: str, command: click.Command):
    assert command.help is not None, name
    assert len(command.help.split()) >= LEAST_WORDS, f"{name}: {command.help}"
    for parameter in command.params:
        if parameter.name not in ("install_completion", "show_completion", "help"):
            help_text = getattr(parameter, "help", None)
            assert help_text, f"{name}: {parameter.name} has no help"
            assert len(str(help_text).split()) >= 2, f"{name}: {parameter.name}: {help_text}"
    words = name.split()[1:]
    shown = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    assert "Usage:" in shown.output


@pytest.mark.parametrize(
    ("command", "needed"),
    [
        ("doctor", ["changes nothing", "Exit 1", "WARN", "FAIL"]),
        ("status", ["Exit 1", "HOTLINE_TIMEZONE", "--json"]),
        (
            "call",
            ["is_test", "running", "--caller", "beside a real trunk", "--seconds", "callback", "Exit 0"],
        ),
        ("backup", ["while calls go on", "keys", "pg_dump", "recordings", "DIR"]),
        ("restore", ["Stop the hotline", "empty", "--force", "--keys", "migrated", "BACKUP", "pg_restore"]),
    ],
)
def test_the_help_says_the_things_that_matter(command: str, needed: list[str]):
    shown = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"}).output
    flat = " ".join(shown.replace("│", " ").split())
    assert [word for word in needed if word not in flat] == []


def test_all_commands_of_the_issue_are_there():
    names = {name.removeprefix("hotline ") for name, _ in all_commands()}
    assert {"doctor", "status", "call", "backup", "restore"} <= names


def test_those_that_load_modules_when_they_are_run_are_known():
    """What is missing there, or imports in a circle, is found by a program of its own alone (see Terminal.type)."""

    def loads(command: click.Command) -> bool:
        source = inspect.getsource(inspect.unwrap(command.callback)) if command.callback else ""
        return any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(ast.parse(source)))

    assert {name.split()[1] for name, command in all_commands() if loads(command)} == set(LOADS_WHEN_RUN)


CARRIER = {"name": "carrier-a", "mode": "address", "host": "192.0.2.1"}


@pytest.mark.parametrize(
    "plans", [{}, {"allow_out": ["1[3-9]XXXXXXXXX"]}], ids=["it dials nobody yet", "it dials"]
)
def test_beside_a_real_trunk_a_test_call_must_say_who_may_be_rung_back(
    home: FilledHome, plans: dict[str, list[str]]
):
    def plan(caller: str | None) -> str:
        return plan_call(home.settings, "12345", caller=caller, wait=1, seconds=1, now=NOW).caller

    with home.database.writing() as session:
        report(session, "agi", True, {}, f"{socket.gethostname()}:{os.getpid()}", NOW)
    assert plan(None) == CALLER
    path = home.settings.config_dir / "hotline.yaml"
    found = yaml.safe_load(path.read_text("utf-8"))
    found["site"]["area_code"] = "0355"
    found["trunks"].append({**CARRIER, **plans})
    path.write_text(yaml.safe_dump(found, allow_unicode=True), "utf-8")
    put_in_force(home.settings.config_dir, home.home)
    with pytest.raises(CannotCall, match=r"carrier-a.*--caller NUMBER"):
        plan(None)
    assert plan("13900000001") == "13900000001"


def test_backup_and_restore_at_the_terminal(home: FilledHome, tmp_path: Path):
    done = hotline(home.home, "backup", str(tmp_path / "b"), "--keys", str(tmp_path / "safe"))
    assert done.returncode == 0, done.stderr
    [folder] = (tmp_path / "b").iterdir()
    assert str(folder) in done.stdout

    done = hotline(tmp_path / "new", "restore", str(folder), "--keys", str(tmp_path / "safe"))
    assert done.returncode == 0, done.stderr
    assert "restored the backup of" in done.stdout
    assert whole_calls(Settings.model_validate({"home": tmp_path / "new"})) == 2

    again = hotline(tmp_path / "new", "restore", str(folder))
    assert again.returncode == 1
    assert again.stderr.startswith("hotline: ")
    assert "--force" in again.stderr
    assert "Traceback" not in again.stderr


def test_the_program_itself_says_one_line_and_fails(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-m", "hotline.cli", "status"],
        env={**os.environ, "HOTLINE_HOME": str(tmp_path / "nowhere")},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)


def test_a_call_without_asterisk_is_one_line(home: FilledHome):
    """As a program of its own: under a test runner's logging another handler hides what a terminal would show."""
    now = datetime.now(UTC)
    with home.database.writing() as session:
        report(session, "agi", True, {}, f"{socket.gethostname()}:{os.getpid()}", now)
    done = subprocess.run(
        [sys.executable, "-m", "hotline.cli", "call", "12345"],
        env={**os.environ, "HOTLINE_HOME": str(home.home), "HOTLINE_AMI_PORT": str(free_port())},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    assert "manager interface does not let us in" in done.stderr
    assert "hotline doctor" in done.stderr


def test_no_home_is_one_line(tmp_path: Path):
    for words in (["status"], ["call", "12345"], ["backup", str(tmp_path / "b")], ["restore", str(tmp_path)]):
        done = hotline(tmp_path / "nowhere", *words)
        assert done.returncode == 1, words
        assert done.stderr.startswith("hotline: "), words
        assert "Traceback" not in done.stderr, words
    assert not (tmp_path / "nowhere").exists()


def test_a_wrong_variable_is_named(home: FilledHome):
    done = hotline(home.home, "doctor", HOTLINE_SIP_PORT="many")
    assert done.returncode != 0
    assert "HOTLINE_SIP_PORT" in done.stderr
    assert "Traceback" not in done.stderr


def test_doctor_says_how_many_and_fails(tmp_path: Path):
    done = hotline(tmp_path / "nowhere", "doctor")
    assert done.returncode == 1
    assert f"{Level.FAIL}  home" in done.stdout
    assert done.stdout.rstrip().endswith("FAIL")


def put_in_force(config: Path, home: Path) -> None:
    configuration, problems = check(config)
    assert configuration is not None, problems
    publish(config, configuration, home, note("publish"))


def test_status_tells_edits_that_are_not_in_force(home: FilledHome):
    assert status_now(home.settings, NOW).not_in_force == ()
    with (home.settings.config_dir / "codes.yaml").open("a") as file:
        file.write("# half done\n")
    (home.settings.config_dir / "menus" / "tax.yaml").write_text("start: [\n", "utf-8")
    found = status_now(home.settings, NOW)
    fact, fault, what_to_do = list(as_text(found, home.settings.zone))[1:4]
    assert fact.startswith(
        f"NOT IN FORCE: 2 files differ in {home.settings.config_dir} from the set in force"
    )
    assert ": codes.yaml (changed), menus/tax.yaml (new), last saved 20" in fact
    assert fault.startswith("menus/tax.yaml:")
    assert "`hotline menus publish --why TEXT`" in what_to_do
    assert '"not_in_force": [' in as_json(found)


def test_status_tells_that_the_server_does_not_run_what_is_in_force(home: FilledHome):
    with home.database.writing() as session:
        report(session, "config", True, {"version": "0123456789abcdef"}, "another:1", NOW)
    [said] = status_now(home.settings, NOW).not_in_force
    assert said.startswith("The server runs configuration 0123456789abcdef, in force is ")


def test_status_tells_in_the_readers_language_why_an_older_set_runs(home: FilledHome):
    fault = ConfigProblem("hotline.yaml", 12, 1, ("numbers",), 'no queue "tax".', "", "error")
    good = config_door.load_in_force(home.settings)
    degraded = Running(good.configuration, good.prompts, True, (fault,))
    with home.database.writing() as session:
        report(session, "config", True, config_part(degraded, language="zh").detail, "another:1", NOW)
    found = status_now(home.settings.model_copy(update={"language": "zh"}), NOW)
    lines = list(as_text(found, home.settings.zone))
    assert lines[1].startswith("降级运行：")
    assert '    hotline.yaml:12:1  numbers：没有队列 "tax"。' in lines
    assert list(as_text(status_now(home.settings, NOW), home.settings.zone))[1].startswith("DEGRADED: ")


def test_status_of_a_stopped_hotline(home: FilledHome):
    done = hotline(home.home, "status")
    assert done.returncode == 1
    assert done.stdout.startswith("The hotline is NOT up: ")
    assert "never reported" in done.stdout
    assert "Callbacks  2 owed" in done.stdout


def test_status_tells_the_parts_the_queues_and_the_debts(home: FilledHome):
    with home.database.writing() as session:
        for part in ("config", "agi", "asterisk", "listener", "dispatcher", "trunks"):
            report(session, part, True, {}, "another:1", NOW)
    found = status_now(home.settings, NOW)
    assert found.is_up
    assert found.queues["general"].label == "综合受理"
    assert found.agents == {"signed_out": 1}
    assert found.callbacks == {"owed": 2}
    lines = list(as_text(found, home.settings.zone))
    assert lines[0] == "The hotline is up."
    assert any("2026-11-23 17:00:02" in line for line in lines)  # local time of the last call
    assert '"last_call_at": "2026-11-23T09:00:02' in as_json(found)


def test_no_call_is_placed_when_the_hotline_does_not_run(home: FilledHome):
    done = hotline(home.home, "call", "12345")
    assert done.returncode == 1
    assert "does not run" in done.stderr


def test_a_backup_is_told_in_words_that_name_the_keys(home: FilledHome, tmp_path: Path):
    shown = CliRunner().invoke(app, ["backup", str(tmp_path / "b")], env={"HOTLINE_HOME": str(home.home)})
    assert "keys      not written" in shown.output
    assert backup.NAME in shown.output
