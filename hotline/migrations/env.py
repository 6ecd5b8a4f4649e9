"""Run by Alembic inside `hotline.database.migrate`, over the connection that it is given.

While the first version stands alone and unreleased: `python -m hotline.migrations.revise --first` writes it anew.
"""

from typing import Literal

import sqlalchemy as sa
from alembic import context
from sqlmodel import AutoString

from hotline.tables import metadata


def render_item(kind: str, item: object, _context: object) -> str | Literal[False]:
    """Plain SQLAlchemy types, so that an old migration depends on nothing but SQLAlchemy."""
    if kind == "type" and isinstance(item, AutoString):
        return "sa.String()"
    if kind == "type" and isinstance(getattr(item, "impl", item), sa.DateTime):
        return "sa.DateTime(timezone=True)"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata(),
    compare_type=True,
    compare_server_default=True,
    render_as_batch=not context.config.attributes.get("is_first", False),
    render_item=render_item,
)
with context.begin_transaction():
    context.run_migrations()
