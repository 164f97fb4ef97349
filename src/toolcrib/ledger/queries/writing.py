"""How the ledger is read and written, always for named workspaces; only what concerns processes looks across them.

Times of processes are the database's own, so that the clocks of machines need not agree.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import bindparam, delete, select, text, update

from toolcrib.kit.db import Into, Query, Row, Tx
from toolcrib.kit.json import dumps
from toolcrib.ledger.tables import (
    bodies,
    events,
    executions,
    processes,
    refusals,
    secret_uses,
    workspace_state,
)

Rows = Sequence[tuple[Any, ...]]
_COLUMNS = {table: tuple(table.columns.keys()) for table in (executions, bodies, events, secret_uses)}
SETTLEMENT_KEYS = ("workspace_id", "id", "owner", "status")
SETTLEMENT_SETS = ("status", "error_code", "error_message", "updated_at", "finished_at", "execution_time_us")

_TAKE_SQLITE = (
    "UPDATE workspace_state SET seq = seq + wanted.value FROM json_each(:wanted) AS wanted "
    "WHERE workspace_id = wanted.key RETURNING workspace_id, seq, generation"
)
_TAKE_POSTGRESQL = (
    "WITH wanted AS (SELECT key AS workspace_id, CAST(value AS bigint) AS n FROM json_each_text(CAST(:wanted AS json))), "
    "held AS (SELECT s.workspace_id FROM workspace_state s JOIN wanted USING (workspace_id) ORDER BY s.workspace_id FOR UPDATE OF s) "
    "UPDATE workspace_state s SET seq = s.seq + w.n FROM wanted w JOIN held USING (workspace_id) "
    "WHERE s.workspace_id = w.workspace_id RETURNING s.workspace_id, s.seq, s.generation"
)
_TAKE = Query(sqlite=_TAKE_SQLITE, postgresql=_TAKE_POSTGRESQL)
_SHARED = ", (SELECT generation FROM workspace_state WHERE workspace_id = :shared{lock}) AS shared"
_TAKE_SHARING = Query(
    sqlite=_TAKE_SQLITE + _SHARED.format(lock=""),
    # The lock lets a change of the shared scope wait for the batches that were decided before it, and they for it.
    postgresql=_TAKE_POSTGRESQL + _SHARED.format(lock=" FOR SHARE"),
)
_GENERATION = Query(
    sqlite="SELECT generation FROM workspace_state WHERE workspace_id = :workspace",
    postgresql="SELECT generation FROM workspace_state WHERE workspace_id = :workspace FOR SHARE",
)
_GENERATIONS = Query(
    sqlite="SELECT workspace_id, generation FROM workspace_state "
    "WHERE workspace_id IN (SELECT value FROM json_each(:names))",
    postgresql="SELECT workspace_id, generation FROM workspace_state "
    "WHERE workspace_id IN (SELECT json_array_elements_text(CAST(:names AS json)))",
)
_RAISE = Query(
    update(workspace_state)
    .where(workspace_state.c.workspace_id == bindparam("workspace"))
    .values(seq=workspace_state.c.seq + 1, generation=workspace_state.c.generation + 1)
    .returning(workspace_state.c.seq, workspace_state.c.generation)
)
_CREATE_STATE = Query(
    sqlite="INSERT INTO workspace_state (workspace_id, seq, generation) VALUES (:workspace, 0, 0) ON CONFLICT DO NOTHING",
    postgresql="INSERT INTO workspace_state (workspace_id, seq, generation) VALUES (:workspace, 0, 0) ON CONFLICT DO NOTHING",
)
_COUNT_REFUSALS = "INSERT INTO refusals (workspace_id, minute, code, principal, tool, count) VALUES (:workspace, :minute, :code, :principal, :tool, :n) "
_ADD = "ON CONFLICT (workspace_id, minute, code, principal, tool) DO UPDATE SET count = refusals.count + excluded.count"
_REFUSAL = Query(sqlite=_COUNT_REFUSALS + _ADD, postgresql=_COUNT_REFUSALS + _ADD)
_DROP_REFUSALS = Query(
    delete(refusals).where(
        refusals.c.workspace_id == bindparam("workspace"), refusals.c.minute < bindparam("before")
    )
)
_SQLITE_NOW = "CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER)"
_POSTGRES_NOW = "CAST(extract(epoch from clock_timestamp()) * 1000000 AS bigint)"


class New(NamedTuple):
    """New rows of the ledger, each with the values of all columns of its table in order."""

    events: Rows
    executions: Rows = ()
    bodies: Rows = ()
    uses: Rows = ()


def timed(statement: str, across: str = "") -> Query:
    """A statement in which NOW is the database's time in microseconds."""
    sqlite, postgresql = statement.replace("NOW", _SQLITE_NOW), statement.replace("NOW", _POSTGRES_NOW)
    return Query(sqlite=sqlite, postgresql=postgresql, across=across)


_ENTER = timed(
    "INSERT INTO processes (id, host, pid, started_at, renewed_at) VALUES (:id, :host, :pid, NOW, NOW)"
)
_RENEW = timed("UPDATE processes SET renewed_at = NOW WHERE id = :id AND dead_at IS NULL RETURNING id")
_BURY_LATE = timed(
    "UPDATE processes SET dead_at = NOW WHERE dead_at IS NULL AND renewed_at < NOW - CAST(:late AS bigint) AND id <> :id"
)
_BURY_OTHERS = timed("UPDATE processes SET dead_at = NOW WHERE dead_at IS NULL AND id <> :id")
_BURY_ONE = timed("UPDATE processes SET dead_at = NOW WHERE id = :id AND dead_at IS NULL")
_CANCEL_TEXT = (
    "UPDATE executions SET cancel_at = :now, updated_at = :now WHERE workspace_id = :workspace AND id = :id "
    "AND status = 'running' AND cancel_at IS NULL RETURNING owner, tool"
)
_CANCEL = Query(sqlite=_CANCEL_TEXT, postgresql=_CANCEL_TEXT)
_CANCELLED_TEXT = (
    "SELECT id FROM executions WHERE status = 'running' AND owner = :owner AND cancel_at IS NOT NULL"
)
_CANCELLED = Query(
    sqlite=_CANCELLED_TEXT,
    postgresql=_CANCELLED_TEXT,
    across="a process ends its own calls, whosever they are",
)
_WORKSPACES_TEXT = "SELECT workspace_id FROM workspace_state ORDER BY workspace_id"
_WORKSPACES = Query(
    sqlite=_WORKSPACES_TEXT,
    postgresql=_WORKSPACES_TEXT,
    across="retention and rotation go round all workspaces",
)
_DROP_BODIES = Query(
    sqlite="DELETE FROM bodies WHERE workspace_id = :workspace AND execution_id IN (SELECT value FROM json_each(:ids))",
    postgresql="DELETE FROM bodies WHERE workspace_id = :workspace "
    "AND execution_id IN (SELECT json_array_elements_text(CAST(:ids AS json)))",
)
_ORPHANS = Query(
    select(executions)
    .join(processes, processes.c.id == executions.c.owner)
    .where(text("executions.status = 'running'"), processes.c.dead_at.is_not(None))
    .limit(500),
    across="the calls of dead processes are closed, whosever they are",
)
_FORGET = timed(
    "DELETE FROM processes WHERE dead_at < NOW - 3600000000 AND id NOT IN (SELECT owner FROM executions WHERE status = 'running')",
    across="a dead process is forgotten once none of its calls is open, whosever they are",
)


async def create_state(tx: Tx, workspace: str) -> None:
    """The row that every change and every batch of a workspace goes through."""
    await tx.run(_CREATE_STATE, workspace=workspace)


async def take_sequence(tx: Tx, wanted: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """Reserve event numbers: workspace → (first number, generation). Rows are locked in the order of the names."""
    return _taken(wanted, await tx.rows(_TAKE, wanted=dumps(dict(wanted)).decode()))


async def take_sharing(
    tx: Tx, wanted: Mapping[str, int], scope: str
) -> tuple[dict[str, tuple[int, int]], int]:
    """The same, and the generation of a scope that all of them share, held until this transaction ends. The scope takes no
    number itself.
    """
    rows = await tx.rows(_TAKE_SHARING, wanted=dumps(dict(wanted)).decode(), shared=scope)
    return _taken(wanted, rows), rows[0]["shared"]


def _taken(wanted: Mapping[str, int], rows: Sequence[Row]) -> dict[str, tuple[int, int]]:
    return {
        row["workspace_id"]: (row["seq"] - wanted[row["workspace_id"]] + 1, row["generation"]) for row in rows
    }


async def give_back(tx: Tx, unused: Mapping[str, int]) -> None:
    """Return numbers that no event took; the rows are still locked by this transaction."""
    await take_sequence(tx, {name: -n for name, n in unused.items()})


async def generation(tx: Tx, workspace: str) -> int:
    """The generation of one scope, held until this transaction ends."""
    rows = await tx.rows(_GENERATION, workspace=workspace)
    return int(rows[0]["generation"])


async def generations(tx: Tx, workspaces: Sequence[str]) -> dict[str, int]:
    """The generations of some scopes, read without a lock."""
    rows = await tx.rows(_GENERATIONS, names=dumps(list(workspaces)).decode())
    return {row["workspace_id"]: row["generation"] for row in rows}


async def raise_generation(tx: Tx, workspace: str) -> tuple[int, int]:
    """For a change: one event number and the next generation."""
    (row,) = await tx.rows(_RAISE, workspace=workspace)
    return row["seq"], row["generation"]


async def settle(tx: Tx, rows: Sequence[tuple[Any, ...]]) -> list[bool]:
    """Write outcomes over rows that still run under the same owner; tells which did."""
    return await tx.update_many(executions, SETTLEMENT_KEYS, SETTLEMENT_SETS, rows) if rows else []


async def insert(tx: Tx, new: New) -> None:
    """Write new rows."""
    rows = (executions, new.executions), (bodies, new.bodies), (events, new.events), (secret_uses, new.uses)
    await tx.insert_many(*(Into(table, _COLUMNS[table], some) for table, some in rows))


async def count_refusal(tx: Tx, workspace: str, minute: int, key: tuple[str, str, str], n: int) -> None:
    """Add to the count of refusals (code, principal, tool) of one minute."""
    code, principal, tool = key
    await tx.run(_REFUSAL, workspace=workspace, minute=minute, code=code, principal=principal, tool=tool, n=n)


async def drop_refusals(tx: Tx, workspace: str, before: int) -> None:
    """Delete the counts of earlier minutes."""
    await tx.run(_DROP_REFUSALS, workspace=workspace, before=before)


async def enter_process(tx: Tx, process: str, host: str, pid: int) -> None:
    """A new incarnation."""
    await tx.run(_ENTER, id=process, host=host, pid=pid)


async def renew_process(tx: Tx, process: str) -> bool:
    """Say that it lives; False when it was declared dead."""
    return bool(await tx.rows(_RENEW, id=process))


async def bury_late(tx: Tx, process: str, late: int) -> None:
    """Declare dead all others that did not renew for `late` microseconds."""
    await tx.run(_BURY_LATE, id=process, late=late)


async def bury_others(tx: Tx, process: str) -> None:
    """Declare all others dead."""
    await tx.run(_BURY_OTHERS, id=process)


async def bury_process(tx: Tx, process: str) -> None:
    """Declare one dead."""
    await tx.run(_BURY_ONE, id=process)


async def orphans(tx: Tx) -> Sequence[Row]:
    """Running executions of the dead, at most 500; the long dead without any are forgotten."""
    await tx.run(_FORGET)
    return await tx.rows(_ORPHANS)


async def ask_to_cancel(tx: Tx, workspace: str, execution_id: str, now: int) -> Row | None:
    """Mark a running execution as one to be cancelled; its owner and tool, or None where it does not run or is marked."""
    found = await tx.rows(_CANCEL, workspace=workspace, id=execution_id, now=now)
    return found[0] if found else None


async def cancelled(tx: Tx, owner: str) -> Sequence[Row]:
    """Running executions of one process that somebody asked to cancel."""
    return await tx.rows(_CANCELLED, owner=owner)


async def workspaces(tx: Tx) -> Sequence[str]:
    """Every scope that has a ledger."""
    return [row["workspace_id"] for row in await tx.rows(_WORKSPACES)]


async def drop_bodies(tx: Tx, workspace: str, ids: Sequence[str]) -> None:
    """Delete the bodies of these executions."""
    await tx.run(_DROP_BODIES, workspace=workspace, ids=dumps(list(ids)).decode())
