"""Files copied so that a kill or a full disk leaves nothing half.

Private, written through to the disk, and whole folders swapped in one step.
"""

import ctypes
import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from vocabulary.errors import HotlineError

_RENAME_EXCHANGE: Final = 2
_AT_FDCWD: Final = -100
_TRIES: Final = 5
_FILE_SYSTEMS_OWN: Final = "lost+found"


class FolderIsBusy(HotlineError):
    """Another backup or restore is at work there."""


class BadLink(HotlineError):
    """A link below a folder that is to be copied leads nowhere, or back to where it stands."""


class CannotSwap(HotlineError):
    """The folder cannot be replaced in one step, so it was not touched."""


def copy_file(source: Path, target: Path) -> None:
    """Mode 600, on the disk when this returns."""
    make_folder(target.parent)
    with (
        source.open("rb") as read,
        open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as write,
    ):
        shutil.copyfileobj(read, write, 1024 * 1024)
        write.flush()
        os.fsync(write.fileno())


def write_file(target: Path, text: str) -> None:
    make_folder(target.parent)
    with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as write:
        write.write(text)
        write.flush()
        os.fsync(write.fileno())


def make_folder(folder: Path) -> Path | None:
    """With all that lead to it, mode 700 where they are new; gives the uppermost new one."""
    if folder.is_dir():
        return None
    uppermost = make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    return uppermost or folder


def copy_tree(source: Path, target: Path, leave_out: Callable[[Path], bool] = lambda _file: False) -> int:
    """Copies all `plain_files`; gives their number. If files go meanwhile it begins anew. Raises BadLink."""
    for _ in range(_TRIES):
        try:
            return _copy_tree(source, target, leave_out)
        except FileNotFoundError:
            shutil.rmtree(target, ignore_errors=True)
    return _copy_tree(source, target, leave_out)


def _copy_tree(source: Path, target: Path, leave_out: Callable[[Path], bool]) -> int:
    count = 0
    for file in plain_files(source) if source.is_dir() else ():
        if leave_out(file):
            continue
        copy_file(file, target / file.relative_to(source))
        count += 1
    return count


def plain_files(folder: Path, _above: tuple[tuple[int, int], ...] = ()) -> Iterator[Path]:
    """All below but hidden ones, in order, also behind links: a copy that says that it is whole leaves out nothing in
    silence. Raises BadLink."""
    found = folder.stat()
    above = (*_above, (found.st_dev, found.st_ino))
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name == _FILE_SYSTEMS_OWN:
            continue
        if path.is_symlink():
            _check_link(path, above)
        if path.is_dir():
            yield from plain_files(path, above)
        elif path.is_file():
            yield path


def _check_link(link: Path, above: tuple[tuple[int, int], ...]) -> None:
    try:
        end = link.stat()
    except OSError as fault:
        if not link.is_symlink():  # it went meanwhile
            return
        raise BadLink(f"{link} is a link that leads nowhere ({fault.strerror}): mend or remove it") from fault
    if (end.st_dev, end.st_ino) in above:
        raise BadLink(f"{link} is a link to a folder in which it lies: remove it")


def write_through(folder: Path) -> None:
    """The names of everything below are on the disk too."""
    for one in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        sync(one)


def sync(place: Path) -> None:
    handle = os.open(place, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def own_as(folder: Path, model: os.stat_result) -> None:
    """Gives everything to the owner of what was there before; only root can, and only root needs to."""
    if os.geteuid() == 0 and (model.st_uid, model.st_gid) != (0, 0):
        for path in (folder, *folder.rglob("*")):
            os.chown(path, model.st_uid, model.st_gid, follow_symlinks=False)


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Nobody else works on this folder by this function. Raises FolderIsBusy. A killed holder lets go."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as fault:
            raise FolderIsBusy(
                f"another backup or restore is at work in {folder}; wait until it is done"
            ) from fault
        yield
    finally:
        os.close(handle)


def put_in_place(new: Path, place: Path) -> bool:
    """`new` becomes `place` in one step. True: what was there before is now at `new`. Raises CannotSwap."""
    try:
        if not place.exists() or not any(place.iterdir()):
            new.rename(place)
            return False
        _exchange(new, place)
    except OSError as fault:
        raise CannotSwap(_why_not(place, fault)) from fault
    return True


def _exchange(one: Path, other: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _why_not(place: Path, fault: OSError) -> str:
    if fault.errno == errno.EBUSY:
        return f"{place} is a mount point and cannot be replaced: set HOTLINE_HOME to a folder inside it"
    if fault.errno in (errno.EINVAL, errno.ENOSYS, errno.EXDEV):
        return f"this file system cannot swap folders: move {place} away yourself, then restore again"
    return f"{place} cannot be replaced: {fault.strerror}"
