"""Asterisk's data folder is the program's, but for the sounds."""

from hotline.asterisk_data import lay_out


def program(tmp_path):
    folder = tmp_path / "program"
    for name in ("documentation", "sounds/en/digits", "rest-api"):
        (folder / name).mkdir(parents=True)
    (folder / "sounds/en/digits/1.wav").write_text("one")
    return folder


def test_everything_is_there_but_english(tmp_path):
    own, sounds = tmp_path / "data", tmp_path / "prompts" / "sounds"
    (sounds / "zh").mkdir(parents=True)
    lay_out(own, program(tmp_path), sounds)
    assert {one.name for one in own.iterdir()} == {"documentation", "rest-api", "sounds"}
    assert (own / "documentation").samefile(tmp_path / "program" / "documentation")
    assert [one.name for one in (own / "sounds").iterdir()] == ["zh"]


def test_an_upgrade_of_the_program_is_followed(tmp_path):
    own, sounds = tmp_path / "data", tmp_path / "sounds"
    before = program(tmp_path)
    lay_out(own, before, sounds)
    (before / "rest-api").rmdir()
    (before / "firmware").mkdir()
    lay_out(own, before, sounds)
    lay_out(own, before, sounds)
    assert {one.name for one in own.iterdir()} == {"documentation", "firmware", "sounds"}


def test_a_program_without_a_data_folder_has_our_sounds_all_the_same(tmp_path):
    lay_out(tmp_path / "data", tmp_path / "nowhere", tmp_path / "sounds")
    assert [one.name for one in (tmp_path / "data").iterdir()] == ["sounds"]
