"""A machine of stub programs, which are all of PATH: no network, no package, no rights are touched."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
TOOLS = (
    *("bash", "cat", "dirname", "env", "grep", "mkdir", "mktemp", "mv", "rm"),
    *("readlink", "sed", "sha256sum", "sleep", "tail", "tee", "timeout", "touch"),
)
GOOD_PYTHON = """
case "$1 $2" in
  "-m venv")
    mkdir -p "$3/bin"
    printf '#!/bin/sh\\nexec "%s" "$@"\\n' "$BIN/venv-python" >"$3/bin/python"
    touch "$3/bin/pip"
    chmod +x "$3/bin/python" "$3/bin/pip" ;;
esac
"""


@dataclass(frozen=True)
class Machine:
    """`root` is a checkout with nothing but its scripts; `bin` all programs that there are."""

    root: Path
    bin: Path

    def has(self, name: str, script: str = "") -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/bash\n{script}\n")
        path.chmod(0o755)

    def start(self, script: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(self.bin / "bash"), "-c", script],
            cwd=self.root,
            env={"PATH": str(self.bin), "BIN": str(self.bin), "TMPDIR": str(self.root / "tmp")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, script: str, code: int = 1) -> str:
        """What the functions of setup.sh say; they must end with `code`."""
        process = self.start(f"set -euo pipefail; . scripts/setup.sh; {script}")
        said, _ = process.communicate(timeout=30)
        assert process.returncode == code, said
        return said

    @property
    def leftovers(self) -> list[str]:
        return sorted(path.name for path in (self.root / "tmp").iterdir())


def stub_machine(folder: Path) -> Machine:
    machine = Machine(folder / "checkout", folder / "bin")
    for folder in (machine.root / "tmp", machine.bin):
        folder.mkdir(parents=True)
    shutil.copytree(REPOSITORY / "scripts", machine.root / "scripts")
    for name in ("requirements.txt", "requirements-dev.txt"):
        (machine.root / name).write_text("one==1\n")
    for name in TOOLS:
        found = shutil.which(name)
        assert found is not None, name
        (machine.bin / name).symlink_to(found)
    machine.has("id", "echo 0")
    machine.has("chmod", f'exec {shutil.which("chmod")} "$@"')
    machine.has("debian-keys")
    return machine
