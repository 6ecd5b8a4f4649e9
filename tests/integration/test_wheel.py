"""The wheel: an empty environment gets our packages, the shipped files and the migrations, and the command runs."""

import json
import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = ("agi_scripts", "ivr", "missed_call_redial", "routing", "tickets", "vocabulary", "hotline")


def run(*words: str, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        words,
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_brings_all_that_a_run_needs(tmp_path: Path) -> None:
    run(
        sys.executable,
        "-m",
        "hatchling",
        "build",
        "-t",
        "wheel",
        "-d",
        str(tmp_path / "dist"),
        cwd=REPOSITORY,
    )
    wheel = next((tmp_path / "dist").glob("*.whl"))
    assert wheel.stat().st_size < 1_000_000
    empty = tmp_path / "environment"
    pip = (
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--target",
        str(empty),
    )
    run(*pip, str(wheel), cwd=tmp_path)

    ask = f"import importlib, json; print(json.dumps({{n: importlib.import_module(n).__file__ for n in {PACKAGES!r}}}))"
    found = json.loads(run(sys.executable, "-c", ask, cwd=tmp_path, PYTHONPATH=str(empty)))
    assert all(path.startswith(str(empty)) for path in found.values()), found

    home = tmp_path / "home"
    command = (sys.executable, str(empty / "bin" / "hotline"))
    words = run(*command, "init", str(home / "config"), cwd=tmp_path, PYTHONPATH=str(empty))
    assert "files written" in words
    assert (home / "config" / "menus" / "examples" / "with_keys.yaml").is_file()
    own = {"PYTHONPATH": str(empty), "HOTLINE_HOME": str(home)}
    assert "the configuration is good" in run(*command, "check", cwd=tmp_path, **own)
    assert "配置没有错误" in run(*command, "check", "--language", "zh", cwd=tmp_path, **own)
    assert "the database is at revision" in run(*command, "migrate", cwd=tmp_path, **own)
    assert (empty / "hotline" / "defaults" / "asterisk" / "extensions.conf.j2").is_file()
    assert "0 files written" in run(
        *command, "init", str(home / "config"), cwd=tmp_path, PYTHONPATH=str(empty)
    )
