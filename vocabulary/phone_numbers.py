"""A caller's number as every part of the hotline sees it: handled once, where a call comes in.

What a trunk adds or leaves out is given by its area code and prefixes; nothing here reads configuration.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import phonenumbers

from vocabulary.number_plans import BadNumberPlan, NumberPlan

__all__ = [
    "WITHHELD_NUMBER",
    "BadNumberPlan",
    "NumberKind",
    "NumberPlan",
    "PhoneNumber",
    "is_rung_back",
    "mask",
    "national",
    "normalise",
]


class NumberKind(StrEnum):
    """What sort of party a number names; it decides whether the number may be rung back."""

    MOBILE = "mobile"
    LANDLINE = "landline"
    SERVICE = "service"  # 400 and 800 numbers
    SHORT = "short"  # 12315, 95588, 10086, an extension
    EMERGENCY = "emergency"
    FOREIGN = "foreign"
    PREMIUM = "premium"
    WITHHELD = "withheld"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class PhoneNumber:
    """`digits`: E.164 for mobile, landline and foreign; plain digits for the others; empty when withheld."""

    digits: str
    kind: NumberKind


WITHHELD_NUMBER: Final = PhoneNumber("", NumberKind.WITHHELD)

_LONGEST_RAW = 64
_KEPT_OF_RUBBISH = 20
_WITHHELD_WORDS = frozenset(
    {
        "",
        "anonymous",
        "unknown",
        "withheld",
        "private",
        "restricted",
        "unavailable",
        "asterisk",
        "s",
        "<unknown>",
    }
)
_EXTENSION = re.compile(r"(?i)(?<=\d{7})(?:转|,|;|\*|ext\.?|x|p).*$|(?<=\d{7})-\d{1,5}$")
_SPACING = re.compile(r"[\s\-().·/]+")
_NUMBER = re.compile(r"\+?[0-9]+")

_MOBILE = re.compile(r"0?(1[3-9][0-9]{9})")
_AREA = r"(?:10|2[0-9]|[3-9][0-9]{2})"
_LANDLINE = re.compile(r"0?((?:10|2[0-9])[2-8][0-9]{7}|[3-9][0-9]{2}[2-8][0-9]{6,7})")
_LOCAL = re.compile(r"[2-8][0-9]{6,7}")
_SERVICE = re.compile(r"0?([48]00[0-9]{7})")
_PREMIUM = re.compile(rf"(?:0{_AREA})?16[08][0-9]{{5}}")
_EMERGENCY = re.compile(rf"(?:0{_AREA})?(?:110|119|12[02])")
_SHORT = re.compile(rf"(?:0{_AREA})?(?:1[0-9]{{2,5}}|9[56][0-9]{{3,6}}|106[0-9]{{5,17}})|[1-9][0-9]{{2,5}}")
_WITH_COUNTRY = re.compile(rf"86(1[3-9][0-9]{{9}}|0?{_AREA}[2-8][0-9]{{6,7}})")


def is_emergency(digits: str) -> bool:
    """110, 119, 120 or 122, with or without an area code."""
    return _EMERGENCY.fullmatch(digits) is not None


def normalise(raw: str | None, *, area_code: str, strip_prefixes: Sequence[str] = ()) -> PhoneNumber:
    """The one canonical form of what a trunk gave us; never raises, whatever stands in `raw`.

    `area_code` ("0351") completes local numbers; of `strip_prefixes` the longest that fits is cut once.
    """
    text = unicodedata.normalize("NFKC", (raw or "")[: _LONGEST_RAW + 1]).strip()
    if text.casefold() in _WITHHELD_WORDS:
        return WITHHELD_NUMBER
    cleaned = _SPACING.sub("", _EXTENSION.sub("", text))
    if len(text) > _LONGEST_RAW or _NUMBER.fullmatch(cleaned) is None:
        return PhoneNumber("".join(re.findall(r"[0-9]", text))[:_KEPT_OF_RUBBISH], NumberKind.INVALID)
    return _classify(_without_prefix(cleaned, strip_prefixes), area_code)


def mask(number: PhoneNumber) -> str:
    """What lists and logs show: enough to recognise a number, not enough to ring it."""
    match number.kind:
        case NumberKind.WITHHELD:
            return "withheld"
        case NumberKind.INVALID:
            return "invalid"
        case NumberKind.MOBILE:
            plain = national(number)
            return f"{plain[:3]}****{plain[-4:]}"
        case NumberKind.LANDLINE:
            plain = national(number)
            return f"{plain[: _area_length(plain)]}****{plain[-2:]}"
        case NumberKind.FOREIGN:
            return f"+{_country_code(number.digits)}*****{number.digits[-2:]}"
        case _:
            return number.digits


def national(number: PhoneNumber) -> str:
    """What is dialled inside the country: `13800138000`, `03511234567`, `0014155550123`, `12315`."""
    match number.kind:
        case NumberKind.MOBILE:
            return number.digits.removeprefix("+86")
        case NumberKind.LANDLINE:
            return "0" + number.digits.removeprefix("+86")
        case NumberKind.FOREIGN:
            return "00" + number.digits.removeprefix("+")
        case _:
            return number.digits


def is_rung_back(kind: NumberKind) -> bool:
    """Only a mobile or a landline can be a citizen's own telephone that it costs nobody much to ring."""
    return kind in (NumberKind.MOBILE, NumberKind.LANDLINE)


def _without_prefix(digits: str, prefixes: Sequence[str]) -> str:
    for prefix in sorted(filter(None, prefixes), key=len, reverse=True):
        if digits.startswith(prefix) and len(digits) > len(prefix):
            return digits.removeprefix(prefix)
    return digits


def _classify(digits: str, area_code: str) -> PhoneNumber:
    international = digits if digits.startswith("+") else ""
    if digits.startswith("00"):
        international = "+" + digits[2:]
    if international:
        return _international(international, area_code)
    with_country = _WITH_COUNTRY.fullmatch(digits)
    if with_country:
        return _domestic(with_country[1], area_code, is_whole=True)
    return _domestic(digits, area_code)


def _international(digits: str, area_code: str) -> PhoneNumber:
    if digits.startswith("+86"):
        return _domestic(digits.removeprefix("+86"), area_code, is_whole=True)
    if _is_foreign(digits, strictly=True):
        return PhoneNumber(digits, NumberKind.FOREIGN)
    at_home = _domestic(digits.removeprefix("+"), area_code)  # a trunk that puts + before everything
    if is_rung_back(at_home.kind):
        return at_home
    if _is_foreign(digits, strictly=False):
        return PhoneNumber(digits, NumberKind.FOREIGN)
    return PhoneNumber(digits.removeprefix("+")[:_KEPT_OF_RUBBISH], NumberKind.INVALID)


def _domestic(digits: str, area_code: str, *, is_whole: bool = False) -> PhoneNumber:
    """`is_whole`: a country code stood before it, so 106… is Beijing and a number there, not a sender of messages."""
    own_area = digits.removeprefix(area_code) if area_code else digits
    if found := _MOBILE.fullmatch(digits):
        return PhoneNumber("+86" + found[1], NumberKind.MOBILE)
    if found := _SERVICE.fullmatch(digits):
        return PhoneNumber(found[1], NumberKind.SERVICE)
    if _EMERGENCY.fullmatch(digits):
        return PhoneNumber(own_area, NumberKind.EMERGENCY)
    if _PREMIUM.fullmatch(digits):
        return PhoneNumber(own_area, NumberKind.PREMIUM)
    landline = _LANDLINE.fullmatch(digits)
    if is_whole and landline:
        return PhoneNumber("+86" + landline[1], NumberKind.LANDLINE)
    if _SHORT.fullmatch(digits):
        return PhoneNumber(own_area, NumberKind.SHORT)
    if _LOCAL.fullmatch(digits) and _LANDLINE.fullmatch(area_code + digits):
        return PhoneNumber("+86" + area_code.removeprefix("0") + digits, NumberKind.LANDLINE)
    if landline:
        return PhoneNumber("+86" + landline[1], NumberKind.LANDLINE)
    return PhoneNumber(digits[:_KEPT_OF_RUBBISH], NumberKind.INVALID)


def _is_foreign(digits: str, *, strictly: bool) -> bool:
    try:
        parsed = phonenumbers.parse(digits, None)
    except phonenumbers.NumberParseException:
        return False
    fits = phonenumbers.is_valid_number if strictly else phonenumbers.is_possible_number
    return bool(fits(parsed))


def _country_code(digits: str) -> str:
    try:
        return str(phonenumbers.parse(digits, None).country_code)
    except phonenumbers.NumberParseException:
        return ""


def _area_length(plain: str) -> int:
    return 3 if plain.startswith(("010", "02")) else 4
