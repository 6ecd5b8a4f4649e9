"""Every command that needs no Asterisk, run as a program of its own, and what it brings about.

The stories share one hotline, which the first of them lays out as an admin would; each leaves it as whole as it was.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support.command_line import Done, run_command
from support.phones import free_port
from support.repository import ROOT
from support.web_hotline import Api

from hotline import as_found, bootstrap, database, into_force
from hotline.into_force import ServersNotTold
from hotline.parts import report_process
from hotline.settings import Settings
from hotline.web.app import create_app
from ivr.agents.roster import get_agent

REPOSITORY = Path(__file__).resolve().parents[2]
GROUPS = ("agent", "asterisk", "broadcast", "menus", "prompts", "token", "user")
PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Terminal:
    """One person's shell: HOTLINE_HOME and HOTLINE_CONFIG are set, nothing else of ours."""

    folder: Path
    typed: set[tuple[str, ...]] = field(default_factory=set)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def config(self) -> Path:
        return self.folder / "config"

    @property
    def settings(self) -> Settings:
        return Settings.model_validate({"home": self.home, "config": self.config})

    def type(self, line: str, *more: str, code: int = 0, answer: str = "", **environment: str) -> str:
        """What the command prints; it must end with `code`. Words with blanks go into `more`, `answer` to its input.

        The first time each command is a program of its own, later it runs in this one: loading it takes seconds.
        """
        words = [*line.split(), *more]
        ours = {"HOTLINE_HOME": str(self.home), "HOTLINE_CONFIG": str(self.config), **environment}
        command = tuple(words[:2]) if words[0] in GROUPS else (words[0],)
        is_new = command not in self.typed
        self.typed.add(command)
        done = run_program(words, ours, answer) if is_new or answer else run_command(words, ours)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout if code == 0 else done.stdout + done.stderr

    def api(self, token: str) -> Api:
        return Api(create_app(bootstrap.build(self.settings)), token)


def run_program(words: list[str], ours: dict[str, str], answer: str) -> Done:
    names = {name: value for name, value in os.environ.items() if not name.startswith("HOTLINE_")}
    done = subprocess.run(
        [sys.executable, "-m", "hotline.cli", *words],
        env={**names, "COLUMNS": "200", **ours},
        cwd=REPOSITORY,
        input=answer,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    shell = Terminal(tmp_path_factory.mktemp("shell"))
    shell.type("init", str(shell.config))
    shell.type("migrate")
    return shell


def test_init_lays_out_what_is_missing_and_leaves_what_is_edited(shell: Terminal, tmp_path: Path) -> None:
    said = shell.type("init", str(tmp_path / "new"))
    shipped = [path for path in (ROOT / "config").rglob("*.yaml")]
    assert said == f"{len(shipped)} files written to {tmp_path / 'new'}\n"
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


def test_a_broadcast_is_switched_on_and_off_by_one_command(shell: Terminal) -> None:
    on = shell.type("broadcast on storm --numbers 12345,12319 --for 90m")
    assert re.match(r"on: \d+  storm  12345,12319  \S+ \S+ by command line \S+, until \S+ \S+\n$", on), on
    said = shell.type("broadcast on", "--say", "城东停水，" * 30, "--until", "23:59")
    assert "  spoken  all numbers  " in said
    assert re.search(r"\nwarning: it lasts \d+ s, and every caller hears it before a person", said), said
    listed = shell.type("broadcast list").splitlines()
    assert [line.split()[1] for line in listed] == ["spoken", "storm", "storm", "heating_outage"]
    assert listed[2].startswith("ready: storm  暴雨红色预警  by phone 1, 180 min")
    assert shell.type("broadcast off storm").startswith("off: ")
    assert "broadcast storm is on" in shell.type("broadcast off storm", code=1)
    assert "  spoken  " in shell.type("broadcast off")
    assert shell.type("broadcast list").startswith("no broadcast is on\n")
    assert ", ended " in shell.type("broadcast list --all")
    assert 'Did you mean "storm"?' in shell.type("broadcast on strom", code=1)
    assert "Give one of them" in shell.type("broadcast on storm --until 18:00 --for 2h", code=2)


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


def test_prompts_are_listed_made_played_and_recordings_brought_in(shell: Terminal, tmp_path: Path) -> None:
    def line_of(name: str) -> list[str]:
        return next(
            row for row in shell.type("prompts list").splitlines() if row.startswith(f"{name} ")
        ).split()

    assert line_of("goodbye")[1:] == ["-", "espeak", "感谢您的来电，再见。"]
    assert "sounds of Asterisk's are ready" in shell.type("prompts render")
    wanted = tmp_path / "players"  # no player of this machine is started by a test
    wanted.mkdir()
    for program in ("espeak-ng", "sox"):
        (wanted / program).symlink_to(str(shutil.which(program)))
    nothing = {"PATH": str(wanted)}
    spoken, hint = shell.type("prompts play goodbye", **nothing).splitlines()
    assert "no player" in hint
    assert Path(spoken.split("  ")[0]).is_file()

    recording = tmp_path / "studio.wav"
    synth = ["synth", "2", "sine", "300-3000", "gain", "-12"]
    subprocess.run(["sox", "-n", "-r", "44100", "-c", "2", "-b", "16", str(recording), *synth], check=True)
    said = shell.type("prompts import goodbye", str(recording))
    kept = shell.config / "prompts" / "zh" / "goodbye.wav"
    assert said.startswith(f"{kept}  2.0 s, ")
    assert line_of("goodbye")[3] == "recorded" or line_of("goodbye")[2] == "recorded"
    played = Path(shell.type("prompts play goodbye", **nothing).split("  ")[0])
    assert played.read_bytes() == kept.read_bytes()
    shell.type("prompts import asterisk/digits/1", str(recording))
    assert (shell.config / "prompts" / "zh" / "asterisk" / "digits" / "1.wav").is_file()


def test_what_is_no_prompt_or_no_recording_is_refused_in_one_line(shell: Terminal, tmp_path: Path) -> None:
    text = tmp_path / "notes.wav"
    text.write_text("no sound at all", encoding="utf-8")
    assert "is no sound file. Save it as wav" in shell.type("prompts import greeting", str(text), code=1)
    for name in ("nowhere", "../greeting", "asterisk/../../x"):
        assert "there is no prompt" in shell.type(f"prompts import {name}", str(text), code=1)
    assert "there is no prompt" in shell.type("prompts play nowhere", code=1)
    assert "choose zh or en" in shell.type("prompts list --language fr", code=1)
    assert not (shell.config / "prompts" / "zh" / "greeting.wav").exists()


def test_agents_are_added_imported_listed_and_get_their_phones(shell: Terminal, tmp_path: Path) -> None:
    # the port is one on which nobody listens: Asterisk is off
    off = {"HOTLINE_ASTERISK_HTTP_PORT": str(free_port())}
    said = shell.type("agent add 2001 王芳 -q general -q heating:5", **off)
    assert said == (
        "agent 2001 王芳: stored; Asterisk is not running, the SIP account is made when it starts\n"
    )
    file = tmp_path / "agents.csv"
    file.write_text("agent_no,name,queues\n2002,李娜,general\n2001,王芳,general:3\n", encoding="utf-8")
    shell.type("agent import", str(file), **off)
    assert shell.type("agent list").splitlines() == [
        "2001  王芳  general:3  signed out",
        "2002  李娜  general:0  signed out",
    ]
    file.write_text("agent_no,name,queues\n2003,赵敏,general\nx,y,nowhere\n", encoding="utf-8")
    assert "nothing was stored" in shell.type("agent import", str(file), code=1)
    assert "2003" not in shell.type("agent list")

    said = shell.type("agent phone 2001")
    phone = shell.home / "phones" / "2001.txt"
    assert said == f"written to {phone}\n"
    assert phone.stat().st_mode & 0o777 == 0o600
    own = bootstrap.build(shell.settings)
    with own.database.reading() as session:
        secret = own.sealer.open(get_agent(session, "2001").sip_secret_sealed)
    assert f"SIP user agent-2001, secret {secret}, server 127.0.0.1:5060" in phone.read_text(encoding="utf-8")
    assert secret not in said
    assert "there is no agent 9999" in shell.type("agent phone 9999", code=1)


def test_a_token_stands_alone_on_the_last_line_and_opens_the_api(shell: Terminal) -> None:
    token = shell.type("token create --role shift_leader --label screen").splitlines()[-1]
    api = shell.api(token)
    assert api.get("/api/calls").status_code == 200
    [line] = [one for one in shell.type("token list").splitlines() if "screen" in one]
    assert "shift_leader" in line
    assert "last used never" not in line  # it was, just now
    assert token not in line
    number = line.split()[0]
    assert shell.type(f"token revoke {number}") == f"token {number} is revoked\n"
    assert api.get("/api/calls").status_code == 401
    api.close()
    assert "screen" in shell.type("token list")
    assert "there is no token 99" in shell.type("token revoke 99", code=1)
    assert "acts for one agent" in shell.type("token create --role agent", code=1)


def test_a_user_is_added_listed_and_shut_out_with_every_token(shell: Terminal) -> None:
    assert "too short" in shell.type("user add 李值班 --role shift_leader", code=1, answer="short\n")
    said = shell.type("user add 李值班 --role shift_leader", answer=f"{PASSWORD}\n")
    assert said == "user 李值班 added as shift_leader\n"
    assert "there is a user" in shell.type("user add 李值班 --role admin", code=1, answer=f"{PASSWORD}\n")

    assert "has the role shift_leader" in shell.type("token create --role admin --user 李值班", code=1)
    token = shell.type("token create --role shift_leader --user 李值班").splitlines()[-1]
    assert "  user 李值班  " in shell.type("token list")
    api = shell.api(token)
    for act, shown, status in (("disable", "disabled", 401), ("enable", "active", 200)):
        assert shell.type(f"user {act} 李值班") == f"user 李值班 is {shown}\n"
        assert shell.type("user list").startswith(f"李值班  shift_leader  {shown}  since ")
        assert api.get("/api/calls").status_code == status
    api.close()
    assert "`hotline user list` names them all" in shell.type("user disable 张三", code=1)


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


@contextmanager
def a_process(*words: str, by: str = "SIGUSR1") -> Iterator[subprocess.Popen[str]]:
    """Called by these words; says when it was told."""
    program = (
        "import signal\n"
        f"signal.signal(signal.{by}, lambda *_: print('told', flush=True))\n"
        "print('up', flush=True)\n"
        "while True: signal.pause()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, *words], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def _reported(shell: Terminal, home: Path, *pids: int) -> Settings:
    """A hotline of which these processes of this machine say that they are its servers."""
    settings = Settings.model_validate({"home": home, "config": shell.config})
    database.migrate(settings.database)
    own = bootstrap.build(settings)
    with own.database.writing() as session:
        for pid in pids:
            report_process(session, f"{socket.gethostname()}:{pid}", own.now())
    return settings


def test_only_servers_are_told_to_reload(shell: Terminal, tmp_path: Path) -> None:
    """The signal would end whoever else has the number of a server that is gone."""
    with (
        a_process("/opt/hotline/.venv/bin/hotline", "serve", "--only", "agi") as one,
        a_process("-m", "hotline.cli", "serve") as other,
        a_process("-m", "hotline.cli", "serve", by="SIGHUP") as of_an_older_version,
        a_process("less", "hotline.log") as stranger,
    ):
        servers = (one, other, of_an_older_version)
        pids = [server.pid for server in servers]
        assert into_force.tell_servers(_reported(shell, tmp_path, *pids, stranger.pid, 999999)) == 3
        for told in servers:
            assert told.stdout is not None
            assert told.stdout.readline() == "told\n"
        stranger.kill()
        assert stranger.stdout is not None
        assert stranger.stdout.read() == ""


def test_a_reload_whose_servers_cannot_be_told_says_what_is_in_force(
    shell: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The set is published, and Asterisk has it: who reads only a fault would think that nothing happened."""

    def away(_: Settings) -> int:
        raise as_found.NoDatabase("there is no database at nowhere")

    monkeypatch.setattr(into_force, "tell_servers", away)
    shell.typed.add(("reload",))  # in this process, which has it so
    said = shell.type("reload", code=1)
    assert "is in force for Asterisk and for the next start" in said
    assert "there is no database at nowhere" in said
    assert "systemctl reload" in said


def test_a_menu_is_compared_published_and_rolled_back(shell: Terminal, tmp_path: Path) -> None:
    ours = {"HOTLINE_CONFIG": str(tmp_path / "config"), "HOTLINE_HOME": str(tmp_path / "home")}
    shell.type("init", ours["HOTLINE_CONFIG"])
    shell.type("migrate", **ours)
    assert shell.type("menus history", **ours) == "nothing was published here yet\n"
    assert "nothing is in force yet" in shell.type("menus diff", code=1, **ours)
    assert "no server runs" in shell.type("menus publish --why", "begin", **ours)
    assert shell.type("menus diff", **ours) == "nothing changes\n"

    menu = tmp_path / "config" / "menus" / "main.yaml"
    good = menu.read_text("utf-8")
    menu.write_text(good.replace("kind: queue", "kind: queue\n    queue: heating\n    #"), "utf-8")
    changed = shell.type("menus diff", **ours)
    assert changed.startswith("file menus/main.yaml (changed)\n")
    assert (
        'when answered: hears greeting, then queue "heating"; before: hears greeting, then queue "' in changed
    )
    in_chinese = shell.type("menus diff", **ours, HOTLINE_LANGUAGE="zh")
    assert in_chinese.startswith("文件 menus/main.yaml（已修改）\n")
    assert '接通后：听到 greeting，然后队列 "heating"；原为：听到 greeting，然后队列 "' in in_chinese
    said = shell.type("menus publish --by zhang --why", "heating season", **ours)
    assert said.startswith(changed)
    assert "in force already" in shell.type("menus publish --why", "again", **ours)

    codes = tmp_path / "config" / "codes.yaml"
    codes.write_text(codes.read_text("utf-8") + "# mine\n", "utf-8")
    menu.write_text("start: [\n", "utf-8")
    said = shell.type("menus publish --only codes.yaml --why", "without the other's half edit", **ours)
    assert said.startswith("file codes.yaml (changed)\nno path through the menus changes\n")
    assert "NOT IN FORCE: 1 file differs in " in said
    assert ": menus/main.yaml (changed), last saved 20" in said
    assert "menus/main.yaml:" in shell.type("menus publish --only main --why", "half", code=1, **ours)
    said = shell.type("menus publish --only tax --why", "none such", code=1, **ours)
    assert (
        "--only tax: no such file of the set. Files that differ from what is in force: menus/main.yaml"
        in said
    )
    assert "the files have faults and cannot be published" in shell.type("menus diff", **ours)
    assert "menus/main.yaml:" in shell.type("menus publish --why", "half", code=1, **ours)
    said = shell.type("menus rollback --by li --why", "it was wrong", **ours)
    [aside] = re.findall(r"not published are kept in (\S+)", said)
    assert (Path(aside) / "menus" / "main.yaml").read_text("utf-8") == "start: [\n"
    assert "queue: heating" in menu.read_text("utf-8")
    shell.type("menus rollback --by li --why", "that was wrong too", **ours)
    assert menu.read_text("utf-8") == good
    assert "nothing before the set in force" in shell.type("menus rollback --why", "more", code=1, **ours)

    in_chinese = shell.type("menus history --paths", **ours, HOTLINE_LANGUAGE="zh")
    assert "  that was wrong too  （正在生效）\n      文件 " in in_chinese
    told = shell.type("menus history --paths", **ours).splitlines()
    heads = [row.split() for row in told if not row.startswith("      ")]
    assert [row[3] for row in heads] == ["publish", "publish", "publish", "rollback", "rollback"]
    assert [row[4] for row in heads[1::2]] == ["zhang", "li"]
    assert told[-1].startswith("      ")
    versions = [row[5] for row in heads]
    assert versions[:2] == versions[:2:-1], "back the way that was come"
    assert len(set(versions)) == 3
    assert shell.type("menus diff 2", **ours) == shell.type(f"menus diff 2 {heads[0][5][:6]}", **ours)
    assert "no such number" in shell.type("menus diff 99", code=1, **ours)


def test_a_server_of_another_user_is_named_in_one_line(
    shell: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_handle: int, _signal: int) -> None:
        raise PermissionError

    with a_process("-m", "hotline.cli", "serve") as server:
        settings = _reported(shell, tmp_path, server.pid)
        monkeypatch.setattr(signal, "pidfd_send_signal", refuse)  # for root no process is another's
        with pytest.raises(ServersNotTold) as refused:
            into_force.tell_servers(settings)
    said = str(refused.value)
    assert said.startswith(f"process {server.pid} runs as another user")
    assert "\n" not in said


def test_serve_refuses_a_part_that_is_none(shell: Terminal) -> None:
    assert "choose from agi, web, worker" in shell.type("serve --only phone", code=2)
