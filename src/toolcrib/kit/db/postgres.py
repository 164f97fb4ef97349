"""PostgreSQL through asyncpg: one connection writes batches, a small pool reads. Each transaction names its
workspaces and takes the role that row security binds.

If the connection breaks while a commit is under way, the outcome is unknown and the error says so (`uncertain`).
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Literal

import asyncpg
from sqlalchemy import Table

from .database import Notices
from .notices import PostgresNotices
from .pooler import connect
from .query import Query, array_type, column_list, metadata
from .row_security import AS_OWNER, ENTER, FAULTS, NAMES, REFUSED
from .tx import Clash, DatabaseError, DatabaseUnavailable, Row, UnsafeDatabase, Work

_COMMAND_SECONDS = 10.0
_CONNECT_SECONDS = 5.0
_READERS = 4
_GATHER_SECONDS = 0.001


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

    async def insert_many(
        self, table: Table, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]
    ) -> None:
        arrays = ", ".join(f"${i}::{array_type(table, name)}" for i, name in enumerate(columns, 1))
        sql = f"INSERT INTO {table.name} ({column_list(columns)}) SELECT * FROM unnest({arrays})"  # noqa: S608 names are ours
        await self._connection.fetch(sql, *map(list, zip(*rows, strict=True)))

    async def update_many(
        self, table: Table, keys: tuple[str, ...], sets: tuple[str, ...], rows: Sequence[tuple[Any, ...]]
    ) -> list[bool]:
        names = (*keys, *sets)
        arrays = ", ".join(f"${i}::{array_type(table, name)}" for i, name in enumerate(names, 1))
        assignments = ", ".join(f"{name} = v.new_{name}" for name in sets)
        matches = " AND ".join(f"t.{name} = v.key_{name}" for name in keys)
        aliases = column_list([f"key_{n}" for n in keys] + [f"new_{n}" for n in sets])
        sql = (
            f"UPDATE {table.name} t SET {assignments} FROM unnest({arrays}) AS v({aliases}) "  # noqa: S608 names are ours
            f"WHERE {matches} RETURNING {column_list([f'v.key_{n}' for n in keys])}"
        )
        found = {tuple(row) for row in await self._connection.fetch(sql, *map(list, zip(*rows, strict=True)))}
        return [tuple(row[: len(keys)]) in found for row in rows]

    def translated(self, error: BaseException) -> BaseException:
        return _translated(error, uncertain=False)


class PostgresEngine:
    """Connections to one PostgreSQL database. `role` is what its transactions take; `<database>_app` unless named."""

    dialect: Literal["postgresql"] = "postgresql"
    readers = _READERS

    def __init__(self, url: str, *, role: str = "", notify: bool = True) -> None:
        self.url = url
        self.notices: Notices | None = PostgresNotices(url) if notify else None
        self._role = role
        self._writer: Any = None
        self._turn = asyncio.Lock()
        self._pool: Any = None

    async def transact(self, workspaces: Sequence[str], work: Work) -> Any:
        """Run work in one transaction that names its workspaces once."""
        return await self._transact(work, ENTER, list(workspaces), self._role)

    async def set_up(self, work: Work) -> None:
        """Run work as the URL's own user, then see that the wall stands."""
        await self._transact(work, AS_OWNER, self._role)
        ((role, login),) = await self._transact(lambda tx: tx.rows(NAMES), AS_OWNER, self._role)
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

    async def _transact(self, work: Work, enter: str, *entering: Any) -> Any:
        async with self._turn:
            committing = False
            try:
                connection = await self._connected()
                await connection.execute("BEGIN")
                await connection.fetch(enter, *entering)
                result = await work(PostgresTx(connection))
                committing = True
                await connection.execute("COMMIT")
            except BaseException as error:
                await self._undo(broken=committing)
                raise _translated(error, uncertain=committing) from error
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
            async with (
                self._pool.acquire() as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                await connection.fetch(ENTER, list(workspaces), self._role)
                return await work(PostgresTx(connection))
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            raise _translated(error, uncertain=False) from error

    async def gather(self) -> None:
        """A millisecond: a commit goes to another process and back several times."""
        await asyncio.sleep(_GATHER_SECONDS)

    async def close(self) -> None:
        """Close all connections."""
        if self._writer is not None:
            self._writer.terminate()
        if self._pool is not None:
            self._pool.terminate()

    async def _connected(self) -> Any:
        if self._writer is None or self._writer.is_closed():
            self._writer = await connect(self.url, timeout=_CONNECT_SECONDS, command_timeout=_COMMAND_SECONDS)
        return self._writer

    async def _undo(self, *, broken: bool) -> None:
        """Roll back; a connection that cannot is dropped, which rolls back as well."""
        connection, usable = self._writer, False
        if connection is not None and not broken and not connection.is_closed():
            try:
                await connection.execute("ROLLBACK", timeout=1)
                usable = True
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
                usable = False
        if connection is not None and not usable:
            connection.terminate()
            self._writer = None


async def _no_reset(_connection: Any) -> None:
    """Nothing of a session is ever changed, so nothing needs a reset; that query costs half of a short read."""


_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
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
