"""A menu drawn: as Mermaid, and as SVG made here."""

from xml.etree import ElementTree

import pytest
from support.menu_nodes import choose

from ivr.menus.drawing import drawing, mermaid
from ivr.menus.menu_file import MenuFile
from ivr.menus.svg import svg

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def drawn():
    return drawing(
        MenuFile.model_validate(
            {
                "start": "welcome",
                "nodes": {
                    "welcome": {"kind": "say", "prompts": ["greeting"], "next": "m"},
                    "m": choose({"1": "q", "*": "welcome", "#": "m"}, "q", "m"),
                    "q": {"kind": "queue", "queue": "heating"},
                    "lost": {"kind": "hang_up"},
                },
            }
        )
    )


def test_nodes_stand_in_layers_from_the_start(drawn):
    assert [(node.name, node.layer) for node in drawn.nodes] == [
        ("welcome", 0),
        ("m", 1),
        ("q", 2),
        ("lost", None),
    ]


def test_ways_say_what_leads_there(drawn):
    assert [(way.start, way.end, way.by) for way in drawn.ways] == [
        ("welcome", "m", ""),
        ("m", "q", "1 no_key"),
        ("m", "welcome", "*"),
        ("m", "m", "# wrong_key"),
    ]


def test_a_branch_says_what_leads_where():
    cases = [
        {"when": {"hours": "office", "withheld": False}, "then": "q"},
        {"when": {"value": {"name": "HOTLINE_TRUNK", "one_of": ['a"<b>']}}, "then": "lost"},
        {"when": {"holiday": True}, "then": "q"},
        {"when": {"repeat_caller": True}, "then": "lost"},
    ]
    nodes = {
        "b": {"kind": "branch", "cases": cases, "else": "lost"},
        "q": {"kind": "queue"},
        "lost": {"kind": "queue"},
    }
    drawn = drawing(MenuFile.model_validate({"start": "b", "nodes": nodes}))
    to_lost = 'case 2: value: {name: HOTLINE_TRUNK, one_of: [a"<b>]}; case 4: repeat_caller: true; else'
    assert [(way.end, way.by) for way in drawn.ways] == [
        ("q", "case 1: hours: office, withheld: false; case 3: holiday: true"),
        ("lost", to_lost),
    ]
    assert '|"case 2: value: {name: HOTLINE_TRUNK, one_of: [a#quot;#lt;b#gt;]}; case 4:' in mermaid(drawn)
    titles = [
        title.text for text in ElementTree.fromstring(svg(drawn, "m")).iter(f"{SVG}text") for title in text
    ]
    assert to_lost in titles, "what is cut is whole under the pointer"


def test_mermaid_has_every_node_and_way(drawn):
    assert (
        mermaid(drawn)
        == """\
flowchart TD
    begin(( )) --> n0
    n0["<b>welcome</b><br/>say<br/>greeting"]
    n1["<b>m</b><br/>menu<br/>a"]
    n2(["<b>q</b><br/>queue<br/>heating"])
    n3["<b>lost</b><br/>hang_up"]
    n0 --> n1
    n1 -->|"1 no_key"| n2
    n1 -->|"#42;"| n0
    n1 -->|"#35; wrong_key"| n1
"""
    )


def test_the_picture_has_every_node_and_way_and_none_covers_another(drawn):
    root = ElementTree.fromstring(svg(drawn, "main <1>"))
    boxes = [
        {key: int(box.get(key)) for key in ("x", "y", "width", "height")} for box in root.iter(f"{SVG}rect")
    ]
    assert len(boxes) == 4
    assert len([path for path in root.findall(f"{SVG}path")]) == 4
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert [
        name for name in ("welcome", "m", "q", "lost", "1 no_key", "*", "# wrong_key") if name not in texts
    ] == []
    for n, one in enumerate(boxes):
        assert one["x"] >= 0
        assert one["x"] + one["width"] <= int(root.get("width"))
        assert one["y"] >= 0
        assert one["y"] + one["height"] <= int(root.get("height"))
        for other in boxes[:n]:
            beside = one["x"] >= other["x"] + other["width"] or other["x"] >= one["x"] + one["width"]
            below = one["y"] >= other["y"] + other["height"] or other["y"] >= one["y"] + one["height"]
            assert beside or below


def test_a_thousand_nodes_are_drawn():
    nodes = {f"n{i}": {"kind": "say", "prompts": ["a"], "next": f"n{i + 1}"} for i in range(999)}
    menu = MenuFile.model_validate({"start": "n0", "nodes": nodes | {"n999": {"kind": "queue"}}})
    assert len(list(ElementTree.fromstring(svg(drawing(menu), "long")).iter(f"{SVG}rect"))) == 1000
