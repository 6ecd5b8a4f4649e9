"""What `hotline up` asks the server that it started: whether it lives, and which parts of the hotline are up."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, Final

from hotline.settings import Settings
from ivr.lines import Lines

STARTED_BY_UP: Final = frozenset({"database", "config", "agi", "asterisk", "listener", "dispatcher"})
"""What must be up before a trial is ready. A trunk is somebody else's machine: the hotline runs without it."""
_OWN_ADDRESS: Final[Mapping[str, str]] = {"0.0.0.0": "127.0.0.1", "::": "::1"}
_TRUNKS: Final = "trunks"


@dataclass(frozen=True)
class PartSeen:
    """One part as /readyz tells it."""

    is_up: bool
    detail: Mapping[str, Any]
    process: str = ""
    """Whose last word that is, as host:pid; "" for the database."""


Parts = Mapping[str, PartSeen]


def address(settings: Settings) -> str:
    """The web API's, as one reaches it on this machine, such as `http://127.0.0.1:8000`; IPv6 stands in brackets."""
    host = _OWN_ADDRESS.get(settings.bind, settings.bind)
    host = f"[{host}]" if ":" in host else host
    return f"http://{host}:{settings.http_port}"


def is_alive(settings: Settings, *, seconds: float = 3) -> bool:
    return _get(settings, "/healthz", seconds) is not None


def parts_seen(settings: Settings, *, seconds: float = 3) -> Parts:
    """By name; none if the server does not answer yet."""
    try:
        found = json.loads(_get(settings, "/readyz", seconds) or b"{}")
        return {
            name: PartSeen(bool(part["is_up"]), part["detail"], part["process"])
            for name, part in found.get("parts", {}).items()
        }
    except (ValueError, KeyError, TypeError, AttributeError):  # somebody else's answer
        return {}


def not_started(parts: Parts, pid: int) -> list[str]:
    """Which of the parts that the server `pid` shall run are not up yet; what an earlier one said does not count."""
    return sorted(name for name in STARTED_BY_UP if name not in parts or not _is_up(parts[name], pid))


def _is_up(part: PartSeen, pid: int) -> bool:
    return part.is_up and part.process.rpartition(":")[2] in ("", str(pid))


def what_is_down(parts: Parts, lines: Lines) -> list[str]:
    """In words, for the person at the terminal: each trunk that does not answer, and whatever else is not up."""
    said = []
    for name, part in parts.items():
        if name == _TRUNKS and not part.is_up:
            said += [
                f'the trunk "{trunk.name}" ({trunk.host}) does not answer: no calls come or go by it until it does'
                for trunk in lines.trunks
                if not trunk.is_test and part.detail.get(trunk.name) != "online"
            ]
        elif not part.is_up:
            why = part.detail.get("reason")
            said.append(f"{name} is down{f': {why}' if why else ''}")
    return said


def _get(settings: Settings, path: str, seconds: float) -> bytes | None:
    """What it answers, 503 included, since that tells which part is down; None: it does not answer."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(address(settings) + path, timeout=seconds) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.read() if answer.code == 503 else None
    except (OSError, HTTPException):
        return None
