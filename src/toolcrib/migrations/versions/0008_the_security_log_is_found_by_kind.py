"""The security log finds what is rare by its type, however many calls there were."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Forward only: to go back, restore the backup."""
    rare = sa.text(
        "type != 'ToolExecutionRequested' AND type != 'ToolExecutionCompleted' AND type != 'ToolExecutionFailed'"
    )
    op.create_index(
        "events_of_security",
        "events",
        ["workspace_id", "type", "seq"],
        sqlite_where=rare,
        postgresql_where=rare,
    )
