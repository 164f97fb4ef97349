"""What PostgreSQL's catalog says of the wall between workspaces."""

from collections.abc import Sequence

import asyncpg

from tests.support.postgres import superuser_url

_TABLES = """SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity AS forced,
  EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polcmd = '*' AND p.polqual IS NOT NULL AND p.polwithcheck IS NOT NULL) AS ruled,
  (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid AND p.polcmd <> 'r' AND p.polwithcheck IS NULL) AS unchecked
  FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'f', 'm') ORDER BY 1"""


async def holes(url: str) -> list[str]:
    """The tables of a database that are not walled off, each with what it lacks."""
    return [
        f"{row['relname']}: {lacks}"
        for row in await _fetch(url, _TABLES)
        for lacks in (
            *([] if row["forced"] else ["row security is not forced"]),
            *([] if row["ruled"] else ["no policy with USING and WITH CHECK"]),
            *([f"{row['unchecked']} policies write without WITH CHECK"] if row["unchecked"] else []),
        )
    ]


async def tables(url: str) -> list[str]:
    return [row["relname"] for row in await _fetch(url, _TABLES)]


async def _fetch(url: str, statement: str) -> Sequence[asyncpg.Record]:
    connection = await asyncpg.connect(superuser_url(url), timeout=10)
    try:
        return await connection.fetch(statement)
    finally:
        await connection.close()
