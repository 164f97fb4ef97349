"""How sealed values are read and written, always for one workspace."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, select, update

from toolcrib.kit.db import Query, Row, Tx

from .tables import root_key, secrets

_CHANGED = Query(
    select(secrets).where(
        secrets.c.workspace_id == bindparam("workspace"), secrets.c.generation > bindparam("since")
    )
)
_LATEST = Query(
    select(secrets.c.version, secrets.c.hosts).where(
        secrets.c.workspace_id == bindparam("workspace"), secrets.c.name == bindparam("secret")
    )
)
_PUT_TEXT = (
    "INSERT INTO secrets (workspace_id, name, version, sealed, hosts, created_at, updated_at, created_by, generation) "
    "VALUES (:workspace, :secret, :version, :sealed, :hosts, :now, :now, :by, :made) "
    "ON CONFLICT (workspace_id, name) DO UPDATE SET version = excluded.version, sealed = excluded.sealed, hosts = excluded.hosts, "
    "updated_at = excluded.updated_at, generation = excluded.generation"
)
_PUT = Query(sqlite=_PUT_TEXT, postgresql=_PUT_TEXT)
_DELETE = Query(
    update(secrets)
    .where(
        secrets.c.workspace_id == bindparam("workspace"),
        secrets.c.name == bindparam("secret"),
        secrets.c.sealed.is_not(None),
    )
    .values(sealed=None, hosts=None, updated_at=bindparam("now"), generation=bindparam("made"))
    .returning(secrets.c.name)
)
_REMEMBER_TEXT = "INSERT INTO root_key (id, fingerprint) VALUES (1, :fingerprint) ON CONFLICT DO NOTHING"
_REMEMBER = Query(sqlite=_REMEMBER_TEXT, postgresql=_REMEMBER_TEXT)
_ROOT_KEY = Query(select(root_key.c.fingerprint))


async def changed(tx: Tx, workspace: str, since: int) -> Sequence[Row]:
    """Secrets that changed after a generation, deleted ones included (their `sealed` is NULL)."""
    return await tx.rows(_CHANGED, workspace=workspace, since=since)


async def latest(tx: Tx, workspace: str, secret: str) -> tuple[int, str | None]:
    """The newest version and what it is bound to; versions go on after a deletion, so an old sealed value never fits again."""
    rows = await tx.rows(_LATEST, workspace=workspace, secret=secret)
    return (int(rows[0]["version"]), rows[0]["hosts"]) if rows else (0, None)


async def put(tx: Tx, **values: Any) -> None:
    """Set a value."""
    await tx.run(_PUT, **values)


async def delete(tx: Tx, workspace: str, secret: str, now: int, made: int) -> bool:
    """Forget a value; False when there is none."""
    return bool(await tx.rows(_DELETE, workspace=workspace, secret=secret, now=now, made=made))


async def root_key_fingerprint(tx: Tx, fingerprint: str) -> str:
    """The fingerprint this database was made with; the given one where it is new."""
    await tx.run(_REMEMBER, fingerprint=fingerprint)
    (row,) = await tx.rows(_ROOT_KEY)
    return str(row["fingerprint"])
