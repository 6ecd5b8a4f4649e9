"""A backup's own account of what it holds: manifest.json, beside it that file's sum, and the files it names.

Nothing of a backup is used before this was read and every file compared.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from vocabulary.errors import HotlineError

FILE: Final = "manifest.json"
SUM_FILE: Final = "manifest.json.sha256"
SQLITE_FILE: Final = "database/hotline.db"
POSTGRESQL_FILE: Final = "database/postgresql.dump"
_BLOCK: Final = 1024 * 1024


class BackupIsDamaged(HotlineError):
    """It is no backup, or not what was written; `faults` are told all at once."""

    def __init__(self, folder: Path, faults: Sequence[str]) -> None:
        super().__init__(f"{folder} cannot be restored:\n  " + "\n  ".join(faults))
        self.folder, self.faults = folder, tuple(faults)


def _inside(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\\" in path or "\0" in path:
        raise ValueError("a path that leads out of the backup")
    return path


RelativePath = Annotated[str, AfterValidator(_inside)]


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FileFacts(_Written):
    sha256: str
    size: int


class KeyProof(_Written):
    """A sealed value of the data and, if there is one, the hash of what it seals: the right keys open it."""

    sealed: str
    digest: str | None


class Manifest(_Written):
    format: Literal[1] = 1
    made_at: datetime
    hotline_version: str
    python_version: str
    database: Literal["sqlite", "postgresql"]
    database_version: str
    revision: str | None
    """Of the tables; None: there were none."""
    configuration: str | None
    """Version of the published set in force."""
    key_proofs: list[KeyProof]
    files: Mapping[RelativePath, FileFacts]


def facts_of(path: Path) -> FileFacts:
    whole = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            whole.update(block)
    return FileFacts(sha256=whole.hexdigest(), size=path.stat().st_size)


def files_below(folder: Path) -> dict[str, FileFacts]:
    return {
        path.relative_to(folder).as_posix(): facts_of(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in (FILE, SUM_FILE)
    }


def texts_of(manifest: Manifest) -> dict[str, str]:
    """The two files that stand beside the data; the second is as `sha256sum` writes it."""
    text = manifest.model_dump_json(indent=1) + "\n"
    return {FILE: text, SUM_FILE: f"{hashlib.sha256(text.encode()).hexdigest()}  {FILE}\n"}


def read(folder: Path) -> Manifest:
    """The manifest, if it and every file that it names are as they were written. Raises BackupIsDamaged."""
    try:
        raw = (folder / FILE).read_bytes()
        noted = (folder / SUM_FILE).read_text("ascii").split()
    except FileNotFoundError as fault:
        missing = Path(str(fault.filename)).name
        raise BackupIsDamaged(
            folder, [f"{missing} is missing; did `hotline backup` make this folder?"]
        ) from fault
    except (OSError, UnicodeDecodeError) as fault:
        raise BackupIsDamaged(folder, [f"its manifest cannot be read: {fault}"]) from fault
    if noted[:1] != [hashlib.sha256(raw).hexdigest()]:
        raise BackupIsDamaged(folder, [f"{FILE} was changed since it was written"])
    try:
        manifest = Manifest.model_validate_json(raw)
    except ValidationError as fault:
        raise BackupIsDamaged(
            folder, [f"{FILE} is not of a kind that this version reads: {fault}"]
        ) from fault
    compared = [_compare(folder, path, facts) for path, facts in manifest.files.items()]
    if found := [words for words in compared if words is not None]:
        raise BackupIsDamaged(folder, found)
    return manifest


def _compare(folder: Path, path: str, facts: FileFacts) -> str | None:
    file = folder / path
    if file.is_symlink() or not file.is_file():
        return f"{path} is missing"
    return None if facts_of(file) == facts else f"{path} was changed since it was written"
