"""Brings an empty database to the newest schema in one transaction, and refuses one that is older or newer.

The declared tables are the newest schema: a test proves that all migrations in a row give the same.
"""

from sqlalchemy.schema import CreateIndex, CreateTable

import toolcrib.identity.tables
import toolcrib.ledger.tables
import toolcrib.policy.tables
import toolcrib.registry.tables
import toolcrib.vault.tables  # noqa: F401 each declares its tables
from toolcrib.kit.db import Query, Tx, metadata, row_security

HEAD = "0008"

LOCK = Query(sqlite="SELECT 1", postgresql="SELECT pg_advisory_xact_lock(7283001)")
_EXISTS = Query(
    sqlite="SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'",
    postgresql="SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'alembic_version'",
)
_VERSION = Query(
    sqlite="SELECT version_num FROM alembic_version", postgresql="SELECT version_num FROM alembic_version"
)
_STAMP_TABLE = "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
_STAMP = f"INSERT INTO alembic_version (version_num) VALUES ('{HEAD}')"  # noqa: S608 a constant


class OtherSchema(Exception):
    """The database has another version of the schema than this program."""


async def bring_up(tx: Tx) -> None:
    """Create everything in an empty database; leave an up-to-date one alone. Raises `OtherSchema`."""
    await tx.rows(LOCK)
    if await tx.rows(_EXISTS):
        rows = await tx.rows(_VERSION)
        found = rows[0]["version_num"] if rows else "none"
        if found != HEAD:
            raise OtherSchema(_what_to_do(found))
        return
    for table in metadata.sorted_tables:
        await tx.run(Query(CreateTable(table)))
        for index in sorted(table.indexes, key=lambda one: str(one.name)):
            await tx.run(Query(CreateIndex(index)))
    for statement in (_STAMP_TABLE, _STAMP):
        await tx.run(Query(sqlite=statement, postgresql=statement))
    if tx.dialect == "postgresql":
        for statement in row_security.raised(metadata):
            await tx.run(Query(postgresql=statement))


def _what_to_do(found: str) -> str:
    """Revisions are numbers, so an unknown one can be told from an old one."""
    if found.isdecimal() and int(found) > int(HEAD):
        return f"the database has schema {found}, which is newer than {HEAD}, the newest this program knows: start the newer Toolcrib again"
    return (
        f"the database has schema {found}, this program needs {HEAD}: back it up, then run `toolcrib migrate`"
    )
