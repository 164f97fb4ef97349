"""The public test kit: a whole crib for one test, fakes that are handed in, and the suite that every provider passes."""

from .fakes import START, FakeClock, FakeProvider, Hanging
from .suite import check_provider
from .workbench import Workbench, open_workbench, tool_config

__all__ = [
    "START",
    "FakeClock",
    "FakeProvider",
    "Hanging",
    "Workbench",
    "check_provider",
    "open_workbench",
    "tool_config",
]
