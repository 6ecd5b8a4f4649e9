"""One config file, read: its values, and for each value the line and column where it stands.

The first step of a check. Knows YAML and nothing of the hotline; never raises, whatever the bytes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Self, TypeAlias, TypeVar

import yaml

from ivr.config_files.plain_scalars import Scalar, plain_value
from ivr.config_files.problems import problem
from ivr.config_files.syntax_words import decoded, keys_as_comments, syntax_problem
from vocabulary.config_problem import ConfigProblem

Path: TypeAlias = tuple[str | int, ...]
Mark: TypeAlias = tuple[int, int]
"""Line and column, both from 1."""
Found = TypeVar("Found")

LARGEST_FILE: Final = 1_000_000
MOST_VALUES: Final = 50_000
DEEPEST: Final = 30
_START: Final = (1, 1)


@dataclass
class Document:
    """What a file says. `value` is None if it could not be read at all; then `problems` says why."""

    file: str
    value: object = None
    problems: list[ConfigProblem] = field(default_factory=list)
    places: dict[Path, Mark] = field(default_factory=dict)
    key_places: dict[Path, Mark] = field(default_factory=dict)
    scalars: dict[Path, Scalar] = field(default_factory=dict)
    """Every value that is neither a list nor a group."""
    as_written: dict[Path, str] = field(default_factory=dict)
    """The text of every bare word that is a number, true, false or nothing."""
    _worked_out: dict[object, Any] = field(default_factory=dict, repr=False, compare=False)

    def once(self, work_out: Callable[[Self], Found]) -> Found:
        """What that function finds in the document: worked out when first asked for, since a read document stays as it is."""
        if work_out not in self._worked_out:
            self._worked_out[work_out] = work_out(self)
        found: Found = self._worked_out[work_out]
        return found

    def place(self, path: Path) -> Mark:
        """Where the value stands; if there is none, where the nearest thing around it stands."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, _START)

    def key_place(self, path: Path) -> Mark:
        return self.key_places.get(path) or self.place(path)

    def problem(self, path: Path, fault: str, remedy: str, *, at: Mark | None = None) -> ConfigProblem:
        return problem(self.file, at or self.place(path), path, fault, remedy)


def read(file: str, data: bytes) -> Document:
    document = Document(file)
    if len(data) > LARGEST_FILE:
        fault = f"the file has more than {LARGEST_FILE} bytes"
        document.problems.append(document.problem((), fault, "Split it."))
        return document
    text = decoded(file, data)
    if isinstance(text, ConfigProblem):
        document.problems.append(text)
        return document
    if file.startswith("menus/"):
        document.problems += keys_as_comments(file, text)
    try:
        _Builder(document, text).build()
    except yaml.YAMLError as error:
        document.value = None
        document.problems.append(syntax_problem(file, text, error))
    except _TooMuchError as error:
        document.value = None
        document.problems.append(error.problem)
    if document.value is None:
        document.scalars.clear()
    return document


class _TooMuchError(Exception):
    def __init__(self, problem: ConfigProblem) -> None:
        super().__init__(problem)
        self.problem = problem


class _Builder:
    """Makes values from the parser's events, so that depth and size are known before they hurt."""

    def __init__(self, document: Document, text: str) -> None:
        self._document = document
        self._events = _events(text)
        self._values = 0

    def build(self) -> None:
        next(self._events)  # the stream's start
        event = next(self._events)
        if isinstance(event, yaml.StreamEndEvent):
            self._say((), "the file is empty", "Write its content, or take the shipped file again.", _START)
            return
        self._document.value = self._value(next(self._events), ())
        next(self._events)  # the document's end
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            self._document.value = None
            self._say((), "a second document begins here", "Take out the line ---.", _mark(after))

    def _value(self, event: yaml.Event, path: Path) -> object:
        mark = _mark(event)
        self._count(path, mark)
        self._document.places[path] = mark
        if isinstance(event, yaml.AliasEvent):
            self._say(path, "a word with * refers to another place", "Write the value out.", mark)
            return None
        self._refuse_decorations(event, path, mark)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path)
        assert isinstance(event, yaml.ScalarEvent)
        return self._scalar(event, path)

    def _mapping(self, path: Path) -> dict[str, object]:
        values: dict[str, object] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, path)
            inner = (*path, key)
            if key in values:
                first = self._document.key_places[inner][0]
                fault = f"the key stands here again; the first is in line {first}"
                self._say(inner, fault, "Keep one of them.", _mark(event))
                self._skip(next(self._events), inner)
                continue
            self._document.key_places[inner] = _mark(event)
            values[key] = self._value(next(self._events), inner)
        return values

    def _sequence(self, path: Path) -> list[object]:
        values: list[object] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            values.append(self._value(event, (*path, len(values))))
        return values

    def _key(self, event: yaml.Event, path: Path) -> str:
        if isinstance(event, yaml.ScalarEvent):
            self._refuse_decorations(event, path, _mark(event))
            return str(event.value)
        self._say(path, "a key must be one word", "Write it as name: value.", _mark(event))
        if not isinstance(event, yaml.AliasEvent):
            self._skip(event, path)
        return "?"

    def _scalar(self, event: yaml.ScalarEvent, path: Path) -> Scalar:
        text = str(event.value)
        value = (
            text if event.style else plain_value(text)
        )  # None or "" when it stands bare, by the parser's build
        self._document.scalars[path] = value
        if not isinstance(value, str):
            self._document.as_written[path] = text
        return value

    def _refuse_decorations(self, event: yaml.Event, path: Path, mark: Mark) -> None:
        # the word itself is not repeated: a secret may begin with * or &
        anchor, tag = getattr(event, "anchor", None), getattr(event, "tag", None)
        if anchor:
            self._say(
                path, "a word with & names this place for reuse", "Take it out; write the values twice.", mark
            )
        if tag:
            self._say(
                path, "a type mark (!) stands before the value", "Take it out; the value is enough.", mark
            )

    def _skip(self, event: yaml.Event, path: Path) -> None:
        """Passes over a value that is not kept, however deep."""
        depth = 0
        while True:
            self._count(path, _mark(event))
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth == 0:
                return
            event = next(self._events)

    def _count(self, path: Path, mark: Mark) -> None:
        self._values += 1
        if self._values > MOST_VALUES:
            raise _TooMuchError(self._made(path, f"more than {MOST_VALUES} values", "Split the file.", mark))
        if len(path) > DEEPEST:
            fault = f"nested more than {DEEPEST} levels deep"
            raise _TooMuchError(self._made(path[:3], fault, "Write it flatter.", mark))

    def _made(self, path: Path, fault: str, remedy: str, mark: Mark) -> ConfigProblem:
        return self._document.problem(path, fault, remedy, at=mark)

    def _say(self, path: Path, fault: str, remedy: str, mark: Mark) -> None:
        self._document.problems.append(self._made(path, fault, remedy, mark))


def _events(text: str) -> Iterator[yaml.Event]:
    loader: Any = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
    return iter(loader(text).get_event, None)


def _mark(event: yaml.Event) -> Mark:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else _START


def value_at(document: Document, path: Path) -> object:
    """The value at a path, or None: whatever the file holds."""
    value = document.value
    for step in path:
        if isinstance(value, dict) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value
