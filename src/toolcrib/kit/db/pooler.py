"""Connections to PostgreSQL that a pooler may stand before, which hands each transaction to another session.

What is prepared in one session is not there in the next, so nothing is prepared ahead behind a pooler.
"""

from typing import Any

import asyncpg


async def connect(dsn: str | None = None, **options: Any) -> Any:
    """A connection; through a pooler one that keeps no prepared statements."""
    made = await asyncpg.connect(dsn, **options)
    if not await stands_before(made):
        return made
    await made.close()
    return await asyncpg.connect(dsn, **options, statement_cache_size=0)


async def stands_before(connection: Any) -> bool:
    """A pooler shakes hands itself, with a process number that is not the session's. Asked without preparing anything;
    a connection that does not answer is dropped.
    """
    asked = f"SELECT 1 / CAST(pg_backend_pid() = {connection.get_server_pid()} AS int)"
    try:
        await connection.execute(asked)
    except asyncpg.DivisionByZeroError:
        return True
    except BaseException:
        connection.terminate()
        raise
    return False
