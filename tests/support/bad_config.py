"""The folders of tests/bad_config, each laid over the shipped config."""

import shutil
from pathlib import Path

from support.repository import ROOT
from support.slim_config import lay_out_with_one_example

BAD = ROOT / "tests" / "bad_config"
CASES = sorted(folder.name for folder in BAD.iterdir() if folder.is_dir())


def laid_out(case: str, tmp_path: Path) -> Path:
    """The config folder that the case is checked in."""
    config = tmp_path / "config"
    # the other examples, and broadcasts, say prompts that a case's own prompts.yaml may not have
    lay_out_with_one_example(config, "broadcasts.yaml")
    _lay_over(BAD / case, config)
    return config


def _lay_over(case: Path, config: Path) -> None:
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
