"""A careless proxy before a server: it hands everything on, except that one answer may become another."""

import contextlib
import http.client
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from tests.support.ports import LOOPBACK

Change = Callable[[str, bytes], bytes | None]
"""From the path and the body of an answer to the body that is sent; None ends the connection without an answer."""
_OWN = {"transfer-encoding", "connection", "content-length"}


@contextlib.contextmanager
def proxy_before(url: str, change: Change = lambda _, body: body) -> Iterator[str]:
    """The URL of the proxy."""
    service = ThreadingHTTPServer((LOOPBACK, 0), _handler(urlsplit(url).netloc, change))
    service.daemon_threads = True
    thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://{LOOPBACK}:{service.server_address[1]}"
    finally:
        service.shutdown()
        thread.join()
        service.server_close()


def _handler(behind: str, change: Change) -> type["Handing"]:
    return type("HandingHere", (Handing,), {"behind": behind, "change": staticmethod(change)})


class Handing(BaseHTTPRequestHandler):
    """One request, and the answer of whoever stands behind."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes
    behind: str
    change: Change

    def setup(self) -> None:
        super().setup()
        self._far = http.client.HTTPConnection(self.behind, timeout=30)

    def finish(self) -> None:
        self._far.close()
        super().finish()

    def hand_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._far.request(self.command, self.path, body or None, dict(self.headers.items()))
        answer = self._far.getresponse()
        if answer.getheader("content-type", "").startswith("text/event-stream"):
            self._stream(answer)
            self.close_connection = True
        elif (changed := self.change(self.path, answer.read())) is None:
            self.close_connection = True
        else:
            self._head(answer, len(changed))
            self.wfile.write(changed)

    do_GET = do_POST = do_PUT = do_DELETE = hand_on  # noqa: N815 the names that the library calls

    def _stream(self, answer: http.client.HTTPResponse) -> None:
        self._head(answer)
        with contextlib.suppress(OSError):
            while piece := answer.read1(65_536):
                self.wfile.write(piece)

    def _head(self, answer: http.client.HTTPResponse, size: int | None = None) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _OWN:
                self.send_header(name, value)
        length = ("Connection", "close") if size is None else ("Content-Length", str(size))
        self.send_header(*length)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""
