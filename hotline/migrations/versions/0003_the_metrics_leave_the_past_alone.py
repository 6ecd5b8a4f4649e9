"""the metrics leave the past alone"""

from collections.abc import Sequence

from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Tables as they are after this version."""
    with op.batch_alter_table("call_record", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_call_record_is_open"))
        batch_op.create_index("ix_call_record_is_open_arrived_at", ["is_open", "arrived_at"], unique=False)

    with op.batch_alter_table("callback", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_callback_closed_at"), ["closed_at"], unique=False)


def downgrade() -> None:
    """Back to the version before."""
    with op.batch_alter_table("callback", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_callback_closed_at"))

    with op.batch_alter_table("call_record", schema=None) as batch_op:
        batch_op.drop_index("ix_call_record_is_open_arrived_at")
        batch_op.create_index(batch_op.f("ix_call_record_is_open"), ["is_open"], unique=False)
