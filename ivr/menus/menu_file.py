"""What a menu file may say: nodes by name, and where the walk begins."""

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from ivr.menus.node import Node
from ivr.menus.nodes import NODE_TYPES
from ivr.menus.references import NodeName
from ivr.plain_text import Label, Name, Written

if TYPE_CHECKING:
    AnyNode = Node
else:
    AnyNode = Annotated[reduce(or_, NODE_TYPES), Field(discriminator="kind")]


class MenuFile(Written):
    label: Label | None = None
    start: NodeName
    nodes: Annotated[dict[Name, AnyNode], Field(min_length=1, max_length=1000)]
