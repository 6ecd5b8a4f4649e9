"""A drawn menu as SVG, made here: a row for each layer, straight ways downwards, bowed ones back up."""

from html import escape
from typing import Final

from ivr.menus.drawing import Drawing, DrawnNode, DrawnWay

_WIDTH: Final = 170
_HEIGHT: Final = 54
_BESIDE: Final = 40
_BELOW: Final = 70
_MARGIN: Final = 40
_MOST_LETTERS: Final = 24
_STYLE: Final = (
    "text{font-family:sans-serif;font-size:12px;text-anchor:middle;fill:#222}"
    ".name{font-weight:bold}.by{font-size:11px;fill:#0050b3;stroke:#fff;stroke-width:3px;paint-order:stroke}"
    "rect{fill:#fff;stroke:#555}.person{fill:#e6f4ea;stroke:#1e7e34}.lost{fill:#fdecea;stroke:#b71c1c}"
    "path{fill:none;stroke:#777}"
)


def svg(drawn: Drawing, title: str) -> str:
    """A whole SVG file. Nodes that no way leads to stand in the last row, marked."""
    places = _places(drawn)
    width = max(x for x, _ in places.values()) + _WIDTH + 2 * _MARGIN
    height = max(y for _, y in places.values()) + _HEIGHT + _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0,0 L8,4 L0,8 z" style="fill:#777"/></marker></defs>',
    ]
    ways = [_way(way, places, index) for index, way in enumerate(drawn.ways)]
    parts += [line for line, _ in ways]
    parts += [_box(node, *places[node.name]) for node in drawn.nodes]
    parts += [label for _, label in ways if label]  # above the boxes, so that each can be read
    return "\n".join([*parts, "</svg>"]) + "\n"


def _places(drawn: Drawing) -> dict[str, tuple[int, int]]:
    """The upper left corner of each box."""
    last = max(node.layer or 0 for node in drawn.nodes)
    rows: dict[int, list[str]] = {}
    for node in drawn.nodes:
        rows.setdefault(last + 1 if node.layer is None else node.layer, []).append(node.name)
    widest = max(len(names) for names in rows.values())
    places: dict[str, tuple[int, int]] = {}
    for row, names in rows.items():
        left = _MARGIN + (widest - len(names)) * (_WIDTH + _BESIDE) // 2
        for column, name in enumerate(names):
            places[name] = (left + column * (_WIDTH + _BESIDE), _MARGIN // 2 + row * (_HEIGHT + _BELOW))
    return places


def _box(node: DrawnNode, x: int, y: int) -> str:
    look = "person" if node.reaches_a_person else "lost" if node.layer is None else "plain"
    below = _cut(f"{node.kind} {node.words}".strip())
    middle = x + _WIDTH // 2
    return (
        f'<rect class="{look}" x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="6"/>'
        f'<text class="name" x="{middle}" y="{y + 22}">{escape(_cut(node.name))}</text>'
        f'<text x="{middle}" y="{y + 40}">{escape(below)}</text>'
    )


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_LETTERS else text[: _MOST_LETTERS - 1] + "…"


def _way(way: DrawnWay, places: dict[str, tuple[int, int]], index: int) -> tuple[str, str]:
    """The line and its label."""
    (x1, y1), (x2, y2) = places[way.start], places[way.end]
    if y2 > y1:
        start, end = (x1 + _WIDTH // 2, y1 + _HEIGHT), (x2 + _WIDTH // 2, y2)
        line = f"M{start[0]},{start[1]} L{end[0]},{end[1]}"
        at = (start[0] + (end[0] - start[0]) // 3, start[1] + (end[1] - start[1]) // 3 + 4)
    else:  # back up, beside, or to itself: a bow to the right, each a little wider than the last
        start, end = (x1 + _WIDTH, y1 + _HEIGHT // 2), (x2 + _WIDTH, y2 + _HEIGHT // 2 - 8)
        out = max(start[0], end[0]) + _BESIDE // 2 + index % 4 * 4
        line = f"M{start[0]},{start[1]} C{out},{start[1] + 14} {out},{end[1] - 14} {end[0]},{end[1]}"
        at = (out, (start[1] + end[1]) // 2)
    whole = (
        f"<title>{escape(way.by)}</title>" if len(way.by) > _MOST_LETTERS else ""
    )  # shown under the pointer
    label = f'<text class="by" x="{at[0]}" y="{at[1]}">{escape(_cut(way.by))}{whole}</text>' if way.by else ""
    return f'<path d="{line}" marker-end="url(#tip)"/>', label
