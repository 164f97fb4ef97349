"""Two ways lead to one schema: all migrations in a row, and the declared tables."""

import sqlite3

import asyncpg
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, pool
from sqlalchemy.ext.asyncio import create_async_engine

from tests.integration.migrations.databases import (
    bring_up,
    execute,
    is_sqlite,
    migrate,
    path_of,
    schema,
    tables,
)
from toolcrib.kit.db import metadata
from toolcrib.migrations import fresh, upgrade


def test_what_alembic_makes_is_what_the_tables_declare(database_url):
    migrate(database_url)
    assert differences(database_url) == []


def test_what_serve_makes_is_what_the_tables_declare(database_url):
    bring_up(database_url)
    assert differences(database_url) == []


def test_the_comparison_sees_a_difference(database_url):
    migrate(database_url)
    execute(database_url, "ALTER TABLE keys ADD COLUMN stray TEXT")
    assert [difference[0] for difference in differences(database_url)] == ["remove_column"]


def test_migrating_an_empty_database_gives_the_same_catalog_as_serving_it(
    database_url, fresh_database, tmp_path
):
    other = f"sqlite:///{tmp_path / 'other.db'}" if is_sqlite(database_url) else fresh_database()
    bring_up(database_url)
    migrate(other)
    assert schema(other) == schema(database_url)
    assert len(tables(database_url)) == len(metadata.sorted_tables) + 1


def test_migrating_what_serve_made_changes_nothing(database_url):
    bring_up(database_url)
    before = schema(database_url)
    migrate(database_url)
    assert schema(database_url) == before


def test_the_newest_revision_is_the_one_that_serve_stamps():
    assert upgrade.scripts().get_heads() == [fresh.HEAD]


def test_revisions_stand_in_one_row_and_are_numbered():
    revisions = [script.revision for script in reversed(list(upgrade.scripts().walk_revisions()))]
    assert revisions == [f"{number:04}" for number in range(1, len(revisions) + 1)]


def differences(url: str) -> list:
    from tests.support.postgres import run_apart

    if not is_sqlite(url):
        return run_apart(_on_postgresql(url))
    engine = create_engine(
        "sqlite://", creator=lambda: sqlite3.connect(path_of(url)), poolclass=pool.NullPool
    )
    with engine.connect() as connection:
        return _compare(connection)


async def _on_postgresql(url: str) -> list:
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url), poolclass=pool.NullPool
    )
    async with engine.connect() as connection:
        return await connection.run_sync(_compare)


def _compare(connection: Connection) -> list:
    return compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata)
