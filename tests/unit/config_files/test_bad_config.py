"""Every folder in tests/bad_config: its files laid over the shipped ones, and the exact words to follow.

absent.txt names files to leave out; a warning is marked so in expected.txt, and warnings alone stop nothing.
"""

import shutil
from pathlib import Path

import pytest

from ivr.config_files.checker import check

ROOT = Path(__file__).parents[3]
BAD = ROOT / "tests" / "bad_config"
CASES = sorted(folder.name for folder in BAD.iterdir() if folder.is_dir())


@pytest.mark.parametrize("case", CASES)
def test_the_admin_reads_exactly_this(case, tmp_path):
    config = tmp_path / "config"
    shutil.copytree(ROOT / "config", config)
    for example in (config / "menus" / "examples").glob("*.yaml"):
        if (
            example.name != "with_keys.yaml"
        ):  # the others say prompts that a case's own prompts.yaml may not have
            example.unlink()
    (config / "broadcasts.yaml").unlink()  # for the same reason
    _lay_over(BAD / case, config)

    configuration, problems = check(config)

    told = [f"{p} (warning)" if p.severity == "warning" else str(p) for p in problems]
    assert told == (BAD / case / "expected.txt").read_text("utf-8").splitlines()
    assert told
    assert (configuration is None) == any(p.severity == "error" for p in problems)


def _lay_over(case, config):
    for source in case.rglob("*"):
        name = source.relative_to(case)
        if source.is_dir() or name.name == "expected.txt":
            continue
        if name.name == "absent.txt":
            for absent in source.read_text("utf-8").split():
                (config / absent).unlink()
            continue
        (config / name).parent.mkdir(exist_ok=True)
        shutil.copy(source, config / name)


def test_there_are_enough_of_them():
    assert len(CASES) >= 25
    assert sum(case.startswith("attack_") for case in CASES) >= 10
