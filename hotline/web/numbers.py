"""A citizen's number at the door of the API: searched by its digest, shown masked, never logged."""

from hotline.bootstrap import Hotline
from vocabulary.errors import HotlineError
from vocabulary.phone_numbers import NumberKind, mask


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
