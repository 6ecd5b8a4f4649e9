"""A call's record names the message that was left."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Tables as they are after this version."""
    with op.batch_alter_table("call_record", schema=None) as batch_op:
        batch_op.add_column(sa.Column("voicemail_seconds", sa.Float(), nullable=True))
        batch_op.add_column(sa.Column("voicemail_name", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("voicemail_sha256", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("voicemail_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Back to the version before."""
    with op.batch_alter_table("call_record", schema=None) as batch_op:
        batch_op.drop_column("voicemail_at")
        batch_op.drop_column("voicemail_sha256")
        batch_op.drop_column("voicemail_name")
        batch_op.drop_column("voicemail_seconds")
