"""`toolcrib serve --demo`: a real upstream beside the server, tools that call it, and a ledger that is not empty."""

from .markets import with_markets
from .planting import Demo

__all__ = ["Demo", "with_markets"]
