"""A checkout for `scripts/up` to start from, beside the one that is tested."""

import shutil
import subprocess
import sys
from pathlib import Path

from support.repository import ROOT


def a_set_up_checkout(folder: Path) -> Path:
    """This checkout as `scripts/up` finds it the second time: nothing is missing, so nothing is installed.

    Its environment is the very one that runs the tests: were anything installed, that one would be changed under them.
    """
    names = (
        "hotline",
        "agi_scripts",
        "ivr",
        "missed_call_redial",
        "routing",
        "tickets",
        "vocabulary",
        "config",
    )
    for name in (*names, "requirements.txt"):
        (folder / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "scripts", folder / "scripts")
    (folder / ".venv").mkdir()
    for part in ("bin", "lib", "pyvenv.cfg"):
        (folder / ".venv" / part).symlink_to(Path(sys.prefix) / part)
    stamp = subprocess.run(
        ["bash", "-c", ". scripts/setup.sh; stamp_of requirements.txt"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    ).stdout
    (folder / ".venv" / ".stamp").write_text(stamp)
    return folder
