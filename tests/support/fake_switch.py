"""A telephone switch that remembers where it was brought to; `is_off` makes it unreachable."""

from collections.abc import Sequence

from ivr.agents.switch import Seat, SwitchNotReached


class FakeSwitch:
    """Keeps the protocol ivr.agents.switch.Switch."""

    def __init__(self) -> None:
        self.is_off = False
        self.seats: dict[str, Seat] = {}
        self.pauses: list[tuple[str, str | None]] = []
        self.queues_told: list[tuple[str, ...]] = []
        self.accounts: dict[str, tuple[str, str]] = {}

    def bring(self, seat: Seat, all_queues: Sequence[str]) -> None:
        self._reach()
        self.seats[seat.agent_no] = seat
        self.queues_told.append(tuple(all_queues))

    def pause(self, seat: Seat) -> None:
        self._reach()
        self.pauses.append((seat.agent_no, seat.pause_reason))

    def put_account(self, agent_no: str, name: str, secret: str) -> None:
        self._reach()
        self.accounts[agent_no] = (name, secret)

    def remove_account(self, agent_no: str) -> None:
        self._reach()
        self.accounts.pop(agent_no, None)

    def _reach(self) -> None:
        if self.is_off:
            raise SwitchNotReached("the switch is off")
