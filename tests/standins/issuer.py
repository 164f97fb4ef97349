"""An identity provider's address of keys, on loopback: it answers a JWKS, or a fault, and counts who asks.

What an honest one says is as RFC 7517 has it, and as https://supabase.com/docs/guides/auth/signing-keys describes it for
`/auth/v1/.well-known/jwks.json`.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.mint import jwks

Answer = Callable[["Asked"], None]
PATH = "/auth/v1/.well-known/jwks.json"


class IssuerServer:
    """`answer` may be changed at any time; `fetches` counts requests, also those that were never answered."""

    def __init__(self) -> None:
        self.answer: Answer = publish()
        self.fetches = 0
        self.released = threading.Event()
        self.paths: list[str] = []
        self._server: ThreadingHTTPServer | None = None
        self._port = 0

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}{PATH}"

    def open(self) -> None:
        """Listen, on the port that it had before."""
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), self._handler())
        self._server.daemon_threads = True
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def shut(self) -> None:
        """Whoever asks now finds nobody."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def _handler(self) -> type["Asked"]:
        return type("AskedHere", (Asked,), {"issuer": self})


class Asked(BaseHTTPRequestHandler):
    """One request."""

    issuer: IssuerServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.issuer.fetches += 1
        self.issuer.paths.append(self.path)
        with contextlib.suppress(OSError):
            self.issuer.answer(self)

    def reply(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in ({"Content_Type": "application/json"} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 its name there
        """Say nothing."""


@contextlib.contextmanager
def run_issuer() -> Iterator[IssuerServer]:
    server = IssuerServer()
    server.open()
    try:
        yield server
    finally:
        server.released.set()
        server.shut()


def publish(*keys: dict[str, Any]) -> Answer:
    return say(jwks(*keys))


def say(body: bytes, status: int = 200, **headers: str) -> Answer:
    return lambda asked: asked.reply(body, status, **headers)


def hold(then: Answer) -> Answer:
    """Answer when released, however long that is."""

    def answer(asked: Asked) -> None:
        asked.issuer.released.wait(30)
        then(asked)

    return answer


def endless(piece: bytes, pieces: int) -> Answer:
    """A body of unknown length: so many pieces, as long as somebody reads."""

    def answer(asked: Asked) -> None:
        asked.send_response(200)
        asked.send_header("Transfer-Encoding", "chunked")
        asked.end_headers()
        for _ in range(pieces):
            asked.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        asked.wfile.write(b"0\r\n\r\n")

    return answer


def hang_up(asked: Asked) -> None:
    """Close without a word."""
    asked.close_connection = True
    asked.connection.close()
