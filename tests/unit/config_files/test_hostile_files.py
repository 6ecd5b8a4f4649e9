"""Whatever bytes stand in a config file, the checker answers in words and never raises."""

import json
import re
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.slim_config import EXAMPLE

from ivr.config_files.checker import MOST_PROBLEMS, Configuration, check_files
from vocabulary.config_problem import ConfigProblem

SHIPPED = Path(__file__).parents[3] / "config"
FILES = {p.relative_to(SHIPPED).as_posix(): p.read_bytes() for p in SHIPPED.rglob("*.yaml")}
NAMES = st.sampled_from(sorted(FILES))
NAMES_IN_USE = sorted(name for name in FILES if "examples" not in name)
IN_USE = st.sampled_from(NAMES_IN_USE)
SLIM = {name: FILES[name] for name in [*NAMES_IN_USE, EXAMPLE]}
"""What a hostile file stands among: all examples together would take most of the time of each check."""


def told_well(files, configuration, problems):
    assert (configuration is None) == any(p.severity == "error" for p in problems)
    assert len(problems) <= MOST_PROBLEMS + 1
    for problem in problems:
        lines = files[problem.file].count(b"\n") + files[problem.file].count(b"\r") + 1
        assert 1 <= problem.line <= lines or not files[problem.file].isascii()
        assert problem.column >= 1
        assert str(problem).isprintable()
        assert problem.fault.endswith((".", "?", "!"))
        assert problem.remedy


MAY_SAY_NOTHING = ("broadcasts.yaml", "calendar/office.yaml", "codes.yaml")
"""Every key of these files may be left out, so `{}`, which is found by chance, is a whole file of theirs."""


@cache
def with_nothing_in(name: str) -> tuple[Configuration | None, list[ConfigProblem]]:
    return check_files({**SLIM, name: b"{}"})


@pytest.mark.parametrize("name", NAMES_IN_USE)
def test_a_file_that_says_nothing_is_refused_where_it_must_say_something(name):
    configuration, problems = with_nothing_in(name)
    assert (configuration is not None) == (name in MAY_SAY_NOTHING)
    assert (problems == []) == (name in MAY_SAY_NOTHING)


def says_nothing(name: str, configuration: Configuration | None) -> bool:
    if configuration is None or name not in MAY_SAY_NOTHING:
        return False
    nothing, _ = with_nothing_in(name)
    assert nothing is not None
    return replace(configuration, version=nothing.version) == nothing


@settings(max_examples=100, deadline=None)
@given(name=IN_USE, data=st.binary(max_size=300))
def test_random_bytes_are_refused_in_words(name, data):
    files = {**SLIM, name: data}
    configuration, problems = check_files(files)
    if says_nothing(name, configuration):
        return
    assert configuration is None
    assert any(p.file == name for p in problems)
    told_well(files, configuration, problems)


LIKE_YAML = st.text(alphabet="ab1 -:[]{}&*!|>'\"#%@,?\n\t\\0.~录", max_size=120)


@settings(max_examples=100, deadline=None)
@given(name=IN_USE, text=LIKE_YAML)
def test_random_yaml_is_refused_in_words(name, text):
    files = {**SLIM, name: text.encode()}
    configuration, problems = check_files(files)
    if says_nothing(name, configuration):
        return
    assert configuration is None
    told_well(files, configuration, problems)


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
KEY_LINE = r"(?m)^(\s*(?:- )?[a-z_0-9]+:)(.*)$"


@settings(max_examples=120, deadline=None)
@given(name=NAMES, place=st.integers(0, 10_000), value=VALUES)
def test_any_value_in_any_place_passes_or_is_told(name, place, value):
    text = FILES[name].decode()
    found = list(re.finditer(KEY_LINE, text))
    chosen = found[place % len(found)]
    changed = f"{text[: chosen.end(1)]} {json.dumps(value)}{text[chosen.end() :]}"
    files = {**SLIM, name: changed.encode("utf-8", "replace")}
    told_well(files, *check_files(files))


@settings(max_examples=150, deadline=None)
@given(
    name=NAMES,
    start=st.integers(0, 5000),
    length=st.integers(0, 40),
    put=st.one_of(LIKE_YAML, st.text(max_size=9)),
)
def test_a_random_edit_passes_or_is_told_at_a_line_of_a_file(name, start, length, put):
    text = FILES[name].decode()
    start %= len(text)
    edited = (text[:start] + put + text[start + length :]).encode("utf-8", "replace")
    files = {**SLIM, name: edited}
    told_well(files, *check_files(files))


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "[" * 20_000,
        "{" * 20_000,
        "- " * 20_000,
        "? " * 20_000,
        "a: &a [*a]",
        "&a a: *a",
        "? [1, 2]\n: x\n",
        "? *x\n: y\n",
        "!!binary x: y",
        "%YAML 1.3\n---\na: b",
        "--- |\n x\n",
        "a: 2026-01-01\n",
        "<<: {a: b}\n",
        "a: ." + "9" * 5000,
        "a: " + "9" * 5000,
        "- 1\n" * 60_000,
        "a" * 1_000_001,
        "\ufeff",
        "a: !<x> [",
        '"\\ud800": x',
        "\x85\u2028: x",
        "site: \U0001f600\U0001f600: x",
    ],
    ids=range(22),
)
def test_known_bombs(text):
    for name in ("hotline.yaml", "menus/main.yaml", "callbacks.yaml"):
        files = {**SLIM, name: text.encode("utf-8", "surrogatepass")}
        configuration, problems = check_files(files)
        assert configuration is None
        assert all(str(p).isprintable() for p in problems)


def many_nodes(count, node="{kind: queue}"):
    return ("start: n0\nnodes:\n" + "".join(f"  n{i}: {node}\n" for i in range(count))).encode()


LAUGHS = "".join(f"  {b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in pairwise("abcdefghij"))
AROUND = "start: p\nnodes:\n  p: {kind: queue}\n"
METER = FILES["prompts.yaml"].decode().split("enter_meter_number:", 1)
HUGE = {
    "100,000 nodes": (
        "menus/main.yaml",
        many_nodes(100_000),
        "menus/main.yaml:1:1  the file has more than 1000000 bytes",
    ),
    "30,000 nodes": ("menus/main.yaml", many_nodes(30_000), "more than 50000 values. Split the file."),
    "1,001 nodes": ("menus/main.yaml", many_nodes(1001), "nodes: has 1001 entries. At most 1000."),
    "a node of 40,000 keys": (
        "menus/main.yaml",
        many_nodes(1, "{kind: menu, keys: {" + ", ".join(f"{i}: n0" for i in range(40_000)) + "}}"),
        "menus/main.yaml:3:",
    ),
    "10,000 ways to nowhere": (
        "menus/main.yaml",
        many_nodes(
            1000,
            "{kind: menu, prompts: [greeting], keys: {"
            + ", ".join(f"{i}: nowehre{i}" for i in range(9))
            + "}, no_key: {then: nodd}, wrong_key: {then: nodd}}",
        ),
        'no node "nowehre0". There are 1000, among them n0, n1, n10, n100, n101.',
    ),
    "5,000 values that nothing sets": (
        "menus/main.yaml",
        many_nodes(
            250,
            "{kind: branch, else: n0, cases: ["
            + ", ".join(
                f"{{when: {{value: {{name: HOTLINE_INPUT_N{i}, one_of: [1]}}}}, then: n0}}" for i in range(20)
            )
            + "]}",
        )
        + b"".join(
            b"  c%d: {kind: collect, keep: HOTLINE_INPUT_COLLECTED_%d}\n" % (i, i) for i in range(700)
        ),
        'no collect keeps "HOTLINE_INPUT_N0", so this never fits. Write it at keep of a collect.',
    ),
    "a billion laughs": (
        "menus/main.yaml",
        f"{AROUND}  a: &a [x, x, x]\n{LAUGHS}".encode(),
        "a word with * refers to another place. Write the value out.",
    ),
    "a prompt of 10 MB": (
        "prompts.yaml",
        f"{METER[0]}enter_meter_number:\n    zh: {'好' * 3_400_000}\n".encode(),
        "prompts.yaml:1:1  the file has more than 1000000 bytes",
    ),
    "a prompt of 0.9 MB": (
        "prompts.yaml",
        f"{METER[0]}enter_meter_number:\n    zh: {'好' * 300_000}\n".encode(),
        "enter_meter_number → zh: has 300000 characters. Keep it to 600: callers are waiting.",
    ),
}
LONGEST_CHECK = 10.0
"""CPU seconds; the slowest needs less than one on a free machine."""
MOST_MEMORY = 1_000_000_000
"""Bytes of this process at its largest, the tests before among it."""


@pytest.mark.parametrize("what", HUGE)
def test_a_huge_file_is_refused_in_bounded_time_and_memory(what):
    name, data, words = HUGE[what]
    began = process_time()
    configuration, problems = check_files({**SLIM, name: data})
    took, most = process_time() - began, getrusage(RUSAGE_SELF).ru_maxrss * 1024
    assert configuration is None
    assert any(words in str(one) and one.file == name for one in problems if one.severity == "error"), (
        problems
    )
    assert took < LONGEST_CHECK
    assert most < MOST_MEMORY


def test_no_file_at_all():
    assert check_files({})[0] is None


def test_a_thousand_faults_are_told_two_hundred_at_a_time():
    rules = "rules:\n" + "".join(f"  - {{id: r{n}, when: {{queue: no{n}}}}}\n" for n in range(1000))
    files = {**SLIM, "routing_rules.yaml": rules.encode()}
    _, problems = check_files(files)
    assert len(problems) == MOST_PROBLEMS + 1
    # the last rule must have no condition, which is one more
    assert str(problems[-1]) == "routing_rules.yaml:202:30  and 801 more problems. Correct these first."
