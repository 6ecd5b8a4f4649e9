"""The command `hotline` as a person types it, in this process: loading the whole program anew takes seconds."""

import os
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO

from hotline.cli import main


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


def run_command(words: list[str], environment: Mapping[str, str]) -> Done:
    """With just these HOTLINE_ variables, whatever the tests' own environment has."""
    before, arguments, out, err = dict(os.environ), sys.argv, StringIO(), StringIO()
    for name in [name for name in os.environ if name.startswith("HOTLINE_")]:
        del os.environ[name]
    os.environ.update({"COLUMNS": "200", **environment})
    sys.argv = ["hotline", *words]
    code: object = 0
    try:
        with redirect_stdout(out), redirect_stderr(err):
            main()
    except SystemExit as ended:
        code = ended.code
    finally:
        sys.argv = arguments
        os.environ.clear()
        os.environ.update(before)
    return Done(code if isinstance(code, int) else int(code is not None), out.getvalue(), err.getvalue())
