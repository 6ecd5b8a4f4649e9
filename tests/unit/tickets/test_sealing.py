"""What is sealed can be opened by us alone, and found by its hash."""

import stat
from pathlib import Path

import pytest

from tickets.sealing import KeyFileIsUnusable, Sealer, SealIsBroken

OLD, NEW = b"o" * 32, b"n" * 32


def test_sealed_values_differ_and_open():
    sealer = Sealer({"k1": OLD}, "k1", b"d")
    one, other = sealer.seal("+8613800138000"), sealer.seal("+8613800138000")
    assert one != other
    assert "138" not in one
    assert sealer.open(one) == sealer.open(other) == "+8613800138000"
    assert sealer.seal("王建国").startswith("k1:")
    assert sealer.open(sealer.seal("王建国")) == "王建国"


def test_old_keys_still_open_new_ones_seal():
    sealed_before = Sealer({"k1": OLD}, "k1", b"d").seal("x")
    sealer = Sealer({"k1": OLD, "k2": NEW}, "k2", b"d")
    assert sealer.open(sealed_before) == "x"
    assert sealer.seal("x").startswith("k2:")


def test_digest_finds_equals_and_depends_on_the_key():
    sealer = Sealer({"k1": OLD}, "k1", b"d")
    assert sealer.digest("x") == sealer.digest("x") != sealer.digest("y")
    assert sealer.digest("x") != Sealer({"k1": OLD}, "k1", b"e").digest("x")


@pytest.mark.parametrize("sealed", ["", "x", "k1:", "k1:!!!!", "k9:AAAA", "k1:" + "A" * 60])
def test_what_was_not_sealed_by_us_does_not_open(sealed: str):
    with pytest.raises(SealIsBroken):
        Sealer({"k1": OLD}, "k1", b"d").open(sealed)


def test_a_value_cannot_be_passed_off_as_another_keys():
    sealer = Sealer({"k1": OLD, "k2": OLD}, "k1", b"d")
    with pytest.raises(SealIsBroken):
        sealer.open(sealer.seal("x").replace("k1:", "k2:"))


def test_the_file_of_keys_is_ours_alone_and_never_replaced(tmp_path: Path):
    path = tmp_path / "keys.json"
    sealed = Sealer.create_file(path).seal("x")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Sealer.from_file(path).open(sealed) == "x"
    with pytest.raises(FileExistsError):
        Sealer.create_file(path)
    path.chmod(0o640)
    with pytest.raises(KeyFileIsUnusable, match="mode must be 600"):
        Sealer.from_file(path)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"seal_keys": 3}', '{"seal_keys": {}, "current": "k1", "digest_key": ""}']
)
def test_a_damaged_file_of_keys_is_said_to_be_one(tmp_path: Path, text: str):
    path = tmp_path / "keys.json"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(KeyFileIsUnusable, match="not a file of keys"):
        Sealer.from_file(path)
    with pytest.raises(KeyFileIsUnusable, match="missing"):
        Sealer.from_file(tmp_path / "none.json")
