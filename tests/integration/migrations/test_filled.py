"""A ledger with rows in it comes through a revision that writes its tables anew."""

import sqlite3
from collections.abc import Callable
from typing import Any

import asyncpg
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, create_engine, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.integration.migrations.databases import is_sqlite, path_of
from tests.support.postgres import run_apart
from toolcrib.migrations import upgrade

LEDGER = ("executions", "bodies", "events")
WORKSPACES, CALLS = 3, 40


def test_a_filled_ledger_stands_in_the_order_of_time_and_has_lost_nothing(database_url):
    def work(connection: Connection) -> tuple[Any, Any, Any]:
        revise(connection, 1, 3)
        fill(connection)
        before, objects = read(connection), indexes(connection)
        revise(connection, 4, 4)
        return before, read(connection), indexes(connection) - objects

    before, after, new = on(database_url, work)
    assert [len(rows) for rows in before] == [120, 240, 240]
    assert after == before
    assert new == {"executions_by_workspace"}


def revise(connection: Connection, first: int, last: int) -> None:
    with Operations.context(MigrationContext.configure(connection)):
        for script in reversed(list(upgrade.scripts().walk_revisions())):
            if first <= int(script.revision) <= last:
                script.module.upgrade()


def fill(connection: Connection) -> None:
    for number in range(WORKSPACES * CALLS):
        names = {"w": f"w{number % WORKSPACES}", "id": f"exe_{number:04}", "n": number}
        for statement in (
            (
                "INSERT INTO executions (workspace_id, id, tool_id, tool, tool_version, status, actor_type, actor_id, key_id, dry_run, owner, "
                "created_at, updated_at, exception_id) VALUES (:w, :id, 't', 't', '1.0.0', 'running', 'user', 'u', 'k', 0, 'p', :n, :n, :id)"
            ),
            "INSERT INTO bodies VALUES (:w, :id, 'input', '{}')",
            "INSERT INTO bodies VALUES (:w, :id, 'output', :id)",
            "INSERT INTO events VALUES (:w, 2 * :n, 'A', :id, 'user', 'u', 't', :n, NULL)",
            "INSERT INTO events VALUES (:w, 2 * :n + 1, 'B', NULL, 'user', 'u', 't', :n, '{}')",
        ):
            connection.execute(text(statement), names)


def read(connection: Connection) -> list[list[Any]]:
    rows = (connection.execute(text(f"SELECT * FROM {table}")).mappings().all() for table in LEDGER)
    return [sorted((dict(row) for row in found), key=str) for found in rows]


def indexes(connection: Connection) -> set[str]:
    sqlite = "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    postgresql = "SELECT indexname FROM pg_indexes WHERE schemaname = 'public'"
    statement = sqlite if connection.dialect.name == "sqlite" else postgresql
    return set(connection.execute(text(statement)).scalars())


def on(url: str, work: Callable[[Connection], Any]) -> Any:
    if is_sqlite(url):
        engine = create_engine(
            "sqlite://", creator=lambda: sqlite3.connect(path_of(url)), poolclass=pool.NullPool
        )
        with engine.begin() as connection:
            return work(connection)

    async def apart() -> Any:
        engine = create_async_engine(
            "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url), poolclass=pool.NullPool
        )
        async with engine.begin() as connection:
            return await connection.run_sync(work)

    return run_apart(apart())
