"""The folders of tests/bad_config, each laid over the shipped config."""

import shutil
from pathlib import Path

from support.repository import ROOT

BAD = ROOT / "tests" / "bad_config"
CASES = sorted(folder.name for folder in BAD.iterdir() if folder.is_dir())


def laid_out(case: str, tmp_path: Path) -> Path:
    """The config folder that the case is checked in."""
    config = tmp_path / "config"
    shutil.copytree(ROOT / "config", config)
    for example in (config / "menus" / "examples").glob("*.yaml"):
        if (
            example.name != "with_keys.yaml"
        ):  # the others say prompts that a case's own prompts.yaml may not have
            example.unlink()
    (config / "broadcasts.yaml").unlink()  # for the same reason
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
