"""What every node type is: a model of what an admin writes, and two pure functions that say what the caller meets."""

from abc import abstractmethod
from collections.abc import Collection
from functools import cached_property
from typing import ClassVar, get_args

from ivr.lines import Language
from ivr.menus.facts import Emergencies, Facts
from ivr.menus.references import Path, Reference, references
from ivr.menus.steps import Asking, Following, Place, Wanted
from ivr.plain_text import Written


class Node(Written):
    """A subclass has a `kind` of its own (a Literal), fields whose types say what they refer to (ivr.menus.references),
    an example, and one line in ivr.menus.nodes. Nothing else in the program names it."""

    EXAMPLE: ClassVar[str]
    """One node of this type as YAML, for the docs page; a test reads it."""
    REACHES_A_PERSON: ClassVar[bool] = False
    TAKES_A_KEY: ClassVar[bool] = False
    """The caller chooses by one key where he goes on."""
    LEADS_BY_WHAT_IS_KNOWN: ClassVar[bool] = False
    """Not the caller chooses where he goes on: the hour, the queues, who he is."""
    TAKES_MESSAGES: ClassVar[bool] = False
    """A call may have the outcome voicemail by it, for which the rules need a word of their own."""
    STANDS_BEHIND_A_TRANSFER: ClassVar[bool] = False
    """It asks the caller nothing and stays in its file, so that what it does can be known before he is put through."""
    IS_GONE_ON_ANEW: ClassVar[bool] = False
    """Our server is asked again before the caller goes on from it, so behind it anything may stand, behind a transfer too."""
    PLAYS_BROADCASTS: ClassVar[bool] = False
    """A menu that comes by such a node has chosen where its callers hear a broadcast."""

    @property
    def spoken_behind(self) -> Language | None:
        """The language that callers hear behind this node; None: the same as before it."""
        return None

    @property
    def said_alike(self) -> tuple[tuple[str, ...], ...]:
        """Prompts of which the caller's digits choose one: whoever tries every way out hears one for all."""
        return ()

    @property
    def beside_the_paths(self) -> tuple[object, ...]:
        """What matters and is heard on no path that is tried: equal in two nodes that lead every caller alike."""
        return self.said_alike

    def alike(self, _step: Asking) -> str:
        """Keys of which the first stands for all, since they differ in nothing but what is kept and said back."""
        return ""

    @cached_property
    def named(self) -> tuple[Reference, ...]:
        """All that it names."""
        return tuple(references(type(self), self))

    @property
    def leads_to_default_queue(self) -> bool:
        """To that of the number called, whichever it is."""
        return False

    def may_be_held_up(self, marked: Emergencies) -> bool:
        """False: no broadcast is played before it, as where the caller is put through to 119."""
        return True

    @property
    def wanted(self) -> Wanted | None:
        """How callers shall wait in the queue that this node leads to; None: it leads to none."""
        return None

    def emergency_led_to(self, queues: Collection[str | None], transfers: Collection[str]) -> str | None:
        """What for emergencies this node leads to, in words; None: nothing. `queues` and `transfers`: those that are for
        emergencies, None among the queues if the number's default queue is."""
        return None

    def led_by(self, path: Path) -> str:
        """What leads by the way at that path, for a drawing: of keys → 1 the key, of no_key → then the first word, of a bare
        next nothing."""
        if len(path) == 1:
            return "" if path[0] == "next" else str(path[0])
        return str(path[-1] if path[-1] != "then" else path[-2])

    def decided(self, facts: Facts, at: Place) -> str | None:
        """By what the walk goes on from here where no caller chooses it, and why; None: he chooses, or there is one way."""
        return None

    def list_that_led(self, facts: Facts, at: Place) -> str | None:
        """The list of callers by which the walk goes on from here; None: by none."""
        return None

    @classmethod
    def kind_of(cls) -> str:
        """The word at `kind:` in a menu file."""
        return str(get_args(cls.model_fields["kind"].annotation)[0])

    @abstractmethod
    def enter(self, at: Place, key: str | None) -> Following:
        """The first step. `key` was pressed while the node before was played."""

    def answered(self, step: Asking, key: str | None) -> Following:
        """What follows when a step of this node was carried out and brought `key`: the same during prompts and after them."""
        raise NotImplementedError(f"{type(self).__name__} asks nothing")
