"""Every shipped menu, broken by the thousand: what became invalid is named at its line, what stayed valid walks otherwise.

Each mutant is in one of three classes: `named` (refused, with a problem where the fault is), `changed` (valid, and some
path through the menu is another, which `hotline menus diff` tells), `same` (the file says what it said: a blank at its end,
a deeper indentation of a group).
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import yaml
from support.repository import ROOT

from ivr.config_files.checker import check_files
from ivr.config_files.differences import SetOfFiles, difference
from ivr.config_files.in_chinese import in_chinese
from ivr.config_files.sources import read_sources

CONFIG = ROOT / "config"
MENUS = sorted(path.relative_to(CONFIG).as_posix() for path in (CONFIG / "menus").rglob("*.yaml"))
ENGLISH = re.compile(
    r"\b(hears|then|before|waits|when answered|any key|hung up|is (new|gone|changed))\b|queue \""
)
LEAST_MUTANTS = 1000
MOST_OF_AN_OPERATION = 450
LEAST_OF_A_FILE = 20


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


@dataclass(frozen=True)
class Scalar:
    """A word of the file and where it stands, as PyYAML finds it: `path` of keys, the last of them its own."""

    path: tuple[str, ...]
    value: str
    line: int
    start: int
    end: int
    is_key: bool = False

    @property
    def key(self) -> str:
        return self.path[-1]

    @property
    def is_way(self) -> bool:
        """It names a node."""
        return self.key in ("start", "then", "next", "else") or self.path[-2:-1] == ("keys",)


FREE_WORDS = {"label", "one_of", "keep", "name", "interruptible", "language", "kind"}
"""Behind these stands no name of anything that must exist."""


def scalars(text: str, *, keys_too: bool = False) -> Iterator[Scalar]:
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    return _scalars(root, (), keys_too=keys_too)


def _scalars(node: yaml.Node | None, path: tuple[str, ...], *, keys_too: bool) -> Iterator[Scalar]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if keys_too:
                yield _scalar(key, path, is_key=True)
            yield from _scalars(value, (*path, key.value), keys_too=keys_too)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _scalars(value, path, keys_too=keys_too)
    elif node is not None:
        yield _scalar(node, path)


def _scalar(node: yaml.Node, path: tuple[str, ...], *, is_key: bool = False) -> Scalar:
    begin, end = node.start_mark, node.end_mark
    return Scalar(path, node.value, begin.line + 1, begin.index, end.index, is_key)


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
        named = {scalar.line for scalar in scalars(left) if scalar.is_way and scalar.value == name}
        yield Mutant(f"node {name} deleted", left, frozenset(named), all_lines=True)


def targets_misspelled(text: str) -> Iterator[Mutant]:
    """Every name that stands as a value, each of its letters left out, doubled and replaced."""
    for scalar in scalars(text):
        if scalar.key in FREE_WORDS or not re.fullmatch(r"[a-z][a-z0-9_/]+", scalar.value):
            continue
        name = scalar.value
        for n, letter in enumerate(name):
            for put in ("", letter * 2, "x"):
                wrong = name[:n] + put + name[n + 1 :]
                if wrong not in ("name", name):
                    changed = text[: scalar.start] + wrong + text[scalar.end :]
                    yield Mutant(f"line {scalar.line}: {name} → {wrong}", changed, frozenset({scalar.line}))


def keys_swapped(text: str) -> Iterator[Mutant]:
    """Of one menu, each pair."""
    groups: dict[tuple[str, ...], list[Scalar]] = {}
    for scalar in scalars(text, keys_too=True):
        if scalar.is_key and scalar.path[-1:] == ("keys",):
            groups.setdefault(scalar.path, []).append(scalar)
    for group in groups.values():
        for n, one in enumerate(group):
            for other in group[n + 1 :]:
                middle = text[one.end : other.start]
                swapped = text[: one.start] + other.value + middle + one.value + text[other.end :]
                yield Mutant(
                    f"keys {one.value} and {other.value} of line {one.line} swapped", swapped, frozenset()
                )


def told_of_many(text: str) -> set[int]:
    """Where that is told which many nodes have a part in: no way to a person, and who is turned away by a blocklist."""
    return {
        line.number for line in lines_of(text) if re.search(r"^start:|caller_on:", line.text.split("#")[0])
    }


def targets_changed(text: str) -> Iterator[Mutant]:
    """Every way to a node leads to each of the others; what becomes a circle is told at one of its nodes."""
    heads = {name: head.number for name, head, _ in nodes_in(lines_of(text))}
    for scalar in scalars(text):
        for other in sorted(set(heads) - {scalar.value}) if scalar.is_way else ():
            changed = text[: scalar.start] + other + text[scalar.end :]
            places = {number + 1 for number in heads.values()} | told_of_many(text)
            yield Mutant(f"line {scalar.line}: to {other}", changed, frozenset({scalar.line, *places}))


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


def named(file: str) -> str:
    return file.removeprefix("menus/").removesuffix(".yaml")


def slim_set(file: str) -> dict[str, bytes]:
    """The shipped files, the menu in use by a number, without what it does not need: checked a thousand times."""
    files, _ = read_sources(CONFIG)
    del files["broadcasts.yaml"]  # no menu needs it
    own_words = files[file].decode().split()
    for other in MENUS:
        if other != file and named(other) not in own_words:
            del files[other]
    hotline = yaml.safe_load(files["hotline.yaml"])
    name = named(file)
    hotline["numbers"] = [{"number": "12345", "label": "热线", "menu": name, "queue": "general"}]
    hotline |= {"switchboards": [], "pause_reasons": []}
    hotline["site"] |= {"area_code": "0355", "area6": "140400"}
    prompts = yaml.safe_load(files["prompts.yaml"])
    said = set(re.findall(r"[a-z_0-9]+", " ".join((CONFIG / one).read_text("utf-8") for one in MENUS)))
    prompts = {
        "prompts": {
            name: {"zh": "好", "pinyin": "hao3", "en": "Yes."} for name in prompts["prompts"] if name in said
        }
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


def class_of(mutant: Mutant, file: str, before: SetOfFiles, original: str) -> str:
    files = {**before.files, file: mutant.text.encode()}
    configuration, problems = check_files(files)
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
    told = difference(before, SetOfFiles(files, configuration))
    assert told.paths, f"{mutant.how}: menus diff tells no path"
    for path in told.paths:
        chinese = in_chinese(path)
        assert chinese is not None, path
        assert ENGLISH.search(chinese) is None, (path, chinese)
    return "changed"


@pytest.fixture(scope="module")
def classes() -> Counter[tuple[str, str, str]]:
    """How many mutants of each file and operation are in each class."""
    found: Counter[tuple[str, str, str]] = Counter()
    originals = {file: (CONFIG / file).read_text("utf-8") for file in MENUS}
    sets: dict[str, SetOfFiles] = {}
    for file in MENUS:
        configuration, problems = check_files(files := slim_set(file))
        assert configuration is not None, problems
        sets[file] = SetOfFiles(files, configuration)
    for operation in OPERATIONS:
        made = [(file, mutant) for file in MENUS for mutant in operation(originals[file])]
        for file, mutant in evenly(made):
            which = class_of(mutant, file, sets[file], originals[file])
            found[file, operation.__name__, which] += 1
    return found


def evenly(made: list[tuple[str, Mutant]]) -> list[tuple[str, Mutant]]:
    """Of very many the same share everywhere, so that more shipped menus make no slower test; but of no file too few."""
    chosen: list[tuple[str, Mutant]] = []
    for file in MENUS:
        own = [one for one in made if one[0] == file]
        count = (
            min(len(own), max(LEAST_OF_A_FILE, MOST_OF_AN_OPERATION * len(own) // len(made))) if own else 0
        )
        chosen += [own[index * len(own) // count] for index in range(count)]
    return chosen


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
