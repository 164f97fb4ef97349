"""Free ports on loopback, from a block that this process holds: suites that run side by side never share a port.

The blocks lie below those that the system gives to clients, so that a server finds its port again after a restart.
"""

import contextlib
import functools
import itertools
import socket
from collections.abc import Iterator

LOOPBACK = "127.0.0.1"
FIRST, LAST, BLOCK = 20_000, 32_000, 250


def free_port() -> int:
    """A port is free when asked, not for ever: it is given again when the block has been gone through."""
    _, ports = _block()
    for port in itertools.islice(ports, BLOCK):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind((LOOPBACK, port))
            return port
    raise RuntimeError("all ports of the block are taken: a test leaves its servers running")


@functools.cache
def _block() -> tuple[socket.socket, Iterator[int]]:
    """The socket on the first port holds the block for as long as the process lives."""
    for first in range(FIRST, LAST, BLOCK):
        held = socket.socket()
        with contextlib.suppress(OSError):
            held.bind((LOOPBACK, first))
            return held, itertools.cycle(range(first + 1, first + BLOCK))
        held.close()
    raise RuntimeError(f"the ports {FIRST} to {LAST} are taken: end what was left of earlier runs")
