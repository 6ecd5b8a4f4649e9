"""Agents' SIP accounts in the running Asterisk, made and removed through ARI without a reload.

They live in Asterisk's own store (sorcery.conf: astdb), so they survive its restart and need neither our server nor our
database while calls come in.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Final

import httpx

from vocabulary.errors import HotlineError
from vocabulary.hotline_names import ACCOUNTS, AGENT_PREFIX

_ORDER: Final = ("auth", "aor", "endpoint")  # an endpoint refers to the other two, so they come first


class AsteriskRefused(HotlineError):
    """ARI did not do what was asked; carries the HTTP status (0: not reached)."""

    def __init__(self, what: str, status: int, text: str) -> None:
        self.what, self.status = what, status
        super().__init__(f"Asterisk did not {what}: {status or 'not reached'} {text}".strip())


@dataclass(frozen=True)
class AriDoor:
    """Where ARI listens, and its secret."""

    url: str
    user: str
    secret: str


@dataclass(frozen=True)
class PhoneNetwork:
    """What every agent's endpoint shares."""

    media_address: str
    language: str


def endpoint_name(agent_no: str) -> str:
    return f"{AGENT_PREFIX}{agent_no}"


class SipAccounts:
    """Puts and removes accounts; each call is one short HTTP session."""

    def __init__(self, door: AriDoor, network: PhoneNetwork, *, seconds: float = 5) -> None:
        self._door, self._network, self._seconds = door, network, seconds

    def put(self, agent_no: str, name: str, secret: str) -> None:
        """The account exists afterwards with just this secret. Raises AsteriskRefused."""
        fields = self._fields(agent_no, name, secret)
        with self._client() as client:
            for kind in _ORDER:
                body = {"fields": [{"attribute": key, "value": value} for key, value in fields[kind].items()]}
                self._ask(client, "PUT", kind, agent_no, body)

    def remove(self, agent_no: str) -> None:
        """The account is gone afterwards, whether or not it was there. Raises AsteriskRefused."""
        with self._client() as client:
            for kind in reversed(_ORDER):
                self._ask(client, "DELETE", kind, agent_no, None)

    def existing(self) -> set[str]:
        """Numbers of the agents that have an endpoint now. Raises AsteriskRefused."""
        with self._client() as client:
            try:
                answer = client.get("/ari/endpoints/PJSIP").raise_for_status()
            except httpx.HTTPError as error:
                raise AsteriskRefused("list its endpoints", 0, str(error)) from error
        names = [str(endpoint.get("resource", "")) for endpoint in answer.json()]
        return {name.removeprefix(AGENT_PREFIX) for name in names if name.startswith(AGENT_PREFIX)}

    def are_current(self) -> bool:
        """`mark_current` was called since Asterisk started, by a program that writes the same fields. Raises
        AsteriskRefused."""
        with self._client() as client:
            try:
                answer = client.get("/ari/asterisk/variable", params={"variable": ACCOUNTS})
                if answer.status_code == 404:  # never set
                    return False
                answer.raise_for_status()
            except httpx.HTTPError as error:
                raise AsteriskRefused("tell of its accounts", 0, str(error)) from error
        return bool(answer.json().get("value") == self._make())

    def mark_current(self) -> None:
        """Every account was put with the fields of this program. Raises AsteriskRefused."""
        with self._client() as client:
            try:
                marked = {"variable": ACCOUNTS, "value": self._make()}
                client.post("/ari/asterisk/variable", params=marked).raise_for_status()
            except httpx.HTTPError as error:
                raise AsteriskRefused("note that its accounts are current", 0, str(error)) from error

    def _make(self) -> str:
        """Differs when the fields do, whoever's account it is."""
        fields = json.dumps(self._fields("", "", ""), sort_keys=True)
        return hashlib.sha256(fields.encode()).hexdigest()[:16]

    def _client(self) -> httpx.Client:
        return httpx.Client(
            base_url=self._door.url,
            auth=(self._door.user, self._door.secret),
            timeout=self._seconds,
            trust_env=False,
        )

    def _ask(self, client: httpx.Client, method: str, kind: str, agent_no: str, body: object) -> None:
        path = f"/ari/asterisk/config/dynamic/res_pjsip/{kind}/{endpoint_name(agent_no)}"
        what = f"{'store' if method == 'PUT' else 'remove'} the {kind} of agent {agent_no}"
        try:
            answer = client.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise AsteriskRefused(what, 0, str(error)) from error
        if answer.is_error and not (method == "DELETE" and answer.status_code == 404):
            raise AsteriskRefused(what, answer.status_code, answer.text[:200])

    def _fields(self, agent_no: str, name: str, secret: str) -> dict[str, dict[str, str]]:
        endpoint = endpoint_name(agent_no)
        shown = name.replace('"', "").replace("\\", "")
        return {
            "auth": {"auth_type": "userpass", "username": endpoint, "password": secret},
            # one contact: with two, only one rings, perhaps the stale one
            "aor": {
                "max_contacts": "1",
                "remove_existing": "yes",
                "qualify_frequency": "15",
                "qualify_timeout": "2",
            },
            "endpoint": {
                # by its name, which its secret proves; no address is an agent's
                "identify_by": "username",
                "auth": endpoint,
                "aors": endpoint,
                "context": "from-agents",
                "transport": "transport-udp",
                "disallow": "all",
                "allow": "alaw,ulaw",
                "callerid": f'"{shown}" <{agent_no}>',
                "device_state_busy_at": "1",
                "direct_media": "no",
                "rtp_symmetric": "yes",
                "force_rport": "yes",
                "rewrite_contact": "yes",
                "dtmf_mode": "auto_info",
                "media_address": self._network.media_address,
                "bind_rtp_to_media_address": "yes",
                "from_domain": self._network.media_address,
                "language": self._network.language,
                "timers": "yes",
                # A phone that died leaves its citizen in silence for so long; then he goes back into the line. It runs from the
                # answer on, also for a phone that has sent nothing yet: no shorter, for the sake of phones that fall silent.
                "rtp_timeout": "60",
            },
        }
