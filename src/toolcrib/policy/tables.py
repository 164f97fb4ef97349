"""Tables of limits: what a workspace allows itself and is allowed, and how much of it was used.

Of `meters` the column `drawn` is a time in nanoseconds, `day` and `month` count from 1970 in UTC. They raise no generation.
"""

from sqlalchemy import BigInteger, Column, Index, Table, Text

from toolcrib.kit.db import metadata

limits = Table(
    "limits",
    metadata,
    Column("workspace_id", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("per_minute", BigInteger),
    Column("burst", BigInteger),
    Column("per_day", BigInteger),
    Column("per_month", BigInteger),
    Column("concurrency", BigInteger),
    Column("set_at", BigInteger, nullable=False),
    Column("set_by", Text, nullable=False),
    Column("removed_at", BigInteger),
    Column("generation", BigInteger, nullable=False),
)
Index("limits_by_generation", limits.c.workspace_id, limits.c.generation)

meters = Table(
    "meters",
    metadata,
    Column("workspace_id", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("drawn", BigInteger, nullable=False),
    Column("day", BigInteger, nullable=False),
    Column("day_used", BigInteger, nullable=False),
    Column("month", BigInteger, nullable=False),
    Column("month_used", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
