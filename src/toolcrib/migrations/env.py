"""What Alembic runs: all missing revisions in one transaction, under the lock that `fresh` takes too.

The database comes as `attributes["url"]`, the role that row security binds as `attributes["role"]`. A revision sees all
rows on PostgreSQL, and makes no policy: the tables as they are declared get theirs at the end.
"""

import asyncio
import sqlite3
from typing import Any

import asyncpg
from alembic import context
from sqlalchemy import Connection, create_engine, event, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

from toolcrib.kit.db import metadata, row_security
from toolcrib.migrations import fresh


def _run(connection: Connection, role: str = "") -> None:
    sqlite = connection.dialect.name == "sqlite"
    context.configure(
        connection=connection, target_metadata=metadata, transaction_per_migration=False, transactional_ddl=True,
        render_as_batch=sqlite, compare_type=True,
    )  # fmt: skip
    with context.begin_transaction():
        connection.execute(text(fresh.LOCK.on("sqlite" if sqlite else "postgresql")[0]))
        if not sqlite:
            connection.execute(text("SELECT set_config('app.role', :role, true)"), {"role": role})
            connection.exec_driver_sql(row_security.LOWERED)
        context.run_migrations()
        for statement in () if sqlite else row_security.raised(metadata):
            connection.exec_driver_sql(statement)


def _on_sqlite(path: str) -> None:
    # sqlite3's own transactions would commit before each DDL statement.
    engine = create_engine(
        "sqlite://", creator=lambda: sqlite3.connect(path, isolation_level=None), poolclass=pool.NullPool
    )
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    with engine.connect() as connection:
        _run(connection)


async def _on_postgresql(url: str, role: str) -> None:
    # asyncpg reads the URL itself, as it does for the server: SQLAlchemy would not know all its parameters.
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: asyncpg.connect(url, timeout=10),
        poolclass=pool.NullPool,
    )
    async with engine.connect() as connection:
        await connection.run_sync(_run, role)


def _main(attributes: dict[str, Any]) -> None:
    if attributes["url"].startswith("sqlite:///"):
        _on_sqlite(attributes["url"].removeprefix("sqlite:///"))
    else:
        asyncio.run(_on_postgresql(attributes["url"], attributes["role"]))


# Alembic imports this file to run it.
_main(context.config.attributes)
