"""Rows of calls stand in the order of time, not of their workspaces."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_KEYS = {"executions": ["id", "workspace_id"], "bodies": ["execution_id", "workspace_id", "part"]}
_OF_CALL = sa.text("execution_id IS NOT NULL")


def upgrade() -> None:
    """Forward only: to go back, restore the backup. The ledger is written anew, which takes as much room again."""
    op.drop_index("events_by_execution", "events")
    if op.get_bind().dialect.name == "sqlite":
        _anew()
    else:
        for table, columns in _KEYS.items():
            op.drop_constraint(f"{table}_pkey", table, type_="primary")
            op.create_primary_key(f"{table}_pkey", table, columns)
    op.create_index("executions_by_workspace", "executions", ["workspace_id", "id"])
    op.create_index(
        "events_by_execution",
        "events",
        ["execution_id", "workspace_id", "seq"],
        sqlite_where=_OF_CALL,
        postgresql_where=_OF_CALL,
    )


def _anew() -> None:
    """SQLite cannot change a table's key. A table's indexes go with it, so they are made again from their own texts."""
    texts = "SELECT tbl_name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ('executions', 'bodies')"
    indexes = op.get_bind().exec_driver_sql(texts).all()
    for table, columns in (*_KEYS.items(), ("events", ["workspace_id", "seq"])):
        old = sa.Table(table, sa.MetaData(), autoload_with=op.get_bind(), resolve_fks=False)
        op.rename_table(table, f"{table}_before")
        op.create_table(
            table,
            *(
                sa.Column(one.name, one.type, nullable=one.nullable, autoincrement=False)
                for one in old.columns
            ),
            sa.PrimaryKeyConstraint(*columns),
            sqlite_with_rowid=table == "events",
        )
        op.execute(f"INSERT INTO {table} SELECT * FROM {table}_before ORDER BY {', '.join(columns)}")  # noqa: S608 constants
        op.drop_table(f"{table}_before")
        for _, text in (index for index in indexes if index[0] == table):
            op.execute(text)
