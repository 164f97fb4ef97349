"""SQLite: one process, one writer, durable, and unavailable when the file is full or spoiled."""

import asyncio
import os
import sqlite3
import stat
import threading

import pytest

from toolcrib.kit.db import DatabaseError, DatabaseUnavailable, Query
from toolcrib.kit.db.sqlite import AlreadyRunning, SqliteEngine


def query(text):
    return Query(sqlite=text)


@pytest.fixture
async def engine(tmp_path):
    made = SqliteEngine(tmp_path / "t.db")
    await made.transact((), lambda tx: tx.run(query("CREATE TABLE t (a TEXT)")))
    yield made
    await made.close()


async def test_a_second_process_is_refused_by_the_first_ones_number(engine):
    with pytest.raises(AlreadyRunning) as refused:
        SqliteEngine(engine.path)
    assert refused.value.pid == str(os.getpid())
    assert f"process {os.getpid()}" in str(refused.value)


def test_a_lock_without_a_number_says_so(tmp_path):
    assert "process unknown" in str(AlreadyRunning(tmp_path, ""))


async def test_the_lock_goes_with_the_process_that_closes(tmp_path):
    for _ in range(2):
        await SqliteEngine(tmp_path / "t.db").close()


async def test_the_lock_file_is_private(engine):
    assert stat.S_IMODE(engine.path.with_name(f"{engine.path.name}.lock").stat().st_mode) == 0o600


async def test_the_file_is_durable_and_in_wal_mode(engine):
    async def pragmas(tx):
        return [
            (await tx.rows(query(f"PRAGMA {name}")))[0][0]
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]

    assert await engine.read((), pragmas) == ["wal", 2, 1]


async def test_a_full_file_is_unavailable_and_usable_once_there_is_room(engine):
    engine._writer_connection.execute("PRAGMA max_page_count = 4")
    fill = query("INSERT INTO t VALUES (:a)")
    with pytest.raises(DatabaseUnavailable, match="SQLITE_FULL"):
        await engine.transact((), lambda tx: tx.run(fill, a="x" * 100_000))
    engine._writer_connection.execute("PRAGMA max_page_count = 10000")
    await engine.transact((), lambda tx: tx.run(fill, a="x" * 100_000))
    (row,) = await engine.read((), lambda tx: tx.rows(query("SELECT count(*) AS n FROM t")))
    assert row["n"] == 1


async def test_a_file_locked_by_a_stranger_is_unavailable(engine):
    stranger = sqlite3.connect(engine.path, isolation_level=None)
    engine._writer_connection.execute("PRAGMA busy_timeout=10")
    stranger.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseUnavailable, match="SQLITE_BUSY"):
        await engine.transact((), lambda tx: tx.run(query("INSERT INTO t VALUES ('a')")))
    stranger.close()
    await engine.transact((), lambda tx: tx.run(query("INSERT INTO t VALUES ('a')")))


async def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "t.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(DatabaseError):
        SqliteEngine(tmp_path / "t.db")


async def test_a_file_in_a_folder_that_is_not_there_is_unavailable(tmp_path):
    with pytest.raises(DatabaseUnavailable, match="cannot be opened: No such file"):
        SqliteEngine(tmp_path / "none" / "t.db")


async def test_work_that_waits_for_something_else_is_refused(engine):
    async def lazy(tx):
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="waited for something outside"):
        await engine.transact((), lazy)


async def test_too_many_values_are_a_database_error(engine):
    with pytest.raises(DatabaseError) as refused:
        await engine.transact((), lambda tx: tx.run(Query(sqlite="SELECT 1; SELECT 2")))
    assert "SELECT" not in str(refused.value)


async def test_what_is_queued_is_written_before_closing(tmp_path):
    engine = SqliteEngine(tmp_path / "t.db")
    await engine.transact((), lambda tx: tx.run(query("CREATE TABLE t (a TEXT)")))
    last = asyncio.create_task(engine.transact((), lambda tx: tx.run(query("INSERT INTO t VALUES ('x')"))))
    await asyncio.sleep(0)
    await engine.close()
    await last
    rows = sqlite3.connect(tmp_path / "t.db").execute("SELECT * FROM t").fetchall()
    assert rows == [("x",)]


def test_an_answer_for_a_loop_that_is_gone_is_dropped(tmp_path):
    engine, begun, go = SqliteEngine(tmp_path / "t.db"), threading.Event(), threading.Event()

    async def slow(tx):
        begun.set()
        go.wait(10)

    async def leave():
        task = asyncio.create_task(engine.transact((), slow))
        while not begun.is_set():
            await asyncio.sleep(0)
        task.cancel()

    asyncio.run(leave())
    go.set()
    asyncio.run(engine.close())
    assert not engine._writer.is_alive()


async def test_there_is_nobody_to_tell_of_changes(engine):
    assert engine.notices is None
