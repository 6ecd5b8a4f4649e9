"""A running Asterisk reads its changed files without dropping a call; what must wait is remembered and done later.

What waits and why was tried: a dialplan read under a live call sends it through Queue() twice, a queue that is removed with
a caller inside loses sight of him, transports change only at a start. A queue is there before a number leads to it, and
until none does any more.
"""

import fcntl
import json
import re
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from hotline import asterisk_process, config_door, hold_music
from hotline.asterisk_process import AsteriskProgram
from hotline.secrets_file import write_private
from hotline.settings import Settings
from ivr.telephony.asterisk_files import DATA_FILE, DATA_NEXT, differing, write_changed
from vocabulary.errors import HotlineError

# Read anew by Asterisk at each call: only put in place.
AT_ONCE: Final = frozenset({DATA_FILE})
# Taken over at once by a command on the console. The AMI user has no right to these.
RELOADS: Final[Mapping[str, str]] = {
    "queues.conf": "queue reload all",
    "pjsip.conf": "module reload res_pjsip.so",
    "musiconhold.conf": "moh reload",
    "logger.conf": "logger reload",
    "manager.conf": "manager reload",
    "rtp.conf": "module reload res_rtp_asterisk.so",
}
# Taken over when no call is up.
WHEN_IDLE: Final[Mapping[str, str]] = {"extensions.conf": "dialplan reload"}
_PLACEHOLDER: Final = "Local/s@callback-queue"
_CALLER: Final = re.compile(r"\s+\d+\. (\S+) \(wait: ")
_ENDPOINT: Final = re.compile(r"^\s*type\s*=>?\s*endpoint\b", re.M)
_PLAIN_NAME: Final = re.compile(r"[\w.-]+")
_SECONDS_TO_LEAVE: Final = 3
# Lines of pjsip.conf that only a start reads. A file in none of these tables needs a restart too.
ONLY_AT_START: Final = ("bind =", "protocol =", "endpoint_identifier_order")


@dataclass(frozen=True)
class Change:
    """One file: what Asterisk has read, and what it shall read."""

    before: str
    wanted: str


@dataclass(frozen=True)
class Laid:
    """Names of the files that changed, and in words what must wait. `is_running`: Asterisk was there and was told."""

    changed: tuple[str, ...]
    waits: tuple[str, ...]
    is_running: bool = True


class AsteriskRefused(HotlineError):
    """It was told to read its files, and does not have what is new in them. Its console says that all went well."""

    def __init__(self, what: Collection[str]) -> None:
        self.what = tuple(what)
        super().__init__(
            f"Asterisk did not take {', '.join(self.what)} from its new files; its log `messages` says why"
        )


def lay(settings: Settings, program: AsteriskProgram, folder: Path, files: Mapping[str, str]) -> Laid:
    """Writes the files that differ, and does of them what can be done now; the rest is remembered and done later.

    Raises AsteriskFailed, AsteriskRefused; the files are written and remembered then.
    """
    with _one_at_a_time(settings):  # written and remembered in one: nobody finds the one without the other
        if not asterisk_process.is_running(program, folder):
            return Laid(tuple(write_changed(files, folder)), (), is_running=False)
        changes = _remembered(settings, program, folder)
        for name, before in differing(files, folder).items():
            if name not in AT_ONCE:
                earlier = changes.get(name)
                changes[name] = Change(earlier.before if earlier else before, files[name])
        _remember(settings, changes)  # before the first is written: what is cut in the middle is done later
        changed = write_changed(files, folder, is_running=True)
        trunks = changes.get("pjsip.conf")
        waits = tuple(_take_over(settings, program, folder, changes))
        if missing := list(_trunks_not_there(program, folder, trunks)):
            raise AsteriskRefused(missing)
        return Laid(tuple(changed), waits)


def _queues_not_there(program: AsteriskProgram, folder: Path, change: Change) -> Iterator[str]:
    """New queues that the running Asterisk does not know now."""
    for name in _new_sections(change):
        if "No such queue" in asterisk_process.ask(program, folder, f"queue show {name}"):
            yield name


def _trunks_not_there(program: AsteriskProgram, folder: Path, change: Change | None) -> Iterator[str]:
    for name, text in _new_sections(change).items():
        if _ENDPOINT.search(text) and "Unable to find" in asterisk_process.ask(
            program, folder, f"pjsip show endpoint {name}"
        ):
            yield name


def _new_sections(change: Change | None) -> dict[str, str]:
    if change is None:
        return {}
    known = {"general", *_sections(change.before)}
    wanted = _sections(change.wanted)  # a heading with more behind its name is a site's own affair
    return {name: text for name, text in wanted.items() if name not in known and _PLAIN_NAME.fullmatch(name)}


def take_over_waiting(settings: Settings, program: AsteriskProgram, folder: Path) -> list[str]:
    """Tries again what had to wait; gives in words what still must. Raises AsteriskFailed, AsteriskRefused."""
    with _one_at_a_time(settings):
        return _take_over(settings, program, folder, _remembered(settings, program, folder))


def _take_over(
    settings: Settings, program: AsteriskProgram, folder: Path, changes: dict[str, Change]
) -> list[str]:
    """A number is not led to a queue that Asterisk refused: DATA_NEXT lies beside then, the old queues stay, and so it goes
    on until the files are good, or the earlier ones are laid again."""
    if "queues.conf" in changes:
        _load_queues(program, folder, changes["queues.conf"], keep=None)
        if missing := list(_queues_not_there(program, folder, changes["queues.conf"])):
            raise AsteriskRefused(missing)
    if (folder / DATA_NEXT).exists():
        (folder / DATA_NEXT).replace(folder / DATA_FILE)
    waiting: dict[str, str] = {}
    for name, change in list(changes.items()):
        why = _take_over_one(program, folder, name, change)
        if why:
            waiting[name] = why
        else:
            if name == "musiconhold.conf":
                hold_music.forget_old(settings.hold_dir, change.before, change.wanted)
            del changes[name]
            _remember(settings, changes)
    return [f"{name}: {why}" for name, why in waiting.items()]


@contextmanager
def _one_at_a_time(settings: Settings) -> Iterator[None]:
    """The command line and every worker may come here at once."""
    settings.asterisk_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (settings.asterisk_dir / ".changes.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def has_waiting(settings: Settings) -> bool:
    return _memory(settings).exists() or (config_door.etc_dir(settings) / DATA_NEXT).exists()


def _take_over_one(program: AsteriskProgram, folder: Path, name: str, change: Change) -> str:
    """Why it waits; "" if it is done."""
    if name == "queues.conf":
        return _queues(program, folder, change)
    if name in RELOADS:
        asterisk_process.ask(program, folder, RELOADS[name])
        if name == "pjsip.conf" and _only_at_start(change.before) != _only_at_start(change.wanted):
            return "a transport or the order of identification changed; restart Asterisk"
        return ""
    if name not in WHEN_IDLE:
        return "restart Asterisk to take it over"
    if calls_up(program, folder):
        return "waits until no call is up, then it is taken over by itself"
    asterisk_process.ask(program, folder, WHEN_IDLE[name])
    return ""


def _queues(program: AsteriskProgram, folder: Path, change: Change) -> str:
    """A queue that was taken out stays in the file until nobody waits in it."""
    gone = [name for name in _sections(change.before) if name not in _sections(change.wanted)]
    occupied = [name for name in gone if _has_callers(program, folder, name)]
    _load_queues(program, folder, change, keep=occupied)
    if occupied:
        return f"callers still wait in {', '.join(occupied)}; it goes when they are gone"
    return ""


def _load_queues(
    program: AsteriskProgram, folder: Path, change: Change, *, keep: Collection[str] | None
) -> None:
    """The queues that are wanted, and of those taken out the ones to `keep`; None: all."""
    before, wanted = _sections(change.before), _sections(change.wanted)
    kept = [text for name, text in before.items() if name not in wanted and (keep is None or name in keep)]
    text = change.wanted + "".join(kept)
    if (folder / "queues.conf").read_text("utf-8") != text:
        write_private(folder / "queues.conf", text)
    asterisk_process.ask(program, folder, RELOADS["queues.conf"])


def _has_callers(program: AsteriskProgram, folder: Path, queue: str) -> bool:
    """Whether people wait there. Placeholders do not count: they are hung up, and the debt behind each finds its queue
    anew; left alone they would keep the queue for as long as nobody is signed in."""
    give_up = time.monotonic() + _SECONDS_TO_LEAVE
    while True:
        waiting = _callers(program, folder, queue)
        placeholders = [channel for channel in waiting if channel.startswith(_PLACEHOLDER)]
        if len(placeholders) < len(waiting) or not placeholders:
            return bool(waiting)
        if time.monotonic() > give_up:
            return True
        for channel in placeholders:
            asterisk_process.ask(program, folder, f"channel request hangup {channel}")
        time.sleep(0.2)  # the console answers before they are gone, and tells no end; until give_up


def _callers(program: AsteriskProgram, folder: Path, queue: str) -> list[str]:
    """The channels that wait in a queue, as `queue show` lists them: `1. NAME (wait: 0:05, prio: 7)`."""
    _, _, below = asterisk_process.ask(program, folder, f"queue show {queue}").partition("Callers:")
    return [found[1] for line in below.splitlines() if (found := _CALLER.match(line))]


def _sections(text: str) -> dict[str, str]:
    """Section name → its lines with the heading."""
    found: dict[str, str] = {}
    name = ""
    for line in text.splitlines(keepends=True):
        if line.startswith("["):
            name = line.strip().strip("[]")
        if name:
            found[name] = found.get(name, "") + line
    return found


def calls_up(program: AsteriskProgram, folder: Path) -> int:
    """Channels of people. Placeholders of callbacks do not count: they may stand for as long as nobody is signed in, and
    what a reload under them could do, a second turn in the queue, their attempt's state forbids.

    Raises AsteriskFailed if the answer cannot be read: not knowing is not the same as none.
    """
    answer = asterisk_process.ask(program, folder, "core show channels concise")
    lines = [line for line in answer.splitlines() if line.strip()]
    if any("!" not in line for line in lines):
        raise asterisk_process.AsteriskFailed(f"the list of channels cannot be read: {answer[:200]!r}")
    return sum(not line.startswith(_PLACEHOLDER) for line in lines)


def _only_at_start(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(ONLY_AT_START)]


def _memory(settings: Settings) -> Path:
    return settings.asterisk_dir / "waiting-changes.json"


def _remembered(settings: Settings, program: AsteriskProgram, folder: Path) -> dict[str, Change]:
    """Nothing if Asterisk was started since: a start reads every file."""
    path = _memory(settings)
    if not path.exists():
        return {}
    uptime = asterisk_process.ask(program, folder, "core show uptime seconds")
    started_ago = next((int(word) for word in uptime.split() if word.isdecimal()), 0)
    if asterisk_process.seconds_since(path) > started_ago:
        path.unlink()
        return {}
    return {name: Change(**found) for name, found in json.loads(path.read_text("utf-8")).items()}


def _remember(settings: Settings, changes: Mapping[str, Change]) -> None:
    path = _memory(settings)
    if changes:
        write_private(path, json.dumps({name: asdict(change) for name, change in changes.items()}))
    else:
        path.unlink(missing_ok=True)
