"""`toolcrib serve --demo`: a real upstream beside the server, two tools that call it, and a ledger that is not empty."""

from .planting import Demo

__all__ = ["Demo"]
