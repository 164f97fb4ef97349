"""How the security log is read: events by kind, and counted refusals, each newest first from a key on."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, literal_column, select, tuple_

from toolcrib.contracts.errors import Code
from toolcrib.contracts.security import SecurityKind, events_of
from toolcrib.kit.db import Query, Row, Tx
from toolcrib.ledger.tables import events, rare, refusals

_OF_CALLS = frozenset({None, SecurityKind.EXECUTION})
_EVENT_FILTERS = {
    "actor": events.c.actor_id == bindparam("actor"),
    "tool": events.c.about == bindparam("tool"),
    "from": events.c.at >= bindparam("from"),
    "to": events.c.at < bindparam("to"),
}
_REFUSAL_FILTERS = {
    "actor": refusals.c.principal == bindparam("actor"),
    "tool": refusals.c.tool == bindparam("tool"),
    "from": refusals.c.minute >= bindparam("from"),
    "to": refusals.c.minute < bindparam("to"),
}
_KEY = (refusals.c.minute, refusals.c.code, refusals.c.principal, refusals.c.tool)
_AS_COUNTED: dict[SecurityKind | None, list[ColumnElement[bool]]] = {
    None: [],
    SecurityKind.AUTHENTICATION: [refusals.c.code == literal_column(f"'{Code.UNAUTHORIZED}'")],
    SecurityKind.REFUSAL: [refusals.c.code != literal_column(f"'{Code.UNAUTHORIZED}'")],
}
_NEWEST = Query(
    select(func.max(events.c.seq).label("seq")).where(events.c.workspace_id == bindparam("workspace"))
)


async def newest(tx: Tx, workspace: str) -> int:
    """The number of the newest event; 0 where there is none."""
    (row,) = await tx.rows(_NEWEST, workspace=workspace)
    return row["seq"] or 0


async def told(
    tx: Tx,
    workspace: str,
    kind: SecurityKind | None,
    numbers: tuple[int, int],
    limit: int,
    wanted: Mapping[str, Any],
) -> Sequence[Row]:
    """Events of a kind with numbers from the first of these down to the second."""
    upto, least = numbers
    query = _told(kind, frozenset(wanted))
    return await tx.rows(query, workspace=workspace, upto=upto, least=least, limit=limit, **wanted)


async def counted(
    tx: Tx,
    workspace: str,
    kind: SecurityKind | None,
    key: tuple[int, str, str, str],
    limit: int,
    wanted: Mapping[str, Any],
) -> Sequence[Row]:
    """Counted refusals from a key on, the key included."""
    if kind not in _AS_COUNTED:
        return ()
    minute, code, principal, tool = key
    query = _counted(kind, frozenset(wanted))
    names = {"at_minute": minute, "at_code": code, "at_principal": principal, "at_tool": tool}
    return await tx.rows(query, workspace=workspace, limit=limit, **names, **wanted)


@lru_cache(maxsize=256)
def _told(kind: SecurityKind | None, names: frozenset[str]) -> Query:
    """What is rare has an index of its own, which SQLite takes only where it is named and its condition stands there too."""
    types: list[ColumnElement[str]] = [literal_column(f"'{type_}'") for type_ in events_of(kind)]
    narrow = [] if kind in _OF_CALLS else [rare]
    statement = select(events).where(
        events.c.workspace_id == bindparam("workspace"),
        *narrow,
        events.c.type.in_(types),
        events.c.seq <= bindparam("upto"),
        events.c.seq >= bindparam("least"),
        *(_EVENT_FILTERS[name] for name in sorted(names)),
    )
    ordered = statement.order_by(events.c.seq.desc()).limit(bindparam("limit"))
    return Query(ordered, sqlite_index=("events", "events_of_security") if narrow else None)


@lru_cache(maxsize=256)
def _counted(kind: SecurityKind | None, names: frozenset[str]) -> Query:
    start = tuple_(*(bindparam(f"at_{column.name}") for column in _KEY))
    statement = select(refusals).where(
        refusals.c.workspace_id == bindparam("workspace"),
        refusals.c.minute <= bindparam("at_minute"),
        tuple_(*_KEY) <= start,
        *_AS_COUNTED[kind],
        *(_REFUSAL_FILTERS[name] for name in sorted(names)),
    )
    return Query(statement.order_by(*(column.desc() for column in _KEY)).limit(bindparam("limit")))
