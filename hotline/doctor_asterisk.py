"""`hotline doctor`, Asterisk's part: version, modules, clock, trunks, and queue_log, which misses no call."""

import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from hotline import as_found, asterisk_process
from hotline.asterisk_process import OLDEST, AsteriskFailed, AsteriskProgram, NoAsterisk, find
from hotline.asterisk_view import AsteriskNotReached, AsteriskView, look
from hotline.config_door import etc_dir
from hotline.findings import Finding, fail, ok, warn
from hotline.leases import QueueLogPosition
from hotline.listener import LEASE
from hotline.render_check import fault_of_secret
from hotline.settings import Settings
from hotline.trunks import UP
from ivr.lines import Lines
from ivr.telephony.queue_log_file import LogPosition, QueueLogFile

# What the dialplan and the server use, and the module that brings it
NEEDED: Final[Mapping[str, str]] = {
    "AGI": "res_agi.so",
    "Queue, QueueLog": "app_queue.so",
    "Dial": "app_dial.so",
    "Playback": "app_playback.so",
    "Gosub, Return": "app_stack.so",
    "Hangup handlers, CHANNEL": "func_channel.so",
    "AST_CONFIG": "func_config.so",
    "CALLERID": "func_callerid.so",
    "FILTER, REGEX": "func_strings.so",
    "CUT": "func_cut.so",
    "GROUP_COUNT": "func_groupcount.so",
    "HANGUPCAUSE": "func_hangupcause.so",
    "TIMEOUT": "func_timeout.so",
    "PJSIP_HEADER": "res_pjsip_header_funcs.so",
    "PJSIP channels": "chan_pjsip.so",
    "res_pjsip": "res_pjsip.so",
    "agents' accounts in Asterisk's store": "res_sorcery_astdb.so",
    "ARI": "res_ari.so",
    "ARI: information": "res_ari_asterisk.so",
    "ARI: endpoints": "res_ari_endpoints.so",
    "voice": "res_rtp_asterisk.so",
    "dialplan files": "pbx_config.so",
    "wav files": "format_wav.so",
    "G.711 A-law": "codec_alaw.so",
}
_CLOCKS_APART_WARN: Final = 2.5
_CLOCKS_APART_FAIL: Final = 30.0
_LATE_SECONDS: Final = 30.0


def running_asterisk(settings: Settings) -> AsteriskView | AsteriskNotReached:
    """What it says of itself, or why it says nothing."""
    try:
        return look(settings)
    except AsteriskNotReached as fault:
        return fault


def transports(settings: Settings) -> frozenset[str] | None:
    """Names of the SIP transports that the running Asterisk has; None where its console cannot be asked from here."""
    try:
        return asterisk_process.transports(find(settings.asterisk_root), etc_dir(settings))
    except (NoAsterisk, AsteriskFailed):
        return None


def program(settings: Settings) -> Iterator[Finding]:
    """The Asterisk that is installed here, and its modules."""
    try:
        found = find(settings.asterisk_root)
    except NoAsterisk as fault:
        yield fail("asterisk program", _first_sentence(str(fault)), _the_rest(str(fault)))
        return
    yield ok("asterisk program", f"{found.version} ({found.command[-1]})")
    yield from _modules_on_disk(found)


def _modules_on_disk(found: AsteriskProgram) -> Iterator[Finding]:
    folder = Path(found.module_dir)
    yield _modules(f"in {folder}", {name for name in NEEDED.values() if (folder / name).is_file()})


def _modules(where: str, there: set[str] | frozenset[str]) -> Finding:
    missing = [f"{module} ({what})" for what, module in NEEDED.items() if module not in there]
    if missing:
        remedy = "Install an Asterisk that has them, and take no `noload` for them into modules.conf."
        return fail("asterisk modules", f"missing {where}: {', '.join(missing)}", remedy)
    return ok("asterisk modules", f"all {len(NEEDED)} that are needed are {where}")


def running(seen: AsteriskView | AsteriskNotReached, is_server_up: bool) -> Iterator[Finding]:
    if isinstance(seen, AsteriskNotReached):
        if is_server_up:
            yield fail("asterisk", str(seen), "Start it, or look into its log; callers hear nothing now.")
        else:
            yield ok("asterisk", "does not run, and neither does the hotline")
        return
    if seen.major < OLDEST:
        yield fail("asterisk", f"{seen.version} runs", f"Asterisk {OLDEST} or newer is needed; upgrade it.")
    else:
        yield ok("asterisk", f"{seen.version} runs, {seen.channels} channels up")
    yield _modules("running", seen.modules)
    yield clocks(seen.clock_ahead_seconds)


def clocks(ahead: float) -> Finding:
    """Times of one call come from both; Asterisk tells whole seconds only."""
    said = f"Asterisk's clock and ours differ by {abs(ahead):.0f} s"
    remedy = "Synchronise both machines with the same time servers."
    if abs(ahead) > _CLOCKS_APART_FAIL:
        return fail("asterisk clock", said, remedy)
    if abs(ahead) > _CLOCKS_APART_WARN:
        return warn("asterisk clock", said, remedy)
    return ok("asterisk clock", "agrees with ours")


def trunks(lines: Lines | None, seen: AsteriskView | AsteriskNotReached) -> Iterator[Finding]:
    for trunk in lines.trunks if lines else ():
        name = f"trunk {trunk.name}"
        if isinstance(seen, AsteriskNotReached):
            yield warn(name, "state unknown: Asterisk does not answer", "Look again when it runs.")
            continue
        state = seen.endpoints.get(f"trunk-{trunk.name}")
        if state is None:
            yield fail(
                name, "Asterisk does not know it", "`hotline asterisk render` writes and reloads its files."
            )
        elif state == UP:
            yield ok(name, f"{trunk.host}:{trunk.port} answers")
        elif trunk.is_test:
            yield ok(name, f"nobody answers at {trunk.host}:{trunk.port}; it is for tests, so that may be")
        else:
            remedy = "Check address, firewall and the carrier; calls in and out on it fail."
            yield fail(name, f"{trunk.host}:{trunk.port} does not answer ({state})", remedy)


def trunk_secrets(lines: Lines | None) -> Iterator[Finding]:
    for trunk in lines.trunks if lines else ():
        if not trunk.secret_env:
            continue
        if fault := fault_of_secret(os.environ.get(trunk.secret_env, "")):
            remedy = f"Set {trunk.secret_env} where the hotline is started, and here; never in a YAML file."
            yield fail(f"trunk {trunk.name}", f"its secret {trunk.secret_env}: {fault}", remedy)
        else:
            yield ok(f"trunk {trunk.name}", f"its secret {trunk.secret_env} is in the environment")


def queue_log(
    settings: Settings, now: datetime, is_server_up: bool, is_asterisk_up: bool
) -> Iterator[Finding]:
    """Every call leaves lines there, also while our server is down."""
    path = settings.queue_log_path
    if not path.is_file():
        if is_asterisk_up:
            yield fail(
                "queue_log", f"{path} is not there though Asterisk runs", "Set HOTLINE_QUEUE_LOG to its path."
            )
        else:
            yield ok("queue_log", f"{path} is not there yet; Asterisk makes it")
        return
    if not os.access(path, os.R_OK):
        yield fail(
            "queue_log",
            f"{path} cannot be read by this user",
            "Give the hotline's user the right to read it.",
        )
        return
    yield _reading_of(settings, now, is_server_up)


def _reading_of(settings: Settings, now: datetime, is_server_up: bool) -> Finding:
    path = settings.queue_log_path
    try:
        with as_found.reading(settings) as session:
            row = session.get(QueueLogPosition, LEASE)
            lag = None if row is None else (now - row.read_until).total_seconds()
            position = None if row is None else LogPosition.parse(row.position)
    except (as_found.NoDatabase, as_found.WrongRevision):
        return warn(
            "queue_log", f"{path} is there; how far it was read is not known", "See the database, above."
        )
    if is_server_up and (lag is None or lag > _LATE_SECONDS):
        said = "it is not being read" + ("" if lag is None else f" for {lag:.0f} s")
        return fail(
            "queue_log",
            f"{path}: {said}",
            "Is a worker running (`hotline serve --only worker`)? See its log.",
        )
    lines, _ = QueueLogFile(path).read_new(position)
    if is_server_up:
        return ok("queue_log", f"{path} is being read, {len(lines)} lines to go")
    return ok("queue_log", f"{path}: {len(lines)} new lines, read at the next start")


def _first_sentence(text: str) -> str:
    return text.partition(". ")[0]


def _the_rest(text: str) -> str:
    return text.partition(". ")[2] or "Install an Asterisk 22 or newer."
