"""Which of the debts that are due can be dialled now: asked before anything is written of them.

A debt that no trunk can dial now is passed over without a trace, so that however many of them wait, a younger one that
can be dialled is found in the same round. Plans come and go with the files as trunks do with their lines: neither ends a
debt, only its own deadline does.
"""

import logging
from collections.abc import Callable
from enum import Enum, auto
from typing import Final, Protocol

from missed_call_redial.dialer import Ways
from vocabulary.errors import HotlineError

log = logging.getLogger(__name__)
_MOST_OPENED: Final = 500
"""Numbers opened in one round; what is beyond waits a second. Some 10 ms."""
_MOST_KEPT: Final = 100_000


class Can(Enum):
    BE_DIALLED = auto()
    WAIT = auto()
    """Its trunks are down, or its number could not be opened (yet)."""
    NOT_BY_PLAN = auto()
    """No trunk's plan allows the number: until the files say otherwise."""


class Debt(Protocol):
    """As much of it as is asked here."""

    @property
    def callback_id(self) -> int: ...

    @property
    def number_digest(self) -> str: ...

    @property
    def number_sealed(self) -> str: ...


class Reach:
    """Keeps, for each number, the names of the trunks that may dial it, and no number: opening and matching them anew
    each second would be too much with ten thousand debts behind a dead trunk.

    `open_number` gives the national digits behind a sealed number, raising HotlineError.
    """

    def __init__(self, open_number: Callable[[str], str]) -> None:
        self._open_number = open_number
        self._allowing: dict[str, frozenset[str] | None] = {}
        self._version: str | None = None
        self._opened = 0
        self._ways: Ways | None = None

    @property
    def is_exhausted(self) -> bool:
        """As many numbers were opened as may be in one round: some answers of WAIT are only "not yet"."""
        return self._opened >= _MOST_OPENED

    def begin_round(self, ways: Ways) -> None:
        if ways.version != self._version or len(self._allowing) > _MOST_KEPT:
            self._allowing.clear()
        self._version, self._ways, self._opened = ways.version, ways, 0

    def of(self, debt: Debt) -> Can:
        """After begin_round."""
        assert self._ways is not None
        if debt.number_digest not in self._allowing:
            if self.is_exhausted:
                return Can.WAIT
            self._opened += 1
            self._allowing[debt.number_digest] = self._trunks_for(debt, self._ways)
        allowing = self._allowing[debt.number_digest]
        if allowing is None:
            return Can.WAIT
        if not allowing:
            return Can.NOT_BY_PLAN
        return Can.WAIT if allowing.isdisjoint(self._ways.up) else Can.BE_DIALLED

    def _trunks_for(self, debt: Debt, ways: Ways) -> frozenset[str] | None:
        try:
            return ways.allowing(self._open_number(debt.number_sealed))
        except HotlineError as fault:
            log.warning("callback %d cannot be dialled: %s", debt.callback_id, fault)
            return None
