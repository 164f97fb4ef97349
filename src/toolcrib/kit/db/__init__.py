"""The database under every store: one vocabulary for SQLite and PostgreSQL, one queue for writes."""

from .database import Database, Engine, Entries, Notices
from .query import DialectName, Query, metadata
from .tx import Clash, DatabaseError, DatabaseUnavailable, Row, Tx

__all__ = [
    "Clash",
    "Database",
    "DatabaseError",
    "DatabaseUnavailable",
    "DialectName",
    "Engine",
    "Entries",
    "Notices",
    "Query",
    "Row",
    "Tx",
    "metadata",
]
