"""The papers say what is so: files, commands, settings, layers, routes and series that they name exist."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from support.repository import ROOT, tracked_files

from hotline import asterisk_changes
from hotline.cli import app
from hotline.parts import PARTS
from hotline.settings import Settings
from hotline.web.access import ACCESS
from ivr.menus.nodes.collect import Collect
from vocabulary import hotline_names

SYSTEMD = ROOT / "config" / "systemd"
PAPERS = (
    "README.md",
    "ARCHITECTURE.md",
    "DECISIONS.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "docs/operations.md",
    "docs/menus.md",
)
EVERY_PAPER = pytest.mark.parametrize("paper", PAPERS)

_MARKED = re.compile(r"`([^`\n]+)`")
_INDENTED = re.compile(r"^ {4}(?! )(.*)$", re.MULTILINE)
_PATH = re.compile(r"[A-Za-z0-9_.@-]+(?:/[A-Za-z0-9_.@-]*)+")
_COMMAND = re.compile(r"(?:^|[\s/])(?<!-u )hotline (?=[a-z])(.*)")
_SETTING = re.compile(r"\bHOTLINE_[A-Z_]+\b")
_SERIES = re.compile(r"\bhotline_[a-z_]+(?=[`{])")

# Words with a slash that are no files of ours: parts of a running hotline, units, choices.
NOT_OURS = re.compile(r"var/|HOTLINE_|prompts/zh/|hotline/defaults$|hotline@")


def text_of(paper: str) -> str:
    return (ROOT / paper).read_text(encoding="utf-8")


def marked(paper: str) -> list[str]:
    return _MARKED.findall(text_of(paper))


def project() -> dict[str, object]:
    return tomllib.loads(text_of("pyproject.toml"))


# --- files ---


def paths_in(paper: str) -> Iterator[str]:
    for word in marked(paper):
        if _PATH.fullmatch(word) and not NOT_OURS.match(word):
            yield word


@EVERY_PAPER
def test_every_file_that_a_paper_names_exists(paper: str) -> None:
    missing = [path for path in paths_in(paper) if not (ROOT / path).exists()]
    assert missing == []


@EVERY_PAPER
def test_links_between_papers_lead_somewhere(paper: str) -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", text_of(paper))
    assert [target for target in targets if not ((ROOT / paper).parent / target).exists()] == []


@pytest.mark.parametrize(
    "script", sorted((ROOT / "agi_scripts").glob("[a-z]*.py")), ids=lambda path: path.stem
)
def test_every_agi_script_is_named(script: Path) -> None:
    assert f"`agi_scripts/{script.name}`" in text_of("ARCHITECTURE.md")


def test_every_package_is_named() -> None:
    found = {path.parent.relative_to(ROOT).as_posix() for path in ROOT.glob("*/__init__.py")}
    assert found == set(_root_packages())
    found |= {path.parent.relative_to(ROOT).as_posix() for path in (ROOT / "ivr").glob("*/__init__.py")}
    found |= {"hotline/web", "hotline/migrations"}
    assert [package for package in sorted(found) if f"`{package}/`" not in text_of("ARCHITECTURE.md")] == []


def test_every_folder_is_named() -> None:
    parts = [path.split("/") for path in tracked_files() if not path.startswith(".")]
    found = {names[0] for names in parts if len(names) > 1}
    found |= {f"tests/{names[1]}" for names in parts if names[0] == "tests" and len(names) > 2}
    assert [folder for folder in sorted(found) if f"`{folder}/`" not in text_of("ARCHITECTURE.md")] == []


@pytest.mark.parametrize(
    "file", [path for path in tracked_files() if re.match(r"scripts/|ivr/[^/]*\.py$", path)]
)
def test_every_file_is_named_where_there_are_few(file: str) -> None:
    assert f"`{file}`" in text_of("ARCHITECTURE.md") or file.endswith("__init__.py")


# --- layers ---


def _linter() -> dict[str, object]:
    tools = project()["tool"]
    assert isinstance(tools, dict)
    return dict(tools["importlinter"])


def _root_packages() -> list[str]:
    found = _linter()["root_packages"]
    assert isinstance(found, list)
    return found


def test_the_layers_are_the_contracts() -> None:
    drawn = [line.split(" → ") for line in _INDENTED.findall(text_of("ARCHITECTURE.md")) if " → " in line]
    contracts = _linter()["contracts"]
    assert isinstance(contracts, list)
    layers = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    assert drawn == layers
    inside = {path.relative_to(ROOT).parts[1].removesuffix(".py") for path in (ROOT / "ivr").rglob("*.py")}
    assert set(layers[1]) == {f"ivr.{name}" for name in inside - {"__init__"}}


# --- commands ---


def commands_in(text: str) -> Iterator[str]:
    """Of `hotline …` as a person would type it, without comments."""
    for piece in [*_MARKED.findall(text), *_INDENTED.findall(text)]:
        for one in re.split(r" && |; ", piece.split("#")[0]):
            if found := _COMMAND.search(one):
                yield re.split(r"\s{2,}|['\"]", found[1])[0].strip()


def fault_of(line: str) -> str | None:
    """What is wrong with a command line; None: the program knows it."""
    command: Any = typer.main.get_command(app)
    words = line.split()
    for n, word in enumerate(words):
        if word == "--help":
            return None
        if not hasattr(command, "commands"):
            known = {option for parameter in command.params for option in parameter.opts}
            unknown = [w for w in words[n:] if w.startswith("--") and w not in known]
            return f"{line}: {unknown}" if unknown else None
        if word not in command.commands:
            return f"{line}: no command {word}"
        command = command.commands[word]
    return None


@EVERY_PAPER
def test_every_command_that_a_paper_names_exists(paper: str) -> None:
    faults = [fault for line in commands_in(text_of(paper)) if (fault := fault_of(line))]
    assert faults == []


def test_commands_are_found_and_faults_are_seen() -> None:
    text = (
        "`hotline check`\n\n    hotline check && hotline odd\n    .venv/bin/hotline serve --odd x   # words\n"
    )
    assert list(commands_in(text)) == ["check", "check", "odd", "serve --odd x"]
    assert [line for line in commands_in(text) if fault_of(line)] == ["odd", "serve --odd x"]
    assert fault_of("agent odd") == "agent odd: no command odd"
    assert fault_of("token create --role admin") is None


# --- settings, names, routes, series ---


def known_names() -> set[str]:
    settings = {f"HOTLINE_{name.upper()}" for name in Settings.model_fields}
    shared = {value for value in vars(hotline_names).values() if isinstance(value, str)}
    shared |= set(
        re.findall(r"^keep: (HOTLINE_INPUT_[A-Z]+)", Collect.EXAMPLE, re.MULTILINE)
    )  # named by the site
    return settings | shared | set(_SETTING.findall(text_of("config/asterisk/extensions.conf.j2")))


@EVERY_PAPER
def test_every_setting_that_a_paper_names_exists(paper: str) -> None:
    assert set(_SETTING.findall(text_of(paper))) - known_names() == set()


@EVERY_PAPER
def test_every_route_that_a_paper_names_exists(paper: str) -> None:
    routes = {path for _, path in ACCESS}
    named = [
        word.split()[-1].split("?")[0]
        for word in marked(paper)
        if re.match(r"(?:[A-Z]+ )?/(api/|openapi|readyz|healthz|metrics)", word)
    ]
    assert [route for route in named if route not in routes] == []


@EVERY_PAPER
def test_every_series_that_a_paper_names_is_measured(paper: str) -> None:
    measured = text_of("hotline/web/metrics.py")
    assert [name for name in _SERIES.findall(text_of(paper)) if f'"{name}"' not in measured] == []


def test_every_part_of_readyz_is_explained() -> None:
    rows = re.findall(r"^\| `([a-z]+)` \|", text_of("docs/operations.md"), re.MULTILINE)
    assert rows[: len(PARTS)] == list(PARTS)


# --- what a changed file needs ---


def rows_of_changes() -> dict[str, str]:
    """Rendered file → how it is taken over, as the operations page says."""
    table = text_of("docs/operations.md").split("| file | taken over |")[1].split("\n\n")[0]
    rows = [line.split("|")[1:3] for line in table.splitlines()[2:]]
    return {name: how.strip() for files, how in rows for name in re.findall(r"`([a-z-]+\.conf)`", files)}


def test_how_changes_take_effect_is_told_as_it_is_done() -> None:
    told = rows_of_changes()
    rendered = {path.name.removesuffix(".j2") for path in (ROOT / "config" / "asterisk").glob("*.conf.j2")}
    assert set(told) <= rendered
    at_once = {name for name, how in told.items() if how.startswith("at once")}
    assert at_once == set(asterisk_changes.RELOADS)
    assert {name for name, how in told.items() if "no call is up" in how} == set(asterisk_changes.WHEN_IDLE)
    assert {name for name, how in told.items() if how.startswith("at the next call")} == set(
        asterisk_changes.AT_ONCE
    )
    waits_for_a_start = {name for name, how in told.items() if how.startswith("a restart")}
    done = {*asterisk_changes.RELOADS, *asterisk_changes.WHEN_IDLE, *asterisk_changes.AT_ONCE}
    assert waits_for_a_start == set(told) - done
    assert waits_for_a_start
    lines_that_wait = _MARKED.findall(told["pjsip.conf"].partition(";")[2])
    assert set(lines_that_wait) == set(asterisk_changes.ONLY_AT_START)


# --- decisions and dependencies ---


def test_decisions_are_numbered_and_dated() -> None:
    lines = [line for line in text_of("DECISIONS.md").splitlines() if re.match(r"\*\*\d+\. ", line)]
    assert [int(line[2:].split(".")[0]) for line in lines] == list(range(1, len(lines) + 1))
    undated = [line[:40] for line in lines if not re.search(r"\b20\d\d-\d\d-\d\d\b", line)]
    dated_together = re.compile(r"\*\*4[789]\. ")
    assert [line for line in undated if not dated_together.match(line)] == []


def test_every_dependency_has_its_entry() -> None:
    found = project()
    core, groups = found["project"], found["dependency-groups"]
    assert isinstance(core, dict)
    assert isinstance(groups, dict)
    wanted = [re.split(r"[\[<>=~ ]", name)[0] for name in [*core["dependencies"], *groups["dev"]]]
    table = text_of("DECISIONS.md").split("## Dependencies")[1]
    rows = " ".join(line.split("|")[1] for line in table.splitlines() if line.startswith("|"))
    assert [name for name in wanted if name not in re.findall(r"[\w-]+", rows)] == []


# --- systemd ---


def test_units_run_commands_and_settings_that_exist() -> None:
    for file in sorted(path for path in SYSTEMD.rglob("*") if path.is_file()):
        text = file.read_text(encoding="utf-8")
        assert set(_SETTING.findall(text)) - known_names() == set(), file.name
        starts = re.findall(r"^ExecStart=\S*/hotline (.*)$", text, re.MULTILINE)
        assert [fault for start in starts if (fault := fault_of(start))] == [], file.name


def test_every_unit_is_named_on_the_operations_page() -> None:
    named = text_of("docs/operations.md")
    files = sorted(path.relative_to(ROOT).as_posix() for path in SYSTEMD.rglob("*") if path.is_file())
    assert [file for file in files if f"`{file}`" not in named] == []


# --- the licence ---


def test_the_licence_is_whole() -> None:
    licence = text_of("LICENSE")
    assert "Apache License" in licence
    assert "END OF TERMS AND CONDITIONS" in licence
    assert "APPENDIX: How to apply the Apache License" in licence
