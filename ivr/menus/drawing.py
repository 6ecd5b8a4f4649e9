"""A menu as a picture: its nodes, the ways between them by what leads there, layer by layer from the start; as Mermaid text.

The ways are those that the nodes' own types tell (ivr.menus.graph.ways), so that a new node type is drawn unasked.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ivr.menus.graph import ways
from ivr.menus.menu_file import MenuFile
from ivr.menus.node import Node


@dataclass(frozen=True)
class DrawnNode:
    """`words`: the node's kind and what it names besides other nodes. `layer`: steps from the start; None: no way leads here."""

    name: str
    kind: str
    words: str
    layer: int | None
    reaches_a_person: bool


@dataclass(frozen=True)
class DrawnWay:
    """`by`: what leads there, such as 1 3 or no_key, or `case 1: hours: office; else`; empty where there is no choice."""

    start: str
    end: str
    by: str


@dataclass(frozen=True)
class Drawing:
    start: str
    nodes: tuple[DrawnNode, ...]
    ways: tuple[DrawnWay, ...]


def drawing(menu: MenuFile) -> Drawing:
    """In the order of the file."""
    layers = _layers(menu)
    nodes = tuple(
        DrawnNode(name, node.kind_of(), _words(node), layers.get(name), node.REACHES_A_PERSON)
        for name, node in menu.nodes.items()
    )
    return Drawing(menu.start, nodes, tuple(_ways(menu)))


def _layers(menu: MenuFile) -> dict[str, int]:
    layers, layer, depth = {menu.start: 0}, [menu.start], 0
    while layer:
        depth += 1
        following = dict.fromkeys(str(way.name) for name in layer for way in ways(menu.nodes[name]))
        layer = [name for name in following if name not in layers]
        layers |= dict.fromkeys(layer, depth)
    return layers


def _words(node: Node) -> str:
    named = [str(one.name) for one in node.named if one.refers.to != "node"]
    return " ".join(dict.fromkeys(named))


def _ways(menu: MenuFile) -> Iterator[DrawnWay]:
    for name, node in menu.nodes.items():
        by: dict[str, list[str]] = {}
        for way in ways(node):
            by.setdefault(str(way.name), []).append(node.led_by(way.path))
        for end, choices in by.items():
            words = list(filter(None, choices))
            between = "; " if any(" " in one for one in words) else " "
            yield DrawnWay(name, end, between.join(words))


def mermaid(drawn: Drawing) -> str:
    """A flowchart for any viewer of Mermaid. Names are checked words; quotes cannot stand in them."""
    ids = {node.name: f"n{index}" for index, node in enumerate(drawn.nodes)}
    lines = ["flowchart TD", f"    begin(( )) --> {ids[drawn.start]}"]
    for node in drawn.nodes:
        opening, closing = ("([", "])") if node.reaches_a_person else ("[", "]")
        words = f"<br/>{node.words}" if node.words else ""
        lines.append(f'    {ids[node.name]}{opening}"<b>{node.name}</b><br/>{node.kind}{words}"{closing}')
    for way in drawn.ways:
        label = f'|"{_escaped(way.by)}"|' if way.by else ""
        lines.append(f"    {ids[way.start]} -->{label} {ids[way.end]}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    """Signs that Mermaid would read: a bare # begins a character's number, a * is bold, a quote ends the label, < a tag."""
    escaped = text.replace("#", "#35;").replace("*", "#42;")
    return escaped.replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")
