"""The shipped config files as a site has them, but for the examples that a test does not need.

No call comes to an example, and all of them together take a check twice as long as all the rest.
"""

import shutil
from pathlib import Path

from support.repository import ROOT

from hotline import defaults_door

SHIPPED = ROOT / "config"
EXAMPLE = "menus/examples/with_keys.yaml"


def lay_out_with_one_example(config: Path, *left_out: str) -> None:
    """`left_out`: further files."""
    for place in defaults_door.laid_out_files():
        name = place.as_posix()
        if name in left_out or (name.startswith("menus/examples/") and name != EXAMPLE):
            continue
        (config / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(SHIPPED / place, config / place)


def leave_out_examples(config: Path, kept: set[str]) -> None:
    """Of a folder that is laid out already; EXAMPLE stays."""
    for path in (config / "menus" / "examples").glob("*.yaml"):
        if path.relative_to(config).as_posix() not in {EXAMPLE, *kept}:
            path.unlink()
