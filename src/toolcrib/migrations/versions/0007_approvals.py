"""Calls that wait for a person, and the rules by which they do."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None
_NAMED = ("tool_id", "tool", "tool_version", "actor_type", "actor_id")


def upgrade() -> None:
    """Forward only: to go back, restore the backup."""
    op.add_column("executions", sa.Column("approval_id", sa.Text()))
    op.create_table(
        "approvals",
        *(_text(name) for name in ("workspace_id", "id", "execution_id", "state", *_NAMED)),
        sa.Column("on_behalf_of", sa.Text()),
        *(_text(name) for name in ("key_id", "reasons")),
        _number("second"),
        _text("digest"),
        sa.Column("sealed", sa.LargeBinary()),
        *(_number(name) for name in ("created_at", "expires_at")),
        sa.Column("decided_at", sa.BigInteger()),
        *(sa.Column(name, sa.Text()) for name in ("decided_by", "note")),
        sa.PrimaryKeyConstraint("id", "workspace_id"),
    )
    op.create_index("approvals_by_workspace", "approvals", ["workspace_id", "id"])
    pending = sa.text("state = 'pending'")
    op.create_index(
        "approvals_pending", "approvals", ["workspace_id", "expires_at"], sqlite_where=pending, postgresql_where=pending
    )  # fmt: skip
    op.create_table(
        "approval_rules",
        *(_text(name) for name in ("workspace_id", "name")),
        sa.Column("tool", sa.Text()),
        _text("effects"),
        sa.Column("condition", sa.Text()),
        *(_number(name) for name in ("second", "set_at")),
        _text("set_by"),
        sa.Column("removed_at", sa.BigInteger()),
        _number("generation"),
        sa.PrimaryKeyConstraint("workspace_id", "name"),
    )
    op.create_index("approval_rules_by_generation", "approval_rules", ["workspace_id", "generation"])


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)
