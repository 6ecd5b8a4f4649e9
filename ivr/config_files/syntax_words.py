"""Bytes that are no YAML, told in words: encodings, characters, indentation, quotes and brackets.

The parser's own messages differ between its two builds and speak of tokens; these speak of the line.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import yaml

from ivr.config_files.problems import problem
from vocabulary.config_problem import ConfigProblem

# What YAML lets stand in a file; all else is refused here, before the parser sees it.
_UNPRINTABLE: Final = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)

_BRACKET: Final = re.compile(r"[\[\]{}]")
_MOST_OPEN: Final = 200
_TAB: Final = ("a tab stands in the indentation", "Use blanks.")
_MISFIT: Final = ("this line fits nothing above it", "Check its indentation, and the lines around it.")
_NO_COLON: Final = "could not find expected ':'"
_REFERENCE: Final = "alphabetic or numeric character"
FULL_WIDTH: Final = (
    "a full-width sign stands here (： or ，)",
    "Write : or , as on an English keyboard, and a blank after it.",
)
_LINES_BACK: Final = 3
"""So far above the line at which the parser stumbles its cause is looked for."""
_MISTYPED: Final = (
    (re.compile(r"""(?:^\s*(?:- +)?|[{,]\s*)["']?[a-z0-9_*#-]+["']?\s*(：)""", re.ASCII), FULL_WIDTH),
    (re.compile(r"""[\[{].*[a-z0-9_"'\]}]\s*(，)\s*[a-z0-9_"'\[{*#]""", re.ASCII), FULL_WIDTH),
    (re.compile(r"[{,]\s*(#):"), (
        "an unquoted # begins a comment", 'If the key # is meant, write "#": in quotes.')),
)  # fmt: skip
_KEY_AS_COMMENT: Final = re.compile(r"^[ ]*(#)[ ]*:[ ]+[a-z][a-z0-9_-]*[ ]*$", re.MULTILINE | re.ASCII)
_WORDS: Final = (
    ("tab character", *_TAB),
    (r"'\t'", *_TAB),
    ("mapping values are not allowed", "a colon stands where none can be",
     "Check the indentation of this line; put text that has a colon in quotes."),
    ("end of stream", "the quotes opened here are never closed", "Close them on this line."),
    ("',' or ']'", "a list in [ ] is not closed, or lacks a comma, before here", "Check the lines above."),
    ("',' or '}'", "a group in { } is not closed, or lacks a comma, before here", "Check the lines above."),
    ("cannot start any token", "this character cannot begin a value", "Put the value in quotes."),
    ("block", *_MISFIT),
    ("'-' indicator", *_MISFIT),
    ("expected key", *_MISFIT),
    (_REFERENCE, "an unquoted * or & begins a reference", 'If the key * is meant, write "*": in quotes.'),
    (_NO_COLON, "a colon is missing", "Write key: value, with a blank after the colon."),
)  # fmt: skip


def decoded(file: str, data: bytes) -> str | ConfigProblem:
    """The text, without a byte order mark; or why there is none."""
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        fault = f"the byte {data[error.start]:#04x} is not UTF-8{_guess(data)}"
        return _at(file, before, fault, "Save the file as UTF-8.")
    found = _UNPRINTABLE.search(text)
    if found:
        fault = f"the invisible character U+{ord(found.group()):04X} stands here"
        return _at(file, text[: found.start()], fault, "Delete it.")
    return _unclosed(file, text) or text


def _unclosed(file: str, text: str) -> ConfigProblem | None:
    """Thousands of opened brackets cost the parser minutes; nobody writes so many."""
    depth = 0
    for found in _BRACKET.finditer(text):
        depth = depth + 1 if found.group() in "[{" else max(0, depth - 1)
        if depth > _MOST_OPEN:
            fault = f"more than {_MOST_OPEN} brackets are open here"
            return _at(file, text[: found.start()], fault, "Close them, or write it with dashes.")
    return None


def _guess(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "; the file looks like UTF-16"
    try:
        data.decode("gb18030")
    except UnicodeDecodeError:
        return ""
    return "; the file looks like GB18030"


def _at(file: str, before: str, fault: str, remedy: str) -> ConfigProblem:
    lines = re.split("\r\n|[\n\r\x85\u2028\u2029]", before)
    return problem(file, (len(lines), len(lines[-1]) + 1), (), fault, remedy)


def keys_as_comments(file: str, text: str) -> Iterator[ConfigProblem]:
    """`#: node` without quotes, for which YAML has no key."""
    for found in _KEY_AS_COMMENT.finditer(text):
        yield replace(_at(file, text[: found.start(1)], *_MISTYPED[-1][1]), severity="warning")


def syntax_problem(file: str, text: str, error: yaml.YAMLError) -> ConfigProblem:
    said = f"{getattr(error, 'problem', '')}"
    # the parser misses a colon at the next line that has one; the key without it is where it began to look
    mark = getattr(error, "context_mark" if _NO_COLON in said or _REFERENCE in said else "problem_mark", None)
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    lines = text.splitlines() or [""]
    if line > len(lines):
        line, column = len(lines), len(lines[-1]) + 1
    for at in range(line, max(0, line - _LINES_BACK), -1):
        for pattern, words in _MISTYPED:
            if found := pattern.search(lines[at - 1]):
                return problem(file, (at, found.start(1) + 1), (), *words)
    indentation = re.match(r"\s*", lines[line - 1])
    if indentation and "\t" in indentation.group():
        said = "tab character"
    for part, fault, remedy in _WORDS:
        if part in said:
            return problem(file, (line, column), (), fault, remedy)
    remedy = "Check quotes, colons and indentation up to here."
    return problem(file, (line, column), (), "this is not YAML", remedy)
