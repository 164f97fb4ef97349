"""How the ledger is read: executions and events of one workspace, newest first or in the order of commits."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import JSON, Boolean, ColumnElement, Select, Text, bindparam, cast, func, select
from sqlalchemy.ext.compiler import compiles

from toolcrib.kit.db import Query, Row, Tx
from toolcrib.ledger.tables import bodies, events, executions, secret_uses


class AmongTools(ColumnElement[bool]):
    """Whether a column is one of the names in the parameter `tools`, a JSON list."""

    inherit_cache = False
    type = Boolean()

    def __init__(self, column: ColumnElement[str]) -> None:
        self.column = column


@compiles(AmongTools, "sqlite")
def _among_on_sqlite(element: AmongTools, compiler: Any, **rest: Any) -> str:
    names = func.json_each(bindparam("tools", type_=Text)).table_valued("value")
    return str(compiler.process(element.column.in_(select(names.c.value)), **rest))


@compiles(AmongTools, "postgresql")
def _among_on_postgres(element: AmongTools, compiler: Any, **rest: Any) -> str:
    names = func.json_array_elements_text(cast(bindparam("tools", type_=Text), JSON)).table_valued("value")
    return str(compiler.process(element.column.in_(select(names.c.value)), **rest))


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
_WITH_BODIES = Query(
    select(executions.c.id)
    .where(
        executions.c.workspace_id == bindparam("workspace"),
        executions.c.id >= bindparam("after"),
        executions.c.id < bindparam("before"),
        select(bodies.c.part)
        .where(bodies.c.workspace_id == executions.c.workspace_id, bodies.c.execution_id == executions.c.id)
        .exists(),
    )
    .order_by(executions.c.id)
    .limit(bindparam("limit")),
    sqlite_index=("executions", "executions_by_workspace"),
)
_FOLLOWING = Query(
    select(events)
    .where(events.c.workspace_id == bindparam("workspace"), events.c.seq > bindparam("after"))
    .order_by(events.c.seq)
    .limit(bindparam("limit"))
)
_OF_EXECUTION = Query(
    select(events)
    .where(
        events.c.workspace_id == bindparam("workspace"),
        events.c.execution_id == bindparam("id"),
        events.c.seq > bindparam("after"),
    )
    .order_by(events.c.seq)
    .limit(bindparam("limit")),
    sqlite_index=("events", "events_by_execution"),
)
_USES = Query(
    select(executions, secret_uses.c.version.label("secret_version"))
    .select_from(
        secret_uses.join(
            executions,
            (executions.c.workspace_id == secret_uses.c.workspace_id)
            & (executions.c.id == secret_uses.c.execution_id),
        )
    )
    .where(
        secret_uses.c.workspace_id == bindparam("workspace"),
        secret_uses.c.name == bindparam("secret"),
        secret_uses.c.execution_id < bindparam("after"),
    )
    .order_by(secret_uses.c.execution_id.desc())
    .limit(bindparam("limit"))
)
_EXECUTION_FILTERS = {
    "tool_id": executions.c.tool_id == bindparam("tool_id"),
    "tool": executions.c.tool == bindparam("tool"),
    "tools": AmongTools(executions.c.tool),
    "status": executions.c.status == bindparam("status"),
    "exception_id": executions.c.exception_id == bindparam("exception_id"),
    "subject_type": executions.c.subject_type == bindparam("subject_type"),
    "subject_id": executions.c.subject_id == bindparam("subject_id"),
    "actor": executions.c.actor_id == bindparam("actor"),
    "from": executions.c.created_at >= bindparam("from"),
    "to": executions.c.created_at < bindparam("to"),
    "after": executions.c.id < bindparam("after"),
}
_EVENT_FILTERS = {
    "type": events.c.type == bindparam("type"),
    "tool": events.c.about == bindparam("tool"),
    "tools": AmongTools(events.c.about),
    "execution_id": events.c.execution_id == bindparam("execution_id"),
    "actor": events.c.actor_id == bindparam("actor"),
    "from": events.c.at >= bindparam("from"),
    "to": events.c.at < bindparam("to"),
    "after": events.c.seq < bindparam("after"),
}
# SQLite keeps no statistics here, so the index is named: what finds the fewest rows comes first.
_INDEX_OF = {
    "exception_id": "executions_by_exception",
    "subject_type": "executions_by_subject",
    "tool_id": "executions_by_tool",
}
_LAST = "~"  # after every id
_ABOUT = ("exception_id", "subject_type", "subject_id")


async def execution(tx: Tx, workspace: str, execution_id: str) -> tuple[Row, dict[str, str]] | None:
    """One execution with its bodies by part, or None."""
    rows = await tx.rows(_ONE, workspace=workspace, id=execution_id)
    if not rows:
        return None
    parts = await tx.rows(_BODIES, workspace=workspace, id=execution_id)
    return rows[0], {part["part"]: part["body"] for part in parts}


async def with_bodies(tx: Tx, workspace: str, after: str, before: str, limit: int) -> Sequence[str]:
    """Ids of executions from one id to before another that still have bodies, the oldest first."""
    rows = await tx.rows(_WITH_BODIES, workspace=workspace, after=after, before=before, limit=limit)
    return [row["id"] for row in rows]


async def newest(tx: Tx, workspace: str, limit: int, wanted: Mapping[str, Any]) -> Sequence[Row]:
    """Executions, newest first; `wanted` has filters by name, and `after`, an id."""
    return await tx.rows(_newest(frozenset(wanted)), workspace=workspace, limit=limit, **wanted)


async def newest_events(tx: Tx, workspace: str, limit: int, wanted: Mapping[str, Any]) -> Sequence[Row]:
    """Events, newest first; `wanted` has filters by name, and `after`, a number."""
    return await tx.rows(_newest_events(frozenset(wanted)), workspace=workspace, limit=limit, **wanted)


async def uses(tx: Tx, workspace: str, secret: str, limit: int, after: str | None) -> Sequence[Row]:
    """The executions that opened a secret, newest first, those older than `after`."""
    return await tx.rows(_USES, workspace=workspace, secret=secret, limit=limit, after=after or _LAST)


async def following(tx: Tx, workspace: str, after: int, limit: int) -> Sequence[Row]:
    """The events that follow a number, in the order of commits."""
    return await tx.rows(_FOLLOWING, workspace=workspace, after=after, limit=limit)


async def of_execution(tx: Tx, workspace: str, execution_id: str, after: int, limit: int) -> Sequence[Row]:
    """One execution's events that follow a number."""
    return await tx.rows(_OF_EXECUTION, workspace=workspace, id=execution_id, after=after, limit=limit)


@lru_cache(maxsize=256)
def _newest(names: frozenset[str]) -> Query:
    statement = select(executions).where(
        executions.c.workspace_id == bindparam("workspace"),
        *(_EXECUTION_FILTERS[name] for name in sorted(names)),
    )
    index = next((index for name, index in _INDEX_OF.items() if name in names), "executions_by_workspace")
    ordered = statement.order_by(executions.c.id.desc()).limit(bindparam("limit"))
    return Query(ordered, sqlite_index=("executions", index))


@lru_cache(maxsize=256)
def _newest_events(names: frozenset[str]) -> Query:
    conditions = [_EVENT_FILTERS[name] for name in sorted(names.difference(_ABOUT))]
    if names.intersection(_ABOUT):
        conditions.append(events.c.execution_id.in_(_calls_about(names)))
    statement: Select[Any] = select(events).where(
        events.c.workspace_id == bindparam("workspace"), *conditions
    )
    return Query(statement.order_by(events.c.seq.desc()).limit(bindparam("limit")))


def _calls_about(names: frozenset[str]) -> Select[Any]:
    about: list[ColumnElement[bool]] = [_EXECUTION_FILTERS[name] for name in _ABOUT if name in names]
    return select(executions.c.id).where(executions.c.workspace_id == bindparam("workspace"), *about)
