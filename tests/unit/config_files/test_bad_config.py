"""Every folder in tests/bad_config: its files laid over the shipped ones, and the exact words to follow.

absent.txt names files to leave out; a warning is marked so in expected.txt, and warnings alone stop nothing.
"""

import pytest
from support.bad_config import BAD, CASES, laid_out

from ivr.config_files.checker import check


@pytest.mark.parametrize("case", CASES)
def test_the_admin_reads_exactly_this(case, tmp_path):
    configuration, problems = check(laid_out(case, tmp_path))

    told = [f"{p} (warning)" if p.severity == "warning" else str(p) for p in problems]
    assert told == (BAD / case / "expected.txt").read_text("utf-8").splitlines()
    assert told
    assert (configuration is None) == any(p.severity == "error" for p in problems)


def test_there_are_enough_of_them():
    assert len(CASES) >= 25
    assert sum(case.startswith("attack_") for case in CASES) >= 10
