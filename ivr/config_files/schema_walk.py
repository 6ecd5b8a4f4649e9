"""From a schema's complaint back to the place in the file: follows types and values side by side.

Needed since a complaint's location also names the kinds of a choice, which stand nowhere in the file.
"""

import types
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin

from pydantic import BaseModel

from ivr.config_files.reader import Path

AnyForm: TypeAlias = object
"""What may stand behind a colon: a class, or a form such as `Annotated[...]` or `X | None`, for which Python 3.11 has no type."""


@dataclass(frozen=True)
class Found:
    path: Path
    value: object
    siblings_known: frozenset[str] = frozenset()
    """Keys that the model around the last step of the path knows."""
    siblings_written: Collection[str] = ()


def locate(model: type[BaseModel], value: object, loc: Path) -> Found:
    kind: AnyForm = model
    path: list[str | int] = []
    known: frozenset[str] = frozenset()
    written: Collection[str] = ()
    for element in loc:
        kind = _bare(kind)
        if element == "[key]":
            continue
        if _is_choice(kind):
            kind = _member(kind, element)
            continue
        if isinstance(value, dict):
            written = value.keys()
        known, kind = _inside(kind, element)
        path.append(element)
        value = _within(value, element)
    return Found(tuple(path), value, known, written)


def kind_at(model: type[BaseModel], value: object, path: Path) -> AnyForm:
    """The type that stands at a path of this value; Any where that cannot be told."""
    kind: AnyForm = model
    for step in path:
        kind = _chosen(_bare(kind), value)
        _, kind = _inside(kind, step)
        value = _within(value, step)
    return _chosen(_bare(kind), value)


def _chosen(kind: AnyForm, value: object) -> AnyForm:
    """The member of a choice that fits the value's own `kind`."""
    if not _is_choice(kind):
        return kind
    return _member(kind, str(value.get("kind"))) if isinstance(value, dict) else Any


def _bare(kind: AnyForm) -> AnyForm:
    """The type without Annotated and without `| None`."""
    while True:
        if get_origin(kind) is Annotated:
            kind = get_args(kind)[0]
            continue
        members = [a for a in get_args(kind) if a is not types.NoneType] if _is_union(kind) else []
        if len(members) != 1:
            return kind
        kind = members[0]


def _is_union(kind: AnyForm) -> bool:
    return get_origin(kind) in (Union, types.UnionType)


def _is_choice(kind: AnyForm) -> bool:
    return _is_union(kind)


def _member(kind: AnyForm, tag: str | int) -> AnyForm:
    """The member of a choice that a complaint's location names, by its `kind` or by its class."""
    for member in map(_bare, get_args(kind)):
        if getattr(member, "__name__", None) == tag or tag in _tags(member):
            return member
    return Any


@cache
def _tags(member: AnyForm) -> set[object]:
    if not (isinstance(member, type) and issubclass(member, BaseModel)):
        return set()
    literals = (f.annotation for f in member.model_fields.values() if get_origin(f.annotation) is Literal)
    return {value for literal in literals for value in get_args(literal)}


def _inside(kind: AnyForm, element: str | int) -> tuple[frozenset[str], AnyForm]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        fields = {(f.alias or name): f.annotation for name, f in kind.model_fields.items()}
        return frozenset(fields), fields.get(str(element), Any)
    arguments = get_args(kind)
    if get_origin(kind) in (dict,) and len(arguments) == 2:
        return frozenset(), arguments[1]
    return frozenset(), arguments[0] if arguments else Any


def _within(value: object, element: str | int) -> object:
    if isinstance(value, dict):
        return value.get(element)
    if isinstance(value, list) and isinstance(element, int) and 0 <= element < len(value):
        return value[element]
    return None
