"""Many keep-alive connections that each send the next request as soon as the last is answered, at little cost of their own."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import cast

import uvloop

from tests.support.ports import LOOPBACK

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass
class Pace:
    """What came of the requests: seconds of all, of each, and how often each status was answered."""

    seconds: float = 0.0
    spans: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def percentile(self, part: float) -> float:
        """Milliseconds within which that part of the requests was answered."""
        return sorted(self.spans)[int(len(self.spans) * part)] * 1_000

    @property
    def rate(self) -> float:
        return len(self.spans) / self.seconds


def ask(method: str, path: str, key: str, body: bytes = b"", *headers: str) -> bytes:
    """One request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {LOOPBACK}", f"Authorization: Bearer {key}", *headers]
    lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def pace(port: int, wanted: Iterable[bytes], connections: int) -> Pace:
    """Send all of them; raises where the server hangs up."""
    requests = iter(list(wanted))  # made before the clock runs

    async def all_of_them() -> Pace:
        loop, found = asyncio.get_running_loop(), Pace()
        began = time.perf_counter()
        ends = []
        for _ in range(connections):
            _, one = await loop.create_connection(lambda: _Connection(requests, found), LOOPBACK, port)
            ends.append(one.ended)
        await asyncio.gather(*ends)
        found.seconds = time.perf_counter() - began
        return found

    return uvloop.run(all_of_them())


class _Connection(asyncio.Protocol):
    def __init__(self, requests: Iterator[bytes], found: Pace) -> None:
        self._requests = requests
        self._found = found
        self._heard = b""
        self._began = 0.0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is not derived from it
        self._next()

    def data_received(self, data: bytes) -> None:
        self._heard += data
        head, _, body = self._heard.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if length is None or len(body) < int(length[1]):
            return
        self._found.spans.append(time.perf_counter() - self._began)
        self._found.statuses[int(head[9:12])] += 1
        self._heard = b""
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(exc or ConnectionError("the server hung up"))

    def _next(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self.ended.set_result(None)
            self._transport.close()
            return
        self._began = time.perf_counter()
        self._transport.write(request)
