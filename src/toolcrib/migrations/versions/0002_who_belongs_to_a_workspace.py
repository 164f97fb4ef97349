"""Members, invitations, grants and suspensions; what a workspace says of itself, and a tool's effects beside its contract."""

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Forward only: to go back, restore the backup."""
    for column in (_flag("read_only"), _flag("shared_until"), _time("suspended_at")):
        op.add_column("workspaces", column)
    op.add_column("keys", sa.Column("on_behalf_of", sa.Text(), nullable=True))
    op.add_column("executions", sa.Column("on_behalf_of", sa.Text(), nullable=True))
    _belonging()
    _grants()
    _tools()


def _belonging() -> None:
    op.create_table(
        "key_uses", *_texts("workspace_id", "key_id"), _number("used_at"), _key("workspace_id", "key_id")
    )
    op.create_table(
        "members",
        *_texts("workspace_id", "id", "issuer", "subject", "name", "role"),
        _number("read_only"),
        _number("created_at"),
        *_texts("created_by"),
        _time("removed_at"),
        _number("generation"),
        _key("workspace_id", "id"),
    )
    op.create_index("members_by_generation", "members", ["workspace_id", "generation"])
    op.create_table(
        "homes", *_texts("workspace_id", "person", "home"), _key("workspace_id", "person", "home")
    )
    op.create_table(
        "invitations",
        *_texts("workspace_id", "id", "name", "role"),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        _number("created_at"),
        *_texts("created_by"),
        _number("expires_at"),
        _time("closed_at"),
        _key("workspace_id", "id"),
    )


def _grants() -> None:
    op.create_table(
        "grants",
        *_texts("workspace_id", "id", "name"),
        sa.Column("actor_id", sa.Text(), nullable=True),
        _number("created_at"),
        *_texts("created_by"),
        _time("expires_at"),
        _time("ended_at"),
        _number("generation"),
        _key("workspace_id", "id"),
    )
    op.create_index("grants_by_generation", "grants", ["workspace_id", "generation"])
    op.create_table(
        "suspensions",
        *_texts("workspace_id", "kind", "name"),
        _number("created_at"),
        *_texts("created_by"),
        _time("lifted_at"),
        _number("generation"),
        _key("workspace_id", "kind", "name"),
    )
    op.create_index("suspensions_by_generation", "suspensions", ["workspace_id", "generation"])


def _tools() -> None:
    """The rules of policy ask for what stood in the contract alone before."""
    op.add_column("tools", sa.Column("effects", sa.Text(), nullable=False, server_default="write"))
    op.add_column("tools", sa.Column("requires", sa.Text(), nullable=True))
    tools = sa.table(
        "tools", *(sa.column(name) for name in ("workspace_id", "id", "config", "effects", "requires"))
    )
    found = op.get_bind().execute(sa.select(tools.c.workspace_id, tools.c.id, tools.c.config)).all()
    for workspace, tool, text in found:
        op.get_bind().execute(
            sa.update(tools)
            .where(tools.c.workspace_id == workspace, tools.c.id == tool)
            .values(**_terms(json.loads(text)))
        )


def _terms(config: dict[str, Any]) -> dict[str, str | None]:
    """As they were worked out when this was written: declared, else by the method."""
    method = (config.get("api") or {}).get("method")
    effects = config.get("effects") or {"GET": "read", "DELETE": "destructive"}.get(method or "", "write")
    requires = config.get("requires")
    return {"effects": effects, "requires": json.dumps(requires, separators=(",", ":")) if requires else None}


def _texts(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _number(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _time(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=True)


def _flag(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=False, server_default="0")


def _key(*names: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*names)
