"""English text as espeak-ng shall read it: dates, times, amounts and telephone numbers as people say them. Pure."""

import re
from typing import Final

MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_SIGNS: Final = {"#": " hash ", "*": " star "}
_COUNTED: Final = re.compile(
    r"\s*(yuan|minutes?|seconds?|hours?|days?|weeks?|months?|years?|people|callers?|metres?|km|%)"
)
_YEAR_BEFORE: Final = re.compile(rf"\b(in|since|year|of|{'|'.join(MONTHS)})( \d{{1,2}},?)? $")
_NUMBER: Final = re.compile(
    r"(?P<date>(?:19|20)\d\d([-/])(?:0?[1-9]|1[0-2])\2\d{1,2})(?!\d)"
    r"|(?P<clock>\b[0-2]?\d:[0-5]\d)(?!\d)"
    r"|[￥¥]\s*(?P<money>\d[\d,]*(?:\.\d+)?)"
    r"|(?P<grouped>\b\d{1,3}(?:,\d{3})+(?:\.\d+)?)"
    r"|(?P<abroad>\+\d{1,3}(?:[- ]?\d+)+)"
    r"|\b\d{3,}(?:-\d+)*\b(?!\.\d)"
    r"|(?P<sign>[#*])"
)


def english_words(text: str) -> str:
    """Hotline and telephone numbers digit by digit; what espeak-ng would take for markup is left out."""
    plain = re.sub(r"[\[\]<>{}|\\]", " ", text)
    return _NUMBER.sub(lambda found: _said(found, plain[: found.start()], plain[found.end() :]), plain)


def _said(found: re.Match[str], before: str, after: str) -> str:
    written = found.group()
    if found["date"]:
        year, month, day = (int(part) for part in re.split("[-/]", written))
        return f"{day} {MONTHS[month - 1]} {year}"
    if found["clock"]:
        return _clock(written)
    if found["money"]:
        return f"{_amount(found['money'])} yuan"
    if found["grouped"]:
        return _amount(written) if after.lstrip().startswith("yuan") else written.replace(",", "")
    if found["sign"]:
        return _SIGNS[written]
    if _COUNTED.match(after) or (len(written) == 4 and _YEAR_BEFORE.search(before)):
        return written
    # a pause between the groups of a telephone number, as people make it
    return " , ".join(" ".join(group) for group in re.findall(r"\d+", written))


def _clock(written: str) -> str:
    hours, minutes = (int(part) for part in written.split(":"))
    if minutes == 0:
        return f"{hours} o'clock"
    return f"{hours} oh {minutes}" if minutes < 10 else f"{hours} {minutes}"


def _amount(digits: str) -> str:
    plain = digits.replace(",", "")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain
