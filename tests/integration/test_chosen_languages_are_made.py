"""The sounds of a configuration: the site's language, those that a menu in use lets callers choose, and who speaks."""

import re
import shutil
from pathlib import Path

import pytest
from support import sounds_kept

from hotline import config_door, defaults_door, prompt_door
from hotline.settings import Settings
from ivr.config_files.checker import check


def made(home: Path, menu: str) -> tuple[set[str], set[str]]:
    """The languages of a prompt, and of a word of Asterisk's."""
    config = home / menu.replace("/", "-")
    shutil.copytree(defaults_door.shipped(), config)
    numbers = config / "hotline.yaml"
    text = numbers.read_text("utf-8")
    numbers.write_text(text.replace("menu: main ", f"menu: {menu} ", 1), "utf-8")
    configuration, problems = check(config)
    assert configuration is not None, problems
    settings = Settings(home=str(home))
    with sounds_kept.borrowed(settings):
        library = prompt_door.make(settings, configuration, config)
    prompts = {language for language, name in library.paths if name == "choose_matter"}
    return prompts, {language for language, name in library.asterisk_sounds if name == "digits/1"}


def test_english_is_made_only_where_a_menu_chooses_it(tmp_path: Path) -> None:
    assert made(tmp_path, "main") == ({"zh"}, {"zh"})
    assert made(tmp_path, "examples/in_english") == ({"zh", "en"}, {"zh", "en"})


def test_what_a_site_says_in_one_language_asterisk_says_as_shipped_in_the_other(tmp_path: Path) -> None:
    config = tmp_path / "config"
    shutil.copytree(defaults_door.shipped(), config)
    prompts = config / "prompts.yaml"
    text = prompts.read_text("utf-8")
    changed = re.sub("queue-thankyou: .*", "queue-thankyou: {zh: 谢谢。}", text)
    changed = re.sub("queue-minute: .*", "queue-minute: {en: a minute}", changed)
    prompts.write_text(changed, "utf-8")
    configuration, problems = check(config)
    assert configuration is not None, problems
    spoken = prompt_door.spoken(configuration).asterisk_sounds
    thanks, minute = spoken["queue-thankyou"], spoken["queue-minute"]
    assert (thanks.zh, thanks.en) == ("谢谢。", "Thank you for your patience.")
    assert (minute.zh, minute.en) == ("分钟。", "a minute")


def test_a_neural_voice_without_its_model_is_told_at_a_start_and_everything_is_spoken(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = tmp_path / "config"
    shutil.copytree(defaults_door.shipped(), config)
    prompts = config / "prompts.yaml"
    text = prompts.read_text("utf-8")
    chosen = f"engine: sherpa\n  model_dir: {tmp_path}/model"
    prompts.write_text(re.sub("engine: espeak.*", chosen, text, count=1), "utf-8")
    settings = Settings.model_validate({"home": tmp_path / "home", "config": config})
    with sounds_kept.borrowed(settings):
        running = config_door.load(settings)
    assert caplog.text.count("the voice sherpa cannot serve: ") == 1
    assert "espeak serves in its place" in caplog.text
    spoken = {name for _, name in running.prompts.paths}
    assert {name for name, one in running.configuration.prompts.prompts.items() if one.zh} == spoken
    assert ("zh", "digits/wan") in running.prompts.asterisk_sounds
