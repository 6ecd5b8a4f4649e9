"""What a walk through a menu asks of the phone, one step at a time. Nothing here plays or listens."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Literal, TypeAlias

from ivr.lines import Language, OnOff
from ivr.menus.facts import Facts

ALL_KEYS: Final = "0123456789*#"

Result: TypeAlias = Literal["answered", "busy", "no_answer", "failed"]
"""What came of a transfer. busy: refused by whoever picks up there; failed: no trunk could carry it."""
RESULTS: Final[tuple[Result, ...]] = ("answered", "busy", "no_answer", "failed")


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
    pressed: str = ""
    """A key pressed before what is heard here: it counts behind it."""
    is_read_back: bool = False
    turns: int = 0
    """How often the caller has come back to the same question here by keys of his own; counted, so that it ends."""
    has_failed: bool = False
    """What this node is for cannot be done now, and the caller is told so."""
    came_of_it: str = ""
    """The Result of the transfer at this node, while the caller is told of it."""
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
        own = ((self.menu, self.node),) if self.walked else ()
        return self if own == self.walked else replace(self, walked=own)

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
        """The broadcast is played here."""
        return replace(self, owed=Owed.NOTHING, pressed=key or "")

    def told(self, way: "GoOn") -> "Place":
        """With what a node leaves to those behind it."""
        if way.kept is None and way.language is None:
            return self
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


RECORDED: Final = "recorded"
TOO_SHORT: Final = "too_short"
NOT_RECORDED: Final = "not_recorded"


@dataclass(frozen=True)
class Record:
    """Record what the caller says, after a tone: to one of `end_keys`, so many seconds of silence, or the longest; then ask
    again with RECORDED, with TOO_SHORT (shorter than `shortest`, or nothing but silence), or with NOT_RECORDED (a fault of
    ours). Who hangs up meanwhile has said what he said."""

    place: Place
    shortest: int
    longest: int
    silence: int
    end_keys: str


@dataclass(frozen=True)
class PlayRecorded:
    """Play to the caller what he said last, as long as `longest` seconds, stopping at a key of `keys`; then ask again with that
    key or None."""

    place: Place
    longest: int
    keys: str


@dataclass(frozen=True)
class Transfer:
    """Put the caller through to a destination of config/hotline.yaml; then ask again with the Result.

    All that may follow is asked before anybody is dialled, and stands on the channel: from then on the call needs no
    server of ours. So nothing behind it may ask for a key (ivr.menus.transfers).
    """

    place: Place
    to: str


@dataclass(frozen=True)
class Wanted:
    """How a caller shall wait; None: as the queue has it. Which queue he comes to by it is said in ivr.lines."""

    language: Language | None = None
    """Of the agents. One that he chose before is wanted without being named here."""
    skill: str | None = None
    priority: str | None = None
    """A class of config/hotline.yaml; None: that which he has already, or none."""
    announcements: OnOff | None = None
    longest_wait: int | None = None
    """Seconds."""


@dataclass(frozen=True)
class ToQueue:
    """The walk ends in a queue; None means the default queue of the number called."""

    place: Place
    queue: str | None
    category: str | None = None
    wanted: Wanted = Wanted()


NOT_SERVED: Final = "not_served"


@dataclass(frozen=True)
class WaitInLine(ToQueue):
    """The same, and whom nobody served within `longest_wait`, or whom the queue did not take (nobody signed in, full), is
    asked again with NOT_SERVED. Who is served never comes back; while our server is away nobody is asked."""


@dataclass(frozen=True)
class EndCall:
    """The walk ends with these prompts and a hang-up."""

    place: Place
    prompts: tuple[str, ...]


Step: TypeAlias = Play | WaitKey | Record | PlayRecorded | Transfer | ToQueue | EndCall
Asking: TypeAlias = Play | WaitKey | Record | PlayRecorded | Transfer | WaitInLine
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
    """On by what is known now; asking may take a moment, the caller hears nothing of it.

    `ways`: all that may be answered where some of it is not known, each by the words of what leads there; None: only
    what is answered.
    """

    answer: Callable[[Facts], "Following"]
    ways: Callable[[Facts], tuple[tuple[str, GoOn], ...]] | None = None


@dataclass(frozen=True)
class Fork:
    """Where the walk may go on in several ways that no key decides. Met by who tries every way out, never by a caller.
    `has_heard`: something was said to the caller before it."""

    place: Place
    ways: tuple[tuple[str, GoOn], ...]
    has_heard: bool = True

    def way(self, words: str) -> GoOn:
        """The last one leads on whatever else is not so."""
        return next((way for told, way in self.ways if told == words), self.ways[-1][1])


Moment: TypeAlias = Step | Fork


Following: TypeAlias = Step | GoOn | GoTo | Ask
"""What a node answers."""
