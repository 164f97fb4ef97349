"""Whose rows a table holds: declared once at the table, kept by PostgreSQL's row security and by a check of each statement.

A table with the column `workspace_id` needs no word: each row is its workspace's. Any other says whose by `held_by`.
"""

import re
from dataclasses import dataclass
from typing import Any

from sqlalchemy import MetaData, Table

HOUSE = "_house"
"""Named by transactions for what belongs to no workspace; no credential can name it, as a token's parts hold no `_`."""
_DEFAULT = "workspace_id"


class Unscoped(Exception):
    """A statement that reads or writes a table without saying for which workspace."""


@dataclass(frozen=True, slots=True)
class Holder:
    """`column` names the workspace of a row; without one all rows are the house's. `house_reads` is a condition in SQL:
    such rows are seen, never written, by a transaction that names the house.
    """

    column: str | None
    house_reads: str = ""


def held_by(column: str | None = _DEFAULT, *, house_reads: str = "") -> dict[str, Any]:
    """For a table's `info`."""
    return {"holder": Holder(column, house_reads)}


def holder(table: Table) -> Holder:
    """Whose rows these are. Raises `Unscoped` where a table neither has the column nor says so."""
    found: Holder = table.info.get("holder") or Holder(_DEFAULT)
    if found.column is not None and found.column not in table.c:
        raise Unscoped(
            f"the table {table.name} has no column {found.column}: say by held_by whose rows it has"
        )
    return found


def check_scoped(sql: str, metadata: MetaData) -> None:
    """Each mention of a workspace's table needs a condition on its workspace, or the workspace among what it inserts."""
    named = [metadata.tables[name] for name in _MENTION.findall(sql) if name in metadata.tables]
    columns = [column for table in named if (column := holder(table).column)]
    missing = sorted({column for column in columns if len(_bound(column, sql)) < columns.count(column)})
    if missing:
        raise Unscoped(f"no condition on {', '.join(missing)} for each table in: {sql}")


_MENTION = re.compile(r"\b(?:FROM|JOIN|UPDATE|INTO)\s+([a-z_]+)\b", re.IGNORECASE)


def _bound(column: str, sql: str) -> list[str]:
    """`column = …`, `column IN …`, `(column, …) IN …`, `(…, column, …) VALUES …` and `USING (column)`."""
    return re.findall(
        rf"\b{column}\b(?:\s*(?:=|IN\b)|[^()]*\)\s*(?:IN|VALUES|SELECT)\b)|USING \({column}\)", sql
    )
