"""`hotline doctor` on a good home and on broken ones: what is wrong is named, with what to do, and nothing is changed."""

import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from support.filled_home import NOW, FilledHome, a_filled_home
from support.sipp import HOST, free_port

from hotline import doctor, doctor_asterisk, doctor_machine
from hotline.asterisk_view import AsteriskNotReached, AsteriskView
from hotline.backup_manifest import files_below
from hotline.database import migrate
from hotline.findings import Finding, Level
from hotline.leases import QueueLogPosition
from hotline.parts import report
from hotline.settings import Settings
from ivr.config_files import checker
from ivr.config_files.published import note, publish
from ivr.lines import Lines, Trunk

PORTS = ("http_port", "agi_port", "ami_port", "asterisk_http_port")
ALL_MODULES = frozenset(doctor_asterisk.NEEDED.values())


@pytest.fixture
def home(tmp_path: Path) -> Iterator[FilledHome]:
    with a_filled_home(tmp_path / "home", calls=1) as filled:
        yield filled


def settings_of(home: Path, **more: object) -> Settings:
    """With ports of its own and an Asterisk that is nowhere."""
    ports = {name: free_port(socket.SOCK_STREAM) for name in PORTS} | {"sip_port": free_port()}
    return Settings.model_validate({"home": home, "asterisk_root": home / "no-asterisk", **ports, **more})


def told(settings: Settings, now: datetime = NOW) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    for one in doctor.findings(doctor.examine(settings, now)):
        assert one.remedy or one.level is Level.OK, one
        found.setdefault(one.check, []).append(one)
    return found


def worst(found: list[Finding]) -> Finding:
    return max(found, key=lambda one: list(Level).index(one.level))


def test_a_template_of_the_site_that_cannot_be_rendered_is_a_fault(home: FilledHome):
    """It can never be published; `hotline check` and this say the same."""
    own = home.settings.config_dir / "asterisk" / "queues.conf.j2"
    own.parent.mkdir(exist_ok=True)
    own.write_text("{% if %}", "utf-8")
    found = worst(told(settings_of(home.home))["config"])
    assert found.level is Level.WARN
    assert "asterisk/queues.conf.j2:1:1" in found.said


def test_a_good_home_has_no_fault_but_the_missing_asterisk(home: FilledHome):
    before = files_below(home.home)
    found = told(settings_of(home.home))
    failed = [check for check, ones in found.items() if worst(ones).level is Level.FAIL]
    assert failed == ["asterisk program"]
    assert "scripts/up" in worst(found["asterisk program"]).remedy
    after = files_below(home.home)
    assert {name for name in after if not name.endswith(("-wal", "-shm"))} == {
        name for name in before if not name.endswith(("-wal", "-shm"))
    }


def test_nothing_is_made_where_nothing_is(tmp_path: Path):
    settings = settings_of(tmp_path / "nowhere")
    found = told(settings)
    for check in ("home", "config", "database"):
        assert worst(found[check]).level is Level.FAIL
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("file", "mode", "check", "level"),
    [
        (".", 0o755, "home", Level.WARN),
        (".", 0o777, "home", Level.FAIL),
        ("keys/keys.json", 0o644, "keys", Level.FAIL),
        ("secrets.json", 0o640, "secrets", Level.FAIL),
    ],
)
def test_open_rights_are_told_with_the_cure(home: FilledHome, file: str, mode: int, check: str, level: Level):
    (home.home / file).chmod(mode)
    finding = worst(told(settings_of(home.home))[check])
    assert finding.level is level
    assert finding.remedy.startswith("chmod") or "its mode must be 600" in finding.said


def test_lost_keys_and_secrets_are_told(home: FilledHome):
    (home.home / "keys" / "keys.json").unlink()
    (home.home / "secrets.json").unlink()
    found = told(settings_of(home.home))
    assert worst(found["keys"]).level is Level.FAIL
    assert "backup" in worst(found["keys"]).remedy
    assert worst(found["secrets"]).level is Level.FAIL
    assert not (home.home / "keys" / "keys.json").exists()


def test_damaged_keys_are_told(home: FilledHome):
    (home.home / "keys" / "keys.json").write_text("{}", "ascii")
    assert "not a file of keys" in worst(told(settings_of(home.home))["keys"]).said


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_port_that_somebody_else_holds_is_told(home: FilledHome, kind: int):
    with socket.socket(socket.AF_INET, kind) as holder:
        holder.bind((HOST, 0))
        if kind == socket.SOCK_STREAM:
            holder.listen()
        name = "http_port" if kind == socket.SOCK_STREAM else "sip_port"
        found = told(settings_of(home.home, **{name: holder.getsockname()[1]}))
    finding = worst(found["port"])
    assert finding.level is Level.FAIL
    assert f"HOTLINE_{name.upper()}" in finding.remedy


def test_a_port_that_is_free_though_the_hotline_runs_is_told():
    settings = Settings.model_validate({name: free_port(socket.SOCK_STREAM) for name in PORTS})
    found = list(doctor_machine.ports(settings, is_server_up=True, is_asterisk_up=False))
    assert [one.level for one in found[:2]] == [Level.WARN, Level.WARN]
    assert "nobody listens" in found[0].said


def test_an_address_of_another_machine_is_not_looked_at():
    settings = Settings.model_validate({"asterisk_bind": "192.0.2.7"})
    found = list(doctor_machine.ports(settings, is_server_up=False, is_asterisk_up=True))
    assert {one.level for one in found[-2:]} == {Level.OK}
    assert "not on this machine" in found[-1].said


@pytest.mark.parametrize(
    ("free_mb", "total_mb", "level"),
    [
        (100, 500_000, Level.FAIL),
        (1_500, 10_000, Level.WARN),
        (30_000, 500_000, Level.WARN),
        (90_000, 500_000, Level.OK),
    ],
)
def test_the_disk(free_mb: int, total_mb: int, level: Level):
    mb = 1024 * 1024
    assert doctor_machine.disk_finding(Path("/var"), free_mb * mb, total_mb * mb).level is level


@pytest.mark.parametrize(
    ("now", "is_steered", "level"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), True, Level.FAIL),
        (NOW, False, Level.WARN),
        (NOW, None, Level.WARN),
        (NOW, True, Level.OK),
    ],
)
def test_the_clock(now: datetime, is_steered: bool | None, level: Level):
    assert [one.level for one in doctor_machine.clock(now, is_steered)] == [level]


def test_the_kernel_says_whether_the_clock_is_steered():
    assert doctor_machine.is_clock_steered() in (True, False, None)


def test_a_host_name_that_nobody_knows_is_told():
    [finding] = doctor_machine.host_name("no-such-machine.invalid")
    assert finding.level is Level.WARN
    assert "/etc/hosts" in finding.remedy


def test_missing_voice_tools_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path))
    [finding] = doctor_machine.voice_tools()
    assert finding.level is Level.WARN
    assert "espeak-ng and sox" in finding.said


def test_a_voice_of_the_sites_that_cannot_serve_is_told(home: FilledHome, tmp_path: Path):
    file = home.settings.config_dir / "prompts.yaml"
    text = file.read_text("utf-8")
    assert "voice" not in told(settings_of(home.home))
    for command, level in (("/nowhere/say", Level.WARN), ("/bin/sh", Level.OK)):
        chosen = f"engine: command\n  command: [{command}]"
        file.write_text(text.replace("engine: espeak ", f"{chosen} ", 1), "utf-8")
        configuration, problems = checker.check(home.settings.config_dir)
        assert configuration is not None, problems
        publish(home.settings.config_dir, configuration, home.home, note("publish"))
        [finding] = told(settings_of(home.home))["voice"]
        assert finding.level is level


def test_bad_config_files_are_told(home: FilledHome):
    (home.settings.config_dir / "hotline.yaml").write_text("numbers: 7\n", "utf-8")
    good, faults, draft = told(settings_of(home.home))["config"]
    assert (good.level, faults.level, draft.level) == (Level.OK, Level.WARN, Level.WARN), "what runs is good"
    assert "so it cannot be published; the first: hotline.yaml:" in faults.said
    assert "hotline check" in faults.remedy
    assert draft.said.startswith("NOT IN FORCE: 1 file differs in ")
    assert "hotline menus publish --why TEXT" in draft.remedy


def test_a_set_in_force_that_is_damaged_is_told_with_what_takes_its_place(home: FilledHome):
    [folder] = [path for path in (home.home / "published").iterdir() if path.is_dir()]
    (folder / "hotline.yaml").write_text("numbers: 7\n", "utf-8")
    [finding] = told(settings_of(home.home))["config"]
    assert finding.level is Level.OK, "the next start publishes the folder, which is good"
    (home.settings.config_dir / "hotline.yaml").write_text("numbers: 7\n", "utf-8")
    [finding] = told(settings_of(home.home))["config"]
    assert finding.level is Level.FAIL
    assert "there is no good set to run on" in finding.said


@pytest.mark.parametrize(("revision", "remedy"), [("9999", "newer version"), (None, "hotline migrate")])
def test_tables_of_another_version_are_told(home: FilledHome, revision: str | None, remedy: str):
    with home.database.writing() as session:
        session.execute(text("DELETE FROM alembic_version"))
        if revision is not None:
            session.execute(text("INSERT INTO alembic_version VALUES (:it)"), {"it": revision})
    finding = worst(told(settings_of(home.home))["database"])
    assert finding.level is Level.FAIL
    assert remedy in finding.remedy


def test_a_database_that_is_not_reached_is_told_without_its_password(home: FilledHome):
    url = f"postgresql://hotline:s3cret@{HOST}:{free_port(socket.SOCK_STREAM)}/hotline"
    finding = worst(told(settings_of(home.home, database_url=url))["database"])
    assert finding.level is Level.FAIL
    assert "s3cret" not in str(finding)


def test_trunks_by_their_state():
    lines = lines_with(
        trunk("carrier-a"), trunk("carrier-b"), trunk("carrier-c"), trunk("trial", is_test=True)
    )
    endpoints = {"trunk-carrier-a": "online", "trunk-carrier-b": "offline", "trunk-trial": "offline"}
    found = list(doctor_asterisk.trunks(lines, seen(endpoints=endpoints)))
    assert [one.level for one in found] == [Level.OK, Level.FAIL, Level.FAIL, Level.OK]
    assert "asterisk render" in found[2].remedy
    silent = list(doctor_asterisk.trunks(lines, AsteriskNotReached("no answer")))
    assert {one.level for one in silent} == {Level.WARN}


def test_a_trunk_secret_that_is_not_in_the_environment_is_told(monkeypatch: pytest.MonkeyPatch):
    lines = lines_with(trunk("carrier-a", mode="registration", username="0355", secret_env="TRUNK_A_SECRET"))
    assert [one.level for one in doctor_asterisk.trunk_secrets(lines)] == [Level.FAIL]
    monkeypatch.setenv("TRUNK_A_SECRET", "abc;very-secret")
    [finding] = doctor_asterisk.trunk_secrets(lines)
    assert finding.level is Level.FAIL, "what `hotline asterisk render` refuses"
    assert "very-secret" not in str(finding)
    monkeypatch.setenv("TRUNK_A_SECRET", "abc-very-secret")
    [finding] = doctor_asterisk.trunk_secrets(lines)
    assert finding.level is Level.OK
    assert "abc-very-secret" not in str(finding)


def test_an_old_or_poor_asterisk_is_told():
    assert worst(list(doctor_asterisk.running(seen(version="20.6.0"), True))).level is Level.FAIL
    poor = worst(list(doctor_asterisk.running(seen(modules=ALL_MODULES - {"app_queue.so"}), True)))
    assert poor.level is Level.FAIL
    assert "Queue, QueueLog" in poor.said
    assert {one.level for one in doctor_asterisk.running(seen(), True)} == {Level.OK}
    assert worst(list(doctor_asterisk.running(AsteriskNotReached("gone"), True))).level is Level.FAIL
    assert worst(list(doctor_asterisk.running(AsteriskNotReached("gone"), False))).level is Level.OK


@pytest.mark.parametrize(("ahead", "level"), [(1.0, Level.OK), (-4.0, Level.WARN), (3600.0, Level.FAIL)])
def test_two_clocks(ahead: float, level: Level):
    assert doctor_asterisk.clocks(ahead).level is level


def test_a_queue_log_that_nobody_reads_is_told(home: FilledHome):
    path = home.settings.queue_log_path
    path.parent.mkdir(parents=True)
    path.write_text("1795397954|hl1-1.1|NONE|NONE|QUEUESTART|\n", "ascii")
    settings = settings_of(home.home)
    assert "1 new lines" in worst(told(settings)["queue_log"]).said
    me = f"{socket.gethostname()}:{os.getpid()}"
    with home.database.writing() as session:
        report(session, "agi", True, {}, me, NOW)
        position = "0000000000000000:0:0"
        session.add(
            QueueLogPosition(name="listener", position=position, read_until=NOW - timedelta(minutes=5))
        )
    finding = worst(told(settings)["queue_log"])
    assert finding.level is Level.FAIL
    assert "not being read for 300 s" in finding.said


def test_a_server_that_was_killed_does_not_count_as_running(home: FilledHome):
    gone = 2**22 + 17  # above the highest process id
    with home.database.writing() as session:
        report(session, "agi", True, {}, f"{socket.gethostname()}:{gone}", NOW)
    assert worst(told(settings_of(home.home))["server"]).said == "does not run"


def seen(
    version: str = "22.10.1",
    modules: frozenset[str] = ALL_MODULES,
    endpoints: dict[str, str] | None = None,
) -> AsteriskView:
    return AsteriskView(version, 0.0, 0, modules, endpoints or {})


def trunk(name: str, **more: object) -> Trunk:
    host = "127.0.0.1" if more.get("is_test") else "192.0.2.1"
    return Trunk.model_validate({"name": name, "mode": "address", "host": host, **more})


def lines_with(*trunks: Trunk) -> Lines:
    return Lines.model_validate(
        {
            "site": {"name": "试验", "area_code": "0355", "area6": "140400"},
            "numbers": [{"number": "12345", "label": "热线", "menu": "main", "queue": "general"}],
            "trunks": list(trunks),
            "queues": [{"name": "general", "label": "综合"}],
        }
    )


@pytest.mark.parametrize("is_migrated", [False, True])
def test_before_the_first_start_nothing_is_to_be_restored(tmp_path: Path, is_migrated: bool):
    """Nothing was sealed yet, so no key can be lost."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    settings = settings_of(home)
    if is_migrated:
        migrate(settings.database)
    found = told(settings)
    for check in ("keys", "secrets"):
        [finding] = found[check]
        assert finding.level is Level.OK, finding
        assert finding.said.endswith("is not there yet: the first start makes it")
    assert not any("backup" in one.remedy for ones in found.values() for one in ones)
    if not is_migrated:
        assert "`hotline up` or `hotline migrate` makes it" in str(found["database"][0])
    assert {path.name for path in home.iterdir()} <= {"hotline.db", "hotline.db-wal", "hotline.db-shm"}
