"""Every message about a config file, found in the source: the fixed parts of all texts of the modules that have a part in it."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from itertools import chain

from support.repository import ROOT, tracked_files

BEGINNINGS = ("ivr.config_files.checker", "ivr.config_files.published", "hotline.render_check")
PACKAGES = ("ivr", "missed_call_redial", "routing", "tickets", "vocabulary")
NO_FURTHER = "tickets/outcome.py"  # schemas take its words for outcomes; what it imports are kept calls

# Texts that no admin reads → why.
PARSERS = "the parser's own words, which ours replace"
NO_KEY = "for schemas to come: no key of today's files is of that kind"
NOT_TOLD = {
    "tab character": PARSERS,
    "mapping values are not allowed": PARSERS,
    "end of stream": PARSERS,
    "',' or ']'": PARSERS,
    "',' or '}'": PARSERS,
    "cannot start any token": PARSERS,
    "'-' indicator": PARSERS,
    "expected key": PARSERS,
    "could not find expected ':'": PARSERS,
    "alphabetic or numeric character": PARSERS,
    "Value error,": "pydantic's own words, which are taken off",
    "Write digits, such as 1.5": NO_KEY,
    "Less than": NO_KEY,
    "It must fit": NO_KEY,
    "Write some words, without control characters": "the character itself is told before, whatever the key",
    "Permission denied": "the system's own words, as it says them itself",
    "list[str] | dict[str, bytes | None]": "a type",
    "it is no template": "where Jinja says nothing; it always does",
}


@cache
def modules() -> frozenset[str]:
    """Files of the beginnings and of all that they import of ours below them."""
    known = {path for path in tracked_files() if path.endswith(".py")}
    found: set[str] = set()
    ahead = list(BEGINNINGS)
    while ahead:
        folder = ahead.pop().replace(".", "/")
        path = next((one for one in (f"{folder}.py", f"{folder}/__init__.py") if one in known), "")
        if not path or path in found:
            continue
        found.add(path)
        if path == NO_FURTHER:
            continue
        for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(PACKAGES):
                ahead += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return frozenset(found)


def is_left_out(node: ast.AST) -> bool:
    """Patterns, forms of a date, lines of the log, examples, readings, words of an error itself, and what cannot happen."""
    if isinstance(node, ast.FunctionDef):
        return node.name == "__init__"
    if isinstance(node, ast.AnnAssign):
        return ast.unparse(node.target) in ("EXAMPLE", "_READINGS")
    if isinstance(node, ast.Call):
        return re.match(r"re\.|_log\.|.*strftime$|AssertionError$", ast.unparse(node.func)) is not None
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def texts(node: ast.AST) -> Iterator[list[str]]:
    """Each text of the source as its fixed parts."""
    if is_left_out(node):
        return
    if isinstance(node, ast.JoinedStr):
        yield [str(part.value) for part in node.values if isinstance(part, ast.Constant)]
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield re.split(r"\{[a-z]*\}", node.value)
    else:
        for child in ast.iter_child_nodes(node):
            yield from texts(child)


def sentences(source: str) -> Iterator[str]:
    """Fault and remedy apart, as `schema_words` takes a message apart."""
    for part in chain.from_iterable(texts(ast.parse(source))):
        for half in re.split(r"\. (?=[A-Z])|; ", part):
            if " " in half.strip():
                yield half.strip().rstrip(".")
