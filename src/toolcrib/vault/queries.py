"""How sealed values are read and written, always for one workspace."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, bindparam, literal_column, select, update

from toolcrib.kit.db import Query, Row, Tx

from .tables import data_keys, root_key, secrets

_SECRETS = "secrets"
_OF_KEY = and_(
    data_keys.c.workspace_id == secrets.c.workspace_id,
    data_keys.c.purpose == literal_column(f"'{_SECRETS}'"),
    data_keys.c.version == secrets.c.key_version,
)
_CHANGED = Query(
    select(secrets, data_keys.c.wrapped, data_keys.c.root)
    .select_from(secrets.outerjoin(data_keys, _OF_KEY))
    .where(secrets.c.workspace_id == bindparam("workspace"), secrets.c.generation > bindparam("since"))
)
_LATEST = Query(
    select(secrets.c.version, secrets.c.hosts).where(
        secrets.c.workspace_id == bindparam("workspace"), secrets.c.name == bindparam("secret")
    )
)
_PUT_TEXT = (
    "INSERT INTO secrets (workspace_id, name, version, sealed, hosts, created_at, updated_at, created_by, generation, key_version) "
    "VALUES (:workspace, :secret, :version, :sealed, :hosts, :now, :now, :by, :made, :key) "
    "ON CONFLICT (workspace_id, name) DO UPDATE SET version = excluded.version, sealed = excluded.sealed, hosts = excluded.hosts, "
    "updated_at = excluded.updated_at, generation = excluded.generation, key_version = excluded.key_version"
)
_PUT = Query(sqlite=_PUT_TEXT, postgresql=_PUT_TEXT)
_DELETE = Query(
    update(secrets)
    .where(
        secrets.c.workspace_id == bindparam("workspace"),
        secrets.c.name == bindparam("secret"),
        secrets.c.sealed.is_not(None),
    )
    .values(
        sealed=None, hosts=None, key_version=None, updated_at=bindparam("now"), generation=bindparam("made")
    )
    .returning(secrets.c.name)
)
_REMEMBER_TEXT = (
    "INSERT INTO root_key (id, fingerprint) VALUES (:number, :fingerprint) ON CONFLICT DO NOTHING"
)
_REMEMBER = Query(sqlite=_REMEMBER_TEXT, postgresql=_REMEMBER_TEXT)
_ROOT_KEYS = Query(select(root_key).order_by(root_key.c.id))
_NEWEST_KEY = Query(
    select(data_keys)
    .where(data_keys.c.workspace_id == bindparam("workspace"), data_keys.c.purpose == bindparam("purpose"))
    .order_by(data_keys.c.version.desc())
    .limit(1)
)
_ADD_KEY_TEXT = (
    "INSERT INTO data_keys (workspace_id, purpose, version, wrapped, root, created_at) "
    "VALUES (:workspace, :purpose, :version, :wrapped, :root, :now) ON CONFLICT DO NOTHING"
)
_ADD_KEY = Query(sqlite=_ADD_KEY_TEXT, postgresql=_ADD_KEY_TEXT)
_UNDER_OTHERS_TEXT = "SELECT * FROM data_keys WHERE workspace_id = :workspace AND root <> :root"
_UNDER_OTHERS = Query(sqlite=_UNDER_OTHERS_TEXT, postgresql=_UNDER_OTHERS_TEXT + " FOR UPDATE")
_REWRAP = Query(
    update(data_keys)
    .where(
        data_keys.c.workspace_id == bindparam("workspace"),
        data_keys.c.purpose == bindparam("of"),
        data_keys.c.version == bindparam("number"),
        data_keys.c.root == bindparam("old"),
    )
    .values(wrapped=bindparam("wrapping"), root=bindparam("root_now"))
)
_TO_RESEAL_TEXT = (
    "SELECT s.*, k.wrapped, k.root FROM secrets s LEFT JOIN data_keys k "
    "ON k.workspace_id = s.workspace_id AND k.purpose = 'secrets' AND k.version = s.key_version "
    "WHERE s.workspace_id = :workspace AND s.sealed IS NOT NULL AND s.name > :after "
    "AND coalesce(s.key_version, 0) < :key ORDER BY s.name LIMIT :most"
)
_TO_RESEAL = Query(sqlite=_TO_RESEAL_TEXT, postgresql=_TO_RESEAL_TEXT + " FOR UPDATE OF s")
_RESEAL = Query(
    update(secrets)
    .where(
        secrets.c.workspace_id == bindparam("workspace"),
        secrets.c.name == bindparam("secret"),
        secrets.c.version == bindparam("of"),
        secrets.c.sealed == bindparam("old"),
    )
    .values(sealed=bindparam("made"), key_version=bindparam("key"))
)
_RETIRE_TEXT = (
    "DELETE FROM data_keys WHERE workspace_id = :workspace AND purpose = 'secrets' AND version < :key "
    "AND NOT EXISTS (SELECT 1 FROM secrets s WHERE s.workspace_id = :workspace AND s.key_version = data_keys.version)"
)
_RETIRE = Query(sqlite=_RETIRE_TEXT, postgresql=_RETIRE_TEXT)
_LEFT_TEXT = (
    "SELECT s.workspace_id, count(*) AS secrets, 0 AS keys FROM secrets s WHERE s.sealed IS NOT NULL "
    "AND coalesce(s.key_version, 0) < coalesce((SELECT max(k.version) FROM data_keys k "
    "WHERE k.workspace_id = s.workspace_id AND k.purpose = 'secrets'), 1) GROUP BY s.workspace_id UNION ALL "
    "SELECT workspace_id, 0 AS secrets, count(*) AS keys FROM data_keys WHERE root <> :root GROUP BY workspace_id UNION ALL "
    "SELECT workspace_id, 0 AS secrets, count(*) - 1 AS keys FROM data_keys WHERE purpose = 'secrets' "
    "GROUP BY workspace_id HAVING count(*) > 1"
)
_LEFT = Query(
    sqlite=_LEFT_TEXT, postgresql=_LEFT_TEXT, across="a rotation is over once no workspace has anything left"
)
_ROOTS_IN_USE_TEXT = (
    "SELECT root, count(*) AS rows_under FROM data_keys GROUP BY root UNION ALL SELECT "
    "(SELECT fingerprint FROM root_key WHERE id = 1) AS root, count(*) AS rows_under FROM secrets "
    "WHERE sealed IS NOT NULL AND key_version IS NULL"
)
_ROOTS_IN_USE = Query(
    sqlite=_ROOTS_IN_USE_TEXT,
    postgresql=_ROOTS_IN_USE_TEXT,
    across="a root key is needed while any workspace has rows under it",
)


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


async def root_keys(tx: Tx) -> list[str]:
    """The fingerprints of the root keys that this database has had, the one in use last."""
    return [str(row["fingerprint"]) for row in await tx.rows(_ROOT_KEYS)]


async def remember_root_key(tx: Tx, number: int, fingerprint: str) -> None:
    """Put a root key into use, unless another process has put one there."""
    await tx.run(_REMEMBER, number=number, fingerprint=fingerprint)


async def newest_key(tx: Tx, workspace: str, purpose: str) -> Row | None:
    """The data key of the highest version."""
    rows = await tx.rows(_NEWEST_KEY, workspace=workspace, purpose=purpose)
    return rows[0] if rows else None


async def add_key(tx: Tx, **values: Any) -> None:
    """A new data key; nothing where its version is taken."""
    await tx.run(_ADD_KEY, **values)


async def keys_under_others(tx: Tx, workspace: str, root: str) -> Sequence[Row]:
    """Data keys that another root key wraps, locked where others may re-wrap them."""
    return await tx.rows(_UNDER_OTHERS, workspace=workspace, root=root)


async def rewrap_key(
    tx: Tx, *, workspace: str, purpose: str, version: int, wrapped: bytes, root: str, old: str
) -> None:
    """Put the new wrapping in place of the old one."""
    await tx.run(
        _REWRAP, workspace=workspace, of=purpose, number=version, wrapping=wrapped, root_now=root, old=old
    )


async def to_reseal(tx: Tx, workspace: str, key: int, after: str, most: int) -> Sequence[Row]:
    """Secrets by name that lie under an older data key or under none, locked where others may change them."""
    return await tx.rows(_TO_RESEAL, workspace=workspace, key=key, after=after, most=most)


async def reseal(tx: Tx, **values: Any) -> None:
    """Put the new seal in place of the old one: the value, its version and its generation are the same."""
    await tx.run(_RESEAL, **values)


async def retire_keys(tx: Tx, workspace: str, key: int) -> None:
    """Destroy older data keys that seal nothing any more."""
    await tx.run(_RETIRE, workspace=workspace, key=key)


async def left(tx: Tx, root: str) -> Sequence[Row]:
    """Per workspace, how many secrets and data keys a rotation has still to do."""
    return await tx.rows(_LEFT, root=root)


async def roots_in_use(tx: Tx) -> dict[str, int]:
    """Which root keys are needed to open all there is, and for how many rows."""
    found: dict[str, int] = {}
    for row in await tx.rows(_ROOTS_IN_USE):
        if row["rows_under"]:
            found[row["root"]] = found.get(row["root"], 0) + int(row["rows_under"])
    return found
