"""Which numbers a trunk or an agent may dial, written as `1[3-9]XXXXXXXXX`.

Only fixed lengths: a wildcard at the end is how toll fraud gets in, so there is none.
"""

import re
from dataclasses import dataclass
from typing import Self

from vocabulary.errors import HotlineError

_LETTERS = {"X": "[0-9]", "Z": "[1-9]", "N": "[2-9]"}
_PIECE = re.compile(r"[0-9XZN]|\[(?:[0-9]-[0-9]|[0-9])+\]")
_LONGEST = 32


class BadNumberPlan(HotlineError):
    """Not a plan; `plan` is what was written, `fault` what is wrong with it."""

    def __init__(self, plan: str, fault: str) -> None:
        super().__init__(f'"{plan}" is not a number plan: {fault}')
        self.plan = plan
        self.fault = fault


@dataclass(frozen=True, slots=True)
class NumberPlan:
    """`regex` is anchored and means the same to Python and to POSIX: the dialplan checks it a second time."""

    plan: str
    regex: str

    @classmethod
    def compile(cls, plan: str) -> Self:
        """X is 0-9, Z is 1-9, N is 2-9, [..] digits and rising ranges; a digit stands for itself."""
        pieces: list[str] = []
        place = 0
        while place < len(plan):
            found = _PIECE.match(plan, place)
            if found is None:
                raise BadNumberPlan(plan, f'"{plan[place]}" cannot stand at place {place + 1}')
            pieces.append(_as_regex(plan, found[0]))
            place = found.end()
        if not 0 < len(pieces) <= _LONGEST:
            raise BadNumberPlan(plan, f"it must stand for 1 to {_LONGEST} digits")
        return cls(plan, "^" + "".join(pieces) + "$")

    def allows(self, digits: str) -> bool:
        """Whether exactly these digits may be dialled."""
        return re.fullmatch(self.regex[1:-1], digits, re.ASCII) is not None


def _as_regex(plan: str, piece: str) -> str:
    for low, high in re.findall(r"([0-9])-([0-9])", piece):
        if low > high:
            raise BadNumberPlan(plan, f"the range {low}-{high} runs backwards")
    return _LETTERS.get(piece, piece)
