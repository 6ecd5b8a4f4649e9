"""The page of the menu language and its JSON Schema say what the models say."""

import json
from pathlib import Path

import pytest

from ivr.menus.language_page import language_page, menu_schema
from ivr.menus.nodes import NODE_TYPES

ROOT = Path(__file__).parents[3]


def test_the_page_is_what_the_models_write():
    assert (ROOT / "docs" / "menus.md").read_text("utf-8") == language_page(), (
        "run: python -m ivr.menus.language_page > docs/menus.md"
    )


@pytest.mark.parametrize("model", NODE_TYPES, ids=lambda model: model.kind_of())
def test_each_kind_of_node_has_its_section_with_every_key(model):
    section = language_page().split(f"## `{model.kind_of()}`\n")[1].split("\n## ")[0]
    assert model.EXAMPLE.strip() in section
    fields = {field.alias or name for name, field in model.model_fields.items()} - {"kind"}
    assert [name for name in sorted(fields) if f"| `{name}` |" not in section] == []
    assert "any value" not in section


def test_bounds_and_defaults_stand_in_the_table():
    page = language_page()
    assert "| `wait_seconds` | whole number, 1 to 30 | `5` |" in page
    assert "| `no_key.then` | *node* | must be there |" in page
    assert "| `keys` | group: a key as `[0-9*#]` → *node*, at least 1 | must be there |" in page
    assert "| `interruptible` | true or false | `false` |" in page


def test_the_schema_knows_every_kind_and_what_each_name_refers_to():
    schema = json.loads(json.dumps(menu_schema()))
    mapping = schema["properties"]["nodes"]["additionalProperties"]["discriminator"]["mapping"]
    assert set(mapping) == {model.kind_of() for model in NODE_TYPES}
    keys = schema["$defs"]["KeyMenu"]["properties"]["keys"]["patternProperties"]["^[0-9*#]$"]
    assert keys == {"type": "string", "x-refers-to": "node"}
    assert schema["properties"]["start"]["x-refers-to"] == "node"
