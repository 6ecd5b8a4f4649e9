"""What an agent dials on the phone: sign in, sign out, pause with a reason, resume. The answer is spoken.

Codes that are not an agent's own (a shift leader's) are asked of `others`.
"""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from ivr.agents import states
from ivr.agents.switch import Seat, Switch, SwitchNotReached
from ivr.config_files.running import Running
from ivr.lines import FeatureCodes
from vocabulary.errors import HotlineError
from vocabulary.hotline_names import AGENT_PREFIX

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AgentPhones:
    """`writing` opens one transaction that commits at its end; the switch is brought to the seat after it. `others`: what a
    code means that is not here, for this agent, as a prompt to confirm it; None: nothing. It may raise HotlineError."""

    running: Callable[[], Running]
    writing: Callable[[], AbstractContextManager[Session]]
    switch: Switch
    now: Callable[[], datetime]
    others: Callable[[str, str], str | None] = lambda _code, _agent_no: None

    def dial(self, code: str, endpoint: str) -> str:
        """The name of the prompt that tells the agent what happened. `endpoint` is what Asterisk authenticated."""
        agent_no = endpoint.removeprefix(AGENT_PREFIX)
        running = self.running()
        lines = running.configuration.lines
        try:
            confirmed = self.others(code, agent_no)
            if confirmed is not None:
                return confirmed
            with self.writing() as session:
                seat, prompt = self._act(
                    session, code, agent_no, lines.feature_codes, [r.code for r in lines.pause_reasons]
                )
            self.switch.bring(seat, [queue.name for queue in lines.queues])
        except SwitchNotReached as fault:
            _log.error("agent %s: %s", agent_no, fault)
            return "technical_fault"
        except HotlineError as fault:
            _log.warning("agent %s dialled %s: %s", agent_no, code, fault)
            return "refused"
        return prompt

    def _act(
        self, session: Session, code: str, agent_no: str, codes: FeatureCodes, reasons: list[str]
    ) -> tuple[Seat, str]:
        by, now = f"phone {agent_no}", self.now()
        if code == codes.sign_in:
            return states.sign_in(session, agent_no, by, now), "signed_in"
        if code == codes.sign_out:
            return states.sign_out(session, agent_no, by, now), "signed_out"
        if code == codes.resume:
            return states.resume(session, agent_no, by, now), "resumed"
        if code.startswith(codes.pause):
            reason = _reason(code.removeprefix(codes.pause), reasons)
            return states.pause(session, agent_no, reason, reasons, by, now), "paused"
        raise states.NoSuchReason(code, [codes.sign_in, codes.sign_out, codes.pause, codes.resume])


def _reason(digits: str, reasons: list[str]) -> str:
    """*12 is the first reason of the list in hotline.yaml, *122 the second."""
    place = int(digits) if digits.isascii() and digits.isdecimal() else 1
    return reasons[place - 1] if digits in ("", str(place)) and 1 <= place <= len(reasons) else digits
