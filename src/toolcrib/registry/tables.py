"""Tables of the registry. `config` is the stored contract as JSON text; `generation` tells when a row last changed."""

from sqlalchemy import BigInteger, Column, Index, Table, Text

from toolcrib.kit.db import metadata

tools = Table(
    "tools",
    metadata,
    Column("workspace_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("wire_name", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("config", Text, nullable=False),
    Column("submitted", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("deleted_at", BigInteger),
    Column("generation", BigInteger, nullable=False),
    Column("effects", Text, nullable=False, server_default="write"),
    Column("requires", Text),
)
_is_there = tools.c.deleted_at.is_(None)
Index(
    "tools_by_name",
    tools.c.workspace_id,
    tools.c.name,
    unique=True,
    sqlite_where=_is_there,
    postgresql_where=_is_there,
)
Index(
    "tools_by_wire_name",
    tools.c.workspace_id,
    tools.c.wire_name,
    unique=True,
    sqlite_where=_is_there,
    postgresql_where=_is_there,
)
Index("tools_by_generation", tools.c.workspace_id, tools.c.generation)

tool_versions = Table(
    "tool_versions",
    metadata,
    Column("workspace_id", Text, primary_key=True),
    Column("tool_id", Text, primary_key=True),
    Column("version", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("config", Text, nullable=False),
    Column("submitted", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
)
aliases = Table(
    "aliases",
    metadata,
    Column("workspace_id", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("tool_id", Text, nullable=False),
    Column("generation", BigInteger, nullable=False),
)
Index("aliases_by_generation", aliases.c.workspace_id, aliases.c.generation)

enablement = Table(
    "enablement",
    metadata,
    Column("workspace_id", Text, primary_key=True),
    Column("tool_id", Text, primary_key=True),
    Column("enabled", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("updated_by", Text, nullable=False),
    Column("generation", BigInteger, nullable=False),
)
Index("enablement_by_generation", enablement.c.workspace_id, enablement.c.generation)
