"""Which fields of a menu node name something that must exist: said by the field's type, followed by one walk over it.

A node type writes `prompts: list[PromptName]`, and checker, graph, simulator and docs know by that what it needs.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from ivr.plain_text import MenuName, Name

Path: TypeAlias = tuple[str | int, ...]
Kind: TypeAlias = Literal[
    "node", "prompt", "queue", "category", "menu", "calendar", "list", "transfer", "priority class", "skill"
]


@dataclass(frozen=True)
class Refers:
    """Marks a field's type. `by_key`: only a key leads there, so a caller who does nothing never goes that way.
    `otherwise`: there goes who did not do what he was asked for, or where it could not be done."""

    to: Kind
    by_key: bool = False
    otherwise: bool = False

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """For editors: `x-refers-to` names the kind of thing whose name belongs here."""
        return {**handler(core), "x-refers-to": self.to}


@dataclass(frozen=True)
class Reference:
    """`path` leads from the node to the name; `name` is whatever is written there."""

    path: Path
    name: object
    refers: Refers


NodeName = Annotated[Name, Refers("node")]
ChosenNode = Annotated[Name, Refers("node", by_key=True)]
OtherwiseNode = Annotated[Name, Refers("node", otherwise=True)]
PromptName = Annotated[Name, Refers("prompt")]
QueueName = Annotated[Name, Refers("queue")]
CategoryCode = Annotated[Name, Refers("category")]
PriorityName = Annotated[Name, Refers("priority class")]
SkillName = Annotated[Name, Refers("skill")]
TransferName = Annotated[Name, Refers("transfer")]
CalendarName = Annotated[Name, Refers("calendar")]
ListName = Annotated[Name, Refers("list")]
OtherMenu = Annotated[MenuName, Refers("menu")]

_Walk: TypeAlias = Callable[[object, Path, list[Reference]], None]
"""Adds to the list what a value of one type names, at that path."""


def references(model: type[BaseModel], value: object) -> Iterator[Reference]:
    """In the order of the fields. `value` is a model of that type, or what a file holds for one, good or bad."""
    found: list[Reference] = []
    _of_model(model)(value, (), found)
    return iter(found)


@cache
def _hints(model: type[BaseModel]) -> Mapping[str, Any]:
    return {
        name: hint
        for name, hint in get_type_hints(model, include_extras=True).items()
        if name in model.model_fields and _may_name(hint)
    }


def _may_name(hint: object) -> bool:
    """Whether anything of this type names what must exist."""
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return bool(_hints(hint))
    return any(isinstance(one, Refers) or _may_name(one) for one in get_args(hint))


# The walk over a type is made once: a menu of 1,000 nodes is walked many thousand times, and taking types apart is slow.


@cache
def _of_model(model: type[BaseModel]) -> _Walk:
    fields = [
        (name, model.model_fields[name].alias or name, _walk(hint)) for name, hint in _hints(model).items()
    ]

    def walk(value: object, path: Path, found: list[Reference]) -> None:
        bare = value if isinstance(value, Mapping) else None
        for name, written, within in fields:
            item = getattr(value, name, None) if bare is None else bare.get(written)
            if item is not None:
                within(item, (*path, written), found)

    return walk


def _walk(hint: object) -> _Walk:
    """Never asked for None: nothing is named where nothing is written."""
    origin = get_origin(hint)
    if origin is Annotated:
        inner, *marks = get_args(hint)
        marked = next((mark for mark in marks if isinstance(mark, Refers)), None)
        return _walk(inner) if marked is None else _of_name(marked)
    if origin in (Union, UnionType):
        return _of_choice([member for member in get_args(hint) if member is not NoneType])
    if origin is list:
        return _of_list(_walk(get_args(hint)[0]))
    if origin is dict:
        return _of_group(_walk(get_args(hint)[1]))
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return _of_model(hint)
    return _of_nothing


def _of_nothing(value: object, path: Path, found: list[Reference]) -> None:
    pass


def _of_name(refers: Refers) -> _Walk:
    return lambda value, path, found: found.append(Reference(path, value, refers))


def _of_choice(members: list[Any]) -> _Walk:
    walks = [(_fitting(member), _walk(member)) for member in members]

    def walk(value: object, path: Path, found: list[Reference]) -> None:
        for fits, within in walks:
            if fits(value):
                within(value, path, found)
                return

    return walk


def _of_list(within: _Walk) -> _Walk:
    def walk(value: object, path: Path, found: list[Reference]) -> None:
        if isinstance(value, list | tuple):
            for index, item in enumerate(value):
                if item is not None:
                    within(item, (*path, index), found)

    return walk


def _of_group(within: _Walk) -> _Walk:
    def walk(value: object, path: Path, found: list[Reference]) -> None:
        if isinstance(value, Mapping):
            for key, item in value.items():
                if item is not None:
                    within(item, (*path, key), found)

    return walk


def _fitting(member: object) -> Callable[[object], bool]:
    """Whether a value can be meant as this member of a choice: a group as a group, a word as a word."""
    bare = member
    while get_origin(bare) is Annotated:
        bare = get_args(bare)[0]
    if isinstance(bare, type) and issubclass(bare, BaseModel):
        model = bare
        return lambda value: isinstance(value, Mapping | model)
    origin = get_origin(bare)
    if origin in (list, dict):
        return lambda value: isinstance(value, origin)
    return lambda value: not isinstance(value, Mapping | list)
