"""The suite in several processes at once (`-n 2`, which `make test` asks for): who runs what, and in which order.

Each process has a PostgreSQL, servers, ports and folders of its own, and no test writes into the repository.
"""

import signal

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

SHORT = ("integration", "unit", "architecture")
"""Rings of short files come last, the shortest at the very end: then no process waits long for another's last file."""


def pytest_configure() -> None:
    """What is started in the background of a shell ignores Ctrl-C, and so would every command that a test starts."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling:
    """A file is one process's: what it starts for its tests is started once."""
    config.option.loadscopereorder = False
    return LoadFileScheduling(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The long ones stay mixed as they came, at random: files that wait beside files that work."""
    if hasattr(config, "workerinput"):
        items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    return next((turn for turn, ring in enumerate(SHORT, 1) if item.nodeid.startswith(f"tests/{ring}/")), 0)
