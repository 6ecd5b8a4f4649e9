"""What may lie in a config folder instead of the files."""

import os
import shutil
from pathlib import Path

import pytest

from ivr.config_files.checker import check
from ivr.config_files.reader import LARGEST_FILE, MOST_VALUES
from ivr.config_files.sources import read_sources

SHIPPED = Path(__file__).parents[3] / "config"


@pytest.fixture
def config(tmp_path):
    shutil.copytree(SHIPPED, tmp_path / "config")
    return tmp_path / "config"


def told(config):
    return [str(p) for p in check(config)[1]]


def test_a_folder_in_place_of_a_file(config):
    (config / "codes.yaml").unlink()
    (config / "codes.yaml").mkdir()
    remedy = "Check what it is and who may read it."
    assert told(config) == [f"codes.yaml:1:1  the file cannot be read (it is not a plain file). {remedy}"]


def test_a_pipe_in_place_of_a_file_does_not_hang(config):
    (config / "codes.yaml").unlink()
    os.mkfifo(config / "codes.yaml")
    assert "it is not a plain file" in told(config)[0]


def test_a_link_in_a_circle(config):
    (config / "codes.yaml").unlink()
    (config / "codes.yaml").symlink_to("codes.yaml")
    assert "codes.yaml:1:1  the file cannot be read" in told(config)[0]


def test_a_file_that_is_too_large(config):
    (config / "codes.yaml").write_bytes(b"#" * (3 * LARGEST_FILE))
    assert told(config) == ["codes.yaml:1:1  the file has more than 1000000 bytes. Split it."]


def test_a_file_of_too_many_values(config):
    (config / "codes.yaml").write_text("areas:\n" + "- x\n" * MOST_VALUES)
    said = [line for line in told(config) if line.startswith("codes.yaml")]
    assert said == ["codes.yaml:50000:3  areas → 49999: more than 50000 values. Split the file."]


def test_too_many_menus(config):
    shipped = len(list((config / "menus").rglob("*.yaml")))
    for n in range(1000):
        shutil.copy(config / "menus" / "main.yaml", config / "menus" / f"m{n}.yaml")
    assert told(config)[0] == f"menus:1:1  there are {1000 + shipped} menu files. At most 1000 are read."


def test_too_many_recordings(config):
    (config / "prompts" / "zh").mkdir(parents=True)
    for n in range(1001):
        (config / "prompts" / "zh" / f"p{n}.wav").touch()
    assert told(config) == ["prompts:1:1  there are 1001 recordings. At most 1000 are read."]


def test_a_folder_of_recordings_into_which_nobody_can_look_is_a_fault(config):
    """Else callers would hear the voice again, and nobody knew why."""
    (config / "prompts").mkdir()
    (config / "prompts" / "zh").symlink_to("zh")
    (config / "prompts" / "en").write_text("no folder")
    assert told(config) == [
        "prompts/en:1:1  the folder cannot be read (Not a directory). Check what it is and who may read it.",
        "prompts/zh:1:1  the folder cannot be read (Too many levels of symbolic links). "
        "Check what it is and who may read it.",
    ]


def test_recordings_belong_to_the_set_also_behind_a_link_to_another_disk(config, tmp_path):
    before = check(config)[0].version
    disk = tmp_path / "disk"
    (disk / "asterisk" / "digits").mkdir(parents=True)
    (config / "prompts").mkdir()
    (config / "prompts" / "zh").symlink_to(disk)
    (config / "prompts" / "fr").mkdir()
    for name in ("zh/asterisk/digits/1.wav", "zh/.half.wav", "zh/notes.txt", "fr/greeting.wav"):
        (config / "prompts" / name).write_bytes(b"RIFF")
    (disk / "greeting.wav").write_bytes(b"RIFF" + bytes(2 * LARGEST_FILE))
    files, problems = read_sources(config)
    assert problems == []
    recorded = {name: len(data) for name, data in files.items() if name.startswith("prompts/")}
    assert recorded == {
        "prompts/zh/asterisk/digits/1.wav": 4,
        "prompts/zh/greeting.wav": 4 + 2 * LARGEST_FILE,
    }
    with_them, problems = check(config)
    assert problems == []
    assert with_them.version != before


def test_no_folder(tmp_path):
    assert told(tmp_path / "none") == [
        f"{tmp_path / 'none'}:1:1  the config folder is missing. `hotline init` lays out a new one."
    ]


def test_an_empty_folder_lacks_every_file(tmp_path):
    assert len(told(tmp_path)) == 5


def test_other_files_and_editors_left_overs_are_passed_over(config):
    (config / "menus" / ".main.yaml.swp").write_bytes(b"\0")
    (config / "menus" / "main.yaml~").write_bytes(b"\0")
    (config / "notes.txt").write_bytes(b"\0")
    assert told(config) == []
