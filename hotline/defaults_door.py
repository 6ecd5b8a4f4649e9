"""Where the shipped config files are, and laying them out for a site without touching what is there."""

import shutil
from pathlib import Path

from vocabulary.errors import HotlineError


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
    """Folders of Asterisk's templates, the site's own first. They are not laid out: an upgrade brings its own."""
    return [config_dir / "asterisk", shipped() / "asterisk"]


def lay_out(target: Path) -> list[Path]:
    """Copies what is missing; gives the files written, relative to `target`. Never overwrites."""
    source, written = shipped(), []
    for file in sorted(source.rglob("*")):
        place = file.relative_to(source)
        if not file.is_file() or place.parts[0] in ("asterisk", "systemd"):
            continue
        if not (target / place).exists():
            (target / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target / place)
            written.append(place)
    return written
