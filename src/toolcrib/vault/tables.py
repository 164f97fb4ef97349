"""Tables of the vault: `sealed` opens only for its own workspace, name and version, under the data key `key_version`."""

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Table, Text

from toolcrib.kit.db import held_by, metadata

secrets = Table(
    "secrets",
    metadata,
    Column("workspace_id", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("sealed", LargeBinary),
    Column("hosts", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("key_version", BigInteger),
)
Index("secrets_by_generation", secrets.c.workspace_id, secrets.c.generation)

data_keys = Table(
    "data_keys",
    metadata,
    Column("workspace_id", Text, primary_key=True),
    Column("purpose", Text, primary_key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("root", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

root_key = Table(
    "root_key",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("fingerprint", Text, nullable=False),
    info=held_by(None),
)
