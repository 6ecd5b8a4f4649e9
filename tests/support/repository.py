"""What git keeps of this repository, for tests that read it as a whole."""

import subprocess
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
