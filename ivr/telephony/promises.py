"""Who may be promised a call back, in words that the dialplan checks by itself, whether or not our server lives.

A promise is made only where policy will keep it (missed_call_redial.policy, vocabulary.phone_numbers). Pure.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Final

from ivr.lines import Lines, Trunk
from tickets.outcome import Outcome
from vocabulary.number_plans import NumberPlan

NOBODY: Final = "^x$"
"""Matches no number, not even the empty one of a withheld caller."""
_LONGEST: Final = 3000  # the dialplan's functions cut longer text off
_LOST_AS: Final[Mapping[str, tuple[Outcome, ...]]] = {
    "FULL": (Outcome.QUEUE_FULL,),
    "NO_AGENT": (Outcome.NO_AGENT,),
    "TIMEOUT": (Outcome.QUEUE_TIMEOUT, Outcome.AGENT_NO_ANSWER),
}
_MOBILES: Final = ("1[3-9]XXXXXXXXX",)
_LANDLINES: Final = (
    "010[2-8]XXXXXXX",
    "02X[2-8]XXXXXXX",
    *(f"0{area}[2-8]{rest}" for area in ("[35-79]XX", "[48]ZX") for rest in ("XXXXXX", "XXXXXXX")),
)  # no area code begins with 400 or 800: those are service numbers
_PIECE: Final = re.compile(r"\[([^\]]+)\]|([0-9])")

Places = tuple[frozenset[str], ...]
"""The digits that may stand at each place of a number."""


def promised_at(kinds: Collection[Outcome]) -> dict[str, bool]:
    """Word of the dialplan for how the line let go of a caller → whether policy rings back everybody whom that befalls."""
    return {status: all(kind in kinds for kind in lost_as) for status, lost_as in _LOST_AS.items()}


def callers_promised(trunk: Trunk, lines: Lines) -> str:
    """One regular expression (for Asterisk's REGEX and for Python) over what this trunk sends as the caller's number:

    mobiles and landlines that some trunk may dial, in the forms in which they come. Rarer forms are left out.
    """
    plans = [_places(plan) for one in lines.trunks_out for plan in one.allow_out]
    mobiles = list(_meeting(plans, _MOBILES))
    landlines = list(_meeting(plans, _LANDLINES))
    area = trunk.area_code or lines.site.area_code
    local = [
        number[len(area) :]
        for number in landlines
        if all(digit in place for digit, place in zip(area, number, strict=False))
    ]
    without_zero = [*mobiles, *(number[1:] for number in landlines)]
    forms = [
        form + _one_of(numbers)
        for form, numbers in (
            ("((00)?86|(0086)?0)?", mobiles),
            ("((00)?860?|0)", [number[1:] for number in landlines]),
            ("", local),
        )
        if numbers
    ]
    if not forms:
        return NOBODY
    prefixes = "|".join(prefix.replace("+", "[+]") for prefix in trunk.caller_prefixes_in)
    prefix = f"({prefixes})?" if prefixes else ""
    whole = f"^({prefix}({'|'.join(forms)})|[+]860?{_one_of(without_zero)})$"
    return whole if len(whole) <= _LONGEST else NOBODY


def _places(plan: str) -> Places:
    return tuple(
        _digits(several) if several else frozenset(one)
        for several, one in _PIECE.findall(NumberPlan.compile(plan).regex)
    )


def _digits(written: str) -> frozenset[str]:
    """1-35 → 1, 2, 3 and 5."""
    return frozenset(digit for digit in "0123456789" if re.fullmatch(f"[{written}]", digit))


def _meeting(plans: Iterable[Places], shapes: Sequence[str]) -> Iterable[Places]:
    """What both a plan and a shape allow, each once."""
    met: dict[Places, None] = {}
    for plan in plans:
        for shape in map(_places, shapes):
            if len(plan) == len(shape):
                both = tuple(one & other for one, other in zip(plan, shape, strict=True))
                if all(both):
                    met[both] = None
    return met


def _one_of(numbers: Iterable[Places]) -> str:
    return f"({'|'.join(dict.fromkeys(map(_expression, numbers)))})"


def _expression(number: Places) -> str:
    pieces = []
    for digits, run in groupby(number):
        times = len(list(run))
        one = "[0-9]" if len(digits) == 10 else f"[{''.join(sorted(digits))}]"
        pieces.append(one + (f"{{{times}}}" if times > 1 else ""))
    return "".join(pieces)
