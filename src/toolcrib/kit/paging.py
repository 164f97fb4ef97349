"""Cursor pages: a list goes on after the last key shown, so rows that come or go meanwhile shift nothing."""

import base64
import binascii
from dataclasses import dataclass

MOST = 200
USUAL = 50


class BadCursor(ValueError):
    """The cursor was not made by this list."""


@dataclass(frozen=True, slots=True)
class PageRequest:
    """How many items at most (1..200), and after which key."""

    limit: int = USUAL
    after: str | None = None

    @classmethod
    def parse(cls, limit: int, cursor: str | None) -> "PageRequest":
        """From the query of a list route; raises `BadCursor`."""
        return cls(limit, decode(cursor) if cursor else None)


def encode(key: str) -> str:
    """The cursor that continues after a key; opaque to clients."""
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def decode(cursor: str) -> str:
    """The key in a cursor; raises `BadCursor`."""
    try:
        key = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        key = ""
    if not key or not key.isprintable():
        raise BadCursor("the cursor is not one of this list; start again without it")
    return key
