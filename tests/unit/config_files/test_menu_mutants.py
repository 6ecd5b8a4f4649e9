"""Every shipped menu, broken by the thousand: what became invalid is named at its line, what stayed valid walks otherwise.

Each mutant is in one of three classes: `named` (refused, with a problem where the fault is), `changed` (valid, and some
path through the menu is another), `same` (the file says what it said: a blank at its end, a deeper indentation of a group).
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import yaml
from support.repository import ROOT

from ivr.config_files.checker import check_files
from ivr.config_files.menu_files import sound_menus
from ivr.config_files.sources import read_sources
from ivr.menus.exploration import explore
from ivr.menus.walker import Walker

CONFIG = ROOT / "config"
MENUS = sorted(path.relative_to(CONFIG).as_posix() for path in (CONFIG / "menus").rglob("*.yaml"))
LEAST_MUTANTS = 1000
MOST_OF_AN_OPERATION = 500


@dataclass(frozen=True)
class Mutant:
    """`lines`: where the fault is if there is one. `all_lines`: each of them must be named, not just one of them."""

    how: str
    text: str
    lines: frozenset[int]
    all_lines: bool = False


@dataclass(frozen=True)
class Line:
    number: int
    indent: int
    text: str


def lines_of(text: str) -> list[Line]:
    """Those that say something."""
    found = [Line(n, len(line) - len(line.lstrip()), line) for n, line in enumerate(text.split("\n"), 1)]
    return [line for line in found if line.text.strip() and not line.text.lstrip().startswith("#")]


def around(lines: list[Line], number: int) -> set[int]:
    """The line and what holds it: the nearest lines above that are indented less and less, each with the first line that
    it holds, for there a group of keys begins (the file's own at its first line)."""
    found, indent = {lines[0].number} if lines else set(), 1000
    for index in range(len(lines) - 1, -1, -1):
        line = lines[index]
        if line.number <= number and (line.indent < indent or line.number == number):
            found |= {
                line.number,
                *(one.number for one in lines[index + 1 : index + 2] if line.number < number),
            }
            indent = min(indent, line.indent)
    return found


def nodes_in(lines: list[Line]) -> list[tuple[str, Line, int]]:
    """Each node's name, the line of its name, and the number of the first line behind it."""
    begin = next(index for index, line in enumerate(lines) if line.text.startswith("nodes:"))
    heads = [line for line in lines[begin + 1 :] if line.indent == 2]
    ends = [line.number for line in heads[1:]] + [lines[-1].number + 1]
    return [(head.text.strip().split(":")[0], head, end) for head, end in zip(heads, ends, strict=True)]


def naming(text: str, names: set[str]) -> set[int]:
    """Lines where one of the names stands as a value."""
    pattern = (
        re.compile(r"[:\[,] *(" + "|".join(sorted(map(re.escape, names))) + r")\b(?!:)") if names else None
    )
    return {line.number for line in lines_of(text) if pattern and pattern.search(line.text.split("#")[0])}


# --- the mutants ---


def nodes_deleted(text: str) -> Iterator[Mutant]:
    lines = lines_of(text)
    for name, head, end in nodes_in(lines):
        whole = text.split("\n")
        left = "\n".join(whole[: head.number - 1] + whole[end - 1 :])
        yield Mutant(f"node {name} deleted", left, frozenset(naming(left, {name})), all_lines=True)


def targets_misspelled(text: str) -> Iterator[Mutant]:
    """Every name that stands as a value, each of its letters left out, doubled and replaced."""
    named = re.compile(
        r"(?P<before>(?:start|then|next|queue|category|prompts|[0-9*#]): *\[?|, *)(?P<name>[a-z][a-z_]+)"
    )
    rows = text.split("\n")
    for line in lines_of(text):
        for found in named.finditer(line.text.split("#")[0]):
            name, at = found["name"], found.start("name")
            for n, letter in enumerate(name):
                for put in ("", letter * 2, "x"):
                    wrong = name[:n] + put + name[n + 1 :]
                    row = line.text[:at] + wrong + line.text[at + len(name) :]
                    changed = "\n".join([*rows[: line.number - 1], row, *rows[line.number :]])
                    yield Mutant(f"line {line.number}: {name} → {wrong}", changed, frozenset({line.number}))


def keys_swapped(text: str) -> Iterator[Mutant]:
    keyed = [line for line in lines_of(text) if re.match(r"\s+[0-9]: ", line.text)]
    for n, one in enumerate(keyed):
        for other in keyed[n + 1 :]:
            rows = text.split("\n")
            for line, key in ((one, other), (other, one)):
                digit = key.text.strip()[0]
                rows[line.number - 1] = line.text.replace(line.text.strip()[0], digit, 1)
            yield Mutant(
                f"keys of lines {one.number} and {other.number} swapped", "\n".join(rows), frozenset()
            )


def targets_changed(text: str) -> Iterator[Mutant]:
    """Every way to a node leads to each of the others; what becomes a circle is told at one of its nodes."""
    rows, lines = text.split("\n"), lines_of(text)
    heads = {name: head.number for name, head, _ in nodes_in(lines)}
    way = re.compile(r"(?P<before>(?:start|then|next|[0-9*#]): *)(?P<name>[a-z_]+)")
    for line in lines:
        for found in way.finditer(line.text.split("#")[0]):
            for other in sorted(set(heads) - {found["name"]}):
                row = line.text[: found.start("name")] + other + line.text[found.end("name") :]
                changed = "\n".join([*rows[: line.number - 1], row, *rows[line.number :]])
                places = {number + 1 for number in heads.values()}
                yield Mutant(f"line {line.number}: to {other}", changed, frozenset({line.number, *places}))


def file_cut(text: str) -> Iterator[Mutant]:
    """Behind every character; a remark that is cut is no mutant."""
    names = {name for name, _, _ in nodes_in(lines_of(text))}
    before: list[str] = []
    for end in range(len(text)):
        left = text[:end]
        lines = lines_of(left)
        says = [line.text.split("#")[0] for line in lines]
        if says == before:
            continue
        before = says
        last = lines[-1].number if lines else 1
        there = {line.text.strip().split(":")[0] for line in lines if line.indent == 2}
        gone = naming(left, names - there)
        yield Mutant(
            f"cut behind character {end}",
            left,
            frozenset({1, left.count("\n") + 1, *around(lines, last), *gone}),
        )


def indentation_broken(text: str) -> Iterator[Mutant]:
    lines, rows = lines_of(text), text.split("\n")
    names = {name for name, _, _ in nodes_in(lines)}
    for index, line in enumerate(lines):
        for shift in ("-2", "-1", "+1", "+2", "+4", "tab"):
            bare = line.text.lstrip()
            indent = "\t" + " " * line.indent if shift == "tab" else " " * (line.indent + int(shift))
            if shift.startswith("-") and line.indent < -int(shift):
                continue
            changed = [*rows[: line.number - 1], indent + bare, *rows[line.number :]]
            # YAML may see it only where the next line fits neither the broken group nor what is around it
            fellow = next((one for one in lines[index + 1 :] if one.indent <= line.indent), line)
            behind = {fellow.number, *(one.number for one in lines[index + 1 : index + 2])}
            beside = around(lines, line.number) | around(lines, lines[max(0, index - 1)].number) | behind
            own = {name for name in names if bare.startswith(f"{name}:")}
            text_now = "\n".join(changed)
            yield Mutant(
                f"line {line.number} indented {shift}", text_now, frozenset(beside | naming(text_now, own))
            )


OPERATIONS = (nodes_deleted, targets_misspelled, targets_changed, keys_swapped, file_cut, indentation_broken)


# --- their classes ---


def slim_set(file: str) -> dict[str, bytes]:
    """The shipped files, the menu in use by a number, without what no menu needs: checked a thousand times."""
    files, _ = read_sources(CONFIG)
    del files["broadcasts.yaml"]  # no menu needs it
    hotline = yaml.safe_load(files["hotline.yaml"])
    name = file.removeprefix("menus/").removesuffix(".yaml")
    hotline["numbers"] = [{"number": "12345", "label": "热线", "menu": name, "queue": "general"}]
    hotline |= {"switchboards": [], "pause_reasons": [], "trunks": []}
    hotline["site"] |= {"area_code": "0355", "area6": "140400"}
    prompts = yaml.safe_load(files["prompts.yaml"])
    said = re.findall(r"[a-z_]+", " ".join(files[one].decode() for one in MENUS))
    prompts = {
        "prompts": {name: {"zh": "好", "pinyin": "hao3"} for name in prompts["prompts"] if name in said}
    }
    codes = yaml.safe_load(files["codes.yaml"])
    codes |= {listed: codes[listed][:1] for listed in ("areas", "units", "dispositions")}
    codes["categories"] = [one for one in codes["categories"] if one["code"] in said]
    rules = {"rules": [{"id": "all", "then": {}}]}
    files |= {
        "routing_rules.yaml": yaml.safe_dump(rules).encode(),
        "codes.yaml": yaml.safe_dump(codes, allow_unicode=True).encode(),
        "hotline.yaml": yaml.safe_dump(hotline, allow_unicode=True).encode(),
        "prompts.yaml": yaml.safe_dump(prompts, allow_unicode=True).encode(),
    }
    return {name: data for name, data in files.items() if name.endswith(".yaml")}


def paths(file: str, data: bytes) -> set[tuple[object, ...]]:
    """Everything that a caller can meet: what `menus diff` compares too."""
    menus = sound_menus({file: data})
    (name,) = menus
    found = explore(Walker(menus, name), lambda prompt: float(len(prompt)))
    return {(one.pressed, one.nodes, one.prompts, one.end, one.seconds) for one in found.paths}


def class_of(mutant: Mutant, file: str, others: dict[str, bytes], original: str) -> str:
    data = mutant.text.encode()
    configuration, problems = check_files({**others, file: data})
    errors = {problem.line for problem in problems if problem.severity == "error" and problem.file == file}
    if configuration is None:
        assert errors, f"{mutant.how}: refused, but not in {file}: {problems}"
        if mutant.all_lines:
            assert mutant.lines <= errors, (mutant.how, mutant.lines, problems)
        else:
            assert mutant.lines & errors, (mutant.how, sorted(mutant.lines), [str(one) for one in problems])
        return "named"
    if yaml.safe_load(mutant.text) == yaml.safe_load(original):
        return "same"
    assert paths(file, data) != paths(file, original.encode()), f"{mutant.how}: no path is another"
    return "changed"


@pytest.fixture(scope="module")
def classes() -> Counter[tuple[str, str, str]]:
    """How many mutants of each file and operation are in each class."""
    found: Counter[tuple[str, str, str]] = Counter()
    originals = {file: (CONFIG / file).read_text("utf-8") for file in MENUS}
    sets = {file: slim_set(file) for file in MENUS}
    assert all(check_files(one)[0] is not None for one in sets.values())
    for operation in OPERATIONS:
        made = [(file, mutant) for file in MENUS for mutant in operation(originals[file])]
        for file, mutant in evenly(made):
            which = class_of(mutant, file, sets[file], originals[file])
            found[file, operation.__name__, which] += 1
    return found


def evenly(made: list[tuple[str, Mutant]]) -> list[tuple[str, Mutant]]:
    """Of very many the same share everywhere, so that more shipped menus make no slower test."""
    step = max(1.0, len(made) / MOST_OF_AN_OPERATION)
    return [made[int(index * step)] for index in range(int(len(made) / step))]


def counted(classes: Counter[tuple[str, str, str]], operation: str | None = None) -> dict[str, int]:
    found: Counter[str] = Counter()
    for (_, how, which), count in classes.items():
        if operation in (None, how):
            found[which] += count
    return dict(found)


def test_there_are_a_thousand_and_each_is_in_its_class(classes):
    told = counted(classes)
    print(
        f"mutants: {told}; "
        + "; ".join(f"{op.__name__}: {counted(classes, op.__name__)}" for op in OPERATIONS)
    )
    assert sum(told.values()) >= LEAST_MUTANTS
    assert set(told) == {"named", "changed", "same"}
    for file in MENUS:
        assert sum(count for (one, _, _), count in classes.items() if one == file) > 50, file


@pytest.mark.parametrize("operation", ["nodes_deleted", "targets_misspelled"])
def test_what_dangles_is_always_refused(classes, operation):
    assert set(counted(classes, operation)) == {"named"}


def test_swapped_keys_are_valid_and_always_change_a_path(classes):
    assert set(counted(classes, "keys_swapped")) == {"changed"}


def test_a_changed_target_is_seen_by_check_or_by_a_path(classes):
    assert set(counted(classes, "targets_changed")) == {"named", "changed"}


def test_a_cut_file_is_refused_wherever_it_says_less(classes):
    assert set(counted(classes, "file_cut")) <= {"named", "same"}
