"""The demo's upstream has one port for all on this machine: fixtures that wait for it, or take it."""

import contextlib
import socket
from collections.abc import Iterator

import pytest

from tests.support.until import until
from toolcrib.cli.demo.harbour import PLACE


def listening() -> bool:
    """Whether anybody has the port."""
    with contextlib.suppress(OSError), socket.create_connection(PLACE, timeout=1):
        return True
    return False


@pytest.fixture
def free_harbour() -> None:
    until(lambda: not listening(), f"nobody listens on {PLACE[0]}:{PLACE[1]}", seconds=60)


@pytest.fixture
def taken_harbour(free_harbour: None) -> Iterator[None]:
    with socket.create_server(PLACE):
        yield
