"""What every test may ask for by name."""

import os

from support.databases import database, database_url, databases_migrated, postgresql_server

__all__ = ["database", "database_url", "databases_migrated", "postgresql_server"]

os.environ["LC_ALL"] = "C.UTF-8"  # what the tests read is English, whatever the language of who runs them
