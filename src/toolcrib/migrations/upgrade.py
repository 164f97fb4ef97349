"""Brings an existing database to the newest schema. `cli` runs it; tests read the script directory here."""

from pathlib import Path

import asyncpg
import sqlalchemy.exc
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from toolcrib.kit.db import row_security

from . import fresh


class NotMigrated(Exception):
    """The database stays as it was; the text says why and what to do."""


def config(url: str, role: str = "") -> Config:
    """Alembic's configuration, without a file."""
    made = Config(attributes={"url": url, "role": role})
    made.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return made


def scripts() -> ScriptDirectory:
    """All revisions."""
    return ScriptDirectory.from_config(config(""))


def to_head(url: str, role: str = "") -> str:
    """Apply what is missing, in one transaction, and on PostgreSQL raise the wall between workspaces; answers the revision
    reached. Raises `NotMigrated`.
    """
    try:
        command.upgrade(config(url, role), "head")
    except CommandError as error:
        raise NotMigrated(f"{error}. If a newer Toolcrib made this database, install that one.") from error
    except (
        OSError,
        TimeoutError,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        sqlalchemy.exc.DBAPIError,
    ) as error:
        if getattr(getattr(error, "orig", None), "sqlstate", None) == row_security.REFUSED:
            raise NotMigrated(str(error.__cause__)) from error
        raise NotMigrated(
            f"the database refused or does not answer: {type(error).__name__}; nothing was changed"
        ) from error
    return fresh.HEAD
