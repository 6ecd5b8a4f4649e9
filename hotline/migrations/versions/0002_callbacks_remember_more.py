"""Callbacks remember the queue and the trunk of each attempt, and what is an emergency."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Tables as they are after this version."""
    with op.batch_alter_table("callback", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("is_critical", sa.Boolean(), server_default=sa.text("false"), nullable=False)
        )

    with op.batch_alter_table("callback_attempt", schema=None) as batch_op:
        batch_op.add_column(sa.Column("queue", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("trunk", sa.String(), nullable=True))
        batch_op.create_index("ix_callback_attempt_trunk", ["trunk", "ended_at"], unique=False)

    with op.batch_alter_table("callback_call", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("is_critical", sa.Boolean(), server_default=sa.text("false"), nullable=False)
        )


def downgrade() -> None:
    """Back to the version before."""
    with op.batch_alter_table("callback_call", schema=None) as batch_op:
        batch_op.drop_column("is_critical")

    with op.batch_alter_table("callback_attempt", schema=None) as batch_op:
        batch_op.drop_index("ix_callback_attempt_trunk")
        batch_op.drop_column("trunk")
        batch_op.drop_column("queue")

    with op.batch_alter_table("callback", schema=None) as batch_op:
        batch_op.drop_column("is_critical")
