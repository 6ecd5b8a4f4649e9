"""A whole database into one file and back, while others use it.

SQLite by its own online backup, PostgreSQL by its own programs.
"""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection, column, func, inspect, make_url, select, table

from hotline.as_found import sqlite_file
from hotline.backup_manifest import KeyProof
from hotline.careful_files import make_folder
from hotline.tables import metadata
from vocabulary.errors import HotlineError

_MOST_KEYS: Final = 50


class ProgramIsMissing(HotlineError):
    def __init__(self, name: str) -> None:
        super().__init__(
            f"`{name}` is not on the PATH: install PostgreSQL's client programs, "
            "of the server's version or newer (Debian: apt install postgresql-client)"
        )
        self.name = name


class CopyFailed(HotlineError):
    """The database's own words."""


def copy_sqlite(url: str, target: Path) -> None:
    """One consistent copy; writers go on meanwhile."""
    source = sqlite_file(url)
    assert source is not None
    make_folder(target.parent)
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        _copy_sqlite(source, target)
    except sqlite3.Error as fault:
        raise CopyFailed(f"{source} could not be copied: {fault}") from fault


def _copy_sqlite(source: Path, target: Path) -> None:
    read = sqlite3.connect(f"{source.as_uri()}?mode=rw", uri=True, timeout=30)
    write = sqlite3.connect(target)
    try:
        read.backup(write)
        write.execute("PRAGMA journal_mode=DELETE")  # one file, nothing beside it
        found = write.execute("PRAGMA quick_check(3)").fetchall()
        if found != [("ok",)]:
            raise CopyFailed(f"{source} is damaged: {'; '.join(str(row[0]) for row in found)}")
    finally:
        write.close()
        read.close()


def dump_postgresql(url: str, target: Path) -> None:
    """One consistent dump; writers go on meanwhile."""
    make_folder(target.parent)
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    _run(
        url, "pg_dump", "--format=custom", "--no-owner", "--no-privileges", "--file", str(target), "--dbname"
    )


def load_postgresql(url: str, dump: Path, aside: Path) -> None:
    """All or nothing, in one transaction: our tables as the dump has them, whatever they held before.

    `aside`: a folder for the script.
    """
    need("psql")
    script, before = aside / "restore.sql", aside / "before.sql"
    _run(
        url,
        "pg_restore",
        "--clean",
        "--if-exists",
        "--no-owner",
        "--no-privileges",
        "--file",
        str(script),
        str(dump),
    )
    names = [*metadata().tables, "alembic_version"]
    before.write_text("".join(f'DROP TABLE IF EXISTS "{name}" CASCADE;\n' for name in names), "utf-8")
    options = ["--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"]
    _run(url, "psql", *options, "--file", str(before), "--file", str(script), "--dbname")
    script.unlink()
    before.unlink()


def version_of(connection: Connection) -> str:
    if connection.dialect.name == "sqlite":
        return sqlite3.sqlite_version
    return str(connection.exec_driver_sql("SHOW server_version").scalar_one())


def need(program: str) -> str:
    """Where it is. Raises ProgramIsMissing."""
    found = shutil.which(program)
    if found is None:
        raise ProgramIsMissing(program)
    return found


def _run(url: str, program: str, *arguments: str) -> None:
    """If the last argument is --dbname, the address follows, without the password: others see commands."""
    address, password = libpq_address(make_url(url))
    command = [need(program), *arguments, *([address] if arguments[-1] == "--dbname" else [])]
    environment = {**os.environ, **({"PGPASSWORD": password} if password else {}), "PGCONNECT_TIMEOUT": "10"}
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise CopyFailed(f"{program} failed: {done.stderr.strip() or f'exit code {done.returncode}'}")


def libpq_address(url: URL) -> tuple[str, str | None]:
    """What PostgreSQL's programs take, and the password apart."""
    query = {key: value for key, value in url.query.items() if key != "password"}
    inside = url.query.get("password")
    address = URL.create("postgresql", url.username, None, url.host, url.port, url.database, query)
    return address.render_as_string(hide_password=False), url.password or (
        inside if isinstance(inside, str) else None
    )


def key_proofs(connection: Connection) -> list[KeyProof]:
    """A sealed value for each key in each place that holds such, whatever version the tables have."""
    found: dict[str, KeyProof] = {}
    inspector = inspect(connection)
    for name in inspector.get_table_names():
        columns = {str(one["name"]) for one in inspector.get_columns(name)}
        for sealed in sorted(one for one in columns if one.endswith("_sealed")):
            digest = "number_digest" if sealed == "number_sealed" and "number_digest" in columns else None
            for proof in _proofs(connection, name, sealed, digest):
                found.setdefault(proof.sealed, proof)
    return list(found.values())


def _proofs(connection: Connection, name: str, sealed: str, digest: str | None) -> Iterator[KeyProof]:
    """Values begin with their key's name and a colon: ask for the first one behind those of the last key."""
    place = table(name, column(sealed), *([column(digest)] if digest else []))
    value = place.c[sealed].collate("C" if connection.dialect.name == "postgresql" else "BINARY")
    last = ""
    for _ in range(_MOST_KEYS):
        first = connection.execute(select(func.min(value)).where(value > last)).scalar()
        if first is None:
            return
        row = connection.execute(select(place).where(place.c[sealed] == first).limit(1)).one()
        yield KeyProof(sealed=str(row[0]), digest=str(row[1]) if digest and row[1] else None)
        last = str(first).partition(":")[0] + ";"
