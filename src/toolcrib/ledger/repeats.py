"""Idempotency keys: one workspace, principal, tool and key, one effect. A key is claimed in the transaction of its call's intent.

A process that dies before that commit leaves no claim; one that dies after it leaves a claim whose call is
`interrupted`, and whoever repeats the key is told so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from toolcrib.kit.db import Query, Row, Tx

LIFE_US = 24 * 3600 * 1_000_000
_COLUMNS = ("workspace_id", "actor_id", "tool_id", "key", "execution_id", "arguments", "created_at")
_INTO = "INSERT INTO idempotency_keys (workspace_id, actor_id, tool_id, key, execution_id, arguments, created_at) "
# A key that is older than its life (a day in microseconds) may be claimed anew.
_ONCE = (
    " ON CONFLICT (workspace_id, actor_id, tool_id, key) DO UPDATE SET execution_id = excluded.execution_id, "
    "arguments = excluded.arguments, created_at = excluded.created_at "
    "WHERE idempotency_keys.created_at <= excluded.created_at - 86400000000 RETURNING execution_id"
)
_CLAIM = Query(
    sqlite=_INTO
    + "VALUES (:workspace_id, :actor_id, :tool_id, :key, :execution_id, :arguments, :created_at)"
    + _ONCE
)
_CLAIM_ALL = Query(
    postgresql=_INTO  # noqa: S608 constants
    + "SELECT * FROM unnest(CAST(:workspace_id AS text[]), CAST(:actor_id AS text[]), CAST(:tool_id AS text[]), "
    "CAST(:key AS text[]), CAST(:execution_id AS text[]), CAST(:arguments AS text[]), CAST(:created_at AS bigint[]))"
    + _ONCE
)
_HOLDER_TEXT = (
    "SELECT execution_id, arguments FROM idempotency_keys "
    "WHERE workspace_id = :workspace_id AND actor_id = :actor_id AND tool_id = :tool_id AND key = :key"
)
_HOLDER = Query(sqlite=_HOLDER_TEXT, postgresql=_HOLDER_TEXT)
_FORGET_TEXT = "DELETE FROM idempotency_keys WHERE workspace_id = :workspace AND created_at <= :before"
_FORGET = Query(sqlite=_FORGET_TEXT, postgresql=_FORGET_TEXT)


@dataclass(frozen=True, slots=True)
class Claim:
    """A key with a digest of what was asked under it."""

    workspace_id: str
    actor_id: str
    tool_id: str
    key: str
    execution_id: str
    arguments: str
    created_at: int

    @property
    def holder(self) -> tuple[str, str, str, str]:
        """What is unique."""
        return self.workspace_id, self.actor_id, self.tool_id, self.key

    def row(self) -> tuple[Any, ...]:
        """In the order of the table's columns."""
        return (*self.holder, self.execution_id, self.arguments, self.created_at)


@dataclass(frozen=True, slots=True)
class Taken:
    """The call that holds a key, and the digest of its arguments."""

    execution_id: str
    arguments: str


async def claim(tx: Tx, claims: Sequence[Claim]) -> dict[str, Taken]:
    """Claim keys for executions; answers those that came too late, by execution, with who holds the key."""
    first = {one.holder: one for one in reversed(claims)}
    won = await _insert(tx, list(first.values())) if first else set()
    late = [one for one in claims if one.execution_id not in won]
    return {one.execution_id: await _holder(tx, one) for one in late}


async def forget(tx: Tx, workspace: str, before: int) -> None:
    """Delete the keys of a workspace that were claimed until then."""
    await tx.run(_FORGET, workspace=workspace, before=before)


async def _insert(tx: Tx, claims: Sequence[Claim]) -> set[str]:
    if tx.dialect == "postgresql":
        columns = zip(*(one.row() for one in claims), strict=True)
        values = {name: list(column) for name, column in zip(_COLUMNS, columns, strict=True)}
        return {row["execution_id"] for row in await tx.rows(_CLAIM_ALL, **values)}
    rows: list[Row] = []
    for one in claims:
        rows += await tx.rows(_CLAIM, **dict(zip(_COLUMNS, one.row(), strict=True)))
    return {row["execution_id"] for row in rows}


async def _holder(tx: Tx, late: Claim) -> Taken:
    names = ("workspace_id", "actor_id", "tool_id", "key")
    (row,) = await tx.rows(_HOLDER, **dict(zip(names, late.holder, strict=True)))
    return Taken(row["execution_id"], row["arguments"])
