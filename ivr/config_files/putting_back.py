"""A kept set's files go back into the folder that admins edit, so that the next publish brings nothing else along.

Many files cannot be replaced in one step, so what is being done is written down first: whatever is cut is finished, or left
undone, before anybody reads the folder again. What an admin had not published is kept aside, never lost.
"""

import json
import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ivr.config_files.set_store import alone_in, current, is_whole, replace_text, sync, write_through
from ivr.config_files.sources import (
    BROADCASTS,
    CALENDAR,
    LISTS,
    TEMPLATES,
    read_sources,
    recordings_in,
)
from vocabulary.errors import HotlineError

_PLAN: Final = ".putting-back"
_MODEL: Final = "hotline.yaml"


class CannotPutBack(HotlineError):
    """Something in the folder is no plain file, so nothing was touched."""

    def __init__(self, place: Path) -> None:
        self.place = place
        super().__init__(
            f"{place} is not a plain file and cannot be replaced; move it away, then say it again"
        )


@dataclass(frozen=True)
class PuttingBack:
    """`version` goes back where the files of `before` (None: unknown) were, and what is neither goes to `aside`."""

    config_dir: Path
    store: Path
    version: str
    before: str | None
    aside: Path

    def prepare(self) -> None:
        """All that needs space and rights, beside the files; nothing that anybody reads is touched. Raises OSError."""
        wanted = self._wanted()
        for name in wanted:
            target = (self.config_dir / name).resolve()
            if target.exists() and not stat.S_ISREG(target.stat().st_mode):
                raise CannotPutBack(target)
        try:
            for name, data in wanted.items():
                if data is not None:
                    self._stage(name, data)
                elif not os.access((self.config_dir / name).parent, os.W_OK):
                    raise PermissionError(13, "Permission denied", str(self.config_dir / name))
            self._keep_aside(wanted)
            told = {"version": self.version, "before": self.before, "aside": str(self.aside)}
            replace_text(self.store / _PLAN, json.dumps(told | {"names": sorted(wanted)}))
        except BaseException:  # Ctrl-C too: a rollback that fails leaves nothing behind
            self._clear(wanted)
            shutil.rmtree(self.aside, ignore_errors=True)
            raise

    def finish(self, names: list[str]) -> None:
        """Renames and removes; begun anew after a cut it does what is left. Raises OSError."""
        wanted = self._wanted()
        self._keep_aside(wanted)
        for name, data in wanted.items():
            if data is None:
                (self.config_dir / name).unlink(missing_ok=True)
            else:
                staged = self._staged(name)
                if not staged.is_file() or staged.read_bytes() != data:
                    self._stage(name, data)
                os.replace(staged, (self.config_dir / name).resolve())
        for folder in {(self.config_dir / name).parent for name in wanted}:
            sync(folder)
        self.forget(names)

    def forget(self, names: list[str]) -> None:
        self._clear(names)
        (self.store / _PLAN).unlink(missing_ok=True)
        sync(self.store)

    def _wanted(self) -> dict[str, bytes | None]:
        """What differs: the bytes to put there, None to remove it."""
        kept, _ = read_sources(self.store / self.version)
        there, _ = read_sources(self.config_dir)
        wanted: dict[str, bytes | None] = {n: data for n, data in kept.items() if there.get(n) != data}
        return wanted | dict.fromkeys(set(_set_files(self.config_dir)) - set(kept))

    def _keep_aside(self, wanted: dict[str, bytes | None]) -> None:
        """Copies what is in no published set, once each."""
        before: dict[str, bytes] = {}
        if self.before is not None and is_whole(self.store / self.before):
            before, _ = read_sources(self.store / self.before)
        for name in wanted:
            source = self.config_dir / name
            data = source.read_bytes() if source.is_file() else None
            if data is None or data == before.get(name):
                continue
            target, count = self.aside / name, 1
            while target.exists() and target.read_bytes() != data:
                count += 1
                target = self.aside / f"{name}.{count}"
            target.parent.mkdir(parents=True, exist_ok=True)
            write_through(target, data)

    def _staged(self, name: str) -> Path:
        target = (self.config_dir / name).resolve()
        return target.with_name(f".{target.name}.put-back")

    def _stage(self, name: str, data: bytes) -> None:
        staged, target = self._staged(name), (self.config_dir / name).resolve()
        staged.parent.mkdir(parents=True, exist_ok=True)
        write_through(staged, data)
        model = next((one for one in (target, self.config_dir / _MODEL) if one.is_file()), None)
        if model is not None:  # who might read and write it may do so afterwards
            facts = model.stat()
            os.chmod(staged, stat.S_IMODE(facts.st_mode))
            if os.geteuid() == 0:
                os.chown(staged, facts.st_uid, facts.st_gid)

    def _clear(self, names: "list[str] | dict[str, bytes | None]") -> None:
        for name in names:
            self._staged(name).unlink(missing_ok=True)


def is_under_way(store: Path) -> bool:
    return (store / _PLAN).exists()


def finish_putting_back(config_dir: Path, home: Path) -> None:
    """What a cut rollback left: finished if its set is in force, undone if it never came into force. Raises OSError."""
    store = home / "published"
    if is_under_way(store):
        with alone_in(store):
            settle(config_dir, store)


def settle(config_dir: Path, store: Path) -> None:
    """The same, within `alone_in`."""
    now = current(store)
    try:
        found = json.loads((store / _PLAN).read_text("utf-8"))
        version, before, aside = str(found["version"]), found["before"], Path(found["aside"])
        names = [str(name) for name in found["names"]]
    except FileNotFoundError:
        return
    except (
        ValueError,
        KeyError,
        TypeError,
    ):  # a damaged disk: what is in force goes back, all else is kept aside
        version, before, aside, names = now or "", None, store.parent / "unpublished" / "damaged", []
    work = PuttingBack(config_dir, store, version, before, aside)
    if now == version and is_whole(store / version):
        work.finish(names)
    else:
        work.forget(names)
        shutil.rmtree(aside, ignore_errors=True)


def _set_files(folder: Path) -> list[str]:
    """Every file that belongs to a set or would be a fault in it, by name."""
    menus = [p for p in (folder / "menus").rglob("*") if p.suffix in (".yaml", ".yml")]
    named = [p for within in (CALENDAR, LISTS) for p in (folder / within).glob("*.y*ml")]
    found = [folder / BROADCASTS, *menus, *named, *(folder / TEMPLATES).glob("*.conf.j2")]
    names = [p.relative_to(folder).as_posix() for p in found if p.is_file() and not p.name.startswith(".")]
    return names + recordings_in(folder)
