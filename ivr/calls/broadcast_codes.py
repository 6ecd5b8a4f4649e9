"""A shift leader dials a code on the phone: *20 and a message's place in broadcasts.yaml switches it on, *21 all off."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from ivr.calls.broadcasts import BadBroadcast, Wanted, all_on, planned, switch_off, switch_on
from ivr.config_files.checker import Configuration
from ivr.config_files.running import Running
from ivr.lines import FeatureCodes
from vocabulary.errors import HotlineError

_log = logging.getLogger(__name__)


class NotAShiftLeader(HotlineError):
    def __init__(self, agent_no: str) -> None:
        super().__init__(
            f"agent {agent_no} leads no shift: no token of the role shift_leader is for that agent"
        )
        self.agent_no = agent_no


@dataclass(frozen=True)
class LeadersPhones:
    """`writing` opens one transaction that commits at its end; `leads` says whether an agent leads a shift."""

    running: Callable[[], Running]
    writing: Callable[[], AbstractContextManager[Session]]
    leads: Callable[[Session, str], bool]
    now: Callable[[], datetime]

    def dial(self, code: str, agent_no: str) -> str | None:
        """The name of the prompt that confirms it; None if the code is none of these. Raises HotlineError."""
        configuration = self.running().configuration
        codes = configuration.lines.feature_codes
        if _is_one_of(code, codes):
            with self.writing() as session:
                return self._act(session, configuration, code, agent_no)
        return None

    def _act(self, session: Session, configuration: Configuration, code: str, agent_no: str) -> str:
        if not self.leads(session, agent_no):
            raise NotAShiftLeader(agent_no)
        by, now = f"phone {agent_no}", self.now()
        if code == configuration.lines.feature_codes.broadcast_off:
            for one in all_on(session, now):
                switch_off(session, one.id or 0, by, now)
            _log.warning("%s switched every broadcast off", by)
            return "broadcast_off"
        on = configuration.lines.feature_codes.broadcast_on or ""
        name = _named(code.removeprefix(on), configuration)
        switch_on(session, planned(configuration, Wanted(name), by, now))
        _log.warning("%s switched the broadcast %s on", by, name)
        return "broadcast_on"


def _is_one_of(code: str, codes: FeatureCodes) -> bool:
    """An agent's own codes win: a site may have a pause that begins alike, and a reason is dialled behind it."""
    if code in (codes.sign_in, codes.sign_out, codes.pause, codes.resume):
        return False
    if code == codes.broadcast_off:
        return True
    on = codes.broadcast_on
    if on is None or not code.startswith(on):
        return False
    return not (len(codes.pause) > len(on) and code.startswith(codes.pause))


def _named(digits: str, configuration: Configuration) -> str:
    """*201 is the first of the list. Without a place nothing is switched on: a slip must not reach a whole city."""
    listed = configuration.broadcasts.broadcasts
    place = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 4 else 0
    if not 1 <= place <= len(listed):
        raise BadBroadcast(
            f"there is no broadcast in place {digits or 'none'}", "Dial the place of one in the list"
        )
    return listed[place - 1].name
