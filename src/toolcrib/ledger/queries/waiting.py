"""How approvals are read and written. Whether one is still in time is for the database's clock to say."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Protocol

from sqlalchemy import bindparam, insert, select

from toolcrib.kit.db import Query, Row, Tx
from toolcrib.kit.db.query import column_list
from toolcrib.kit.json import dumps
from toolcrib.ledger.tables import approvals

from .reading import AmongTools
from .writing import timed

_COLUMNS = (
    "workspace_id", "id", "execution_id", "state", "tool_id", "tool", "tool_version", "actor_type", "actor_id", "on_behalf_of",
    "key_id", "reasons", "second", "digest", "sealed", "created_at", "expires_at",
)  # fmt: skip
_INSERT = Query(insert(approvals).values({name: bindparam(name) for name in _COLUMNS}))
_CLOSE = timed(
    "UPDATE approvals SET state = :state, decided_at = NOW, decided_by = :by, note = :note, sealed = NULL "
    "WHERE workspace_id = :workspace AND id = :id AND state = 'pending' RETURNING id"
)
_USE_UP = timed(
    "UPDATE approvals SET state = :state, decided_at = NOW, decided_by = :by, note = :note, sealed = NULL "
    "WHERE workspace_id = :workspace AND id = :id AND state = 'pending' AND digest = :digest AND expires_at > NOW RETURNING id"
)
_RUN_TEXT = (
    "UPDATE executions SET status = 'running', owner = :owner, updated_at = :now "
    "WHERE workspace_id = :workspace AND id = :id AND status = 'awaiting_approval'"
)
_RUN = Query(sqlite=_RUN_TEXT, postgresql=_RUN_TEXT)
_END_TEXT = (
    "UPDATE executions SET status = :status, error_code = :error_code, error_message = :error_message, updated_at = :at, "
    "finished_at = :at, execution_time_us = 0 WHERE workspace_id = :workspace AND id = :id AND status = 'awaiting_approval'"
)
_END = Query(sqlite=_END_TEXT, postgresql=_END_TEXT)
_ONE = Query(
    select(approvals).where(
        approvals.c.workspace_id == bindparam("workspace"), approvals.c.id == bindparam("id")
    )
)
_LISTED = [column for column in approvals.columns if column.name != "sealed"]
_FILTERS = {
    "state": approvals.c.state == bindparam("state"),
    "tools": AmongTools(approvals.c.tool),
    "after": approvals.c.id < bindparam("after"),
}
_NOW = timed("SELECT NOW AS now")
_PENDING_TEXT = (
    "SELECT workspace_id, actor_id, count(*) AS n FROM approvals WHERE state = 'pending' AND workspace_id IN ({names}) "
    "GROUP BY workspace_id, actor_id"
)
_PENDING = Query(
    sqlite=_PENDING_TEXT.format(names="SELECT value FROM json_each(:names)"),
    postgresql=_PENDING_TEXT.format(names="SELECT json_array_elements_text(CAST(:names AS json))"),
)
_OVERDUE = timed(
    f"SELECT {column_list([column.name for column in _LISTED])} FROM approvals "  # noqa: S608 constants
    "WHERE state = 'pending' AND expires_at <= NOW ORDER BY expires_at LIMIT 100",
    across="what nobody decided in time is ended, whosever it is",
)


class Ended(Protocol):
    """What a call is left with that did not run."""

    @property
    def status(self) -> Any: ...
    @property
    def error_code(self) -> str: ...
    @property
    def error_message(self) -> str: ...
    @property
    def at(self) -> int: ...


async def insert_approval(tx: Tx, **values: Any) -> None:
    """A new approval; every column that it has from the beginning is named."""
    await tx.run(_INSERT, **values)


async def use_up(tx: Tx, workspace: str, approval: str, by: str, state: str, digest: str) -> bool:
    """Grant an approval that is pending, in time and over this digest; False where it is not."""
    found = await tx.rows(
        _USE_UP, workspace=workspace, id=approval, by=by, state=state, note=None, digest=digest
    )
    return bool(found)


async def close(tx: Tx, workspace: str, approval: str, by: str, state: str, note: str | None) -> bool:
    """Close an approval that is pending; False where it is not."""
    return bool(await tx.rows(_CLOSE, workspace=workspace, id=approval, by=by, state=state, note=note))


async def run(tx: Tx, workspace: str, execution: str, owner: str, now: int) -> None:
    """A waiting call runs from now on, under this owner."""
    await tx.run(_RUN, workspace=workspace, id=execution, owner=owner, now=now)


async def end(tx: Tx, workspace: str, execution: str, ended: Ended) -> None:
    """A waiting call does not run."""
    await tx.run(
        _END, workspace=workspace, id=execution, status=ended.status.value, error_code=ended.error_code,
        error_message=ended.error_message, at=ended.at,
    )  # fmt: skip


async def one(tx: Tx, workspace: str, approval: str) -> Row | None:
    """One approval with what it seals, or None."""
    found = await tx.rows(_ONE, workspace=workspace, id=approval)
    return found[0] if found else None


async def newest(tx: Tx, workspace: str, limit: int, wanted: dict[str, str]) -> Sequence[Row]:
    """Approvals without what they seal, newest first; `wanted` may have a `state`, `tools`, and `after`, an id."""
    return await tx.rows(_newest(frozenset(wanted)), workspace=workspace, limit=limit, **wanted)


async def now(tx: Tx) -> int:
    """The database's time in microseconds."""
    return int((await tx.rows(_NOW))[0]["now"])


async def pending(tx: Tx, workspaces: Sequence[str]) -> dict[tuple[str, str], int]:
    """How many approvals are pending in workspaces, by workspace and by who asked."""
    rows = await tx.rows(_PENDING, names=dumps(list(workspaces)).decode())
    return {(row["workspace_id"], row["actor_id"]): row["n"] for row in rows}


async def overdue(tx: Tx) -> Sequence[Row]:
    """Pending approvals whose time is over, at most 100."""
    return await tx.rows(_OVERDUE)


@lru_cache(maxsize=8)
def _newest(names: frozenset[str]) -> Query:
    return Query(
        select(*_LISTED)
        .where(
            approvals.c.workspace_id == bindparam("workspace"), *(_FILTERS[name] for name in sorted(names))
        )
        .order_by(approvals.c.id.desc())
        .limit(bindparam("limit")),
        sqlite_index=("approvals", "approvals_by_workspace"),
    )
