"""A client that is not polite: any bytes as a body, any head, over one kept connection. Standard library only."""

import contextlib
import http.client
import json
import socket
from collections.abc import Iterator
from typing import Any

from tests.support.client import Reply
from tests.support.ports import LOOPBACK

JSON = {"Content-Type": "application/json"}


class Line:
    """`send` keeps its connection; `raw` opens one of its own and sends exactly the bytes given."""

    def __init__(self, port: int, key: str) -> None:
        self._port = port
        self._credential = {"Authorization": f"Bearer {key}"} if key else {}
        self._connection = _Counted(LOOPBACK, port, timeout=60)

    @property
    def opened(self) -> int:
        """Connections that `send` has opened so far."""
        return self._connection.opened

    def send(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Reply:
        given = self._credential | (JSON if headers is None else headers)
        try:
            return self._exchange(method, path, body, given)
        except (http.client.HTTPException, ConnectionError):  # the server closed the kept connection
            self._connection.close()
            return self._exchange(method, path, body, given)

    def _exchange(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Reply:
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        return read(answer.status, answer.getheaders(), answer.read())

    def raw(self, head: str, *pieces: bytes) -> Reply | None:
        """The answer to a hand-written request, or None where the server only closes."""
        with socket.create_connection((LOOPBACK, self._port), timeout=60) as wire:
            credential = "".join(f"{name}: {value}\r\n" for name, value in self._credential.items())
            wire.sendall(f"{head}Host: crib\r\n{credential}\r\n".encode("latin-1"))
            with contextlib.suppress(ConnectionError):  # refused before all was said
                for piece in pieces:
                    wire.sendall(piece)
            return _answer(wire)

    def cut(self, head: str, *pieces: bytes) -> None:
        """Send this and go away without waiting for an answer."""
        with socket.create_connection((LOOPBACK, self._port), timeout=60) as wire:
            credential = "".join(f"{name}: {value}\r\n" for name, value in self._credential.items())
            wire.sendall(f"{head}Host: crib\r\n{credential}\r\n".encode("latin-1") + b"".join(pieces))

    def close(self) -> None:
        self._connection.close()


class _Counted(http.client.HTTPConnection):
    opened = 0

    def connect(self) -> None:
        self.opened += 1
        super().connect()


def chunked(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces as chunks, and the chunk that ends them."""
    yield from (b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    yield b"0\r\n\r\n"


def _answer(wire: socket.socket) -> Reply | None:
    answer = http.client.HTTPResponse(wire)
    try:
        answer.begin()
        return read(answer.status, answer.getheaders(), answer.read())
    except (http.client.BadStatusLine, ConnectionError):
        return None
    finally:
        answer.close()


def read(status: int, headers: list[tuple[str, str]], body: bytes) -> Reply:
    parsed: Any = None
    with contextlib.suppress(ValueError):
        parsed = json.loads(body, parse_constant=_refuse)
    return Reply(status, {name.lower(): value for name, value in headers}, parsed, body)


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no JSON")
