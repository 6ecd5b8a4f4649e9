"""Every menu file that is sound by itself, the examples among them: for trying menus out, in use or not."""

from collections.abc import Mapping
from pathlib import Path

from ivr.config_files.reader import read
from ivr.config_files.references import MENUS, dangling_nodes, menu_name
from ivr.config_files.schema_words import validated
from ivr.config_files.sources import read_sources
from ivr.menus.menu_file import MenuFile


def menus_in(folder: Path) -> dict[str, MenuFile]:
    """By name. What has a fault is left out: `check` tells it."""
    files, _ = read_sources(folder)
    return sound_menus(files)


def sound_menus(files: Mapping[str, bytes]) -> dict[str, MenuFile]:
    menus: dict[str, MenuFile] = {}
    for file in sorted(name for name in files if name.startswith(MENUS)):
        document = read(file, files[file])
        if document.value is None or any(one.severity == "error" for one in document.problems):
            continue
        menu, problems = validated(MenuFile, document)
        if menu is not None and not problems and not any(dangling_nodes(document)):
            menus[menu_name(file)] = menu
    return menus
