"""A switch that only remembers: placeholders stand in it until a test ends them. Keeps dialer.Dialer."""

from collections.abc import Sequence

from missed_call_redial.dialer import DialerIsDown, NotPlaced, PlaceRequest, Ways


class FakeDialer:
    """Not `is_up`: it cannot be asked. `refuses`: it says no. `drops_answers`: it places and stays silent."""

    def __init__(self) -> None:
        self.placed: list[PlaceRequest] = []
        self.withdrawn: list[str] = []
        self.live: set[str] = set()
        self.is_up = True
        self.refuses = False
        self.drops_answers = False
        self.plans = {"trunk": ""}
        """Trunk → how the national digits begin that it may dial."""
        self.trunks_up: set[str] = {"trunk"}
        self.numbers_asked = 0
        self.looks = 0

    def ways(self) -> Ways:
        return Ways(repr(self.plans), self._allowing, frozenset(self.trunks_up))

    def _allowing(self, digits: str) -> frozenset[str]:
        self.numbers_asked += 1
        return frozenset(trunk for trunk, begins in self.plans.items() if digits.startswith(begins))

    async def is_ready(self) -> bool:
        return self.is_up

    async def place(self, request: PlaceRequest) -> None:
        if not self.is_up:
            raise DialerIsDown("no connection")
        if self.refuses:
            raise NotPlaced(request.attempt_id, "refused")
        assert request.attempt_id not in [earlier.attempt_id for earlier in self.placed], "placed twice"
        self.placed.append(request)
        self.live.add(request.attempt_id)
        if self.drops_answers:
            raise DialerIsDown("no answer in time")

    async def live_attempts(self) -> frozenset[str]:
        self.looks += 1
        if not self.is_up:
            raise DialerIsDown("no connection")
        return frozenset(self.live)

    async def withdraw(self, attempt_ids: Sequence[str]) -> None:
        self.withdrawn += attempt_ids
        self.live.difference_update(attempt_ids)
