"""What a walk through a menu asks of the phone, one step at a time. Nothing here plays or listens."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, TypeAlias

from ivr.lines import Language
from ivr.menus.facts import Facts

ALL_KEYS: Final = "0123456789*#"


class Owed(StrEnum):
    """Where a caller hears the broadcast that was on when he called; NOTHING: none was, or he has heard it."""

    NOTHING = ""
    SOON = "soon"
    """Behind what he hears first, since his menu has no place for it."""
    IN_ITS_PLACE = "placed"
    """At a node `broadcast` of his menu; if his way comes by none, before he is led to a person."""


@dataclass(frozen=True)
class Place:
    """Where a walk stands, how often this node was repeated, and the way here: a menu and its nodes, as often as the
    walk came into another file."""

    walked: tuple[tuple[str, ...], ...]
    wrong_keys: int = 0
    silences: int = 0
    digits: str = ""
    """What the caller has typed so far at this node."""
    is_read_back: bool = False
    language: Language | None = None
    """None: that of the site."""
    kept: tuple[tuple[str, str], ...] = ()
    """Names and values of what the caller typed at nodes before. They may be anything, so they stand in no log."""
    owed: Owed = Owed.NOTHING
    is_told_before: bool = False
    """The broadcast is played here, before the node itself begins."""

    @property
    def menu(self) -> str:
        return self.walked[-1][0]

    @property
    def node(self) -> str:
        return self.walked[-1][-1]

    @property
    def length(self) -> int:
        """How many nodes were entered, repetitions of a menu not counted."""
        return sum(len(part) - 1 for part in self.walked)

    @property
    def nodes_walked(self) -> tuple[str, ...]:
        return tuple(node for part in self.walked for node in part[1:])

    @property
    def path(self) -> str:
        """Menu and nodes entered, such as main/greeting/person; // where another file begins: main/tax//tax/choose."""
        return "//".join("/".join(part) for part in self.walked)

    @property
    def bare(self) -> "Place":
        """This place without the way that led to it."""
        return replace(self, walked=((self.menu, self.node),)) if self.walked else self

    def entered(self, node: str) -> "Place":
        """On in the same menu."""
        return self._at((*self.walked[:-1], (*self.walked[-1], node)))

    def crossed(self, menu: str, node: str) -> "Place":
        """On in a menu, which may be the same again."""
        if self.walked and menu == self.menu:
            return self.entered(node)
        return self._at((*self.walked, (menu, node)))

    def _at(self, walked: tuple[tuple[str, ...], ...]) -> "Place":
        """What belongs to one node stays behind there."""
        return Place(walked, language=self.language, kept=self.kept, owed=self.owed)

    def hearing(self, key: str | None) -> "Place":
        """The broadcast is played here. A key pressed before is kept: it counts behind it."""
        return replace(self, owed=Owed.NOTHING, digits=key or "")

    def told(self, way: "GoOn") -> "Place":
        """With what a node leaves to those behind it."""
        kept = self.kept
        if way.kept:
            kept = (*(one for one in kept if one[0] != way.kept[0]), way.kept)
        return replace(self, kept=kept, language=way.language or self.language)


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
    kept: tuple[str, str] | None = None
    """A name and what the caller typed for it."""
    language: Language | None = None
    """Spoken from there on."""


@dataclass(frozen=True)
class GoTo:
    """On to where another menu starts, with the key that the caller pressed already."""

    menu: str
    key: str | None = None


@dataclass(frozen=True)
class Ask:
    """On by what is known now; asking may take a moment, the caller hears nothing of it."""

    answer: Callable[[Facts], "Following"]


Following: TypeAlias = Step | GoOn | GoTo | Ask
"""What a node answers."""
