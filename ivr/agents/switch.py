"""What this package needs of the telephone switch; ivr.telephony implements it over AMI and ARI."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from vocabulary.errors import HotlineError


class SwitchNotReached(HotlineError):
    """The switch did not carry out a change. The database stands; the next resynchronisation brings the switch to it."""


@dataclass(frozen=True)
class Seat:
    """How an agent should stand in the switch: in which queues, with what penalty, paused for what reason (None: not)."""

    agent_no: str
    queues: tuple[tuple[str, int], ...]
    is_signed_in: bool
    pause_reason: str | None


class Switch(Protocol):
    """May be called from any thread; raises SwitchNotReached."""

    def bring(self, seat: Seat, all_queues: Sequence[str]) -> None:
        """One agent's queues and pause are as the seat says afterwards."""

    def pause(self, seat: Seat) -> None:
        """Only the pause, in all queues in which the agent stands: far less to do where nothing else has changed."""

    def put_account(self, agent_no: str, name: str, secret: str) -> None:
        """The agent's SIP account exists afterwards, without a reload."""

    def remove_account(self, agent_no: str) -> None:
        """The account is gone afterwards."""
