"""The menu language as a page and as a JSON Schema, both written by the models, so that neither can say what is not so.

python -m ivr.menus.language_page > docs/menus.md
"""

import re
import sys
from collections.abc import Iterator
from typing import Any, Final, get_args

from pydantic import BaseModel, JsonValue

from ivr.menus.caller_lists import Blocklist, EnterpriseList
from ivr.menus.menu_file import MenuFile
from ivr.menus.node import Node
from ivr.menus.nodes import NODE_TYPES

_DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
_HEAD: Final = """\
# The menu language 语音导航

What may stand in a file below `config/menus/`, and how it comes into force. This page is written by the program's own models
(`python -m ivr.menus.language_page`), and a test holds it to them; `hotline menus schema` prints the same as a JSON Schema.

# From an edit to the callers 从修改到生效

What lies in `HOTLINE_CONFIG` is a draft: nobody hears it before it is published, not even after a restart.

    hotline check                              # every problem at once, with line and remedy
    hotline menus simulate main --keys 1,,9    # walk it without a phone: 1, nothing, 9 (a number is typed as 123456#)
    hotline menus simulate main --at "2026-02-17 03:00" --ready general=0   # by which case of a branch he is led on, and why
    hotline menus simulate main --explore      # every path, with its worst seconds
    hotline menus graph main --svg             # draw it
    hotline menus diff                         # which keys lead elsewhere than now, which prompts say something else
    hotline menus publish --why "heating"      # in force for new calls, all or nothing; --only menus/main.yaml: that file alone
    hotline menus history                      # who put what in force, when and why
    hotline menus rollback --why "key 2"       # the set before it again: menus, prompts, recordings, all files

Who is in a menu while another is published walks on in the one that he began with. With `HOTLINE_LANGUAGE=zh` problems and
changes are told in Chinese. What else a publish does, and what may hinder it: [operations](operations.md#changes).

# A menu file 语音导航文件

It has a `label` (left out if need be), the node at which a call begins (`start`), and `nodes` by name; a number of
`config/hotline.yaml` leads to it by the file's name (`menu: main`). A node's `kind` says what it does.

```yaml
{whole}```

Names are small letters, digits, - and _, a letter first. In the tables below, *node* is another node of the file, *menu*
another file in `config/menus/`, *calendar* and *list* a file in `config/calendar/` and `config/lists/`, each without .yaml;
*prompt* a name from `config/prompts.yaml`; *queue*, *transfer* and *priority class* a name below `queues`, `transfers` and
`priority_classes` in `config/hotline.yaml`, *skill* a word from the `skills` of its queues; *category* a code from
`config/codes.yaml`.

| kind | what it does |
|---|---|
{kinds}
"""
WHOLE: Final = """\
label: 按键选择

start: choose

nodes:
  choose:
    kind: menu
    prompts: [greeting, choose_matter]
    keys: {2: heating, 0: person}
    no_key: {then: person}
    wrong_key: {replays: 1, prompts: [wrong_key], then: person}

  heating:
    kind: queue
    queue: heating

  person:
    kind: queue
"""
_KEYS: Final = """\
# What a key does, and when 按键的作用

By RFC 2833 and by SIP INFO alike. A key that comes when none is asked for changes nothing, and the call goes on.

| pressed | what it does |
|---|---|
| during a broadcast, or a `say` with `interruptible: true` | ends it; counts in a `menu` or `collect` that follows |
| during prompts with `interruptible: false`, "not reached" of a `transfer`, words before a hang-up | nothing |
| during the prompts of a `menu`, or in `wait_seconds` | leads on; one that the menu does not know is a wrong key |
| when that time is over | nothing: he is on his way by `no_key` |
| at a `collect` | a digit, or its `end_key`, which does nothing while it is asked again; anything else is a wrong number |
| during the prompts of a `voicemail` | `end_key`: it records at once; one of `keys` leads on; any other: nothing |
| while it records | `end_key` ends the message; any other: nothing |
| while his message is offered to him (`listen_again`) | one of its three keys; on any other it is offered again |
| while it rings at a `transfer` | nothing; in the talk the other side hears it |
| in the line, or in the talk with an agent | nothing: he keeps his place |
"""
_LISTS: Final = """\
# Lists of callers 来电名单

Each file in `config/lists/` is one list, for `when: {caller_on: NAME}` of a `branch`. It is checked and published with the
menus, and a rollback brings its older entries back too. Numbers may be typed in any form: 13800138000, +86 138 0013 8000,
0355-2021234, or 2021234 for the site's own area code. A withheld number is on no list. The files hold citizens' numbers in
the clear: let only those read `HOTLINE_CONFIG` and `HOTLINE_HOME` who may see them; no log and no message repeats one.

A blocklist turns nobody away by itself: a menu says where its callers are led, and the call's record shows it by its path.
Nobody is cut off by that. A check refuses a `caller_on` of a blocklist

- from where a caller may be hung up on before he met a person, or a `menu` with a key that leads to one;
- on the way to what is for emergencies (`is_emergency: true` of a queue in `config/hotline.yaml`, a transfer to 110, 119,
  120 or 122): where without a further key a caller would come there if he were on no list;
- that takes the way there from him: what he could reach by keys if he were on no list, he can reach by keys where he is led,
  whatever the hour and the queues;
- in any menu to which a number leads that has `is_emergency: true`.

Emergency services (110, 119, 120, 122) and the `switchboards` of `config/hotline.yaml` cannot stand on a blocklist.
`hotline menus simulate NAME --caller NUMBER --at "2026-11-23 12:00"` says by which entry a caller is led; without `--at`
no entry of a blocklist is taken to be in force.
"""
_LIST_EXAMPLES: Final = (
    (
        EnterpriseList,
        """\
kind: enterprise
label: 重点企业
entries:
  - {number: 0355-2021234, name: 某机械制造有限公司}
""",
    ),
    (
        Blocklist,
        """\
kind: blocklist
label: 恶意骚扰来电
entries:
  - number: 13800138000
    reason: 一日内无诉求来电 40 余次，两次劝阻无效
    approver: 值班长 某某
    start: 2026-11-23               # from its beginning, local time of the site
    expiry: 2026-12-23 18:00        # from that minute on no more; a day alone: to its end. Over a year: a warning
""",
    ),
)
_DEEPEST: Final = 3
_KINDS: Final = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}


def menu_schema() -> dict[str, Any]:
    """The JSON Schema of a menu file. `x-refers-to` beside a text: what it must be the name of."""
    schema = _without_nothing(MenuFile.model_json_schema(by_alias=True))
    assert isinstance(schema, dict)
    return {"$schema": _DRAFT, **schema}


def _without_nothing(written: JsonValue) -> JsonValue:
    """A key is left out, or has a value: the checker refuses an empty one."""
    if isinstance(written, list):
        return [_without_nothing(one) for one in written]
    if not isinstance(written, dict):
        return written
    inner = {
        key: _without_nothing(value) for key, value in written.items() if (key, value) != ("default", None)
    }
    among = inner.pop("anyOf", None)
    choices = [one for one in among if one != {"type": "null"}] if isinstance(among, list) else []
    match choices:
        case []:
            return inner
        case [dict(only)]:
            return {**inner, **only}
    return {**inner, "anyOf": choices}


def language_page() -> str:
    """docs/menus.md."""
    nodes = (line for model in NODE_TYPES for line in _section(model, model.kind_of(), model.EXAMPLE))
    lists = (
        line
        for model, example in _LIST_EXAMPLES
        for line in _section(model, f"kind: {_kind(model)}", example)
    )
    head = _HEAD.replace("{whole}", WHOLE).replace("{kinds}", "\n".join(map(_in_short, NODE_TYPES)))
    return "\n".join([head, *nodes, _KEYS, _LISTS, *lists])


def _in_short(model: type[Node]) -> str:
    first = re.split(r"[.;]( |$)", _paragraphs(model)[0])[0]
    return f"| [`{model.kind_of()}`](#{model.kind_of()}) | {first} |"


def _paragraphs(model: type[BaseModel]) -> list[str]:
    return [" ".join(one.split()) for one in (model.__doc__ or "").split("\n\n")]


def _kind(model: type[BaseModel]) -> str:
    return str(get_args(model.model_fields["kind"].annotation)[0])


def _section(model: type[BaseModel], title: str, example: str) -> Iterator[str]:
    yield f"## `{title}`\n"
    yield "\n\n".join(_paragraphs(model)) + "\n"
    yield "```yaml\n" + example.strip("\n") + "\n```\n"
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
    if "pattern" in field:
        words += f" as `{field['pattern'].strip('^$')}`"
    return words + _bounds(field, "imum") + _bounds(field, "Length")


def _group(field: dict[str, Any], known: dict[str, Any]) -> str:
    for pattern, inner in field.get("patternProperties", {}).items():
        return f"group: a key as `{pattern.strip('^$')}` → {_value(_resolved(inner, known), known)}{_bounds(field, 'Properties')}"
    inner = field.get("additionalProperties")
    if isinstance(inner, dict):
        return f"group: a name → {_value(_resolved(inner, known), known)}{_bounds(field, 'Properties')}"
    return "group: " + " ".join((field.get("description") or "the keys below").split()).rstrip(".")


def _bounds(field: dict[str, Any], word: str) -> str:
    least, most = field.get(f"min{word}"), field.get(f"max{word}")
    if least is None and most is None:
        return ""
    if most is None:
        return f", at least {least}"
    if least == most:
        return f", just {least}"
    return f", {least} to {most}" if least is not None else f", at most {most}"


def _as_yaml(field: dict[str, Any]) -> str:
    value = field.get("default")
    return "nothing" if value in (None, [], {}) else f"`{_flow(value)}`"


def _flow(value: object) -> str:
    """As an admin would write it in one line."""
    match value:
        case bool():
            return str(value).lower()
        case dict():
            return f"{{{', '.join(f'{key}: {_flow(one)}' for key, one in value.items() if one is not None)}}}"
        case list():
            return f"[{', '.join(map(_flow, value))}]"
        case _:
            return str(value)


if __name__ == "__main__":
    sys.stdout.write(language_page())
