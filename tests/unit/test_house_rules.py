"""Rules of the house that the product's source itself shows: handlers that catch everything, scripts' length, libraries."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import metadata

import pytest
from support.repository import ROOT, tracked_files

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PACKAGES = frozenset(PROJECT["tool"]["importlinter"]["root_packages"])
SOURCES = [path for path in tracked_files() if path.endswith(".py") and path.split("/")[0] in PACKAGES]
EVERYTHING = ("Exception", "BaseException")
_REASON = re.compile(r"# (?!noqa|type:|pragma)\w.{9}")

# Library that is imported → the dependency that brings it, whose own types are made of it.
COMES_WITH = {
    "starlette": "fastapi",
    "pydantic": "sqlmodel",
    "pydantic-core": "pydantic",
    "sqlalchemy": "sqlmodel",
}
# Dependency that no line imports → who loads it.
LOADED_BY_NAME = {"psycopg": "SQLAlchemy, by the database's address"}


def tree_of(path: str) -> ast.Module:
    return ast.parse((ROOT / path).read_text("utf-8"), path)


def test_the_sources_are_found() -> None:
    assert {path.split("/")[0] for path in SOURCES} == PACKAGES
    assert len(SOURCES) > 100


# --- who catches everything says why ---


def catch_alls(text: str) -> Iterator[range]:
    """Where every error is caught: the lines from `except` or `suppress` to the first statement below it."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ExceptHandler):
            kinds, lines = [node.type], range(node.lineno, max(node.lineno + 1, node.body[0].lineno))
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "suppress":
            kinds, lines = [*node.args], range(node.lineno, node.lineno + 1)
        else:
            continue
        kinds = [one for kind in kinds for one in (kind.elts if isinstance(kind, ast.Tuple) else [kind])]
        if any(kind is None or ast.unparse(kind).split(".")[-1] in EVERYTHING for kind in kinds):
            yield lines


def without_a_reason(text: str) -> list[int]:
    lines = text.splitlines()
    return [
        found[0] for found in catch_alls(text) if not any(_REASON.search(lines[line - 1]) for line in found)
    ]


def test_who_catches_everything_says_why_there() -> None:
    silent = {path: without_a_reason((ROOT / path).read_text("utf-8")) for path in SOURCES}
    assert {path: lines for path, lines in silent.items() if lines} == {}


def test_handlers_are_found_and_silent_ones_are_seen() -> None:
    found = [n for path in SOURCES for n in catch_alls((ROOT / path).read_text("utf-8"))]
    assert len(found) > 10
    for silent in ("Exception", "(OSError, BaseException) as fault", "builtins.Exception", ""):
        assert without_a_reason(f"try:\n    x\nexcept {silent}:\n    y\n") == [3]
        assert without_a_reason(f"try:\n    x\nexcept {silent}:  # noqa: BLE001\n    y\n") == [3]
        assert without_a_reason(f"try:\n    x\nexcept {silent}:  # or the loop would end\n    y\n") == []
    assert without_a_reason("with contextlib.suppress(Exception):\n    x\n") == [1]
    assert without_a_reason("try:\n    x\nexcept OSError:\n    y\n") == []


# --- the scripts that Asterisk runs ---


@pytest.mark.parametrize("path", [path for path in SOURCES if path.startswith("agi_scripts/")])
def test_a_script_is_short(path: str) -> None:
    assert len((ROOT / path).read_text("utf-8").splitlines()) < 40


# --- what is imported is what is installed ---


@cache
def distributions() -> Mapping[str, list[str]]:
    return metadata.packages_distributions()  # looks at every installed file


def distribution_of(library: str) -> str:
    """The name on a package index, as the installed package states it: `asterisk` is pyst2."""
    return normal(distributions()[library][0])


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~; ]", name)[0]).lower()


def imported() -> dict[str, str]:
    """Distribution → a file that imports it; the standard library and our own packages left out."""
    found: dict[str, str] = {}
    for path in SOURCES:
        for node in ast.walk(tree_of(path)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            for library in {name.split(".")[0] for name in names} - PACKAGES - sys.stdlib_module_names:
                found.setdefault(distribution_of(library), path)
    return found


def declared() -> set[str]:
    return {normal(name) for name in PROJECT["project"]["dependencies"]}


def test_what_is_imported_is_a_dependency_or_comes_with_one() -> None:
    undeclared = {name: path for name, path in imported().items() if name not in declared()}
    assert set(undeclared) == set(COMES_WITH), undeclared


@pytest.mark.parametrize("library", COMES_WITH)
def test_what_comes_with_a_dependency_is_required_by_it(library: str) -> None:
    bringer = COMES_WITH[library]
    assert bringer in declared() | set(COMES_WITH)
    assert library in {normal(name) for name in metadata.requires(bringer) or [] if "extra ==" not in name}


def test_every_dependency_is_imported_or_loaded_by_name() -> None:
    assert declared() - set(imported()) == set(LOADED_BY_NAME)
