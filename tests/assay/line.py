"""The assay's client in the tests: the standard library's, over connections that are kept."""

import contextlib
import http.client
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from assay.wire import Reply

SECONDS = 30


class Line:
    """`assay.wire.Wire` to one server."""

    def __init__(self, url: str) -> None:
        self._place = urlsplit(url).netloc
        self._kept = self._open()

    def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        try:
            return self._exchange(method, target, headers, body)
        except (http.client.RemoteDisconnected, ConnectionError):  # a kept connection that the server closed
            self._kept.close()
            return self._exchange(method, target, headers, body)

    def _exchange(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        self._kept.request(method, target, body, dict(headers))
        return _whole(self._kept.getresponse())

    @contextlib.contextmanager
    def stream(self, target: str, headers: Mapping[str, str]) -> Iterator[Iterator[bytes]]:
        connection = self._open()
        try:
            connection.request("GET", target, None, dict(headers))
            answer = connection.getresponse()
            yield iter(lambda: answer.read1(65_536), b"")
        finally:
            connection.close()

    def close(self) -> None:
        self._kept.close()

    def _open(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self._place, timeout=SECONDS)


def _whole(answer: http.client.HTTPResponse) -> Reply:
    headers = {name.lower(): value for name, value in answer.getheaders()}
    return Reply(answer.status, headers, answer.read())
