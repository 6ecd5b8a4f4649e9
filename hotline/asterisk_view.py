"""What the running Asterisk says of itself through ARI: version, clock, modules, trunks. Changes nothing."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from hotline import as_found
from hotline.settings import Settings
from vocabulary.errors import HotlineError


class AsteriskNotReached(HotlineError):
    """No answer, or a refusal; the text says which and what to do."""


@dataclass(frozen=True)
class AsteriskView:
    """`clock_ahead_seconds`: Asterisk's clock minus ours, to a second. `endpoints`: SIP endpoint → state."""

    version: str
    clock_ahead_seconds: float
    channels: int
    modules: frozenset[str]
    endpoints: Mapping[str, str]

    @property
    def major(self) -> int:
        digits = self.version.split(".")[0]
        return int(digits) if digits.isdecimal() else 0


def look(settings: Settings) -> AsteriskView:
    """Raises AsteriskNotReached."""
    secrets = as_found.secrets_found(settings)
    if secrets is None:
        raise AsteriskNotReached(
            "Asterisk cannot be asked: there is no secrets.json yet; a first start makes it"
        )
    url = f"http://{settings.asterisk_bind}:{settings.asterisk_http_port}"
    auth = (settings.ami_user, secrets.ari_secret)
    try:
        with httpx.Client(base_url=url, auth=auth, timeout=3, trust_env=False) as client:
            return _ask(client)
    except (httpx.HTTPError, ValueError, KeyError) as fault:
        raise AsteriskNotReached(f"Asterisk does not answer at {url}: {fault}") from fault


def _ask(client: httpx.Client) -> AsteriskView:
    info = client.get("/ari/asterisk/info")
    if info.status_code == httpx.codes.UNAUTHORIZED:
        raise AsteriskNotReached(
            "Asterisk refuses our secret: run `hotline asterisk render`, then restart Asterisk"
        )
    date = info.raise_for_status().headers.get("date")
    ahead = parsedate_to_datetime(date).timestamp() - time.time() if date else 0.0
    return AsteriskView(
        version=str(info.json()["system"]["version"]).split("+")[0],
        clock_ahead_seconds=ahead,
        channels=len(_list(client, "/ari/channels")),
        modules=frozenset(
            str(one["name"]) for one in _list(client, "/ari/asterisk/modules") if one["status"] == "Running"
        ),
        endpoints={str(one["resource"]): str(one["state"]) for one in _list(client, "/ari/endpoints/PJSIP")},
    )


def _list(client: httpx.Client, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(path).raise_for_status().json()
    return found
