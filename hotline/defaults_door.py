"""Where the shipped config files are, and laying them out for a site without touching what is there."""

import shutil
from pathlib import Path
from typing import Final

from vocabulary.errors import HotlineError

_SPEAKS_OF: Final = {"broadcasts.yaml": "prompts.yaml"}
"""A file that names what stands in another is laid out only with it: an older site's own has not got those names."""


class NoDefaults(HotlineError):
    """The shipped files are missing: the package is broken."""


def shipped() -> Path:
    """hotline/defaults in an installed package, config/ in a checkout."""
    here = Path(__file__).resolve().parent
    for folder in (here / "defaults", here.parent / "config"):
        if (folder / "hotline.yaml").is_file():
            return folder
    raise NoDefaults("the shipped config files are not there; install the package again")


def templates(config_dir: Path) -> list[Path]:
    """Folders of Asterisk's templates, the site's own first. They are not laid out: an upgrade brings its own.

    `config_dir`: the folder of one set of config files.
    """
    return [config_dir / "asterisk", shipped() / "asterisk"]


def laid_out_files() -> list[Path]:
    """What `lay_out` lays out, relative to its target."""
    source = shipped()
    places = [file.relative_to(source) for file in sorted(source.rglob("*")) if file.is_file()]
    return [place for place in places if place.parts[0] not in ("asterisk", "systemd")]


def lay_out(target: Path) -> list[Path]:
    """Copies what is missing; gives the files written, relative to `target`. Never overwrites."""
    source, written = shipped(), []
    left = {place for place, other in _SPEAKS_OF.items() if (target / other).exists()}
    for place in laid_out_files():
        if not (target / place).exists() and place.as_posix() not in left:
            (target / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / place, target / place)
            written.append(place)
    return written
