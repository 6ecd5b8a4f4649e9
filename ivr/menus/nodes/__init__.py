"""The node types. A new one is a file here and a line in NODE_TYPES."""

from typing import Final

from ivr.menus.node import Node
from ivr.menus.nodes.branch import Branch
from ivr.menus.nodes.broadcast import Broadcast
from ivr.menus.nodes.collect import Collect
from ivr.menus.nodes.goto import Goto
from ivr.menus.nodes.hang_up import HangUp
from ivr.menus.nodes.language import Speak
from ivr.menus.nodes.menu import KeyMenu
from ivr.menus.nodes.queue import Queue
from ivr.menus.nodes.say import Say
from ivr.menus.nodes.transfer import PutThrough
from ivr.menus.nodes.voicemail import Voicemail

NODE_TYPES: Final[tuple[type[Node], ...]] = (
    Say,
    KeyMenu,
    Queue,
    Collect,
    Branch,
    Voicemail,
    Speak,
    Broadcast,
    PutThrough,
    Goto,
    HangUp,
)
NODE_TYPE_OF: Final[dict[str, type[Node]]] = {model.kind_of(): model for model in NODE_TYPES}
"""By the word that stands at `kind:` in a menu file."""
