"""A publish of some files alone: the set in force with these replaced, so that nobody takes along what another still edits."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ivr.config_files.published import store_of
from ivr.config_files.set_store import ASIDE, current, is_whole
from ivr.config_files.sources import read_sources
from vocabulary.errors import HotlineError


class NoSuchFile(HotlineError):
    """`wanted` names no file of the folder or of the set in force."""

    def __init__(self, wanted: str, changed: Sequence[str]) -> None:
        self.wanted = wanted
        there = ", ".join(changed) or "none"
        super().__init__(
            f"--only {wanted}: no such file of the set. Files that differ from what is in force: {there}"
        )


class NothingToAddTo(HotlineError):
    """No whole set is in force, to which some files could be added."""

    def __init__(self) -> None:
        super().__init__("--only: no whole set is in force yet; publish all files once, without it")


@dataclass(frozen=True)
class Chosen:
    """A folder to publish. `onto`: the set in force of which the files that were not chosen are; None: all are the folder's."""

    folder: Path
    onto: str | None = None


@contextmanager
def with_chosen(config_dir: Path, home: Path, wanted: Sequence[str]) -> Iterator[Chosen]:
    """In a folder of its own, while it is checked and published. A chosen file that the folder has not got is
    left out of the set. `wanted`: names such as `menus/tax.yaml`, or `tax` for a menu. Raises NoSuchFile, NothingToAddTo."""
    store = store_of(home)
    version = current(store)
    if version is None or not is_whole(store / version):
        raise NothingToAddTo
    kept, _ = read_sources(store / version)
    there, _ = read_sources(config_dir)
    changed = sorted(name for name in {*kept, *there} if kept.get(name) != there.get(name))
    for name in [_meant(one, {*kept, *there}, changed) for one in wanted]:
        kept.pop(name, None)
        if name in there:
            kept[name] = there[name]
    # what a kill leaves is cleared as all such
    with tempfile.TemporaryDirectory(dir=store, prefix=ASIDE) as aside:
        for name, data in kept.items():
            (Path(aside) / name).parent.mkdir(parents=True, exist_ok=True)
            (Path(aside) / name).write_bytes(data)
        yield Chosen(Path(aside), version)


def _meant(wanted: str, names: set[str], changed: Sequence[str]) -> str:
    found = next((name for name in (wanted, f"menus/{wanted}.yaml") if name in names), None)
    if found is None:
        raise NoSuchFile(wanted, changed)
    return found
