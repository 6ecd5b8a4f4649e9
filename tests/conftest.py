"""What every test may ask for by name."""

from support.databases import database, database_url, databases_migrated, postgresql_server

__all__ = ["database", "database_url", "databases_migrated", "postgresql_server"]
