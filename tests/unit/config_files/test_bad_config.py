"""Every folder in tests/bad_config: its files laid over the shipped ones, and the exact words to follow, in both languages.

absent.txt names files to leave out; a warning is marked so in expected.txt, and warnings alone stop nothing.
"""

import re
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from support.bad_config import BAD, CASES, laid_out

from hotline.problem_words import told
from ivr.config_files.checker import Configuration, check
from ivr.config_files.in_chinese import in_chinese
from vocabulary.config_problem import ConfigProblem

QUOTED = re.compile(r'"[^"]*"|`[^`]*`|\([a-z_]+: [a-z]+\)')
TWO_WORDS = re.compile(r"[A-Za-z]{2,} [A-Za-z]{2,}")


@cache
def checked(case: str) -> tuple[Configuration | None, list[ConfigProblem]]:
    with TemporaryDirectory() as folder:
        return check(laid_out(case, Path(folder)))


@pytest.mark.parametrize("case", CASES)
def test_the_admin_reads_exactly_this(case):
    configuration, problems = checked(case)

    words = [f"{p} (warning)" if p.severity == "warning" else str(p) for p in problems]
    assert words == (BAD / case / "expected.txt").read_text("utf-8").splitlines()
    assert words
    assert (configuration is None) == any(p.severity == "error" for p in problems)


@pytest.mark.parametrize("case", CASES)
def test_and_the_same_in_chinese(case):
    _, problems = checked(case)

    for found in problems:
        fault, remedy = in_chinese(found.fault), in_chinese(found.remedy)
        assert fault is not None, found
        assert remedy is not None, found
        for words in (fault, remedy):
            assert words.endswith(("。", "？")), words
            assert TWO_WORDS.search(QUOTED.sub("", words)) is None, words
        steps = "".join(f"{step} → " for step in found.path).removesuffix(" → ")
        where = f"{found.file}:{found.line}:{found.column}  "
        assert told(found, "zh") == f"{where}{steps}{'：' if steps else ''}{fault}{remedy}"


def test_there_are_enough_of_them():
    assert len(CASES) >= 25
    assert sum(case.startswith("attack_") for case in CASES) >= 10
