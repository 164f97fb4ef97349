"""Limits of workspaces, and what was used of them; the ledger tells to which host a call goes."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Forward only: to go back, restore the backup."""
    op.add_column("executions", sa.Column("host", sa.Text()))
    op.create_table(
        "limits",
        *_scope(),
        *(sa.Column(name, sa.BigInteger()) for name in ("per_minute", "burst", "per_day", "per_month")),
        sa.Column("concurrency", sa.BigInteger()),
        sa.Column("set_at", sa.BigInteger(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("removed_at", sa.BigInteger()),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "kind", "name"),
    )
    op.create_index("limits_by_generation", "limits", ["workspace_id", "generation"])
    op.create_table(
        "meters",
        *_scope(),
        *(
            sa.Column(name, sa.BigInteger(), nullable=False)
            for name in ("drawn", "day", "day_used", "month", "month_used")
        ),
        sa.PrimaryKeyConstraint("workspace_id", "kind", "name"),
        sqlite_with_rowid=False,
    )


def _scope() -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in ("workspace_id", "kind", "name")]
