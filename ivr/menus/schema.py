"""What a menu file may say: nodes by name, and where the walk begins.

A node type is a model here, one line in `Node`, and one function in ivr.menus.navigation.
"""

from typing import Annotated, Literal

from pydantic import Field

from ivr.plain_text import Label, Name, Written

ALL_KEYS = "0123456789*#"
Key = Annotated[str, Field(pattern=r"^[0-9*#]$")]
Prompts = Annotated[list[Name], Field(min_length=1, max_length=10)]


class Say(Written):
    """Plays prompts and goes on. A key pressed meanwhile counts in the menu that follows."""

    kind: Literal["say"]
    prompts: Prompts
    interruptible: bool = False
    next: Name


class NoKey(Written):
    """What happens if the caller presses nothing: the menu again so often, then on."""

    replays: Annotated[int, Field(ge=0, le=5)] = 0
    then: Name


class WrongKey(NoKey):
    """What happens on a key that the menu does not know."""

    replays: Annotated[int, Field(ge=0, le=5)] = 1
    prompts: list[Name] = Field(default_factory=list)
    """Played before the menu is played again, and not when it goes on."""


class KeyMenu(Written):
    """Plays prompts and waits for one key."""

    kind: Literal["menu"]
    prompts: Prompts
    interruptible: bool = True
    wait_seconds: Annotated[int, Field(ge=1, le=30)] = 5
    keys: Annotated[dict[Key, Name], Field(min_length=1)]
    no_key: NoKey
    wrong_key: WrongKey


class Queue(Written):
    """Hands the caller to a queue; without `queue`, to the default queue of the number called."""

    kind: Literal["queue"]
    queue: Name | None = None
    category: Name | None = None
    """Category code for the ticket, known from the key that was pressed."""


class HangUp(Written):
    """Ends the call, after its prompts."""

    kind: Literal["hang_up"]
    prompts: list[Name] = Field(default_factory=list)


Node = Annotated[Say | KeyMenu | Queue | HangUp, Field(discriminator="kind")]


class MenuFile(Written):
    label: Label | None = None
    start: Name
    nodes: Annotated[dict[Name, Node], Field(min_length=1, max_length=1000)]
