"""Tables of identity. Keys and invitations are stored as keyed digests; `generation` tells when a row last changed.

`homes` belongs to no workspace but to the house: it says where a person, known by a token alone, is a member.
"""

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Table, Text

from toolcrib.kit.db import held_by, metadata

workspaces = Table(
    "workspaces",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    Column("read_only", BigInteger, nullable=False, server_default="0"),
    Column("shared_until", BigInteger, nullable=False, server_default="0"),
    Column("suspended_at", BigInteger),
    Column("hosts", Text),
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
    Column("on_behalf_of", Text),
)
Index("keys_by_generation", keys.c.workspace_id, keys.c.generation)

key_uses = Table(
    "key_uses",
    metadata,
    Column("workspace_id", Text, primary_key=True),
    Column("key_id", Text, primary_key=True),
    Column("used_at", BigInteger, nullable=False),
)

members = Table(
    "members",
    metadata,
    Column("workspace_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("issuer", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("read_only", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("removed_at", BigInteger),
    Column("generation", BigInteger, nullable=False),
)
Index("members_by_generation", members.c.workspace_id, members.c.generation)

homes = Table(
    "homes",
    metadata,
    Column("workspace_id", Text, primary_key=True),
    Column("person", Text, primary_key=True),
    Column("home", Text, primary_key=True),
)

invitations = Table(
    "invitations",
    metadata,
    Column("workspace_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger),
)

grants = Table(
    "grants",
    metadata,
    Column("workspace_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("actor_id", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("generation", BigInteger, nullable=False),
)
Index("grants_by_generation", grants.c.workspace_id, grants.c.generation)

suspensions = Table(
    "suspensions",
    metadata,
    Column("workspace_id", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("lifted_at", BigInteger),
    Column("generation", BigInteger, nullable=False),
)
Index("suspensions_by_generation", suspensions.c.workspace_id, suspensions.c.generation)
