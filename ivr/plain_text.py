"""What an admin may write into a config file: the ground of every schema, and names, labels, digits, plans.

Used by every schema of the config files, before any call. Whatever reaches Asterisk's files passes one of
these first; the templates escape once more.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict
from pydantic_core import PydanticCustomError

from vocabulary.number_plans import BadNumberPlan, NumberPlan

_BREAKS_A_FILE: Final = (";", "[", "]", "${", "$[", "|", '"', "\\", "<", ">")
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
LONGEST_LABEL: Final = 60


def refusal(fault: str, remedy: str, *at: str | int) -> PydanticCustomError:
    """An error whose words reach the admin as they stand; `at` goes deeper into the refused value."""
    return PydanticCustomError("refused", "{fault}", {"fault": fault, "remedy": remedy, "at": at})


def refusals(found: Sequence[PydanticCustomError]) -> PydanticCustomError:
    """Several at once, each told by itself: a check of a whole value sees more than its first fault."""
    return PydanticCustomError("refused", "{fault}", {**(found[0].context or {}), "others": tuple(found[1:])})


class Written(BaseModel):
    """Something an admin wrote: unchangeable, and without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def invisible(text: str) -> str | None:
    """The first character that cannot be seen (newline, NUL, direction mark), named as U+000A, or None."""
    if text.isprintable():
        return None
    found = next((c for c in text if unicodedata.category(c) in _INVISIBLE), None)
    return None if found is None else f"U+{ord(found):04X}"


def _check_label(text: str) -> str:
    hidden = invisible(text)
    if hidden:
        raise refusal(
            f"has the invisible character {hidden}", "Write it on one line, without control characters."
        )
    for piece in _BREAKS_A_FILE:
        if piece in text:
            raise refusal(f"may not contain {piece}", "That would change Asterisk's files. Leave it out.")
    if text.startswith("#"):
        raise refusal("may not start with #", "That would be a command in Asterisk's files. Leave it out.")
    if text != text.strip() or not text:
        raise refusal("is empty or has blanks at an end", "Write some words, without blanks before or after.")
    if len(text) > LONGEST_LABEL:
        raise refusal(f"has {len(text)} characters", f"Keep it to {LONGEST_LABEL}.")
    return text


def _matching(pattern: str, remedy: str, *, may_be_secret: bool = False) -> AfterValidator:
    """`may_be_secret`: what was written is not repeated, since messages go to logs and screens."""
    compiled = re.compile(pattern, re.ASCII)

    def check(text: str) -> str:
        if compiled.fullmatch(text) is None:
            what = "what is written" if may_be_secret else shown(text)
            raise refusal(f"{what} cannot stand here", remedy)
        return text

    return AfterValidator(check)


def cleaned(text: str, longest: int = 200) -> str:
    """The text as it may stand in one line of a message: printable and not too long."""
    cut = text if len(text) <= longest else text[: longest - 3] + "..."
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in cut)


def shown(text: str) -> str:
    """The text in quotes, for a message."""
    return f'"{cleaned(text, 40)}"'


_ONE_NAME: Final = r"[a-z][a-z0-9_-]{0,39}"

Label = Annotated[str, AfterValidator(_check_label)]
Name = Annotated[str, _matching(_ONE_NAME, "Use small letters, digits, - and _, a letter first, at most 40.")]
MENU_NAME: Final = rf"{_ONE_NAME}(/{_ONE_NAME}){{0,3}}"
IS_MENU_NAME: Final = re.compile(MENU_NAME, re.ASCII)
MenuName = Annotated[
    str, _matching(MENU_NAME, "Write the file's name below menus/ without .yaml, such as main.")
]
Digits = Annotated[str, _matching(r"[0-9]{3,15}", "Write 3 to 15 digits and nothing else.")]
DigitsOrPlus = Annotated[
    str, _matching(r"\+?[0-9]{1,15}", "Write digits, with + in front if need be, at most 15.")
]
PrefixOut = Annotated[str, _matching(r"[0-9]{0,10}", "Write at most 10 digits, or leave it empty.")]
AreaCode = Annotated[str, _matching(r"0[1-9][0-9]{1,2}", "Write the area code with its 0, such as 0355.")]
AreaSix = Annotated[str, _matching(r"[1-9][0-9]{5}", "Write the six digits of the place, such as 140400.")]
Host = Annotated[
    str,
    _matching(
        r"(?!.*\.\.)[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?",
        "Write a host name or an IPv4 address, without port and without blanks.",
    ),
]
UserName = Annotated[
    str,
    _matching(r"[A-Za-z0-9+][A-Za-z0-9+._@-]{0,63}", "Use letters, digits and + . _ @ - only, at most 64."),
]
EnvironmentName = Annotated[
    str,
    _matching(
        r"[A-Z][A-Z0-9_]{0,63}",
        "Write the name of an environment variable, such as TRUNK_SECRET, never the secret.",
        may_be_secret=True,
    ),
]
SharedName = Annotated[
    str,
    _matching(r"HOTLINE_[A-Z][A-Z0-9_]{0,40}", "Write a name that the dialplan sets, such as HOTLINE_TRUNK."),
]
InputName = Annotated[
    str,
    _matching(
        r"HOTLINE_INPUT_[A-Z0-9_]{1,30}", "Write HOTLINE_INPUT_ and a name, such as HOTLINE_INPUT_METER."
    ),
]
FeatureCode = Annotated[
    str, _matching(r"\*[0-9]{1,4}", 'Write * and one to four digits in quotes, such as "*10".')
]


def _check_plan(plan: str) -> str:
    try:
        NumberPlan.compile(plan)
    except BadNumberPlan as bad:
        remedy = "Use digits, X (0-9), Z (1-9), N (2-9) and [3-9] only, such as 1[3-9]XXXXXXXXX."
        raise refusal(f"{shown(plan)} is no number plan: {bad.fault}", remedy) from bad
    return plan


Plan = Annotated[str, AfterValidator(_check_plan)]
