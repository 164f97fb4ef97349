"""SQLite: one thread writes, a few read, each with a connection of its own (WAL, `synchronous=FULL`).

If the process dies inside a transaction, SQLite rolls it back on the next open; what was committed is on disk.
"""

import asyncio
import fcntl
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, Literal

from sqlalchemy import Table

from .database import Notices
from .query import Query, column_list
from .tx import Clash, DatabaseError, DatabaseUnavailable, Into, Row, Work

_READERS = 2
_GATHER_TURNS = 4
_TAKEN = ("SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY")
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "busy_timeout=5000",
    "cache_size=-4096",
    "wal_autocheckpoint=4000",
    "temp_store=MEMORY",
)


class AlreadyRunning(Exception):
    """Another process has this database open."""

    def __init__(self, path: Path, pid: str) -> None:
        super().__init__(
            f"{path} is in use by process {pid or 'unknown'}. Stop it, or speak to it: the CLI does, with --url."
        )
        self.pid = pid


class SqliteTx:
    """A transaction on a thread that may block: nothing awaited here ever suspends."""

    dialect: Literal["sqlite"] = "sqlite"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def rows(self, query: Query, **values: Any) -> Sequence[Row]:
        return self._connection.execute(*query.bind("sqlite", values)).fetchall()

    async def run(self, query: Query, **values: Any) -> None:
        self._connection.execute(*query.bind("sqlite", values))

    async def insert_many(self, *into: Into) -> None:
        for table, columns, rows in into:
            marks = ",".join("?" * len(columns))
            sql = f"INSERT INTO {table.name} ({column_list(columns)}) VALUES ({marks})"  # noqa: S608 names are ours
            self._connection.executemany(sql, rows)

    async def update_many(
        self, table: Table, keys: tuple[str, ...], sets: tuple[str, ...], rows: Sequence[tuple[Any, ...]]
    ) -> list[bool]:
        assignments = ", ".join(f"{name} = ?{len(keys) + i}" for i, name in enumerate(sets, 1))
        matches = " AND ".join(f"{name} = ?{i}" for i, name in enumerate(keys, 1))
        sql = f"UPDATE {table.name} SET {assignments} WHERE {matches}"  # noqa: S608 names are ours
        execute = self._connection.execute
        return [execute(sql, row).rowcount == 1 for row in rows]

    def translated(self, error: BaseException) -> BaseException:
        return translated(error)


class SqliteEngine:
    """Opens the file, keeps others out of it, and runs work on the right thread."""

    dialect: Literal["sqlite"] = "sqlite"
    readers = _READERS
    writers = 1
    notices: Notices | None = None

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = _lock(path)
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        path.touch(mode=0o600)
        try:
            self._writer_connection = _connect(path)
        except sqlite3.Error as error:
            self._lock.close()
            raise translated(error) from error
        self._writer = threading.Thread(target=self._write_loop, name="sqlite-writer", daemon=True)
        self._writer.start()
        self._local = threading.local()
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="sqlite-reader")

    async def transact(self, workspaces: Sequence[str], work: Work) -> Any:
        """Run work in one write transaction on the writer's thread."""
        del workspaces  # one file has no row security; the queries name the workspace
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()

        def job() -> None:
            try:
                result = self._transact(work)
            except Exception as error:  # noqa: BLE001 carried to the waiting caller
                _tell(loop, answer, None, error)
            else:
                _tell(loop, answer, result, None)

        self._jobs.put(job)
        return await answer

    async def read(self, workspaces: Sequence[str], work: Work) -> Any:
        """Run work on one consistent view, beside the writer."""
        del workspaces
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    async def set_up(self, work: Work) -> None:
        """As any change: whoever may write the file may do all."""
        await self.transact((), work)

    async def gather(self) -> None:
        """A few turns of the loop: a commit is short, and longer waiting brought nothing more."""
        for _ in range(_GATHER_TURNS):
            await asyncio.sleep(0)

    async def close(self) -> None:
        """Finish what is queued, then let go of the file."""
        self._jobs.put(None)
        await asyncio.to_thread(self._writer.join)
        self._readers.shutdown()
        self._writer_connection.close()
        self._lock.close()

    def _write_loop(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()

    def _transact(self, work: Work) -> Any:
        connection = self._writer_connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            result = _drive(work(SqliteTx(connection)))
            connection.execute("COMMIT")
        except BaseException as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise translated(error) from error
        return result

    def _read(self, work: Work) -> Any:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = _connect(self.path)
            connection.execute("PRAGMA query_only=ON")
        try:
            connection.execute("BEGIN")
            return _drive(work(SqliteTx(connection)))
        except BaseException as error:
            raise translated(error) from error
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


def translated(error: BaseException) -> BaseException:
    """A database's error in the words of this room; any other as it is."""
    if isinstance(error, sqlite3.IntegrityError) and _name(error) in _TAKEN:
        return Clash("a row with this key is already there")
    if isinstance(error, sqlite3.OperationalError):
        return DatabaseUnavailable(f"the database file cannot be used: {_name(error)}")
    if isinstance(error, sqlite3.Error):
        return DatabaseError(f"the database refused: {_name(error)}")
    return error


def _name(error: sqlite3.Error) -> str:
    """SQLite's own name of an error; what Python's module raises by itself has none."""
    return getattr(error, "sqlite_errorname", None) or type(error).__name__


def _drive(awaitable: Any) -> Any:
    """Run a coroutine that never suspends, without a loop."""
    try:
        awaitable.send(None)
    except StopIteration as done:
        return done.value
    raise RuntimeError("a query waited for something outside the database")


def _tell(
    loop: asyncio.AbstractEventLoop, answer: asyncio.Future[Any], result: Any, error: BaseException | None
) -> None:
    def deliver() -> None:
        if answer.done():
            return
        if error is None:
            answer.set_result(result)
        else:
            answer.set_exception(error)

    if not loop.is_closed():
        loop.call_soon_threadsafe(deliver)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
    connection.row_factory = sqlite3.Row
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _lock(path: Path) -> IO[str]:
    """Hold the lock file for the life of the process; the system lets go of it however the process ends."""
    try:
        file = os.fdopen(os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600), "r+")
    except OSError as error:
        raise DatabaseUnavailable(f"{path} cannot be opened: {error.strerror}") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = file.read().strip()
        file.close()
        raise AlreadyRunning(path, pid) from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file
