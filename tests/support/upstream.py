"""A scripted HTTP upstream on loopback, with a journal of every request it received.

In a test: the fixture `upstream` (in this process, in a thread). By hand: `python -m tests.support.upstream 8010`.
Paths are in `upstream_paths.py`. Over HTTP `GET /__journal`, `POST /__release` and `POST /__clear` steer it.
"""

import asyncio
import contextlib
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from tests.support.ports import LOOPBACK
from tests.support.upstream_paths import answer
from tests.support.upstream_wire import Request, read_request, send

MAX_HEAD = 1 << 20


@dataclass
class Upstream:
    port: int = 0
    journal: list[Request] = field(default_factory=list)
    connections: int = 0
    _released: asyncio.Event = field(default_factory=asyncio.Event)
    _loop: asyncio.AbstractEventLoop | None = None

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def host(self) -> str:
        """As `TOOLCRIB_EGRESS_ALLOW` names it."""
        return f"{LOOPBACK}:{self.port}"

    def requests(self, path: str) -> list[Request]:
        return [request for request in list(self.journal) if request.path == path]

    def clear(self) -> None:
        """Forget the journal, and let `/hold` hold again."""
        self.journal.clear()
        self._in_loop(self._released.clear)

    def hits(self) -> Counter[str]:
        """How often each value of the query parameter `n` was received: a test gives every call a value of its own."""
        marks = (request.query.get("n") for request in list(self.journal))
        return Counter(mark for mark in marks if mark is not None)

    def hold(self) -> None:
        """Let `/hold` hold again after a `release`, and keep the journal."""
        self._in_loop(self._released.clear)

    def release(self) -> None:
        """Answer every request that waits in `/hold`, and those to come until `clear`."""
        self._in_loop(self._released.set)

    def _in_loop(self, action: Callable[[], None]) -> None:
        if self._loop is None:
            action()
        else:
            self._loop.call_soon_threadsafe(action)

    async def serve(self, started: threading.Event, ended: asyncio.Event) -> None:
        self._loop = asyncio.get_running_loop()
        server = await asyncio.start_server(self._connection, LOOPBACK, self.port, limit=MAX_HEAD)
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        await ended.wait()
        server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while request := await read_request(reader):
                if not await self._answer(request, writer):
                    break
        with contextlib.suppress(RuntimeError):
            writer.close()

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        if request.path.startswith("/__"):
            return await self._control(request.path, writer)
        self.journal.append(request)
        return await answer(request, writer, self._released)

    async def _control(self, path: str, writer: asyncio.StreamWriter) -> bool:
        if path == "/__release":
            self.release()
        if path == "/__clear":
            self.clear()
        return await send(writer, 200, [request.as_json() for request in self.journal])


@contextlib.contextmanager
def run_upstream(port: int = 0) -> Iterator[Upstream]:
    upstream = Upstream(port)
    started, ended = threading.Event(), asyncio.Event()
    thread = threading.Thread(target=lambda: asyncio.run(upstream.serve(started, ended)), name="upstream")
    thread.start()
    if not started.wait(30):
        raise RuntimeError(f"the upstream could not listen on port {port}")
    try:
        yield upstream
    finally:
        assert upstream._loop is not None
        upstream._loop.call_soon_threadsafe(ended.set)
        thread.join(10)


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with run_upstream() as running:
        yield running


if __name__ == "__main__":
    chosen = Upstream(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    print(f"upstream on port {chosen.port or '(any)'}", flush=True)
    asyncio.run(chosen.serve(threading.Event(), asyncio.Event()))
