"""How tools and their enablement are read and written, always for one workspace."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, insert, select

from toolcrib.kit.db import Query, Row, Tx

from .tables import enablement, tools

_ADD = Query(insert(tools))
_CHANGED_TOOLS = Query(
    select(tools).where(
        tools.c.workspace_id == bindparam("workspace"), tools.c.generation > bindparam("since")
    )
)
_CHANGED_ENABLEMENT = Query(
    select(enablement.c.tool_id, enablement.c.enabled).where(
        enablement.c.workspace_id == bindparam("workspace"), enablement.c.generation > bindparam("since")
    )
)
_NAMED = Query(
    select(tools).where(tools.c.workspace_id == bindparam("workspace"), tools.c.name == bindparam("tool"))
)
_REPLACED_TEXT = (
    "UPDATE tools SET version = :version, digest = :digest, config = :config, submitted = :submitted, generation = :made "
    "WHERE workspace_id = :workspace AND id = :tool"
)
_REPLACE = Query(sqlite=_REPLACED_TEXT, postgresql=_REPLACED_TEXT)
_PUT_TEXT = (
    "INSERT INTO enablement (workspace_id, tool_id, enabled, updated_at, updated_by, generation) VALUES (:workspace, :tool, :enabled, :now, :by, :made) "
    "ON CONFLICT (workspace_id, tool_id) DO UPDATE SET enabled = excluded.enabled, updated_at = excluded.updated_at, "
    "updated_by = excluded.updated_by, generation = excluded.generation"
)
_PUT = Query(sqlite=_PUT_TEXT, postgresql=_PUT_TEXT)


async def add(tx: Tx, **values: Any) -> None:
    """A new tool; the database refuses a name or wire name that is taken."""
    await tx.run(_ADD, **values)


async def replace(tx: Tx, **values: Any) -> None:
    """Another contract for a tool that keeps its id and name."""
    await tx.run(_REPLACE, **values)


async def named(tx: Tx, workspace: str, name: str) -> Row | None:
    """The tool of that name as it is in this transaction."""
    found = await tx.rows(_NAMED, workspace=workspace, tool=name)
    return found[0] if found else None


async def changed_tools(tx: Tx, workspace: str, since: int) -> Sequence[Row]:
    """Tools that changed after a generation."""
    return await tx.rows(_CHANGED_TOOLS, workspace=workspace, since=since)


async def changed_enablement(tx: Tx, workspace: str, since: int) -> Sequence[Row]:
    """Enablement that changed after a generation."""
    return await tx.rows(_CHANGED_ENABLEMENT, workspace=workspace, since=since)


async def put_enablement(tx: Tx, **values: Any) -> None:
    """Enable or disable a tool in a workspace."""
    await tx.run(_PUT, **values)
