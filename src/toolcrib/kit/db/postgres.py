"""PostgreSQL through asyncpg: two connections write batches, a small pool reads. Each transaction names its
workspaces and takes the role that row security binds.

If the connection breaks while a commit is under way, the outcome is unknown and the error says so (`uncertain`).
"""

import asyncio
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal

import asyncpg
from sqlalchemy import Table

from .database import Notices
from .notices import PostgresNotices
from .pooler import connect
from .query import Query, array_type, column_list, metadata
from .row_security import FAULTS, NAMES, REFUSED, as_owner, enter
from .tx import Clash, DatabaseError, DatabaseUnavailable, Into, Row, UnsafeDatabase, Work

_COMMAND_SECONDS = 10.0
_CONNECT_SECONDS = 5.0
_READERS = 4
_WRITERS = 2
_GATHER_SECONDS = 0.001
_VIEW = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class PostgresTx:
    """A transaction on one connection; many rows travel as arrays, so a batch is a fixed number of statements."""

    dialect: Literal["postgresql"] = "postgresql"

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def rows(self, query: Query, **values: Any) -> Sequence[Row]:
        sql, bound = query.bind("postgresql", values)
        found: Sequence[Row] = await self._connection.fetch(sql, *bound)
        return found

    async def run(self, query: Query, **values: Any) -> None:
        sql, bound = query.bind("postgresql", values)
        await self._connection.fetch(sql, *bound)

    async def insert_many(self, *into: Into) -> None:
        if some := [one for one in into if one.rows]:
            columns = [list(column) for one in some for column in zip(*one.rows, strict=True)]
            sql = _inserting(tuple((one.table, one.columns) for one in some))
            await self._connection.fetch(sql, *columns)

    async def update_many(
        self, table: Table, keys: tuple[str, ...], sets: tuple[str, ...], rows: Sequence[tuple[Any, ...]]
    ) -> list[bool]:
        names = (*keys, *sets)
        arrays = ", ".join(f"${i}::{array_type(table, name)}" for i, name in enumerate(names, 1))
        assignments = ", ".join(f"{name} = v.new_{name}" for name in sets)
        matches = " AND ".join(f"t.{name} = v.key_{name}" for name in keys)
        aliases = column_list([f"key_{n}" for n in keys] + [f"new_{n}" for n in sets])
        # Without the limit the planner expects ten rows and reads a small table whole; that plan stays when it has grown.
        sql = (
            f"UPDATE {table.name} t SET {assignments} "  # noqa: S608 names are ours
            f"FROM (SELECT * FROM unnest({arrays}) LIMIT ${len(names) + 1}) AS v({aliases}) "
            f"WHERE {matches} RETURNING {column_list([f'v.key_{n}' for n in keys])}"
        )
        columns = map(list, zip(*rows, strict=True))
        found = {tuple(row) for row in await self._connection.fetch(sql, *columns, len(rows))}
        return [tuple(row[: len(keys)]) in found for row in rows]

    def translated(self, error: BaseException) -> BaseException:
        return _translated(error, uncertain=False)


class PostgresEngine:
    """Connections to one PostgreSQL database. `role` is what its transactions take; `<database>_app` unless named."""

    dialect: Literal["postgresql"] = "postgresql"
    readers = _READERS
    writers = _WRITERS

    def __init__(self, url: str, *, role: str = "", notify: bool = True) -> None:
        self.url = url
        self.notices: Notices | None = PostgresNotices(url) if notify else None
        self._role = role
        self._writers: list[Any] = []
        self._open: set[Any] = set()
        self._turns = asyncio.Semaphore(_WRITERS)
        self._pool: Any = None

    async def transact(self, workspaces: Sequence[str], work: Work) -> Any:
        """Run work in one transaction that names its workspaces once."""
        return await self._transact(work, enter(workspaces, self._role))

    async def set_up(self, work: Work) -> None:
        """Run work as the URL's own user, then see that the wall stands."""
        await self._transact(work, as_owner(self._role))
        ((role, login),) = await self._transact(lambda tx: tx.rows(NAMES), as_owner(self._role))
        try:
            faults = await self.transact((), lambda tx: tx.rows(FAULTS, tables=[*metadata.tables]))
        except DatabaseUnavailable:
            raise
        except DatabaseError as error:
            raise UnsafeDatabase(
                f"{login} may not take the role {role}; as a superuser run: CREATE ROLE {role} NOLOGIN; "
                f"GRANT {role} TO {login}; then, as the owner of the tables: toolcrib migrate"
            ) from error
        if faults:
            raise UnsafeDatabase(faults[0]["fault"])

    async def _transact(self, work: Work, entering: str) -> Any:
        async with self._turns:
            committing = False
            try:
                connection = await self._writer()
            except _OF_A_DATABASE as error:
                raise _translated(error, uncertain=False) from error
            try:
                await connection.execute(f"BEGIN; {entering}")
                result = await work(PostgresTx(connection))
                committing = True
                await connection.execute("COMMIT")
            except BaseException as error:
                await self._undo(connection, broken=committing)
                raise _translated(error, uncertain=committing) from error
            self._writers.append(connection)
            return result

    async def read(self, workspaces: Sequence[str], work: Work) -> Any:
        """Run work on one consistent view."""
        try:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    self.url,
                    min_size=0,
                    max_size=_READERS,
                    timeout=_CONNECT_SECONDS,
                    command_timeout=_COMMAND_SECONDS,
                    reset=_no_reset,
                    connect=connect,
                )
            async with self._pool.acquire() as connection:
                try:
                    await connection.execute(f"{_VIEW}; {enter(workspaces, self._role)}")
                    return await work(PostgresTx(connection))
                finally:
                    await connection.execute("ROLLBACK")
        except _OF_A_DATABASE as error:
            raise _translated(error, uncertain=False) from error

    async def gather(self) -> None:
        """A millisecond: a commit goes to another process and back several times."""
        await asyncio.sleep(_GATHER_SECONDS)

    async def close(self) -> None:
        """Close all connections."""
        for connection in self._open:
            connection.terminate()
        if self._pool is not None:
            self._pool.terminate()

    async def _writer(self) -> Any:
        """A connection that nobody writes on: the one that was used last, so that a second is made for two at once."""
        while self._writers:
            if not (connection := self._writers.pop()).is_closed():
                return connection
            self._open.discard(connection)
        made = await connect(self.url, timeout=_CONNECT_SECONDS, command_timeout=_COMMAND_SECONDS)
        self._open.add(made)
        return made

    async def _undo(self, connection: Any, *, broken: bool) -> None:
        """Roll back; a connection that cannot is dropped, which rolls back as well."""
        usable = False
        try:
            if not broken and not connection.is_closed():
                await connection.execute("ROLLBACK", timeout=1)
                usable = True
        except _OF_A_DATABASE:
            usable = False
        finally:
            if usable:
                self._writers.append(connection)
            else:
                self._open.discard(connection)
                connection.terminate()


@lru_cache(maxsize=64)
def _inserting(into: tuple[tuple[Table, tuple[str, ...]], ...]) -> str:
    """One statement for all: a way to the database and back costs more than a row."""
    inserts, given = [], 0
    for table, columns in into:
        arrays = ", ".join(f"${i}::{array_type(table, name)}" for i, name in enumerate(columns, given + 1))
        inserts.append(
            f"INSERT INTO {table.name} ({column_list(columns)}) SELECT * FROM unnest({arrays})"  # noqa: S608 names are ours
        )
        given += len(columns)
    *first, last = inserts
    before = ", ".join(f"into_{i} AS ({one})" for i, one in enumerate(first))
    return f"WITH {before} {last}" if before else last


async def _no_reset(_connection: Any) -> None:
    """Nothing of a session is ever changed, so nothing needs a reset; that query costs half of a short read."""


_OF_A_DATABASE = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InvalidTransactionStateError,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    OSError,
    TimeoutError,
)


def _translated(error: BaseException, *, uncertain: bool) -> BaseException:
    if isinstance(error, asyncpg.UniqueViolationError):
        return Clash("a row with this key is already there")
    if isinstance(error, asyncpg.DataError):  # asyncpg counts some of these among its interface errors
        return DatabaseError("a value does not fit its column")
    if isinstance(error, _AWAY):
        return DatabaseUnavailable(
            f"the database does not answer: {type(error).__name__}", uncertain=uncertain
        )
    if isinstance(error, asyncpg.PostgresError) and error.sqlstate == REFUSED:
        return UnsafeDatabase(error.args[0])
    if isinstance(error, asyncpg.PostgresError):
        return DatabaseError(f"the database refused a statement: {error.sqlstate}")
    return error
