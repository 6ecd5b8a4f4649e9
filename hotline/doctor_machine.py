"""`hotline doctor`, the machine's part: rights, disk, clock, ports, the host's own name, voice tools."""

import ctypes
import errno
import os
import shutil
import socket
import stat
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Final

from hotline.findings import Finding, fail, ok, warn
from hotline.other_processes import holder_of
from hotline.ports import WantedPort, wanted_ports
from hotline.settings import Settings

_MB: Final = 1024 * 1024
_LEAST_MB: Final = 200
_ENOUGH_MB: Final = 2048
_ENOUGH_SHARE: Final = 0.1
_EARLIEST_YEAR: Final = 2026
_CLOCK_IS_FREE: Final = 5  # adjtimex's TIME_ERROR: the kernel's clock is not steered by anybody
_NAME_SECONDS: Final = 2.0


def rights(settings: Settings, *, is_before_first_start: bool = False) -> Iterator[Finding]:
    """Who may read what is secret; the state folder's own rights cover the database and the logs.

    `is_before_first_start`: what a start makes cannot have been lost.
    """
    home = settings.home_dir
    if not home.is_dir():
        yield fail("home", f"{home} is not there", "Is HOTLINE_HOME right? `hotline up` makes it.")
        return
    if not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        yield fail(
            "home", f"{home} cannot be written by this user", "Run as the hotline's user, or `chown` it."
        )
    mode = stat.S_IMODE(home.stat().st_mode)
    if mode & 0o022:
        yield fail("home", f"{home} has mode {mode:o}: others may change it", f"chmod 700 {home}")
    elif mode & 0o077:
        yield warn("home", f"{home} has mode {mode:o}: others may look into it", f"chmod 700 {home}")
    else:
        yield ok("home", f"{home}, mode {mode:o}")
    lost_keys = "Restore it from its own backup; without it nobody can open citizens' numbers and names."
    lost_secrets = "A start makes it; then `hotline asterisk render`."
    for name, path, if_lost in (
        ("keys", settings.keys_path, lost_keys),
        ("secrets", home / "secrets.json", lost_secrets),
    ):
        if is_before_first_start and not path.exists():
            yield ok(name, f"{path} is not there yet: the first start makes it")
        else:
            yield _private(name, path, if_lost)


def _private(name: str, path: Path, if_missing: str) -> Finding:
    try:
        found = path.stat()
    except FileNotFoundError:
        return fail(name, f"{path} is not there", if_missing)
    except PermissionError:
        return fail(name, f"{path} cannot be reached by this user", "Run as the hotline's user.")
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o077:
        return fail(name, f"{path} has mode {mode:o}: others may read it", f"chmod 600 {path}")
    if not os.access(path, os.R_OK):
        return fail(name, f"{path} cannot be read by this user", "Run as the hotline's user.")
    return ok(name, f"{path}, mode {mode:o}")


def disk(settings: Settings) -> Iterator[Finding]:
    if settings.home_dir.is_dir():
        usage = shutil.disk_usage(settings.home_dir)
        yield disk_finding(settings.home_dir, usage.free, usage.total)


def disk_finding(folder: Path, free: int, total: int) -> Finding:
    """`free` and `total` in bytes."""
    said = f"{free // _MB:,} MB free at {folder}"
    remedy = "Make room: old logs and recordings first; see the operations page on a full disk."
    if free < _LEAST_MB * _MB:
        return fail("disk", said, remedy)
    if free < _ENOUGH_MB * _MB or free < _ENOUGH_SHARE * total:
        return warn("disk", said, remedy)
    return ok("disk", said)


def clock(now: datetime, is_steered: bool | None) -> Iterator[Finding]:
    """Order in the queue, deadlines and quiet hours go by the clock; a jump moves them all."""
    remedy = "Switch on time synchronisation: `timedatectl set-ntp true`, or chrony."
    if now.year < _EARLIEST_YEAR:
        yield fail("clock", f"this machine thinks that it is {now:%Y-%m-%d}", remedy)
    elif is_steered is None:
        yield warn("clock", "whether the clock is synchronised is not known", "Look with `timedatectl`.")
    elif not is_steered:
        yield warn("clock", "the kernel says that the clock is not synchronised", remedy)
    else:
        yield ok("clock", "synchronised")


def is_clock_steered() -> bool | None:
    """What the kernel knows of NTP; None where it cannot be asked."""
    try:
        answer = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(512))
    except (OSError, AttributeError):
        return None
    return None if answer < 0 else bool(answer != _CLOCK_IS_FREE)


def ports(
    settings: Settings,
    *,
    is_server_up: bool,
    is_asterisk_up: bool,
    transports: frozenset[str] | None = None,
) -> Iterator[Finding]:
    """Each port is in use if its owner runs, and free if not; `serve --only` may leave one free.

    `transports`: the names of those that the running Asterisk has; None: it could not be asked.
    """
    for wanted in wanted_ports(settings):
        is_owner_up = is_asterisk_up if wanted.is_asterisks else is_server_up
        is_missed = (
            is_owner_up
            and wanted.transport is not None
            and transports is not None
            and wanted.transport not in transports
        )
        yield _port(wanted, is_owner_up, is_missed)


def _port(wanted: WantedPort, is_owner_up: bool, is_missed: bool) -> Finding:
    """`is_missed`: its owner says himself that he has not got it."""
    try:
        is_free = wanted.is_free()
    except OSError as fault:
        if fault.errno == errno.EADDRNOTAVAIL:
            return ok("port", f"{wanted} is not on this machine, so it is not looked at")
        return fail(
            "port",
            f"{wanted} cannot be used: {fault.strerror}",
            f"Set {wanted.setting} to another, or change the right.",
        )
    if is_missed:
        return fail(
            "port",
            f"Asterisk runs without {wanted.transport}: {wanted} "
            + (
                "could not be had at its start"
                if is_free
                else f"is in use by {holder_of(wanted.port, wanted.kind)}"
            ),
            f"Free the port or change {wanted.setting}, then restart Asterisk; until then nobody can call over it.",
        )
    if is_free and is_owner_up:
        return warn(
            "port",
            f"nobody listens on {wanted} though the hotline runs",
            f"Was {wanted.setting} changed? Restart.",
        )
    if is_free:
        return ok("port", f"{wanted} is free")
    if is_owner_up:
        return ok("port", f"{wanted} is in use, as it should be")
    return fail(
        "port",
        f"{wanted} is in use by {holder_of(wanted.port, wanted.kind)}",
        f"Stop that program, or set {wanted.setting} to a free port.",
    )


def host_name(name: str) -> Iterator[Finding]:
    """Asterisk may look this name up for every call's first SDP; a failing look-up blocks it for seconds."""
    remedy = f"Add a line `127.0.1.1 {name}` to /etc/hosts."
    started = time.monotonic()
    pool = ThreadPoolExecutor(1)
    try:
        pool.submit(socket.getaddrinfo, name, None).result(_NAME_SECONDS)
        yield ok("host name", f"{name} is found in {1000 * (time.monotonic() - started):.0f} ms")
    except TimeoutError:
        yield warn("host name", f"looking {name} up takes longer than {_NAME_SECONDS:g} s", remedy)
    except OSError as fault:
        yield warn("host name", f"{name} cannot be looked up: {fault.strerror}", remedy)
    finally:
        pool.shutdown(wait=False)


def voice_tools() -> Iterator[Finding]:
    missing = [tool for tool in ("espeak-ng", "sox") if shutil.which(tool) is None]
    if missing:
        yield warn(
            "voice tools",
            f"{' and '.join(missing)} not found: prompts without a recording stay silent",
            "Install espeak-ng and sox (Debian: apt install espeak-ng sox), or record every prompt.",
        )
    else:
        yield ok("voice tools", "espeak-ng and sox are there")
