"""A schema's complaints, told to the person who wrote the file: where, what is wrong, what to do.

Works for any pydantic model; a validator that raises `ivr.plain_text.refusal` chooses its own words.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ivr.config_files.reader import Document, Path
from ivr.config_files.schema_walk import kind_at, locate
from ivr.config_files.sources import CALENDAR, LISTS
from ivr.plain_text import cleaned, shown
from vocabulary.config_problem import ConfigProblem

Model = TypeVar("Model", bound=BaseModel)
Words = tuple[str, str]
_NEVER_EMPTY: Final = ("menus/", CALENDAR, LISTS)
"""Files in which nothing may stand for nothing: a blank `then:` would be a way that is silently not there, a blank `week:` day
and night. In the others, which sites have had for longer, it still does."""
_ROUNDS: Final = 3
_TAKEN_FOR_BOOL: Final = frozenset(("0", "1", "f", "false", "n", "no", "off", "on", "t", "true", "y", "yes"))
"""Words that pydantic takes for true or false; of any other it complains itself."""


def validated(
    model: type[Model], document: Document, *, whole_is_told_elsewhere: bool = False
) -> tuple[Model | None, list[ConfigProblem]]:
    """The file as its model, or every complaint. Bare numbers become text again where text is wanted.

    `whole_is_told_elsewhere`: leave out what the model says of the file as a whole.
    """
    made, problems = _made(model, document, whole_is_told_elsewhere)
    mixed = [*_true_or_false(model, document), *_empty(model, document)]
    places = {p.path for p in problems}
    problems += [p for p in mixed if p.path not in places]
    return (None if problems else made), problems


def _true_or_false(model: type[BaseModel], document: Document) -> Iterator[ConfigProblem]:
    """Pydantic takes true for 1 and "no" for false; whoever wrote it would never learn of it."""
    for path, value in document.scalars.items():
        may_be_mixed = isinstance(value, bool) or (
            isinstance(value, str) and value.lower() in _TAKEN_FOR_BOOL
        )
        kind = kind_at(model, document.value, path) if may_be_mixed else None
        if isinstance(value, str) and kind is bool:
            yield document.problem(path, f"{shown(value)} is neither true nor false", "Write true or false.")
        if isinstance(value, bool) and kind in (int, float, str):
            fault = f"{_as_said(value)} cannot stand here"
            yield document.problem(path, fault, "Write the value, or text in quotes.")


def _empty(model: type[BaseModel], document: Document) -> Iterator[ConfigProblem]:
    """A key without its value, where pydantic takes it for a key that was left out."""
    if document.file.startswith(_NEVER_EMPTY):
        for path in [path for path, value in document.scalars.items() if value is None]:
            if kind_at(model, document.value, path) is not Any:  # an unknown key is told as that
                yield document.problem(path, "is empty", "Write a value, or take the line out.")


def _made(
    model: type[Model], document: Document, leave_whole: bool
) -> tuple[Model | None, list[ConfigProblem]]:
    value = document.value
    for _ in range(_ROUNDS):
        try:
            return model.model_validate(value), []
        except ValidationError as error:
            details = error.errors(include_url=False)
        texts = {locate(model, value, d["loc"]).path for d in details if d["type"] == "string_type"}
        retaken = {path: document.as_written[path] for path in texts if _is_number(document, path)}
        if not retaken:
            break
        value = _with_texts(value, (), retaken)
    told = [d for d in details if not (leave_whole and d["type"] == "value_error" and not d["loc"])]
    return None, [_problem(model, value, document, one) for detail in told for one in _each(detail)]


def _each(detail: ErrorDetails) -> Iterator[ErrorDetails]:
    """A complaint, and those that its validator found with it."""
    yield detail
    for other in detail.get("ctx", {}).get("others", ()):
        yield {**detail, "ctx": other.context}


def _is_number(document: Document, path: Path) -> bool:
    return any(c.isdigit() for c in document.as_written.get(path, ""))


def _with_texts(value: object, path: Path, texts: Mapping[Path, str]) -> object:
    if path in texts:
        return texts[path]
    if isinstance(value, dict):
        return {key: _with_texts(inner, (*path, key), texts) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_texts(inner, (*path, index), texts) for index, inner in enumerate(value)]
    return value


def did_you_mean(wrong: str, known: Iterable[str], otherwise: str = "") -> str:
    """A remedy: the nearest of the known words, or all if they are few."""
    words = sorted(word for word in set(known) if cleaned(word, 60) == word)
    close = get_close_matches(wrong.casefold(), words, n=1, cutoff=0.6)
    if close:
        return f'Did you mean "{close[0]}"?'
    if otherwise:
        return otherwise
    if len(words) > 12:
        return f"There are {len(words)}, among them {', '.join(words[:5])}."
    return f"There are: {', '.join(words)}." if words else "There are none yet."


def _problem(
    model: type[BaseModel], value: object, document: Document, detail: ErrorDetails
) -> ConfigProblem:
    found = locate(model, value, detail["loc"])
    path, kind, context = found.path, detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        known = {key for key in found.siblings_known if key not in found.siblings_written}
        place = document.key_place(path)
        remedy = did_you_mean(str(path[-1]), known, f"Take it out. {_known_keys(found.siblings_known)}")
        return document.problem(path[:-1], f"unknown key {shown(str(path[-1]))}", remedy, at=place)
    if kind == "missing":
        return document.problem(path[:-1], f"{path[-1]} is missing", f"Write {path[-1]}: and its value.")
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return _wrong_kind(document, path, found.value, context)
    if detail["loc"][-1:] == ("[key]",):
        fault, remedy = _said(detail, str(path[-1]))
        return document.problem(path, fault, remedy, at=document.key_place(path))
    fault, remedy = _said(detail, found.value)
    deeper = (*path, *context.get("at", ())) or _mentioned(fault, found.value)
    if deeper == path:
        deeper = (*path, *_mentioned(fault, found.value))
    return document.problem(deeper, fault, remedy)


def _known_keys(known: Iterable[str]) -> str:
    return f"Known here: {', '.join(sorted(known))}."


def _mentioned(fault: str, value: object) -> Path:
    """The first key of this mapping that the fault names: a check over a whole mapping means that line."""
    if not isinstance(value, dict):
        return ()
    words = re.findall(r"[a-z][a-z0-9_]*", fault)
    return next(((word,) for word in words if word in value), ())


def _wrong_kind(document: Document, path: Path, value: object, context: Mapping[str, Any]) -> ConfigProblem:
    key = str(context.get("discriminator", "kind")).strip("'")
    if not isinstance(value, dict) or key not in value:
        return document.problem(path, f"{key} is missing", f"Write {key}: and one of the kinds that exist.")
    known = re.findall(r"'([^']*)'", str(context.get("expected_tags", "")))
    fault = f"no {key} is called {shown(str(value[key]))}"
    return document.problem((*path, key), fault, did_you_mean(str(value[key]), known))


def _said(detail: ErrorDetails, value: object) -> Words:
    """Fault and remedy of one complaint."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "refused":
        return cleaned(str(context["fault"])), cleaned(str(context["remedy"]))
    if value is None and kind.endswith("_type"):
        return "is empty", "Write a value."
    if kind in _WORDS:
        return _WORDS[kind](context, value)
    return _split(cleaned(detail["msg"].removeprefix("Value error, "), 300))


def _split(message: str) -> Words:
    """Fault and remedy of a message written as two sentences, or two halves."""
    parts = re.split(r"\. (?=[A-Z])|; ", message.strip().rstrip("."), maxsplit=1)
    fault = parts[0][:1].lower() + parts[0][1:]
    if len(parts) == 1:
        return fault, "Correct it."
    remedy = parts[1][:1].upper() + parts[1][1:]
    return fault, remedy if remedy.endswith("?") else f"{remedy}."


def _choice(context: Mapping[str, Any], value: object) -> Words:
    known = re.findall(r"'([^']*)'", str(context.get("expected", "")))
    remedy = did_you_mean(str(value), known, f"Choose from {', '.join(known)}.")
    return f"{shown(str(value))} is not known here", remedy


def _not(what: str, remedy: str) -> Callable[[Mapping[str, Any], object], Words]:
    return lambda _, value: (f"{_as_said(value)} is not {what}", remedy)


def _as_said(value: object) -> str:
    if isinstance(value, dict):
        return "a group of keys"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return str(value).lower()
    return shown(value) if isinstance(value, str) else str(value)


def _bound(word: str, key: str, remedy: str) -> Callable[[Mapping[str, Any], object], Words]:
    return lambda context, value: (f"{_as_said(value)} is too {word}", remedy.format(context[key]))


def _count(key: str, fault: str, remedy: str) -> Callable[[Mapping[str, Any], object], Words]:
    return lambda context, value: (fault.format(_size(value)), remedy.format(context[key]))


def _size(value: object) -> int:
    return len(value) if isinstance(value, list | dict | str) else 0


_PATTERNS: Final = {
    r"^[0-9*#]$": "Write one key of a telephone: 0 to 9, * or #.",
    r"^[fm][1-8]$": "Write f1 to f8 or m1 to m8.",
    r"^[a-z][a-z0-9_-]{0,39}$": "Use small letters, digits, - and _, a letter first, at most 40.",
    r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$": "Use letters, digits, _ . and - only, at most 40.",
    r"^[^\x00-\x1f\x7f]+$": "Write some words, without control characters.",
}
_WHOLE: Final = _not("a whole number", "Write digits only, such as 20.")
_GROUP: Final = _not("a group of keys", "Write key: value lines below it, indented.")
_WORDS: Final[Mapping[str, Callable[[Mapping[str, Any], object], Words]]] = {
    "string_type": _not("text", "Write it in quotes if it is meant as text."),
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "int_parsing_size": _WHOLE,
    "finite_number": _WHOLE,
    "float_type": _not("a number", "Write digits, such as 1.5."),
    "float_parsing": _not("a number", "Write digits, such as 1.5."),
    "bool_type": _not("true or false", "Write true or false."),
    "bool_parsing": _not("true or false", "Write true or false."),
    "list_type": _not("a list", "Write each entry on a line of its own after a dash, or in [ ]."),
    "tuple_type": _not("a list", "Write each entry on a line of its own after a dash, or in [ ]."),
    "dict_type": _GROUP,
    "mapping_type": _GROUP,
    "model_type": _GROUP,
    "model_attributes_type": _GROUP,
    "literal_error": _choice,
    "enum": _choice,
    "greater_than_equal": _bound("small", "ge", "At least {}."),
    "greater_than": _bound("small", "gt", "More than {}."),
    "less_than_equal": _bound("large", "le", "At most {}."),
    "less_than": _bound("large", "lt", "Less than {}."),
    "too_short": _count("min_length", "has {} entries", "Write at least {}."),
    "too_long": _count("max_length", "has {} entries", "At most {}."),
    "string_too_short": _count("min_length", "has {} characters", "Write at least {}."),
    "string_too_long": _count("max_length", "has {} characters", "At most {}."),
    "string_pattern_mismatch": lambda context, value: (
        f"{_as_said(value)} cannot stand here",
        _PATTERNS.get(context["pattern"], f"It must fit {context['pattern']}."),
    ),
}
