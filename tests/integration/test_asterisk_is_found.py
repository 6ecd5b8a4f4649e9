"""Which Asterisk the commands of a terminal use: given, on the PATH, or the one that scripts/up prepared."""

from pathlib import Path

import pytest

from hotline.asterisk_process import NoAsterisk, find


def program(path: Path, version: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho Asterisk {version}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    """A private root whose loader answers for Asterisk."""
    root = tmp_path / "prepared"
    (root / "usr/lib/x86_64-linux-gnu/asterisk/modules").mkdir(parents=True)
    program(root / "usr/sbin/asterisk", "22.10.1")
    program(root / "usr/lib64/ld-linux-x86-64.so.2", "22.10.1")
    return root


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    return tmp_path / "bin" / "asterisk"


def test_what_scripts_up_prepared_is_found_in_a_second_terminal(prepared: Path, on_path: Path) -> None:
    program(on_path, "20.6.0")
    assert str(prepared) in find(None, prepared).command[0]


def test_one_on_the_path_goes_first(prepared: Path, on_path: Path) -> None:
    program(on_path, "23.0.0")
    assert find(None, prepared).command == (str(on_path),)


def test_with_neither_both_remedies_are_named(tmp_path: Path, on_path: Path) -> None:
    program(on_path, "20.6.0")
    with pytest.raises(NoAsterisk, match=r"20\.6\.0 was found, but 22"):
        find(None, tmp_path / "nothing")
