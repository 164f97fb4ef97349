"""Tools that are functions of loaded packs."""

from toolcrib.providers.python.provider import LoadedPack, PythonProvider
from toolcrib.providers.python.threads import Slots

__all__ = ["LoadedPack", "PythonProvider", "Slots"]
