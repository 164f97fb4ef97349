"""Idempotency keys: one workspace, principal, tool and key, one effect. A key is claimed in the transaction of its call's intent.

A process that dies before that commit leaves no claim; one that dies after it leaves a claim whose call is
`interrupted`, and whoever repeats the key is told so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from toolcrib.kit.db import Query, Tx
from toolcrib.kit.json import dumps

LIFE_US = 24 * 3600 * 1_000_000
_COLUMNS = ("workspace_id", "actor_id", "tool_id", "key", "execution_id", "arguments", "created_at")
_HELD_BY = _COLUMNS[:5]
Holder: TypeAlias = tuple[str, str, str, str]
_INTO = "INSERT INTO idempotency_keys (workspace_id, actor_id, tool_id, key, execution_id, arguments, created_at) "
# A key that is older than its life (a day in microseconds) may be claimed anew.
_ONCE = (
    " ON CONFLICT (workspace_id, actor_id, tool_id, key) DO UPDATE SET execution_id = excluded.execution_id, "
    "arguments = excluded.arguments, created_at = excluded.created_at "
    "WHERE idempotency_keys.created_at <= excluded.created_at - 86400000000 RETURNING execution_id"
)
_OF = "workspace_id, actor_id, tool_id, key"
_SENT = [f"json_extract(value, '$[{at}]')" for at in range(len(_COLUMNS))]
_CLAIM = Query(
    sqlite=f"{_INTO}SELECT {', '.join(_SENT)} FROM json_each(:rows) WHERE true{_ONCE}",  # noqa: S608 constants
    postgresql=_INTO  # noqa: S608 constants
    + "SELECT * FROM unnest(CAST(:workspace_id AS text[]), CAST(:actor_id AS text[]), CAST(:tool_id AS text[]), "
    "CAST(:key AS text[]), CAST(:execution_id AS text[]), CAST(:arguments AS text[]), CAST(:created_at AS bigint[]))"
    + _ONCE,
)
_HOLDERS = Query(
    sqlite=f"SELECT * FROM idempotency_keys WHERE ({_OF}) IN (SELECT {', '.join(_SENT[:4])} FROM json_each(:rows))",  # noqa: S608 constants
    postgresql=f"SELECT * FROM idempotency_keys WHERE ({_OF}) IN (SELECT * FROM unnest("  # noqa: S608 constants
    "CAST(:workspace_id AS text[]), CAST(:actor_id AS text[]), CAST(:tool_id AS text[]), CAST(:key AS text[])))",
)
_FREE_TEXT = (
    "DELETE FROM idempotency_keys WHERE workspace_id = :workspace_id AND actor_id = :actor_id AND tool_id = :tool_id "
    "AND key = :key AND execution_id = :execution_id"
)
_FREE = Query(sqlite=_FREE_TEXT, postgresql=_FREE_TEXT)
_FORGET_TEXT = (
    f"DELETE FROM idempotency_keys WHERE ({_OF}) IN (SELECT {_OF} FROM idempotency_keys "  # noqa: S608 constants
    "WHERE workspace_id = :workspace AND created_at <= :before LIMIT :limit) RETURNING key"
)
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
    def holder(self) -> Holder:
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
    holders = await _holders(tx, late) if late else {}
    return {one.execution_id: holders[one.holder] for one in late}


async def free(tx: Tx, claims: Sequence[Claim]) -> None:
    """Give up keys of calls that did not run: whoever repeats one runs it."""
    for one in claims:
        await tx.run(_FREE, **dict(zip(_HELD_BY, (*one.holder, one.execution_id), strict=True)))


async def forget(tx: Tx, workspace: str, before: int, limit: int) -> int:
    """Delete keys of a workspace that were claimed until then, at most `limit`; answers how many went."""
    return len(await tx.rows(_FORGET, workspace=workspace, before=before, limit=limit))


async def _insert(tx: Tx, claims: Sequence[Claim]) -> set[str]:
    return {row["execution_id"] for row in await tx.rows(_CLAIM, **_sent(tx, claims, _COLUMNS))}


async def _holders(tx: Tx, late: Sequence[Claim]) -> dict[Holder, Taken]:
    keys = {one.holder: one for one in late}
    return {
        (row["workspace_id"], row["actor_id"], row["tool_id"], row["key"]): Taken(
            row["execution_id"], row["arguments"]
        )
        for row in await tx.rows(_HOLDERS, **_sent(tx, list(keys.values()), _COLUMNS[:4]))
    }


def _sent(tx: Tx, claims: Sequence[Claim], names: Sequence[str]) -> dict[str, Any]:
    """Many claims as parameters of one statement: a list for each column, or a list of rows in JSON."""
    rows = [one.row()[: len(names)] for one in claims]
    if tx.dialect == "postgresql":
        return {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
    return {"rows": dumps(rows).decode()}
