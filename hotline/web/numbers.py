"""A citizen's number at the door of the API: searched by its digest, shown masked, never logged."""

import re
from typing import Final

from hotline.bootstrap import Hotline
from vocabulary.errors import HotlineError
from vocabulary.phone_numbers import NumberKind, mask

_PLUS = r"(?:\+?86[\s-]?|0(?=1))?"
_GAP = r"[\s.·-]?"
_TYPED_NUMBER: Final = re.compile(
    rf"(?<!\d)(?:{_PLUS}1[3-9](?:{_GAP}\d){{9}}"  # a mobile
    rf"|{_PLUS}[(（]?0?(?:10|2\d|[3-9]\d\d)[)）]?{_GAP}[2-8]\d{{2,3}}{_GAP}\d{{4}}"  # a landline with its area
    rf"|[2-8]\d{{2,3}}[\s-]?\d{{4}})(?!\d)"  # a landline here
)
_DATE: Final = re.compile(r"20\d\d-?[01]\d-?[0-3]\d")
_BRACKETS: Final = str.maketrans("", "", "（）")
_PLAIN_DIGITS: Final = str.maketrans("０１２３４５６７８９", "0123456789")
_TELEPHONES: Final = frozenset({NumberKind.MOBILE, NumberKind.LANDLINE})


class NotANumber(HotlineError):
    """What was given cannot be a phone number; it is not repeated."""

    def __init__(self) -> None:
        super().__init__("this is not a phone number")


class NumberIsWithheld(HotlineError):
    """The call came without a number."""

    def __init__(self, call_id: str) -> None:
        super().__init__(f"call {call_id} came without a number")
        self.call_id = call_id


def digest_of(hotline: Hotline, raw: str) -> str:
    """The keyed hash under which records of this number are found. Raises NotANumber."""
    number = hotline.running.number_of(raw, None)
    if not number.digits or number.kind is NumberKind.INVALID:
        raise NotANumber
    return hotline.sealer.digest(number.digits)


def mask_text(hotline: Hotline, raw: str) -> str:
    """Masked if it can be a citizen's number; extensions, queues and other words stay."""
    if sum(character.isdigit() for character in raw) < 7:
        return raw
    return mask(hotline.running.number_of(raw, None))


def mask_prose(hotline: Hotline, text: str) -> str:
    """Masked wherever a person typed what looks like a mobile or a landline; a date is none.
    Full-width digits become plain ones."""
    return _TYPED_NUMBER.sub(
        lambda found: _masked_if_telephone(hotline, found[0]), text.translate(_PLAIN_DIGITS)
    )


def _masked_if_telephone(hotline: Hotline, raw: str) -> str:
    number = hotline.running.number_of(raw.translate(_BRACKETS), None)
    return mask(number) if number.kind in _TELEPHONES and not _DATE.fullmatch(raw) else raw
