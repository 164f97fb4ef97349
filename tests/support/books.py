"""The ledger's tables read from outside the product: what is on disk, whatever the server says of it."""

import json
import sqlite3
from dataclasses import dataclass
from typing import Any

import asyncpg

from tests.support.postgres import run_apart

FINAL = frozenset({"succeeded", "failed", "denied", "cancelled", "interrupted", "expired"})
Row = dict[str, Any]


@dataclass(frozen=True)
class Books:
    """`url` is `sqlite:///…` or a PostgreSQL URL of a role that row-level security does not bind."""

    url: str

    def executions(self) -> list[Row]:
        """Every execution, oldest first, with its `input` as JSON (None where no body was kept)."""
        rows = self.rows(
            "SELECT e.*, b.body FROM executions e LEFT JOIN bodies b "
            "ON b.workspace_id = e.workspace_id AND b.execution_id = e.id AND b.part = 'input' ORDER BY e.id"
        )
        return [row | {"input": None if row["body"] is None else json.loads(row["body"])} for row in rows]

    def events(self) -> list[Row]:
        """In the order of their numbers, workspace by workspace."""
        return self.rows("SELECT * FROM events ORDER BY workspace_id, seq")

    def processes(self) -> list[Row]:
        return self.rows("SELECT * FROM processes ORDER BY started_at")

    def running(self) -> int:
        return self._count("SELECT count(*) AS n FROM executions WHERE status = 'running'")

    def recorded(self) -> int:
        return self._count("SELECT count(*) AS n FROM executions")

    def rows(self, sql: str) -> list[Row]:
        return (
            _sqlite(self.url, sql) if self.url.startswith("sqlite") else run_apart(_postgres(self.url, sql))
        )

    def faults(self) -> list[str]:
        """What the database itself finds wrong with its file."""
        if not self.url.startswith("sqlite"):
            return []
        return [
            row["integrity_check"]
            for row in self.rows("PRAGMA integrity_check")
            if row["integrity_check"] != "ok"
        ]

    def _count(self, sql: str) -> int:
        return int(self.rows(sql)[0]["n"])


def _sqlite(url: str, sql: str) -> list[Row]:
    connection = sqlite3.connect(f"file:{url.removeprefix('sqlite:///')}?mode=ro", uri=True, timeout=30)
    connection.row_factory = sqlite3.Row
    try:
        return [dict(row) for row in connection.execute(sql)]
    finally:
        connection.close()


async def _postgres(url: str, sql: str) -> list[Row]:
    connection = await asyncpg.connect(url, timeout=30)
    try:
        return [dict(row) for row in await connection.fetch(sql)]
    finally:
        await connection.close()
