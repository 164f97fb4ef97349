"""The database under every store: one vocabulary for SQLite and PostgreSQL, one queue for writes."""

from .database import Database, Engine, Entries, Notices
from .query import DialectName, Query, metadata
from .scope import HOUSE, held_by
from .tx import Clash, DatabaseError, DatabaseUnavailable, Into, Row, Tx, UnsafeDatabase

__all__ = [
    "HOUSE",
    "Clash",
    "Database",
    "DatabaseError",
    "DatabaseUnavailable",
    "DialectName",
    "Engine",
    "Entries",
    "Into",
    "Notices",
    "Query",
    "Row",
    "Tx",
    "UnsafeDatabase",
    "held_by",
    "metadata",
]
