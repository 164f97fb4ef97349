"""How tools and their enablement are read and written, always for one workspace."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy import delete as delete_from

from toolcrib.kit.db import Into, Query, Row, Tx
from toolcrib.kit.json import dumps

from .tables import aliases, enablement, tool_versions, tools

_ADD = Query(insert(tools))
_ADD_VERSION = Query(insert(tool_versions))
_THIS = (
    tools.c.workspace_id == bindparam("workspace"),
    tools.c.id == bindparam("tool"),
    tools.c.deleted_at.is_(None),
)
_CURRENT = Query(select(tools).where(*_THIS))
_OF_NAME = Query(
    select(tools).where(
        tools.c.workspace_id == bindparam("workspace"),
        tools.c.name == bindparam("tool"),
        tools.c.deleted_at.is_(None),
    )
)
_REPLACE = Query(
    update(tools)
    .where(*_THIS)
    .values(
        {
            name: bindparam(f"new_{name}")
            for name in (
                "version",
                "digest",
                "config",
                "submitted",
                "updated_at",
                "generation",
                "effects",
                "requires",
            )
        }
    )
)
_DELETE = Query(
    update(tools)
    .where(*_THIS)
    .values(deleted_at=bindparam("now"), updated_at=bindparam("now"), generation=bindparam("made"))
    .returning(tools.c.id)
)
_OF_TOOL = (
    tool_versions.c.workspace_id == bindparam("workspace"),
    tool_versions.c.tool_id == bindparam("tool"),
)
_VERSIONS = Query(select(tool_versions.c.version).where(*_OF_TOOL))
_VERSION = Query(select(tool_versions).where(*_OF_TOOL, tool_versions.c.version == bindparam("version")))
_CHANGED_TOOLS = Query(
    select(tools).where(
        tools.c.workspace_id == bindparam("workspace"), tools.c.generation > bindparam("since")
    )
)
_AN_ALIAS = Query(
    select(aliases.c.name).where(
        aliases.c.workspace_id == bindparam("workspace"),
        aliases.c.name.in_([bindparam("name"), bindparam("wire")]),
    )
)
_NAMED = (
    "SELECT name, wire_name, id FROM tools WHERE workspace_id = :workspace AND deleted_at IS NULL "
    "AND (name IN ({names}) OR wire_name IN ({names}) OR id IN ({names}))"
)
_A_NAME = Query(
    sqlite=_NAMED.format(names="SELECT value FROM json_each(:names)"),
    postgresql=_NAMED.format(names="SELECT json_array_elements_text(CAST(:names AS json))"),
)
_DROP_ALIASES = Query(
    delete_from(aliases).where(
        aliases.c.workspace_id == bindparam("workspace"), aliases.c.tool_id == bindparam("tool")
    )
)
_ALIAS_COLUMNS = tuple(column.name for column in aliases.columns)
_CHANGED_ENABLEMENT = Query(
    select(enablement.c.tool_id, enablement.c.enabled).where(
        enablement.c.workspace_id == bindparam("workspace"), enablement.c.generation > bindparam("since")
    )
)
_PUT_TEXT = (
    "INSERT INTO enablement (workspace_id, tool_id, enabled, updated_at, updated_by, generation) VALUES (:workspace, :tool, :enabled, :now, :by, :made) "
    "ON CONFLICT (workspace_id, tool_id) DO UPDATE SET enabled = excluded.enabled, updated_at = excluded.updated_at, "
    "updated_by = excluded.updated_by, generation = excluded.generation"
)
_PUT = Query(sqlite=_PUT_TEXT, postgresql=_PUT_TEXT)


async def add(tx: Tx, **values: Any) -> None:
    """A new tool; the database refuses a name or wire name that is taken."""
    await tx.run(_ADD, **values)


async def add_version(tx: Tx, **values: Any) -> None:
    """What a tool was as of one version; never changed again."""
    await tx.run(_ADD_VERSION, **values)


async def current(tx: Tx, workspace: str, tool_id: str) -> Row | None:
    """A tool as it is now, or None."""
    rows = await tx.rows(_CURRENT, workspace=workspace, tool=tool_id)
    return rows[0] if rows else None


async def replace(tx: Tx, workspace: str, tool_id: str, **values: Any) -> None:
    """Make another version of a tool the current one."""
    named = {f"new_{name}": value for name, value in values.items()}
    await tx.run(_REPLACE, workspace=workspace, tool=tool_id, **named)


async def delete(tx: Tx, workspace: str, tool_id: str, now: int, made: int) -> bool:
    """Take a tool out of the catalog; its versions stay. False when it was not there."""
    return bool(await tx.rows(_DELETE, workspace=workspace, tool=tool_id, now=now, made=made))


async def versions(tx: Tx, workspace: str, tool_id: str) -> Sequence[str]:
    """Every version of a tool, without what it was."""
    return [row["version"] for row in await tx.rows(_VERSIONS, workspace=workspace, tool=tool_id)]


async def version(tx: Tx, workspace: str, tool_id: str, version: str) -> Row:
    """What a tool was as of one version that there is."""
    (row,) = await tx.rows(_VERSION, workspace=workspace, tool=tool_id, version=version)
    return row


async def an_alias(tx: Tx, workspace: str, name: str, wire: str) -> bool:
    """Whether a name, or what models see of it, leads to another tool already."""
    return bool(await tx.rows(_AN_ALIAS, workspace=workspace, name=name, wire=wire))


async def names_among(tx: Tx, workspace: str, wanted: Sequence[str]) -> Sequence[Row]:
    """Tools whose name, wire name or id is one of these."""
    return await tx.rows(_A_NAME, workspace=workspace, names=dumps(wanted).decode())


async def add_aliases(tx: Tx, workspace: str, tool: str, names: Sequence[str], generation: int) -> None:
    """More names of a tool; the database refuses one that is another's."""
    rows = [(workspace, name, tool, generation) for name in names]
    await tx.insert_many(Into(aliases, _ALIAS_COLUMNS, rows))


async def drop_aliases(tx: Tx, workspace: str, tool: str) -> None:
    """Give up all other names of a tool."""
    await tx.run(_DROP_ALIASES, workspace=workspace, tool=tool)


async def named(tx: Tx, workspace: str, name: str) -> Row | None:
    """The tool of that name as it is in this transaction."""
    found = await tx.rows(_OF_NAME, workspace=workspace, tool=name)
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
