"""`python benchmarks PROGRAM …` runs one of the programs here; each prints one table. See README.md here.

They stand on our packages and on tests/support. This is the one place that makes both importable, before any of them is loaded.
"""

import argparse
import sys
from importlib import import_module
from pathlib import Path
from typing import Final

PROGRAMS: Final = ("agi", "calls", "first_prompt", "menus", "start")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python benchmarks", description="Runs one program, which prints one table."
    )
    parser.add_argument("program", choices=PROGRAMS, help="`PROGRAM --help` tells of it")
    parser.add_argument("options", nargs=argparse.REMAINDER, help="its own")
    given = parser.parse_args()
    root = Path(__file__).resolve().parent.parent
    sys.path[:1] = [
        str(root),
        str(root / "tests"),
    ]  # in place of this folder, in which the programs are no packages
    sys.argv = [f"python benchmarks {given.program}", *given.options]
    import_module(f"benchmarks.{given.program}").main()


if __name__ == "__main__":
    main()
