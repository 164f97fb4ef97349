"""The first schema."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Forward only: to go back, restore the backup."""
    _identity()
    _registry()
    _vault()
    _executions()
    _events()


def _identity() -> None:
    op.create_table(
        "workspaces", *_texts("id", "name"), _number("created_at"), _key("id"), sa.UniqueConstraint("name")
    )
    op.create_table(
        "keys",
        *_texts("workspace_id", "id", "name", "actor_type", "actor_id", "role"),
        *_texts("tools", nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        _number("created_at"),
        *_texts("created_by"),
        _number("expires_at", nullable=True),
        _number("revoked_at", nullable=True),
        _number("generation"),
        _key("workspace_id", "id"),
    )
    op.create_index("keys_by_generation", "keys", ["workspace_id", "generation"])


def _registry() -> None:
    op.create_table(
        "tools",
        *_texts("workspace_id", "id", "name", "wire_name", "version", "digest", "config", "submitted"),
        _number("created_at"),
        *_texts("created_by"),
        _number("updated_at"),
        _number("deleted_at", nullable=True),
        _number("generation"),
        _key("workspace_id", "id"),
    )
    for name in ("name", "wire_name"):
        _partial_index(f"tools_by_{name}", "tools", ["workspace_id", name], "deleted_at IS NULL", unique=True)
    op.create_table(
        "tool_versions",
        *_texts("workspace_id", "tool_id", "version", "digest", "config", "submitted"),
        _number("created_at"),
        *_texts("created_by"),
        _key("workspace_id", "tool_id", "version"),
    )
    op.create_index("tools_by_generation", "tools", ["workspace_id", "generation"])
    op.create_table(
        "aliases",
        *_texts("workspace_id", "name", "tool_id"),
        _number("generation"),
        _key("workspace_id", "name"),
    )
    op.create_index("aliases_by_generation", "aliases", ["workspace_id", "generation"])
    op.create_table(
        "enablement",
        *_texts("workspace_id", "tool_id"),
        _number("enabled"),
        _number("updated_at"),
        *_texts("updated_by"),
        _number("generation"),
        _key("workspace_id", "tool_id"),
    )
    op.create_index("enablement_by_generation", "enablement", ["workspace_id", "generation"])


def _vault() -> None:
    op.create_table(
        "secrets",
        *_texts("workspace_id", "name"),
        _number("version"),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        *_texts("hosts", nullable=True),
        _number("created_at"),
        _number("updated_at"),
        *_texts("created_by"),
        _number("generation"),
        _key("workspace_id", "name"),
    )
    op.create_index("secrets_by_generation", "secrets", ["workspace_id", "generation"])
    op.create_table("root_key", _number("id", counted=False), *_texts("fingerprint"), _key("id"))


def _executions() -> None:
    op.create_table(
        "executions",
        *_texts(
            "workspace_id",
            "id",
            "tool_id",
            "tool",
            "tool_version",
            "status",
            "actor_type",
            "actor_id",
            "key_id",
        ),
        *_texts("subject_type", "subject_id", "exception_id", "error_code", "error_message", nullable=True),
        _number("dry_run"),
        *_texts("owner"),
        _number("created_at"),
        _number("updated_at"),
        _number("finished_at", nullable=True),
        _number("execution_time_us", nullable=True),
        _number("cancel_at", nullable=True),
        _key("workspace_id", "id"),
        sqlite_with_rowid=False,
    )
    op.create_index("executions_by_tool", "executions", ["workspace_id", "tool_id", "id"])
    _partial_index("executions_running", "executions", ["owner"], "status = 'running'")
    by_exception = ["workspace_id", "exception_id", "id"]
    _partial_index("executions_by_exception", "executions", by_exception, "exception_id IS NOT NULL")
    by_subject = ["workspace_id", "subject_type", "subject_id", "id"]
    _partial_index("executions_by_subject", "executions", by_subject, "subject_type IS NOT NULL")
    op.create_table(
        "bodies",
        *_texts("workspace_id", "execution_id", "part", "body"),
        _key("workspace_id", "execution_id", "part"),
        sqlite_with_rowid=False,
    )


def _events() -> None:
    op.create_table(
        "workspace_state",
        *_texts("workspace_id"),
        _number("seq"),
        _number("generation"),
        _key("workspace_id"),
    )
    op.create_table(
        "events",
        *_texts("workspace_id"),
        _number("seq", counted=False),
        *_texts("type"),
        *_texts("execution_id", nullable=True),
        *_texts("actor_type", "actor_id", "about"),
        _number("at"),
        *_texts("facts", nullable=True),
        _key("workspace_id", "seq"),
        sqlite_with_rowid=False,
    )
    by_execution = ["workspace_id", "execution_id", "seq"]
    _partial_index("events_by_execution", "events", by_execution, "execution_id IS NOT NULL")
    op.create_table(
        "idempotency_keys",
        *_texts("workspace_id", "actor_id", "tool_id", "key", "execution_id", "arguments"),
        _number("created_at"),
        _key("workspace_id", "actor_id", "tool_id", "key"),
        sqlite_with_rowid=False,
    )
    op.create_index("idempotency_keys_by_age", "idempotency_keys", ["workspace_id", "created_at"])
    op.create_table(
        "processes",
        *_texts("id", "host"),
        _number("pid"),
        _number("started_at"),
        _number("renewed_at"),
        _number("dead_at", nullable=True),
        _key("id"),
    )
    op.create_table(
        "refusals",
        *_texts("workspace_id"),
        _number("minute", counted=False),
        *_texts("code", "principal", "tool"),
        _number("count"),
        _key("workspace_id", "minute", "code", "principal", "tool"),
        sqlite_with_rowid=False,
    )


def _partial_index(
    name: str, table: str, columns: list[str], condition: str, *, unique: bool = False
) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, unique=unique, sqlite_where=where, postgresql_where=where)


def _texts(*names: str, nullable: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text(), nullable=nullable) for name in names]


def _number(name: str, *, nullable: bool = False, counted: bool = True) -> sa.Column[Any]:
    """`counted` false: PostgreSQL would make a key of one number a sequence."""
    return sa.Column(name, sa.BigInteger(), nullable=nullable, autoincrement="auto" if counted else False)


def _key(*columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns)
