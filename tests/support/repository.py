"""What git keeps of this repository, for tests that read it as a whole."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def tracked_files() -> list[str]:
    """Paths below ROOT, also where the checkout belongs to another user than the one who tests."""
    found = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    ).stdout
    return [path for path in found.split("\0") if path and (ROOT / path).is_file()]


def a_set_up_checkout(folder: Path) -> Path:
    """This checkout as `scripts/up` finds it the second time: nothing is missing, so nothing is installed."""
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
    digest = hashlib.sha256((ROOT / "requirements.txt").read_bytes()).hexdigest()
    (folder / ".venv" / ".stamp").write_text(f"requirements.txt {digest}  - {folder}\n")
    return folder
