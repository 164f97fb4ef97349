"""How workspaces and those who belong to them are read and written, always for one workspace, or for the house."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table, bindparam, insert, select, update
from sqlalchemy import delete as delete_from

from toolcrib.kit.db import HOUSE, Query, Row, Tx

from .tables import grants, homes, invitations, key_uses, keys, members, suspensions, workspaces

_NAMED = Query(
    select(workspaces).where(workspaces.c.name == bindparam("name")),
    across="a name is taken once in the whole installation",
)
_OF_ID = Query(select(workspaces).where(workspaces.c.id == bindparam("workspace")))
_PAGE = Query(
    select(workspaces)
    .where(workspaces.c.id > bindparam("after"))
    .order_by(workspaces.c.id)
    .limit(bindparam("most")),
    across="the operator sees which workspaces there are",
)
_INSERT = {
    table.name: Query(insert(table)) for table in (workspaces, keys, members, invitations, grants, homes)
}


def _changed(table: Table) -> Query:
    return Query(
        select(table).where(
            table.c.workspace_id == bindparam("workspace"), table.c.generation > bindparam("since")
        )
    )


_CHANGED = {table.name: _changed(table) for table in (keys, members, grants, suspensions)}
_ACTOR = Query(
    select(keys.c.id).where(
        keys.c.workspace_id == bindparam("workspace"), keys.c.actor_id == bindparam("actor")
    )
)


def _ended(table: Table, column: str, key: str = "id") -> Query:
    """Give a row an end in time, once; answers it when it had none."""
    return Query(
        update(table)
        .where(
            table.c.workspace_id == bindparam("workspace"),
            table.c[key] == bindparam("row"),
            table.c[column].is_(None),
        )
        .values(
            {column: bindparam("now")}
            | ({"generation": bindparam("made")} if "generation" in table.c else {})
        )
        .returning(table.c[key])
    )


_END = {
    "keys": _ended(keys, "revoked_at"),
    "members": _ended(members, "removed_at"),
    "grants": _ended(grants, "ended_at"),
    "invitations": _ended(invitations, "closed_at"),
}
_EXPIRE_KEY = Query(
    update(keys)
    .where(
        keys.c.workspace_id == bindparam("workspace"),
        keys.c.id == bindparam("row"),
        keys.c.revoked_at.is_(None),
    )
    .values(expires_at=bindparam("ends"), generation=bindparam("made"))
)
_SET_WORKSPACE = Query(
    update(workspaces)
    .where(workspaces.c.id == bindparam("workspace"))
    .values(
        name=bindparam("new_name"),
        read_only=bindparam("new_read_only"),
        shared_until=bindparam("new_shared_until"),
        suspended_at=bindparam("new_suspended_at"),
        hosts=bindparam("new_hosts"),
    )
)
_SET_MEMBER = Query(
    update(members)
    .where(members.c.workspace_id == bindparam("workspace"), members.c.id == bindparam("row"))
    .values(
        name=bindparam("new_name"),
        role=bindparam("new_role"),
        read_only=bindparam("new_read_only"),
        removed_at=None,
        generation=bindparam("made"),
    )
)
_MEMBER = Query(
    select(members).where(members.c.workspace_id == bindparam("workspace"), members.c.id == bindparam("row"))
)
_INVITATION = Query(
    select(invitations).where(
        invitations.c.workspace_id == bindparam("workspace"), invitations.c.id == bindparam("row")
    )
)
_OPEN_INVITATIONS = Query(
    select(invitations)
    .where(
        invitations.c.workspace_id == bindparam("workspace"),
        invitations.c.closed_at.is_(None),
        invitations.c.expires_at > bindparam("now"),
        invitations.c.id > bindparam("after"),
    )
    .order_by(invitations.c.id)
    .limit(bindparam("most"))
)
_HOMES = Query(
    select(homes.c.home).where(
        homes.c.workspace_id == bindparam("workspace"), homes.c.person == bindparam("person")
    )
)
_LEAVE_HOME = Query(
    delete_from(homes).where(
        homes.c.workspace_id == bindparam("workspace"),
        homes.c.person == bindparam("person"),
        homes.c.home == bindparam("home"),
    )
)
_SUSPEND_TEXT = (
    "INSERT INTO suspensions (workspace_id, kind, name, created_at, created_by, lifted_at, generation) "
    "VALUES (:workspace, :kind, :name, :now, :by, NULL, :made) ON CONFLICT (workspace_id, kind, name) DO UPDATE SET "
    "created_at = excluded.created_at, created_by = excluded.created_by, lifted_at = NULL, generation = excluded.generation"
)
_SUSPEND = Query(sqlite=_SUSPEND_TEXT, postgresql=_SUSPEND_TEXT)
_LIFT = Query(
    update(suspensions)
    .where(
        suspensions.c.workspace_id == bindparam("workspace"),
        suspensions.c.kind == bindparam("of_kind"),
        suspensions.c.name == bindparam("of_name"),
        suspensions.c.lifted_at.is_(None),
    )
    .values(lifted_at=bindparam("now"), generation=bindparam("made"))
    .returning(suspensions.c.name)
)
_USE_TEXT = (
    "INSERT INTO key_uses (workspace_id, key_id, used_at) VALUES (:workspace, :key, :now) "
    "ON CONFLICT (workspace_id, key_id) DO UPDATE SET used_at = excluded.used_at WHERE key_uses.used_at < excluded.used_at"
)
_USE = Query(sqlite=_USE_TEXT, postgresql=_USE_TEXT)
_USES = Query(select(key_uses).where(key_uses.c.workspace_id == bindparam("workspace")))


async def workspace_named(tx: Tx, name: str) -> Row | None:
    """The workspace of that name; the house asks, before any credential exists."""
    return _one(await tx.rows(_NAMED, name=name))


async def workspace(tx: Tx, workspace_id: str) -> Row | None:
    """One workspace."""
    return _one(await tx.rows(_OF_ID, workspace=workspace_id))


async def workspaces_after(tx: Tx, after: str, most: int) -> Sequence[Row]:
    """All workspaces of the installation by id; for the operator."""
    return await tx.rows(_PAGE, after=after, most=most)


async def set_workspace(tx: Tx, workspace_id: str, **values: Any) -> None:
    """Write what a workspace says of itself."""
    named = {f"new_{name}": value for name, value in values.items()}
    await tx.run(_SET_WORKSPACE, workspace=workspace_id, **named)


async def add(tx: Tx, table: str, **values: Any) -> None:
    """A new row; the database refuses one that is there."""
    await tx.run(_INSERT[table], **values)


async def end(tx: Tx, table: str, workspace_id: str, row: str, now: int, made: int) -> bool:
    """End a key, a membership, a grant or an invitation for good; False when there is none that lasts."""
    return bool(await tx.rows(_END[table], workspace=workspace_id, row=row, now=now, made=made))


async def changed(tx: Tx, workspace_id: str, since: int) -> dict[str, Sequence[Row]]:
    """What changed after a generation, ended rows included, by table."""
    return {
        table: await tx.rows(query, workspace=workspace_id, since=since) for table, query in _CHANGED.items()
    }


async def actor_exists(tx: Tx, workspace_id: str, actor: str) -> bool:
    """Whether a key, live or revoked, was ever made for this actor."""
    return bool(await tx.rows(_ACTOR, workspace=workspace_id, actor=actor))


async def expire_key(tx: Tx, workspace_id: str, key: str, ends: int, made: int) -> None:
    """Give a key an end in time."""
    await tx.run(_EXPIRE_KEY, workspace=workspace_id, row=key, ends=ends, made=made)


async def set_member(tx: Tx, workspace_id: str, member: str, **values: Any) -> None:
    """Write what a workspace says of a person; one who was removed is a member again."""
    made = values.pop("generation")
    named = {f"new_{name}": value for name, value in values.items()}
    await tx.run(_SET_MEMBER, workspace=workspace_id, row=member, made=made, **named)


async def member(tx: Tx, workspace_id: str, member_id: str) -> Row:
    """A member that was just written."""
    (row,) = await tx.rows(_MEMBER, workspace=workspace_id, row=member_id)
    return row


async def invitation(tx: Tx, workspace_id: str, invitation_id: str) -> Row | None:
    """One invitation, whatever became of it."""
    return _one(await tx.rows(_INVITATION, workspace=workspace_id, row=invitation_id))


async def open_invitations(tx: Tx, workspace_id: str, now: int, after: str, most: int) -> Sequence[Row]:
    """Invitations that may still be accepted, by id."""
    return await tx.rows(_OPEN_INVITATIONS, workspace=workspace_id, now=now, after=after, most=most)


async def homes_of(tx: Tx, person: str) -> list[str]:
    """The workspaces in which a person is a member."""
    return sorted(row["home"] for row in await tx.rows(_HOMES, workspace=HOUSE, person=person))


async def enter_home(tx: Tx, person: str, home: str) -> None:
    """Note that a person is a member of a workspace."""
    await leave_home(tx, person, home)
    await tx.run(_INSERT["homes"], workspace_id=HOUSE, person=person, home=home)


async def leave_home(tx: Tx, person: str, home: str) -> None:
    """Forget it."""
    await tx.run(_LEAVE_HOME, workspace=HOUSE, person=person, home=home)


async def suspend(tx: Tx, **values: Any) -> None:
    """Suspend an actor or a host of a workspace."""
    await tx.run(_SUSPEND, **values)


async def lift(tx: Tx, workspace_id: str, kind: str, name: str, now: int, made: int) -> bool:
    """Lift a suspension; False when there is none."""
    return bool(await tx.rows(_LIFT, workspace=workspace_id, of_kind=kind, of_name=name, now=now, made=made))


async def use_key(tx: Tx, workspace_id: str, key: str, now: int) -> None:
    """Note when a key was used last. This raises no generation: nothing is decided by it."""
    await tx.run(_USE, workspace=workspace_id, key=key, now=now)


async def uses(tx: Tx, workspace_id: str) -> dict[str, int]:
    """When each key of a workspace was used last."""
    return {row["key_id"]: row["used_at"] for row in await tx.rows(_USES, workspace=workspace_id)}


def _one(rows: Sequence[Row]) -> Row | None:
    return rows[0] if rows else None
