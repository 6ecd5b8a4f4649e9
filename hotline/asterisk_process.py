"""Finds an Asterisk 22 or newer on this machine, starts it, asks it by its control socket, stops it.

Trial: an Asterisk in a private root runs by that root's own loader, so no chroot, no mount and no root right is needed.
Production: the site's service manager runs Asterisk; then only `ask` is used.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hotline.other_processes import holder_of_path, other_process
from vocabulary.errors import HotlineError

OLDEST: Final = 22  # arguments of Queue() moved between 20 and 22, silently
NEEDED_TRANSPORTS: Final = ("transport-udp", "transport-tcp")
NEEDED_APPLICATIONS: Final = ("AGI", "Queue", "QueueLog", "Dial", "Playback")
_REMEDIES: Final = (
    "Either install an Asterisk 22 or newer (its program `asterisk` on the PATH), "
    "or let scripts/up make a private root folder: it needs the Debian package mmdebstrap and a way to Debian's packages."
)


class NoAsterisk(HotlineError):
    """No usable Asterisk was found; the text names both remedies."""


class AsteriskFailed(HotlineError):
    """Asterisk did not start, or did not answer on its control socket."""


@dataclass(frozen=True)
class AsteriskProgram:
    """How to call one installed Asterisk: `command` is put before its arguments."""

    command: tuple[str, ...]
    module_dir: str
    data_dir: str
    version: str

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])


PREPARED: Final = Path(__file__).resolve().parents[1] / ".cache" / "asterisk-root"
"""Where scripts/up of this checkout puts its private Asterisk; an installed program has no such folder."""


def find(private_root: Path | None, prepared: Path = PREPARED) -> AsteriskProgram:
    """The private root if one is given; else the one on the PATH; else what scripts/up prepared. Raises NoAsterisk.

    The last is for the second terminal, where nobody exported what scripts/up found.
    """
    if private_root is not None:
        return _new_enough(_in_root(private_root))
    try:
        return _new_enough(_on_path())
    except NoAsterisk:
        if not prepared.exists():
            raise
        return _new_enough(_in_root(prepared))


def _new_enough(program: AsteriskProgram) -> AsteriskProgram:
    if program.major < OLDEST:
        raise NoAsterisk(
            f"Asterisk {program.version} was found, but {OLDEST} or newer is needed. {_REMEDIES}"
        )
    return program


def _on_path() -> AsteriskProgram:
    found = shutil.which("asterisk", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        raise NoAsterisk(f"No Asterisk was found. {_REMEDIES}")
    modules = [*Path("/usr/lib").glob("*/asterisk/modules"), Path("/usr/lib/asterisk/modules")]
    data = next(
        (p for p in ("/usr/share/asterisk", "/var/lib/asterisk") if Path(p, "sounds").is_dir()),
        "/var/lib/asterisk",
    )
    module_dir = next((str(m) for m in modules if m.is_dir()), "/usr/lib/asterisk/modules")
    return AsteriskProgram((found,), module_dir, data, _version_of((found,)))


def _in_root(root: Path) -> AsteriskProgram:
    modules = next(iter(root.glob("usr/lib/*/asterisk/modules")), None)
    loader = next((root / p for p in _LOADERS if (root / p).exists()), None)
    if modules is None or loader is None or not (root / "usr/sbin/asterisk").exists():
        raise NoAsterisk(f"The private root {root} holds no Asterisk; remove that folder. {_REMEDIES}")
    libraries = modules.parents[1]
    command = (str(loader), "--library-path", str(libraries), str(root / "usr/sbin/asterisk"))
    return AsteriskProgram(command, str(modules), str(root / "usr/share/asterisk"), _version_of(command))


_LOADERS: Final = (
    "usr/lib64/ld-linux-x86-64.so.2",
    "lib64/ld-linux-x86-64.so.2",
    "usr/lib/ld-linux-aarch64.so.1",
)


def _version_of(command: tuple[str, ...]) -> str:
    try:
        answer = subprocess.run([*command, "-V"], capture_output=True, text=True, timeout=20, check=False)
    except OSError as error:
        raise NoAsterisk(f"{command[-1]} cannot be run: {error}. {_REMEDIES}") from error
    found = re.search(r"Asterisk (?:certified/)?(\d+(?:\.\d+)*)", answer.stdout)
    if found is None:
        raise NoAsterisk(f"{command[-1]} -V did not name a version: {answer.stdout or answer.stderr}")
    return found[1]


def start(program: AsteriskProgram, etc_dir: Path, console_log: Path) -> subprocess.Popen[bytes]:
    """Starts Asterisk in a process group of its own, so that Ctrl-C reaches us and we stop it in order."""
    with console_log.open("ab") as out:
        return subprocess.Popen(
            [*program.command, "-f", "-C", str(etc_dir / "asterisk.conf")],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def ask(program: AsteriskProgram, etc_dir: Path, command: str, *, seconds: float = 10) -> str:
    """What `command` prints on Asterisk's console, by the local control socket. Raises AsteriskFailed."""
    call = [*program.command, "-C", str(etc_dir / "asterisk.conf"), "-rx", command]
    try:
        answer = subprocess.run(call, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired as error:
        raise AsteriskFailed(f"Asterisk did not answer {command!r} within {seconds:g} s") from error
    if answer.returncode != 0:
        raise AsteriskFailed(
            f"Asterisk did not answer {command!r}: {(answer.stdout + answer.stderr).strip()}"
        )
    return answer.stdout


def is_running(program: AsteriskProgram, etc_dir: Path) -> bool:
    """Whether an Asterisk of this folder answers on its control socket."""
    if not (etc_dir / "asterisk.conf").exists():
        return False
    try:
        ask(program, etc_dir, "core show uptime")
    except AsteriskFailed:
        return False
    return True


def wait_until_ready(
    program: AsteriskProgram,
    etc_dir: Path,
    process: subprocess.Popen[bytes],
    console_log: Path,
    *,
    seconds: float = 30,
) -> None:
    """Returns when Asterisk is fully booted, has every application that the dialplan uses, and hears SIP."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process.poll() is not None:
            raise AsteriskFailed(f"Asterisk stopped at once. The end of {console_log}:\n{_tail(console_log)}")
        try:
            ask(program, etc_dir, "core waitfullybooted", seconds=max(1.0, until - time.monotonic()))
            break
        except AsteriskFailed:  # its control socket is not there yet, and nothing tells when it will be
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
    else:
        raise AsteriskFailed(
            f"Asterisk was not ready after {seconds:g} s. The end of {console_log}:\n{_tail(console_log)}"
        )
    missing = set(NEEDED_APPLICATIONS) - _applications(ask(program, etc_dir, "core show applications"))
    if missing:
        raise AsteriskFailed(
            f"This Asterisk lacks the applications {', '.join(sorted(missing))}. See {console_log}."
        )
    # one that finds its port taken says so in its log alone, and Asterisk goes on without it
    deaf = set(NEEDED_TRANSPORTS) - transports(program, etc_dir)
    if deaf:
        raise AsteriskFailed(
            f"Asterisk does not hear SIP by {', '.join(sorted(deaf))}: does another program hold HOTLINE_SIP_PORT? "
            f"See the file messages beside {console_log}."
        )


def transports(program: AsteriskProgram, etc_dir: Path) -> frozenset[str]:
    """The names of the SIP transports that the running Asterisk really has. Raises AsteriskFailed."""
    shown = ask(program, etc_dir, "pjsip show transports")
    return frozenset(re.findall(r"^Transport: +([\w-]+)", shown, re.MULTILINE))


def _applications(shown: str) -> set[str]:
    """Names in the list that the console shows, one line each: `   Playback: Play a file.`"""
    return {line.partition(":")[0].strip() for line in shown.splitlines() if ":" in line}


def _tail(path: Path, lines: int = 15) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""


def seconds_since(path: Path) -> float:
    """How long ago the file was written."""
    return time.time() - path.stat().st_mtime


def stop(process: subprocess.Popen[bytes], *, seconds: float = 15) -> None:
    """SIGTERM, and SIGKILL if it does not end within `seconds`."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


def listening_process(etc_dir: Path) -> int | None:
    """Who listens on this folder's control socket, also one that is stopped or hangs; None: nobody.

    0 if the system does not say: it is another user's. It is looked up and not spoken to, since one that hangs would not answer.
    """
    conf = etc_dir / "asterisk.conf"
    found = (
        re.search(r"^astrundir => (.+)$", conf.read_text(encoding="utf-8"), re.M) if conf.is_file() else None
    )
    if found is None:
        return None
    return holder_of_path(f"{found[1]}/asterisk.ctl")


def calls_up(program: AsteriskProgram, etc_dir: Path) -> int:
    """Raises AsteriskFailed."""
    found = re.search(
        r"^(\d+) active call", ask(program, etc_dir, "core show channels count", seconds=5), re.M
    )
    return int(found[1]) if found else 0


def end(program: AsteriskProgram, etc_dir: Path, *, seconds: float = 15, is_forced: bool = False) -> None:
    """Stops an Asterisk that another process started, and returns when that is gone.

    `is_forced`: by SIGKILL if it does not take the order or needs longer than `seconds`; else raises AsteriskFailed.
    """
    pid = listening_process(etc_dir)
    if pid is None:
        return
    with other_process(pid) as process:
        if process is None:
            raise AsteriskFailed("it is another user's")
        try:
            ask(program, etc_dir, "core stop now", seconds=5)
            has_ended = process.has_ended_within(seconds)
        except AsteriskFailed:
            if not is_forced:
                raise
            has_ended = False
        if not has_ended and is_forced:
            process.signal(signal.SIGKILL)
            has_ended = process.has_ended_within(seconds)
        if not has_ended:
            raise AsteriskFailed(f"it still runs {seconds:g} s after it was told to stop")
