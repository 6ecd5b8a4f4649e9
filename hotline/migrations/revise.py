"""For those who change tables: writes the migration that leads from the newest version to the table classes.

`python -m hotline.migrations.revise "what changes"`; with `--first` version 0001 is written anew.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.script import ScriptDirectory

from hotline.database import alembic_config, make_engine
from hotline.tables import metadata

_VERSIONS = Path(__file__).parent / "versions"


def revise(message: str, *, is_first: bool) -> Path:
    """The path of the new file. It is compared with an empty SQLite database brought to the newest
    version."""
    metadata()  # a table class that does not load fails here, before anything is deleted
    if is_first:
        later = [path.name for path in _VERSIONS.glob("[0-9]*.py") if not path.name.startswith("0001_")]
        if later:
            raise SystemExit(f"{', '.join(later)} would stand on a version that is gone: remove it first")
        for old in _VERSIONS.glob("0001_*.py"):
            old.unlink()
    config = alembic_config()
    number = len(list(ScriptDirectory.from_config(config).walk_revisions())) + 1
    with tempfile.TemporaryDirectory() as folder:
        engine = make_engine(f"sqlite:///{folder}/empty.db")
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            config.attributes["is_first"] = is_first  # nothing to rebuild, so plain statements do
            command.upgrade(config, "head")
            script = command.revision(config, message, autogenerate=True, rev_id=f"{number:04}")
        engine.dispose()
    assert script is not None
    assert not isinstance(script, list)
    path = Path(script.path)
    lines = path.read_text("utf-8").splitlines()
    path.write_text("\n".join(line for line in lines if "# ### " not in line) + "\n", "utf-8")
    return path


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("message", nargs="?", default="first tables")
    parser.add_argument("--first", action="store_true", help="write version 0001 anew")
    given = parser.parse_args()
    path = revise(given.message, is_first=given.first)
    for step in (["format"], ["check", "--fix"]):
        subprocess.run([sys.executable, "-m", "ruff", *step, "-q", str(path)], check=False)
    print(f"{path}: read it before you commit it")


if __name__ == "__main__":
    main()
