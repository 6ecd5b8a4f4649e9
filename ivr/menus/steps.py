"""What a walk through a menu asks of the phone, one step at a time. Nothing here plays or listens."""

from dataclasses import dataclass
from typing import Final, TypeAlias

ALL_KEYS: Final = "0123456789*#"


@dataclass(frozen=True)
class Place:
    """Where a walk stands, how often this node was repeated, and the way here."""

    node: str
    nodes_walked: tuple[str, ...]
    wrong_keys: int = 0
    silences: int = 0

    @property
    def path(self) -> str:
        """The nodes entered, such as greeting/person."""
        return "/".join(self.nodes_walked)


@dataclass(frozen=True)
class Play:
    """Play the prompts in order, stopping at a key of `keys`; then ask again with that key or None."""

    place: Place
    prompts: tuple[str, ...]
    keys: str


@dataclass(frozen=True)
class WaitKey:
    """Listen so long for one key; then ask again with that key or None."""

    place: Place
    seconds: int


@dataclass(frozen=True)
class ToQueue:
    """The walk ends in a queue; None means the default queue of the number called."""

    place: Place
    queue: str | None
    category: str | None = None


@dataclass(frozen=True)
class EndCall:
    """The walk ends with these prompts and a hang-up."""

    place: Place
    prompts: tuple[str, ...]


Step: TypeAlias = Play | WaitKey | ToQueue | EndCall
Asking: TypeAlias = Play | WaitKey
"""Steps that bring an answer; the others end the walk."""


@dataclass(frozen=True)
class GoOn:
    """On to another node of the same menu, with the key that the caller pressed already."""

    node: str
    key: str | None = None
