"""The sounds of a configuration: the site's language, and those that a menu in use lets callers choose."""

import shutil
from pathlib import Path

from hotline import defaults_door, prompt_door
from hotline.settings import Settings
from ivr.config_files.checker import check


def made(home: Path, menu: str) -> set[str]:
    config = home / menu.replace("/", "-")
    shutil.copytree(defaults_door.shipped(), config)
    numbers = config / "hotline.yaml"
    text = numbers.read_text("utf-8")
    numbers.write_text(text.replace("menu: main ", f"menu: {menu} ", 1), "utf-8")
    configuration, problems = check(config)
    assert configuration is not None, problems
    library = prompt_door.make(Settings(home=str(home)), configuration)
    return {language for language, name in library.paths if name == "choose_matter"}


def test_english_is_made_only_where_a_menu_chooses_it(tmp_path: Path) -> None:
    assert made(tmp_path, "main") == {"zh"}
    assert made(tmp_path, "examples/in_english") == {"zh", "en"}
