"""What lies in the config folder and is not in force: told wherever an admin might wonder why his edit has no effect."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Final

from ivr.config_files.checker import content_version
from ivr.config_files.differences import changed_files
from ivr.config_files.published import store_of
from ivr.config_files.set_store import current
from ivr.config_files.sources import read_sources

_MOST_NAMED: Final = 10


@dataclass(frozen=True)
class Unpublished:
    """`files`: such as `menus/tax.yaml (changed)`; `saved_at`: when the newest of them was saved, None if all were removed."""

    folder: Path
    files: tuple[str, ...]
    saved_at: datetime | None

    def sentences(self, zone: tzinfo) -> Iterator[str]:
        """The fact, and what to do about it."""
        count = len(self.files)
        named = ", ".join(self.files[:_MOST_NAMED])
        more = f" and {count - _MOST_NAMED} more" if count > _MOST_NAMED else ""
        since = f", last saved {self.saved_at.astimezone(zone):%Y-%m-%d %H:%M}" if self.saved_at else ""
        what = "1 file differs" if count == 1 else f"{count} files differ"
        yield (
            f"NOT IN FORCE: {what} in {self.folder} from the set in force and will not be heard before a publish: "
            f"{named}{more}{since}."
        )
        yield (
            "`hotline menus diff` shows what would change, `hotline menus publish --why TEXT` or `hotline reload` "
            "puts it in force."
        )


def unpublished(config_dir: Path, home: Path) -> Unpublished | None:
    """None: the folder holds what is in force, or nothing was published yet. Files that cannot be read count as removed."""
    store = store_of(home)
    version = current(store)
    if version is None:
        return None
    try:
        there, _ = read_sources(config_dir)
    except OSError:  # a folder above it may not be entered
        there = {}
    if content_version(there) == version:
        return None
    kept, _ = read_sources(store / version)
    files = tuple(changed_files(kept, there))
    names = [name for name, data in there.items() if kept.get(name) != data]
    return Unpublished(config_dir, files, _last_saved(config_dir, names)) if files else None


def _last_saved(folder: Path, names: list[str]) -> datetime | None:
    moments = []
    for name in names:
        try:
            moments.append((folder / name).stat().st_mtime)
        except OSError:  # removed since it was read
            continue
    return datetime.fromtimestamp(max(moments), UTC) if moments else None
