"""The keys of what is sealed: made once, before anything is; ever after they must be those of this database.

New keys beside sealed values would make those unreadable and give each citizen a second digest, so a lost or a wrong
file stops a start. Calls reach agents meanwhile, by the dialplan.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sqlalchemy import Table, select
from sqlmodel import Session

from hotline.backup_manifest import KeyProof
from hotline.database import Database
from hotline.settings import Settings
from hotline.tables import metadata
from tickets.sealing import Sealer, SealIsBroken
from vocabulary.errors import HotlineError

_SEALED: Final = "_sealed"
_NUMBER: Final = "number_sealed"
_DIGEST: Final = "number_digest"


class KeysAreMissing(HotlineError):
    """The database holds sealed values, and there is no file of keys; none was made."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path}: the file of keys is missing, but the database holds values sealed with it, which new keys could "
            "not open. Is HOTLINE_KEYS_FILE right, its disk mounted? Else take the file from its backup "
            "(`hotline backup --keys` wrote it)"
        )
        self.path = path


class WrongKeys(HotlineError):
    """The file of keys does not open what the database holds."""

    def __init__(self, path: Path, fault: str) -> None:
        super().__init__(
            f"{path}: these are not the keys of this database: {fault}. Are HOTLINE_KEYS_FILE and HOTLINE_DATABASE_URL "
            "right? Else take the file of keys from its backup (`hotline backup --keys` wrote it)"
        )
        self.path, self.fault = path, fault


def keys_of(settings: Settings, database: Database) -> Sealer:
    """Made at a first start. Raises KeysAreMissing, WrongKeys, KeyFileIsUnusable, and what the database says."""
    path = settings.keys_path
    if not path.exists():
        with database.reading() as session:
            if next(samples(session), None) is not None:
                raise KeysAreMissing(path)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            return Sealer.create_file(path)
        except FileExistsError:
            pass  # another process of this first start was quicker, and its keys are ours
    sealer = Sealer.from_file(path)
    prove(sealer, path, database)
    return sealer


def prove(sealer: Sealer, path: Path, database: Database) -> None:
    """Raises WrongKeys unless they open what is sealed there and give the digests by which it is found."""
    with database.reading() as session:
        for one in samples(session):
            try:
                opened = sealer.open(one.sealed)
            except SealIsBroken as fault:
                raise WrongKeys(path, str(fault)) from fault
            if one.digest is not None and sealer.digest(opened) != one.digest:
                raise WrongKeys(path, "a number that they open has another digest")


def samples(session: Session) -> Iterator[KeyProof]:
    """The oldest and the newest sealed value of each table: each found by its key, however many rows there are."""
    for table in metadata().sorted_tables:
        sealed = sorted((one.name for one in table.columns if one.name.endswith(_SEALED)), key=_number_first)
        if sealed:
            yield from _ends(session, table, sealed[0])


def _number_first(name: str) -> bool:
    """Every row with a name has a number; the other way round is rare, and would be looked for through all rows."""
    return name != _NUMBER


def _ends(session: Session, table: Table, name: str) -> Iterator[KeyProof]:
    value = table.columns[name]
    digest = table.columns.get(_DIGEST) if name == _NUMBER else None
    wanted = select(value, *([] if digest is None else [digest])).where(value.is_not(None)).limit(1)
    keys = list(table.primary_key.columns)
    for order in ([key.asc() for key in keys], [key.desc() for key in keys]):
        row = session.execute(wanted.order_by(*order)).first()
        if row is not None:
            yield KeyProof(sealed=row[0], digest=None if digest is None else row[1])
