"""Telephones for tests: SIPp plays the citizens and the agents, each a process with limits of its own.

What each does is a scenario: caller_scenarios.py, phone_scenarios.py (those that we call), desk_scenarios.py.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from support.caller_scenarios import caller_scenario, speaking_caller_scenario
from support.desk_scenarios import FEATURE_CODE, REGISTER
from support.phone_scenarios import citizens_scenario, phone_scenario
from support.sipp import HOST, Sipp, free_port, run_sipp


@dataclass
class Telephones:
    """All phones of one test; `stop_all` ends what still runs."""

    sip_port: int
    running: list[Sipp] = field(default_factory=list)
    _captures: list[tempfile.TemporaryDirectory[str]] = field(default_factory=list)

    def call(
        self,
        number: str,
        called: str = "12345",
        *,
        stay: float = 30,
        key: str = "",
        by_info: bool = False,
        from_header: str | None = None,
        extra: str = "",
        calls: int = 1,
        rate: float = 1,
        echoes: bool = False,
    ) -> Sipp:
        """A citizen calls and stays until hung up or told to hang up, at most `stay` seconds.

        `key`: one or several, the next one pressed when the phone is told to; `by_info`: by SIP INFO. `echoes`: says again
        whatever he hears.
        """
        who = from_header or f"<sip:{number}@{HOST}>"
        scenario = caller_scenario(
            stay, key, extra, keys_in=self._folder() if key else Path(), by_info=by_info
        )
        return self._start(
            scenario,
            [f"{who};{called};"],
            limit=stay + 20 + calls / rate,
            calls=calls,
            rate=rate,
            echoes=echoes,
        )

    def speaking_call(self, number: str, called: str, steps: Sequence[str], *, stay: float = 90) -> Sipp:
        """A citizen who speaks and presses keys, each step when he is told to."""
        rows = [f"<sip:{number}@{HOST}>;{called};"]
        scenario = speaking_caller_scenario(steps, stay, sounds_in=self._folder())
        return self._start(scenario, rows, limit=stay + 20, calls=1, rate=1)

    def many_calls(self, numbers: Sequence[str], called: str, *, rate: float, stay: float) -> Sipp:
        """Each of `numbers` calls once, so many per second."""
        rows = [f"<sip:{number}@{HOST}>;{called};" for number in numbers]
        limit = len(numbers) / rate + stay + 30
        return self._start(caller_scenario(stay), rows, limit=limit, calls=len(numbers), rate=rate)

    def citizens(self, port: int) -> Sipp:
        """Every citizen's phone, behind the trunk that dials out to `port`; see phone_scenarios.CITIZENS."""
        phone = run_sipp(citizens_scenario(), port=port, calls=100_000, limit=1200)
        self.running.append(phone)
        return phone

    def answer(
        self,
        port: int,
        *,
        ring: float = 0.3,
        then: str = "200 OK",
        talk: float = 3600,
        calls: int = 1000,
        early_in_a_second: bool = False,
        sound: bool = False,
        limit: float = 300,
    ) -> Sipp:
        """A phone on `port` that treats every call so, and is switched off after `limit` seconds at the latest."""
        scenario = phone_scenario(ring, then, talk, early_in_a_second=early_in_a_second, sound=sound)
        phone = run_sipp(scenario, port=port, calls=calls, limit=limit)
        self.running.append(phone)
        return phone

    def register(self, agent_no: str, secret: str, port: int) -> None:
        """The agent's desk phone on `port` registers; raises if Asterisk refuses. As phones do it tries again: on a
        loaded machine a right answer was refused now and then (likely the account was being written anew at that moment)."""
        row = f"agent-{agent_no};[authentication username=agent-{agent_no} password={secret}];"
        errors = ""
        for _ in range(3):
            phone = run_sipp(REGISTER, port=port, remote=f"{HOST}:{self.sip_port}", rows=[row], limit=10)
            code, errors = phone.wait(15), phone.errors
            phone.stop()
            if code == 0:
                return
        raise AssertionError(f"agent {agent_no} could not register: {errors}")

    def dial_code(self, agent_no: str, secret: str, code: str) -> None:
        """The agent dials a feature code and listens to the answer."""
        row = f"<sip:agent-{agent_no}@{HOST}>;{code};[authentication username=agent-{agent_no} password={secret}];"
        phone = run_sipp(
            FEATURE_CODE, port=free_port(), remote=f"{HOST}:{self.sip_port}", rows=[row], limit=25
        )
        result, errors = phone.wait(30), phone.errors
        phone.stop()
        assert result == 0, f"dialling {code} failed: {errors}"

    def _start(
        self, scenario: str, rows: list[str], *, limit: float, calls: int, rate: float, echoes: bool = False
    ) -> Sipp:
        phone = run_sipp(
            scenario,
            port=free_port(),
            remote=f"{HOST}:{self.sip_port}",
            rows=rows,
            limit=limit,
            calls=calls,
            rate=rate,
            echoes=echoes,
        )
        self.running.append(phone)
        return phone

    def stop_all(self) -> None:
        for phone in self.running:
            phone.stop()
        self.running.clear()
        for folder in self._captures:
            folder.cleanup()
        self._captures.clear()

    def _folder(self) -> Path:
        self._captures.append(tempfile.TemporaryDirectory(prefix="keys-"))
        return Path(self._captures[-1].name)
