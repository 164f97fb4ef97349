"""How limits and meters are read and written, always for one workspace. Times of meters are the database's own."""

from collections.abc import Sequence

from sqlalchemy import bindparam, select, update

from toolcrib.kit.db import Query, Row, Tx
from toolcrib.kit.json import dumps

from .meters import Allowance, Meter
from .tables import limits, meters

_CHANGED = Query(
    select(limits).where(
        limits.c.workspace_id == bindparam("workspace"), limits.c.generation > bindparam("since")
    )
)
_VALUES = ("per_minute", "burst", "per_day", "per_month", "concurrency")
_SET_TEXT = (
    "INSERT INTO limits (workspace_id, kind, name, per_minute, burst, per_day, per_month, concurrency, set_at, set_by, "
    "removed_at, generation) VALUES (:workspace, :kind, :name, :per_minute, :burst, :per_day, :per_month, :concurrency, "
    ":now, :by, NULL, :made) ON CONFLICT (workspace_id, kind, name) DO UPDATE SET per_minute = excluded.per_minute, "
    "burst = excluded.burst, per_day = excluded.per_day, per_month = excluded.per_month, concurrency = excluded.concurrency, "
    "set_at = excluded.set_at, set_by = excluded.set_by, removed_at = NULL, generation = excluded.generation"
)
_SET = Query(sqlite=_SET_TEXT, postgresql=_SET_TEXT)
_REMOVE = Query(
    update(limits)
    .where(
        limits.c.workspace_id == bindparam("workspace"),
        limits.c.kind == bindparam("of_kind"),
        limits.c.name == bindparam("of_name"),
        limits.c.removed_at.is_(None),
    )
    .values(removed_at=bindparam("now"), generation=bindparam("made"))
    .returning(limits.c.name)
)
_KEYS = ("workspace_id", "kind", "name")
_STATE = ("drawn", "day", "day_used", "month", "month_used")
_INTO = f"INSERT INTO meters ({', '.join((*_KEYS, *_STATE))}) "
# A meter that is there is locked by being written as it is.
_ANEW = "ON CONFLICT (workspace_id, kind, name) DO UPDATE SET drawn = meters.drawn RETURNING *, "
_NOW = "CAST(extract(epoch from clock_timestamp()) * 1000000 AS bigint)"
_HOLD = Query(
    sqlite=f"{_INTO}SELECT :workspace, json_extract(value, '$[0]'), json_extract(value, '$[1]'), 0, 0, 0, 0, 0 "  # noqa: S608 constants
    f"FROM json_each(:wanted) WHERE true {_ANEW} :now AS now",
    postgresql=f"{_INTO}SELECT CAST(:workspace AS text), w ->> 0, w ->> 1, 0, 0, 0, 0, 0 "  # noqa: S608 constants
    f"FROM json_array_elements(CAST(:wanted AS json)) AS w ORDER BY 2, 3 {_ANEW} {_NOW} AS now",
)
_LOOK = Query(
    sqlite="SELECT *, :now AS now FROM meters WHERE workspace_id = :workspace",
    postgresql=f"SELECT *, {_NOW} AS now FROM meters WHERE workspace_id = :workspace",  # noqa: S608 constants
)
_GIVE_BACK_TEXT = (
    "UPDATE meters SET day_used = day_used - CASE WHEN day = :day THEN CAST(:of_day AS bigint) ELSE 0 END, "
    "month_used = month_used - CASE WHEN month = :month THEN CAST(:of_month AS bigint) ELSE 0 END "
    "WHERE workspace_id = :workspace AND kind = :kind AND name = :name"
)
_GIVE_BACK = Query(sqlite=_GIVE_BACK_TEXT, postgresql=_GIVE_BACK_TEXT)


async def changed(tx: Tx, workspace: str, since: int) -> Sequence[Row]:
    """Limits that changed after a generation, removed ones included."""
    return await tx.rows(_CHANGED, workspace=workspace, since=since)


async def set_limit(
    tx: Tx, workspace: str, of: tuple[str, str], allowed: Allowance, by: tuple[str, int, int]
) -> None:
    """Write a limit, whatever stood there; `of` is its kind and name, `by` who sets it, when, and which generation it makes."""
    values = {name: getattr(allowed, name) for name in _VALUES}
    who, now, made = by
    await tx.run(_SET, workspace=workspace, kind=of[0], name=of[1], now=now, by=who, made=made, **values)


async def remove(tx: Tx, workspace: str, of: tuple[str, str], now: int, made: int) -> bool:
    """Remove a limit; False when there is none. What was used of it stays known."""
    return bool(await tx.rows(_REMOVE, workspace=workspace, of_kind=of[0], of_name=of[1], now=now, made=made))


async def hold(tx: Tx, workspace: str, of: Sequence[tuple[str, str]], now: int) -> tuple[int, list[Meter]]:
    """The meters of these, locked until the transaction ends, and the time in ns; on SQLite the time is `now`."""
    rows = await tx.rows(_HOLD, workspace=workspace, now=now, wanted=dumps(list(of)).decode())
    found = {(row["kind"], row["name"]): row for row in rows}
    return rows[0]["now"] * 1_000, [_meter(found[one]) for one in of]


async def look(tx: Tx, workspace: str, now: int) -> tuple[int, dict[tuple[str, str], Meter]]:
    """All meters of a workspace by kind and name, as they stand, and the time as `hold` tells it."""
    rows = await tx.rows(_LOOK, workspace=workspace, now=now)
    found = {(row["kind"], row["name"]): _meter(row) for row in rows}
    return (rows[0]["now"] if rows else now) * 1_000, found


async def write(tx: Tx, workspace: str, of: Sequence[tuple[str, str]], state: Sequence[Meter]) -> None:
    """Write meters that are held."""
    rows = [
        (workspace, *one, *(getattr(meter, name) for name in _STATE))
        for one, meter in zip(of, state, strict=True)
    ]
    await tx.update_many(meters, _KEYS, _STATE, rows)


async def give_back(
    tx: Tx, workspace: str, of: tuple[str, str], day: tuple[int, int], month: tuple[int, int]
) -> None:
    """Return parts of quotas that were drawn and not used; each with the day and the month that it is of."""
    await tx.run(
        _GIVE_BACK, workspace=workspace, kind=of[0], name=of[1], day=day[0], of_day=day[1], month=month[0], of_month=month[1]
    )  # fmt: skip


def _meter(row: Row) -> Meter:
    return Meter(*(row[name] for name in _STATE))
