"""The config files on disk: which there are, and which should be there but are not."""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final, get_args

from ivr.config_files.problems import problem
from ivr.config_files.reader import LARGEST_FILE
from ivr.lines import Language
from ivr.plain_text import IS_MENU_NAME
from ivr.prompts.schema import LARGEST_RECORDING
from vocabulary.config_problem import ConfigProblem

REQUIRED_FILES: Final = ("hotline.yaml", "prompts.yaml", "routing_rules.yaml", "callbacks.yaml", "codes.yaml")
BROADCASTS: Final = "broadcasts.yaml"
"""May be missing: then nothing is prepared."""
EXAMPLES: Final = "examples/"
CALENDAR: Final = "calendar/"
LISTS: Final = "lists/"
TEMPLATES: Final = "asterisk/"
"""A site's own templates of Asterisk's files. They belong to the set, so that a set can be rendered alone."""
RECORDINGS: Final = "prompts/"
"""Recorded prompts, by language. They belong to the set, so that a rollback brings back what callers heard."""
_MOST_MENUS: Final = 1000
_MOST_RECORDINGS: Final = 1000
_MOST_OF_A_FOLDER: Final = 200
_START: Final = (1, 1)


def read_sources(folder: Path) -> tuple[dict[str, bytes], list[ConfigProblem]]:
    """The bytes of every config file by name, and what cannot be read."""
    if not folder.is_dir():
        fault = "the config folder is missing"
        return {}, [problem(str(folder), _START, (), fault, "`hotline init` lays out a new one.")]
    files: dict[str, bytes] = {}
    problems: list[ConfigProblem] = []
    for name in (
        *REQUIRED_FILES,
        *([BROADCASTS] if os.path.lexists(folder / BROADCASTS) else []),
        *_menu_files(folder, problems),
        *_named_files(folder, CALENDAR, "calendar", problems),
        *_named_files(folder, LISTS, "list", problems),
        *_template_files(folder),
        *_recordings(folder, problems),
    ):
        try:
            files[name] = _bytes(folder / name, LARGEST_RECORDING if is_recording(name) else LARGEST_FILE)
        except FileNotFoundError:
            problems.append(
                problem(name, _START, (), "the file is missing", "Take it from the shipped config again.")
            )
        except OSError as error:
            fault = f"the file cannot be read ({error.strerror or error})"
            problems.append(problem(name, _START, (), fault, "Check what it is and who may read it."))
    return files, problems


def _bytes(path: Path, largest: int) -> bytes:
    """One byte more than the largest tells whoever uses the file that it is too large."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError(0, "it is not a plain file")
    with path.open("rb") as file:
        return file.read(largest + 1)


def is_yaml(name: str) -> bool:
    """Templates and recordings are not: whether those can be used is asked by who uses them."""
    return name.endswith(".yaml")


def is_recording(name: str) -> bool:
    return name.startswith(RECORDINGS)


def recordings_in(folder: Path, told: Callable[[OSError], None] = lambda fault: None) -> list[str]:
    """By name, such as prompts/zh/greeting.wav. `told`: of each folder in which nobody can look."""
    found = [
        Path(root) / file
        for language in sorted(get_args(Language))
        for root, _, files in os.walk(folder / RECORDINGS / language, onerror=told)
        for file in files
        if file.endswith(".wav") and not file.startswith(".")
    ]
    return sorted(path.relative_to(folder).as_posix() for path in found)


def _recordings(folder: Path, problems: list[ConfigProblem]) -> list[str]:

    def unreadable(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            name = Path(str(error.filename)).relative_to(folder).as_posix()
            fault = f"the folder cannot be read ({error.strerror or error})"
            problems.append(problem(name, _START, (), fault, "Check what it is and who may read it."))

    names = recordings_in(folder, unreadable)
    if len(names) > _MOST_RECORDINGS:
        fault = f"there are {len(names)} recordings"
        problems.append(problem("prompts", _START, (), fault, f"At most {_MOST_RECORDINGS} are read."))
    return names[:_MOST_RECORDINGS]


def _template_files(folder: Path) -> list[str]:
    found = sorted((folder / TEMPLATES).glob("*.conf.j2"))
    return [path.relative_to(folder).as_posix() for path in found if not path.name.startswith(".")]


def _named_files(folder: Path, within: str, what: str, problems: list[ConfigProblem]) -> list[str]:
    """Files whose names are the names of what they hold, a calendar or a list."""
    names: list[str] = []
    for path in sorted((folder / within).glob("*.y*ml")):
        name = path.relative_to(folder).as_posix()
        if path.name.startswith("."):
            continue
        if path.suffix == ".yaml" and IS_MENU_NAME.fullmatch(path.stem):
            names.append(name)
        else:
            remedy = "Use small letters, digits, - and _, a letter first, and .yaml at the end."
            problems.append(problem(name, _START, (), f"the file's name cannot be a {what}'s name", remedy))
    if len(names) > _MOST_OF_A_FOLDER:
        fault = f"there are {len(names)} {what}s"
        problems.append(problem(what, _START, (), fault, f"At most {_MOST_OF_A_FOLDER} are read."))
    return names[:_MOST_OF_A_FOLDER]


def _menu_files(folder: Path, problems: list[ConfigProblem]) -> list[str]:
    names: list[str] = []
    for root, folders, files in os.walk(folder / "menus"):
        folders.sort()
        for file in sorted(files):
            name = (Path(root) / file).relative_to(folder).as_posix()
            if not file.startswith(".") and file.endswith((".yaml", ".yml")):
                (names if _is_menu(name, problems) else []).append(name)
    if len(names) > _MOST_MENUS:
        fault = f"there are {len(names)} menu files"
        problems.append(problem("menus", _START, (), fault, f"At most {_MOST_MENUS} are read."))
    return names[:_MOST_MENUS]


def _is_menu(name: str, problems: list[ConfigProblem]) -> bool:
    bare = name.removeprefix("menus/")
    if name.endswith(".yml"):
        problems.append(
            problem(name, _START, (), "the file's name ends in .yml", "Rename it to end in .yaml.")
        )
    elif IS_MENU_NAME.fullmatch(bare.removesuffix(".yaml")) is None:
        remedy = "Use small letters, digits, - and _, a letter first."
        problems.append(problem(name, _START, (), "the file's name cannot be a menu's name", remedy))
    else:
        return True
    return False
