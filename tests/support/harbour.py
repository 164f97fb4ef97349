"""The demo's upstream on a port of this test's own: fixtures that give it, and take it."""

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support.ports import LOOPBACK, free_port


@dataclass(frozen=True)
class Harbour:
    port: int

    @property
    def place(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    @property
    def arguments(self) -> tuple[str, ...]:
        """How `serve` is told."""
        return ("--demo", "--demo-port", str(self.port))

    @property
    def allowed(self) -> dict[str, str]:
        """The setting that lets tools call it."""
        return {"TOOLCRIB_EGRESS_ALLOW": self.place}

    def listens(self) -> bool:
        """Whether anybody has the port."""
        with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, self.port), timeout=1):
            return True
        return False


@pytest.fixture
def free_harbour() -> Harbour:
    return Harbour(free_port())


@pytest.fixture
def taken_harbour(free_harbour: Harbour) -> Iterator[Harbour]:
    with socket.create_server((LOOPBACK, free_harbour.port)):
        yield free_harbour
