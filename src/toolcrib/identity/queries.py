"""How workspaces and keys are read and written, always for one workspace."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from toolcrib.kit.db import Query, Row, Tx

from .tables import keys, workspaces

_NAMED = Query(select(workspaces).where(workspaces.c.name == bindparam("name")))
_NAME = Query(select(workspaces.c.name).where(workspaces.c.id == bindparam("workspace")))
_CREATE = Query(insert(workspaces))
_ADD_KEY = Query(insert(keys))
_CHANGED = Query(
    select(keys).where(keys.c.workspace_id == bindparam("workspace"), keys.c.generation > bindparam("since"))
)
_ACTOR = Query(
    select(keys.c.id).where(
        keys.c.workspace_id == bindparam("workspace"), keys.c.actor_id == bindparam("actor")
    )
)
_REVOKE = Query(
    update(keys)
    .where(
        keys.c.workspace_id == bindparam("workspace"),
        keys.c.id == bindparam("key"),
        keys.c.revoked_at.is_(None),
    )
    .values(revoked_at=bindparam("now"), generation=bindparam("made"))
    .returning(keys.c.id)
)


async def workspace_named(tx: Tx, name: str) -> Row | None:
    """The workspace of that name; used at first start, before any credential exists."""
    rows = await tx.rows(_NAMED, name=name)
    return rows[0] if rows else None


async def workspace_name(tx: Tx, workspace: str) -> str:
    """What a workspace is called."""
    rows = await tx.rows(_NAME, workspace=workspace)
    return str(rows[0]["name"]) if rows else ""


async def create_workspace(tx: Tx, **values: Any) -> None:
    """A new workspace; its name is taken once in the whole installation."""
    await tx.run(_CREATE, **values)


async def add_key(tx: Tx, **values: Any) -> None:
    """A new key."""
    await tx.run(_ADD_KEY, **values)


async def actor_exists(tx: Tx, workspace: str, actor: str) -> bool:
    """Whether a key, live or revoked, was ever made for this actor."""
    return bool(await tx.rows(_ACTOR, workspace=workspace, actor=actor))


async def changed_keys(tx: Tx, workspace: str, since: int) -> Sequence[Row]:
    """Keys that changed after a generation, revoked ones included."""
    return await tx.rows(_CHANGED, workspace=workspace, since=since)


async def revoke(tx: Tx, workspace: str, key: str, now: int, made: int) -> bool:
    """Revoke a key for good; False when there is no such live key."""
    return bool(await tx.rows(_REVOKE, workspace=workspace, key=key, now=now, made=made))
