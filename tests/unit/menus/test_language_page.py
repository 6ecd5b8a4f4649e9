"""The page of the menu language and its JSON Schema say what the models say."""

import json
from pathlib import Path

import pytest

from ivr.config_files.reader import read
from ivr.config_files.schema_words import validated
from ivr.menus.graph import faults
from ivr.menus.language_page import WHOLE, language_page, menu_schema
from ivr.menus.menu_file import MenuFile
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
    assert "| `end_key` | text as `[0-9*#]` | nothing |" in page
    assert "| `failed.prompts` | list of *prompt* | `[technical_fault]` |" in page
    assert "too long or said to be wrong | must be there |" in page


def test_the_page_begins_with_a_whole_menu_without_a_fault_and_every_kind_in_a_line():
    page = language_page()
    assert f"```yaml\n{WHOLE}```\n" in page
    menu, problems = validated(MenuFile, read("menus/main.yaml", WHOLE.encode()))
    assert problems == []
    assert menu is not None
    assert faults(menu) == []
    lines = [line for line in page.splitlines() if line.startswith("| [`")]
    assert [line.split("`")[1] for line in lines] == [model.kind_of() for model in NODE_TYPES]
    assert lines[0] == "| [`say`](#say) | Plays prompts and goes on |"


def test_the_schema_knows_every_kind_and_what_each_name_refers_to():
    schema = json.loads(json.dumps(menu_schema()))
    mapping = schema["properties"]["nodes"]["additionalProperties"]["discriminator"]["mapping"]
    assert set(mapping) == {model.kind_of() for model in NODE_TYPES}
    keys = schema["$defs"]["KeyMenu"]["properties"]["keys"]["patternProperties"]["^[0-9*#]$"]
    assert keys == {"type": "string", "x-refers-to": "node"}
    assert schema["properties"]["start"]["x-refers-to"] == "node"


def test_nothing_is_no_value_in_the_schema_as_it_is_none_in_the_check():
    schema = json.dumps(menu_schema())
    assert '"null"' not in schema
    assert '"default": null' not in schema
    failed = menu_schema()["$defs"]["NotReached"]["properties"]["then"]
    assert failed["x-refers-to"] == "node"
    assert failed["type"] == "string"
