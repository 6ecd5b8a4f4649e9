"""What may be dialled: fixed lengths only, the same for Python and for the dialplan's POSIX expressions."""

import shutil
import subprocess

import pytest

from vocabulary.number_plans import BadNumberPlan, NumberPlan


@pytest.mark.parametrize(
    ("plan", "fits", "does_not"),
    [
        ("1[3-9]XXXXXXXXX", "13800138000", "12800138000"),
        ("0ZXXNXXXXXX", "03512021234", "00512021234"),
        ("0[1-24]XNXXXXXXX", "02882345678", "03882345678"),
        ("12315", "12315", "123150"),
        ("NXXXXXX", "2021234", "1021234"),
    ],
)
def test_plans(plan: str, fits: str, does_not: str):
    compiled = NumberPlan.compile(plan)
    assert compiled.allows(fits)
    assert not compiled.allows(does_not)
    assert not compiled.allows(fits + "\n")
    assert not compiled.allows(fits + "0")


@pytest.mark.parametrize(
    "plan",
    [
        "",
        "1.",
        "1!",
        "X*",
        "[9-3]",
        "[]",
        "[a-z]",
        "1[3-9",
        "(1)",
        "1|2",
        "${X}",
        "1\n",
        "+86X",
        "x",
        "X" * 33,
    ],
)
def test_what_is_no_plan(plan: str):
    with pytest.raises(BadNumberPlan):
        NumberPlan.compile(plan)


def test_posix_reads_the_expression_as_python_does():
    grep = shutil.which("grep")
    assert grep is not None
    compiled = NumberPlan.compile("1[3-57-9]XXXXXXXXX")
    for digits in ("13800138000", "16800138000", "1380013800", "138001380000"):
        found = subprocess.run([grep, "-Eq", compiled.regex], input=digits, text=True, check=False)
        assert (found.returncode == 0) == compiled.allows(digits)
