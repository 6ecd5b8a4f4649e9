"""Which fields of a menu node name something that must exist: said by the field's type, followed by one walk over it.

A node type writes `prompts: list[PromptName]`, and checker, graph, simulator and docs know by that what it needs.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from ivr.plain_text import MenuName, Name

Path: TypeAlias = tuple[str | int, ...]
Kind: TypeAlias = Literal[
    "node", "prompt", "queue", "category", "menu", "calendar", "list", "transfer", "priority class", "skill"
]


@dataclass(frozen=True)
class Refers:
    """Marks a field's type. `by_key`: only a key leads there, so a caller who does nothing never goes that way."""

    to: Kind
    by_key: bool = False

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
PromptName = Annotated[Name, Refers("prompt")]
QueueName = Annotated[Name, Refers("queue")]
CategoryCode = Annotated[Name, Refers("category")]
PriorityName = Annotated[Name, Refers("priority class")]
SkillName = Annotated[Name, Refers("skill")]
TransferName = Annotated[Name, Refers("transfer")]
CalendarName = Annotated[Name, Refers("calendar")]
ListName = Annotated[Name, Refers("list")]
OtherMenu = Annotated[MenuName, Refers("menu")]

_NOTHING: Final = object()


def references(model: type[BaseModel], value: object) -> Iterator[Reference]:
    """In the order of the fields. `value` is a model of that type, or what a file holds for one, good or bad."""
    yield from _within(model, value, ())


@cache
def _hints(model: type[BaseModel]) -> Mapping[str, Any]:
    return {
        name: hint
        for name, hint in get_type_hints(model, include_extras=True).items()
        if name in model.model_fields and _may_name(hint)
    }


def _may_name(hint: Any) -> bool:  # noqa: ANN401  (any form of a type)
    """Whether anything of this type names what must exist."""
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return bool(_hints(hint))
    return any(isinstance(one, Refers) or _may_name(one) for one in get_args(hint))


def _within(hint: Any, value: object, path: Path) -> Iterator[Reference]:  # noqa: ANN401  (any form of a type)
    if value is None:
        return
    origin = get_origin(hint)
    if origin is Annotated:
        inner, *marks = get_args(hint)
        marked = next((mark for mark in marks if isinstance(mark, Refers)), None)
        if marked is not None:
            yield Reference(path, value, marked)
        else:
            yield from _within(inner, value, path)
    elif origin in (Union, UnionType):
        for member in get_args(hint):
            if member is not NoneType and _fits(member, value):
                yield from _within(member, value, path)
                return
    elif origin is list and isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _within(get_args(hint)[0], item, (*path, index))
    elif origin is dict and isinstance(value, Mapping):
        for key, item in value.items():
            yield from _within(get_args(hint)[1], item, (*path, key))
    elif isinstance(hint, type) and issubclass(hint, BaseModel):
        for name, field in _hints(hint).items():
            written = hint.model_fields[name].alias or name
            item = (
                value.get(written, _NOTHING) if isinstance(value, Mapping) else getattr(value, name, _NOTHING)
            )
            if item is not _NOTHING:
                yield from _within(field, item, (*path, written))


def _fits(member: Any, value: object) -> bool:  # noqa: ANN401  (any form of a type)
    """Whether a value can be meant as this member of a choice: a group as a group, a word as a word."""
    bare = member
    while get_origin(bare) is Annotated:
        bare = get_args(bare)[0]
    if isinstance(bare, type) and issubclass(bare, BaseModel):
        return isinstance(value, Mapping | bare)
    if get_origin(bare) in (list, dict):
        return isinstance(value, get_origin(bare))
    return not isinstance(value, Mapping | list)
