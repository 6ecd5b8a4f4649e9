"""Asterisk's data folder: that of the installed program, but with our sounds, in the hotline's languages only.

Asterisk falls back to English for every sound that a language lacks; where no English lies, a piece that is missing is
silence and never a foreign word. The program's own folder is not ours to write into.
"""

from pathlib import Path
from typing import Final

_SOUNDS: Final = "sounds"


def lay_out(folder: Path, program_dir: Path, sounds_dir: Path) -> None:
    """Makes `folder` of links: one to each thing of the program's, and sounds to ours. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    wanted = {one.name: one for one in program_dir.iterdir()} if program_dir.is_dir() else {}
    wanted[_SOUNDS] = sounds_dir
    sounds_dir.mkdir(parents=True, exist_ok=True)
    for link in folder.iterdir():
        if link.is_symlink() and link.name not in wanted:
            link.unlink()
    for name, target in wanted.items():
        link = folder / name
        if link.is_symlink() and link.readlink() == target:
            continue
        draft = folder / f".{name}.new"
        draft.unlink(missing_ok=True)
        draft.symlink_to(target)
        draft.replace(link)
