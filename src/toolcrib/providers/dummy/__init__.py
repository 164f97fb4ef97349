"""Tools that stand in for others: they wait, then answer what their contract says."""

from toolcrib.providers.dummy.provider import DummyProvider

__all__ = ["DummyProvider"]
