"""A workspace may name the hosts that its tools call, and no others."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Forward only: to go back, restore the backup."""
    op.add_column("workspaces", sa.Column("hosts", sa.Text()))
