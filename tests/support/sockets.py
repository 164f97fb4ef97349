"""No test reaches beyond this machine, and a unit test opens no connection at all. A breach fails loudly where it happens."""

import ipaddress
import sys
from collections.abc import Iterator
from typing import Any

import pytest

Guarded = dict[str, str]
_ring: Guarded = {"now": "none"}


class SocketClosed(RuntimeError):
    """Not an OSError: the product must not be able to take it for a failing network."""


@pytest.fixture(autouse=True)
def closed_sockets(request: pytest.FixtureRequest) -> Iterator[None]:
    unit = "/tests/unit/" in request.node.path.as_posix()
    _ring["now"] = "none" if request.node.get_closest_marker("outside") else "unit" if unit else "loopback"
    yield
    _ring["now"] = "none"


def audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _ring["now"] == "none" or event not in {"socket.connect", "socket.getaddrinfo"}:
        return
    host = arguments[1][0] if event == "socket.connect" and isinstance(arguments[1], tuple) else arguments[0]
    if not isinstance(host, str | bytes) or (_ring["now"] == "loopback" and _is_here(host)):
        return
    if event == "socket.connect" or not _is_literal(host):
        raise SocketClosed(
            f"{event} {host!r} from a test of the {_ring['now']} kind (tests/support/sockets.py)"
        )


def _is_here(host: str | bytes) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    return name in {"", "localhost"} or (_is_literal(name) and ipaddress.ip_address(name).is_loopback)


def _is_literal(host: str | bytes) -> bool:
    try:
        ipaddress.ip_address(host.decode() if isinstance(host, bytes) else host)
    except ValueError:
        return False
    return True


sys.addaudithook(audit)
