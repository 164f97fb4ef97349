"""An empty database brought up in each of the two ways, and what its catalog then says."""

import asyncio
import re
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg

from tests.support.postgres import run_apart
from toolcrib.kit.db.postgres import PostgresEngine
from toolcrib.kit.db.sqlite import SqliteEngine
from toolcrib.migrations import fresh, upgrade

CATALOG = (
    """SELECT table_name, column_name, ordinal_position, data_type, is_nullable, column_default, is_identity
       FROM information_schema.columns WHERE table_schema = 'public' ORDER BY table_name, ordinal_position""",
    "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexname",
    """SELECT conrelid::regclass::text AS t, conname, pg_get_constraintdef(oid) AS d
       FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY t, conname""",
    """SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class
       WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY relname""",
    "SELECT tablename, policyname, permissive, roles, cmd, qual, with_check FROM pg_policies ORDER BY 1, 2",
    "SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' ORDER BY 1",
    "SELECT tgrelid::regclass::text AS t, pg_get_triggerdef(oid) AS d FROM pg_trigger WHERE NOT tgisinternal ORDER BY t, d",
)
VERSION = "SELECT version_num FROM alembic_version"


def path_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def is_sqlite(url: str) -> bool:
    return url.startswith("sqlite")


def bring_up(url: str) -> None:
    """As `serve` does on an empty database."""
    run_apart(bring_up_here(url))


async def bring_up_here(url: str) -> None:
    engine = SqliteEngine(path_of(url)) if is_sqlite(url) else PostgresEngine(url)
    try:
        await engine.set_up(fresh.bring_up)
    finally:
        await engine.close()


def migrate(url: str) -> None:
    """As `toolcrib migrate` does."""
    run_apart(asyncio.to_thread(upgrade.to_head, url))


def execute(url: str, statement: str) -> None:
    if is_sqlite(url):
        connection = sqlite3.connect(path_of(url))
        connection.execute(statement)
        connection.commit()
        connection.close()
    else:
        run_apart(_fetch(url, (statement,)))


def schema(url: str) -> list[Any]:
    """Everything that the database's catalog says of its schema, in one comparable form."""
    return _sqlite_schema(path_of(url)) if is_sqlite(url) else run_apart(_fetch(url, CATALOG))


def tables(url: str) -> list[str]:
    listed = "SELECT name FROM sqlite_master WHERE type = 'table'"
    if is_sqlite(url):
        return [row[0] for row in _rows(path_of(url), listed)] if path_of(url).exists() else []
    named = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    return [row[0] for rows in run_apart(_fetch(url, (named,))) for row in rows]


def version(url: str) -> list[str]:
    if is_sqlite(url):
        return [row[0] for row in _rows(path_of(url), VERSION)]
    return [row[0] for rows in run_apart(_fetch(url, (VERSION,))) for row in rows]


def _rows(path: Path, statement: str) -> list[Any]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()


async def _fetch(url: str, statements: Sequence[str]) -> list[Any]:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        return [[tuple(row) for row in await connection.fetch(statement)] for statement in statements]
    finally:
        await connection.close()


def _sqlite_schema(path: Path) -> list[Any]:
    """A column that was added later stands behind the constraints in the text: the parts are compared, not their order."""
    rows = _rows(
        path, "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master ORDER BY type, name"
    )
    return [(kind, name, table, _parts(sql)) for kind, name, table, sql in rows]


def _parts(sql: str) -> list[str]:
    """Head, comma-separated parts outside brackets, and tail, each with single blanks."""
    flat = re.sub(r"\s+", " ", sql.replace('"', "")).strip()
    head, bracket, rest = flat.partition("(")
    body, _, tail = rest.rpartition(")")
    parts = re.split(r",\s*(?![^()]*\))", body)
    return [head.strip() + bracket, *sorted(part.strip() for part in parts), tail.strip()]
