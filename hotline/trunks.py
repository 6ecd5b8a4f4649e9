"""The state of the trunks as Asterisk sees it by OPTIONS, asked through ARI every few seconds."""

from dataclasses import dataclass, field
from typing import Final

import httpx

from ivr.lines import Lines
from ivr.telephony.sip_accounts import AriDoor

UNKNOWN: Final = "unknown"
UP: Final = "online"


@dataclass
class TrunkStates:
    """`states`: trunk name → online, offline or unknown."""

    door: AriDoor
    states: dict[str, str] = field(default_factory=dict)
    _client: httpx.Client | None = None

    def refresh(self, lines: Lines) -> None:
        """Blocks for some milliseconds; whatever cannot be asked is unknown."""
        if self._client is None:  # kept: making one costs more than asking
            self._client = httpx.Client(
                base_url=self.door.url,
                auth=(self.door.user, self.door.secret),
                timeout=3,
                trust_env=False,
                verify=False,  # plain http on the address that Asterisk is bound to
            )
        self.states = {trunk.name: _state(self._client, trunk.name) for trunk in lines.trunks}

    def is_up(self, lines: Lines) -> bool:
        """Every trunk that is not for tests answers."""
        return all(trunk.is_test or self.states.get(trunk.name) == UP for trunk in lines.trunks)

    def can_dial_out(self, lines: Lines) -> bool:
        """Some trunk that may dial answers; Asterisk tells a dead one like a citizen who does not pick
        up: NOANSWER, 16."""
        return any(trunk.allow_out and trunk.name in self.up for trunk in lines.trunks_out)

    @property
    def up(self) -> frozenset[str]:
        """Names of the trunks that answer."""
        return frozenset(name for name, state in self.states.items() if state == UP)

    def why_callbacks_wait(self, lines: Lines) -> str | None:
        """In words, for who looks after the hotline; None: every trunk that may dial answers."""
        may_dial = [trunk for trunk in lines.trunks_out if trunk.allow_out]
        if not may_dial:
            return "nobody is rung back: no trunk has a plan in allow_out"
        down = {t.name: self.states.get(t.name, UNKNOWN) for t in may_dial if t.name not in self.up}
        if len(down) == len(may_dial):
            listed = ", ".join(f"{name}: {state}" for name, state in down.items())
            return f"nobody is rung back: no trunk that may dial out is up ({listed})"
        listed = ", ".join(f"{name} ({state})" for name, state in down.items())
        return f"numbers that only {listed} may dial wait" if down else None


def _state(client: httpx.Client, name: str) -> str:
    try:
        answer = client.get(f"/ari/endpoints/PJSIP/trunk-{name}")
        return str(answer.json().get("state", UNKNOWN)) if answer.is_success else UNKNOWN
    except (httpx.HTTPError, ValueError):
        return UNKNOWN
