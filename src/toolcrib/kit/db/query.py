"""One statement, written once with SQLAlchemy Core, compiled once per database, run without the ORM or a session."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

from sqlalchemy import Dialect, MetaData, Table, text
from sqlalchemy.sql import ClauseElement

from .scope import check_scoped

DialectName = Literal["sqlite", "postgresql"]

metadata = MetaData()
"""Where every room declares its tables; `migrations` compares it with the migrated database."""


@lru_cache(maxsize=2)
def dialect(name: DialectName) -> Dialect:
    """The compiler of a database. PostgreSQL's is imported only where it is used: it costs start-up time."""
    if name == "sqlite":
        from sqlalchemy.dialects import sqlite  # noqa: PLC0415

        return sqlite.dialect(paramstyle="qmark")
    from sqlalchemy.dialects.postgresql import asyncpg  # noqa: PLC0415

    return asyncpg.dialect()


class Query:
    """A statement with named parameters. `per_dialect` holds a text where the databases differ."""

    def __init__(
        self,
        statement: ClauseElement | None = None,
        sqlite_index: tuple[str, str] | None = None,
        across: str = "",
        **per_dialect: str,
    ) -> None:
        """`sqlite_index` is a table and the index to read it by: SQLite knows no statistics here. `across` says why the
        statement looks across workspaces; without it, one that does is refused at its first use.
        """
        self._statement = statement
        self._texts = per_dialect
        self._index = sqlite_index
        self._across = across
        self._compiled: dict[str, tuple[str, tuple[str, ...], Mapping[str, Any]]] = {}

    def on(self, name: DialectName) -> tuple[str, tuple[str, ...], Mapping[str, Any]]:
        """The text, the parameter names in order, and the values fixed in the statement."""
        found = self._compiled.get(name)
        if found is None:
            statement = self._statement if self._statement is not None else text(self._texts[name])
            compiled = statement.compile(dialect=dialect(name))
            if not self._across:
                check_scoped(str(compiled), metadata)
            names = tuple(getattr(compiled, "positiontup", None) or ())
            found = self._compiled[name] = (
                self._hinted(str(compiled), name),
                names,
                dict(compiled.params or {}),
            )
        return found

    def _hinted(self, sql: str, name: DialectName) -> str:
        if self._index is None or name != "sqlite":
            return sql
        table, index = self._index
        return sql.replace(f"FROM {table}", f"FROM {table} INDEXED BY {index}", 1)

    def bind(self, name: DialectName, values: Mapping[str, Any]) -> tuple[str, list[Any]]:
        """The text and the values in the order it wants them."""
        sql, names, fixed = self.on(name)
        return sql, [values[n] if n in values else fixed[n] for n in names]


def column_list(names: Sequence[str]) -> str:
    """Names for the inside of a statement."""
    return ", ".join(names)


_ARRAYS = {"TEXT": "text[]", "BIGINT": "bigint[]", "BYTEA": "bytea[]"}


def array_type(table: Table, column: str) -> str:
    """The PostgreSQL array that carries a column's values for many rows at once."""
    return _ARRAYS[table.c[column].type.compile(dialect=dialect("postgresql"))]
