"""The menu language as a page and as a JSON Schema, both written by the models, so that neither can say what is not so.

python -m ivr.menus.language_page > docs/menus.md
"""

import sys
from collections.abc import Iterator
from typing import Any, Final

from ivr.menus.menu_file import MenuFile
from ivr.menus.node import Node
from ivr.menus.nodes import NODE_TYPES

_DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
_HEAD: Final = """\
# The menu language 语音导航

What may stand in a file below `config/menus/`. This page is written by the program's own models
(`python -m ivr.menus.language_page`), and a test holds it to them; `hotline menus schema` prints the same as a JSON Schema.

    hotline check                              # every problem at once, with line and remedy
    hotline menus simulate main --keys 1,,9    # walk it without a phone
    hotline menus simulate main --explore      # every path, with its worst seconds
    hotline menus graph main --svg             # draw it

A menu file has a `label` (left out if need be), the node at which a call begins (`start`), and `nodes` by name. A node's
`kind` says what it does. Names are small letters, digits, - and _, a letter first. In the tables, *prompt* is a name from
`config/prompts.yaml`, *queue* one from `config/hotline.yaml`, *category* a code from `config/codes.yaml`,
*transfer* a name below `transfers` in `config/hotline.yaml`, *node* another node of the file.
"""
_DEEPEST: Final = 3
_KINDS: Final = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}


def menu_schema() -> dict[str, Any]:
    """The JSON Schema of a menu file. `x-refers-to` beside a text: what it must be the name of."""
    return {"$schema": _DRAFT, **MenuFile.model_json_schema(by_alias=True)}


def language_page() -> str:
    """docs/menus.md."""
    return "\n".join([_HEAD, *(line for model in NODE_TYPES for line in _section(model))])


def _section(model: type[Node]) -> Iterator[str]:
    yield f"## `{model.kind_of()}`\n"
    yield " ".join((model.__doc__ or "").split()) + "\n"
    yield "```yaml\n" + model.EXAMPLE.strip("\n") + "\n```\n"
    rows = list(_rows(model.model_json_schema(by_alias=True)))
    if rows:
        yield "| key | value | left out |\n|---|---|---|"
        yield "\n".join(f"| `{key}` | {value} | {default} |" for key, value, default in rows) + "\n"


def _rows(schema: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    yield from _fields(schema, schema.get("$defs", {}), "")


def _fields(group: dict[str, Any], known: dict[str, Any], before: str) -> Iterator[tuple[str, str, str]]:
    """Key, value and what stands in for it, for each field of a group and of the groups in it."""
    if before.count(".") > _DEEPEST:
        return  # a group may hold groups like itself
    for name, written in group.get("properties", {}).items():
        if name == "kind" and not before and "const" in written:
            continue
        field = _resolved(written, known)
        left_out = "must be there" if name in group.get("required", ()) else _as_yaml(field)
        yield before + name, _value(field, known), left_out
        yield from _fields(field, known, f"{before}{name}.")
        items = _resolved(field.get("items", {}), known)
        yield from _fields(items, known, f"{before}{name}[].")


def _resolved(written: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """Without references and without `or nothing`."""
    choices = [one for one in written.get("anyOf", ()) if one.get("type") != "null"]
    if len(choices) == 1:
        written = {**{key: value for key, value in written.items() if key != "anyOf"}, **choices[0]}
    if "$ref" in written:
        there = known[written["$ref"].rsplit("/", 1)[-1]]
        return {**there, **{key: value for key, value in written.items() if key != "$ref"}}
    return written


def _value(field: dict[str, Any], known: dict[str, Any]) -> str:
    if "x-refers-to" in field:
        return f"*{field['x-refers-to']}*"
    if "enum" in field or "const" in field:
        return " or ".join(f"`{one}`" for one in field.get("enum", [field.get("const")]))
    choices = field.get("anyOf") or field.get("oneOf")
    if choices:
        return ", or ".join(_value(_resolved(one, known), known) for one in choices)
    if field.get("type") == "array":
        return f"list of {_value(_resolved(field.get('items', {}), known), known)}{_bounds(field, 'Items')}"
    if field.get("type") == "object":
        return _group(field, known)
    words = _KINDS.get(str(field.get("type")), "any value")
    return words + _bounds(field, "imum") + _bounds(field, "Length")


def _group(field: dict[str, Any], known: dict[str, Any]) -> str:
    for pattern, inner in field.get("patternProperties", {}).items():
        return f"group: a key as `{pattern.strip('^$')}` → {_value(_resolved(inner, known), known)}{_bounds(field, 'Properties')}"
    inner = field.get("additionalProperties")
    if isinstance(inner, dict):
        return f"group: a name → {_value(_resolved(inner, known), known)}{_bounds(field, 'Properties')}"
    return "group: " + " ".join((field.get("description") or "the keys below").split())


def _bounds(field: dict[str, Any], word: str) -> str:
    least, most = field.get(f"min{word}"), field.get(f"max{word}")
    if least is None and most is None:
        return ""
    if most is None:
        return f", at least {least}"
    return f", {least} to {most}" if least is not None else f", at most {most}"


def _as_yaml(field: dict[str, Any]) -> str:
    value = field.get("default")
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return "nothing" if value in (None, [], {}) else f"`{value}`"


if __name__ == "__main__":
    sys.stdout.write(language_page())
