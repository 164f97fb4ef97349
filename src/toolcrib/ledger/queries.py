"""How the ledger is read and written, always for named workspaces; only what concerns processes looks across them.

Times of processes are the database's own, so that the clocks of machines need not agree.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import bindparam, select, text, update

from toolcrib.kit.db import Query, Row, Tx
from toolcrib.kit.json import dumps

from .tables import bodies, events, executions, processes, workspace_state

EXECUTION_COLUMNS = tuple(column.name for column in executions.columns)
EVENT_COLUMNS = tuple(column.name for column in events.columns)
BODY_COLUMNS = tuple(column.name for column in bodies.columns)
SETTLEMENT_KEYS = ("workspace_id", "id", "owner", "status")
SETTLEMENT_SETS = ("status", "error_code", "error_message", "updated_at", "finished_at", "execution_time_us")

_TAKE = Query(
    sqlite="UPDATE workspace_state SET seq = seq + :n WHERE workspace_id = :workspace RETURNING seq, generation",
)
_TAKE_ALL = Query(
    postgresql=(
        "WITH wanted AS (SELECT * FROM unnest(CAST(:workspaces AS text[]), CAST(:counts AS bigint[])) AS w(workspace_id, n)), "
        "held AS (SELECT s.workspace_id FROM workspace_state s JOIN wanted USING (workspace_id) ORDER BY s.workspace_id FOR UPDATE OF s) "
        "UPDATE workspace_state s SET seq = s.seq + w.n FROM wanted w JOIN held USING (workspace_id) "
        "WHERE s.workspace_id = w.workspace_id RETURNING s.workspace_id, s.seq, s.generation"
    ),
)
_GENERATION = Query(
    sqlite="SELECT generation FROM workspace_state WHERE workspace_id = :workspace",
    # The lock lets a change of this scope wait for the batches that were decided before it, and they for it.
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
_BODIES = Query(
    select(bodies.c.part, bodies.c.body).where(
        bodies.c.workspace_id == bindparam("workspace"), bodies.c.execution_id == bindparam("id")
    )
)
_ONE = Query(
    select(executions).where(
        executions.c.workspace_id == bindparam("workspace"), executions.c.id == bindparam("id")
    )
)
_COUNT_REFUSALS = "INSERT INTO refusals (workspace_id, minute, code, principal, tool, count) VALUES (:workspace, :minute, :code, :principal, :tool, :n) "
_ADD = "ON CONFLICT (workspace_id, minute, code, principal, tool) DO UPDATE SET count = refusals.count + excluded.count"
_REFUSAL = Query(sqlite=_COUNT_REFUSALS + _ADD, postgresql=_COUNT_REFUSALS + _ADD)
_FILTERS = {
    "tool_id": executions.c.tool_id == bindparam("tool_id"),
    "tool": executions.c.tool == bindparam("tool"),
    "status": executions.c.status == bindparam("status"),
    "exception_id": executions.c.exception_id == bindparam("exception_id"),
    "subject_type": executions.c.subject_type == bindparam("subject_type"),
    "subject_id": executions.c.subject_id == bindparam("subject_id"),
    "actor": executions.c.actor_id == bindparam("actor"),
    "from": executions.c.created_at >= bindparam("from"),
    "to": executions.c.created_at < bindparam("to"),
    "after": executions.c.id < bindparam("after"),
}
_SQLITE_NOW = "CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER)"
_POSTGRES_NOW = "CAST(extract(epoch from clock_timestamp()) * 1000000 AS bigint)"


def _timed(statement: str) -> Query:
    return Query(
        sqlite=statement.replace("NOW", _SQLITE_NOW), postgresql=statement.replace("NOW", _POSTGRES_NOW)
    )


_ENTER = _timed(
    "INSERT INTO processes (id, host, pid, started_at, renewed_at) VALUES (:id, :host, :pid, NOW, NOW)"
)
_RENEW = _timed("UPDATE processes SET renewed_at = NOW WHERE id = :id AND dead_at IS NULL RETURNING id")
_BURY_LATE = _timed(
    "UPDATE processes SET dead_at = NOW WHERE dead_at IS NULL AND renewed_at < NOW - CAST(:late AS bigint) AND id <> :id"
)
_BURY_OTHERS = _timed("UPDATE processes SET dead_at = NOW WHERE dead_at IS NULL AND id <> :id")
_BURY_ONE = _timed("UPDATE processes SET dead_at = NOW WHERE id = :id AND dead_at IS NULL")
_ORPHANS = Query(
    select(executions)
    .join(processes, processes.c.id == executions.c.owner)
    .where(text("executions.status = 'running'"), processes.c.dead_at.is_not(None))
    .limit(500)
)
_FORGET = _timed(
    "DELETE FROM processes WHERE dead_at < NOW - 3600000000 AND id NOT IN (SELECT owner FROM executions WHERE status = 'running')"
)


_INDEX_OF = {"exception_id": "executions_by_exception", "tool_id": "executions_by_tool"}


async def create_state(tx: Tx, workspace: str) -> None:
    """The row that every change and every batch of a workspace goes through."""
    await tx.run(_CREATE_STATE, workspace=workspace)


async def take_sequence(tx: Tx, wanted: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """Reserve event numbers: workspace → (first number, generation). Rows are locked in the order of the names."""
    if tx.dialect == "postgresql":
        names = sorted(wanted)
        rows = await tx.rows(_TAKE_ALL, workspaces=names, counts=[wanted[name] for name in names])
        return {
            row["workspace_id"]: (row["seq"] - wanted[row["workspace_id"]] + 1, row["generation"])
            for row in rows
        }
    found = {}
    for name in sorted(wanted):
        (row,) = await tx.rows(_TAKE, workspace=name, n=wanted[name])
        found[name] = (row["seq"] - wanted[name] + 1, row["generation"])
    return found


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


async def insert_executions(tx: Tx, rows: Sequence[tuple[Any, ...]]) -> None:
    """New executions, in the order of EXECUTION_COLUMNS."""
    if rows:
        await tx.insert_many(executions, EXECUTION_COLUMNS, rows)


async def insert_bodies(tx: Tx, rows: Sequence[tuple[Any, ...]]) -> None:
    """Payloads: workspace, execution, part, JSON text."""
    if rows:
        await tx.insert_many(bodies, BODY_COLUMNS, rows)


async def insert_events(tx: Tx, rows: Sequence[tuple[Any, ...]]) -> None:
    """Events, in the order of EVENT_COLUMNS."""
    if rows:
        await tx.insert_many(events, EVENT_COLUMNS, rows)


async def execution(tx: Tx, workspace: str, execution_id: str) -> tuple[Row, dict[str, str]] | None:
    """One execution with its payloads, or None."""
    rows = await tx.rows(_ONE, workspace=workspace, id=execution_id)
    if not rows:
        return None
    parts = await tx.rows(_BODIES, workspace=workspace, id=execution_id)
    return rows[0], {part["part"]: part["body"] for part in parts}


async def newest(tx: Tx, workspace: str, limit: int, wanted: Mapping[str, Any]) -> Sequence[Row]:
    """Executions, newest first, filtered by the names of `_FILTERS`."""
    return await tx.rows(_newest(frozenset(wanted)), workspace=workspace, limit=limit, **wanted)


@lru_cache(maxsize=256)
def _newest(names: frozenset[str]) -> Query:
    statement = select(executions).where(
        executions.c.workspace_id == bindparam("workspace"), *(_FILTERS[name] for name in sorted(names))
    )
    index = next((index for name, index in _INDEX_OF.items() if name in names), None)
    ordered = statement.order_by(executions.c.id.desc()).limit(bindparam("limit"))
    return Query(ordered, sqlite_index=("executions", index) if index else None)


async def count_refusal(tx: Tx, workspace: str, minute: int, key: tuple[str, str, str], n: int) -> None:
    """Add to the count of refusals (code, principal, tool) of one minute."""
    code, principal, tool = key
    await tx.run(_REFUSAL, workspace=workspace, minute=minute, code=code, principal=principal, tool=tool, n=n)


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
