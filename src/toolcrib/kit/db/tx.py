"""What a store's queries are given: an open transaction on either database, with one vocabulary."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Table

from .query import DialectName, Query


class Row(Protocol):
    """A row that is read by column name."""

    def __getitem__(self, column: str, /) -> Any: ...


class Into(NamedTuple):
    """New rows of one table, each with a value for each column."""

    table: Table
    columns: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]


class Tx(Protocol):
    """An open transaction. It is committed by who opened it, never by who uses it."""

    @property
    def dialect(self) -> DialectName:
        """Which database this is, for the few statements that differ."""
        ...

    async def rows(self, query: Query, **values: Any) -> Sequence[Row]:
        """Run one statement and read all its rows."""
        ...

    async def run(self, query: Query, **values: Any) -> None:
        """Run one statement for its effect."""
        ...

    async def insert_many(self, *into: Into) -> None:
        """Insert rows of some tables in their order, in one message, whatever their number. Without rows it does nothing."""
        ...

    async def update_many(
        self, table: Table, keys: tuple[str, ...], sets: tuple[str, ...], rows: Sequence[tuple[Any, ...]]
    ) -> list[bool]:
        """For each row (key values, then new values) update where all keys match; tells which rows matched."""
        ...

    def translated(self, error: BaseException) -> BaseException:
        """A driver's error in the words of this room; any other as it is."""
        ...


Work = Callable[[Tx], Awaitable[Any]]


class DatabaseError(Exception):
    """The database refused. The text is safe to show."""


class Clash(DatabaseError):
    """A uniqueness rule of the database was broken."""


class UnsafeDatabase(DatabaseError):
    """The database is set up so that workspaces are not walled off from each other. The text says what to run."""


class DatabaseUnavailable(DatabaseError):
    """The database cannot be written to or reached now: away, full, read-only or overloaded. Nothing was recorded,
    unless `uncertain`: then the commit was under way and may have happened.
    """

    def __init__(self, message: str, *, uncertain: bool = False) -> None:
        super().__init__(message)
        self.uncertain = uncertain
