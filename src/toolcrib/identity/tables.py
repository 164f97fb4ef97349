"""Tables of identity. A key is stored as a keyed digest; `generation` tells when a row last changed."""

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Table, Text

from toolcrib.kit.db import held_by, metadata

workspaces = Table(
    "workspaces",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    info=held_by("id", house_reads="true"),  # the house finds a workspace by its name
)

keys = Table(
    "keys",
    metadata,
    Column("workspace_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("actor_type", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("tools", Text),
    Column("digest", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("generation", BigInteger, nullable=False),
)
Index("keys_by_generation", keys.c.workspace_id, keys.c.generation)
