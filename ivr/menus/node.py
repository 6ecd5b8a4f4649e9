"""What every node type is: a model of what an admin writes, and two pure functions that say what the caller meets."""

from abc import abstractmethod
from typing import ClassVar, get_args

from ivr.lines import Language
from ivr.menus.steps import Asking, Following, Place
from ivr.plain_text import Written


class Node(Written):
    """A subclass has a `kind` of its own (a Literal), fields whose types say what they refer to (ivr.menus.references),
    an example, and one line in ivr.menus.nodes. Nothing else in the program names it."""

    EXAMPLE: ClassVar[str]
    """One node of this type as YAML, for the docs page; a test reads it."""
    REACHES_A_PERSON: ClassVar[bool] = False
    PLAYS_BROADCASTS: ClassVar[bool] = False
    """A menu that comes by such a node has chosen where its callers hear a broadcast."""
    MAY_BE_HELD_UP: ClassVar[bool] = True
    """False: no broadcast is played before it, as where the caller is put through to 119."""

    @property
    def spoken_behind(self) -> Language | None:
        """The language that callers hear behind this node; None: the same as before it."""
        return None

    @classmethod
    def kind_of(cls) -> str:
        """The word at `kind:` in a menu file."""
        return str(get_args(cls.model_fields["kind"].annotation)[0])

    @abstractmethod
    def enter(self, at: Place, key: str | None) -> Following:
        """The first step. `key` was pressed while the node before was played."""

    def answered(self, step: Asking, key: str | None) -> Following:
        """What follows when a step of this node was carried out and brought `key`."""
        raise NotImplementedError(f"{type(self).__name__} asks nothing")
