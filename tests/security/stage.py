"""An upstream that answers whatever a test puts on stage, byte for byte, and keeps what it heard, byte for byte."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from tests.support.ports import LOOPBACK

MAX_HEAD = 1 << 22


@dataclass(frozen=True)
class Heard:
    """One request: its head as it stood on the wire (without the empty line) and its body."""

    head: bytes
    body: bytes

    @property
    def target(self) -> bytes:
        return self.head.split(b" ", 2)[1]

    @property
    def path(self) -> bytes:
        return self.target.partition(b"?")[0]

    @property
    def query(self) -> list[tuple[str, str]]:
        return parse_qsl(self.target.partition(b"?")[2].decode(), keep_blank_values=True)

    @property
    def headers(self) -> list[tuple[str, bytes]]:
        lines = self.head.split(b"\r\n")[1:]
        pairs = (line.partition(b":") for line in lines)
        return [(name.decode("latin-1").lower(), value.strip()) for name, _, value in pairs]

    def header(self, name: str) -> bytes | None:
        return next((value for known, value in self.headers if known == name), None)


class Last(bytes):
    """Bytes after which the connection ends."""


Answer = Callable[[Heard], bytes]


@dataclass
class Stage:
    """`answers` holds what a path answers: raw bytes, or a function of the request. Others answer `{}`."""

    port: int = 0
    heard: list[Heard] = field(default_factory=list)
    answers: dict[str, bytes | Answer] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def at(self, path: str) -> list[Heard]:
        return [heard for heard in list(self.heard) if heard.path == path.encode()]

    def below(self, prefix: str) -> list[Heard]:
        return [heard for heard in list(self.heard) if heard.path.startswith(prefix.encode())]

    async def serve(self, started: threading.Event, ended: asyncio.Event) -> None:
        server = await asyncio.start_server(self._connection, LOOPBACK, 0, limit=MAX_HEAD)
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        await ended.wait()
        server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                heard = await _read(reader)
                self.heard.append(heard)
                found = self.answers.get(heard.path.decode("latin-1"), b"{}")
                said = found(heard) if callable(found) else reply(found)
                writer.write(said)
                await writer.drain()
                if isinstance(said, Last):
                    break
        with contextlib.suppress(RuntimeError):
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Heard:
    head = (await reader.readuntil(b"\r\n\r\n"))[:-4]
    size = Heard(head, b"").header("content-length")
    return Heard(head, await reader.readexactly(int(size or 0)))


def reply(body: bytes, *, status: int = 200, headers: tuple[tuple[str, bytes], ...] = ()) -> bytes:
    """A whole HTTP reply with exactly this body."""
    named = dict((("Content-Type", b"application/json"), ("Content-Length", b"%d" % len(body)), *headers))
    lines = (b"%s: %s\r\n" % (name.encode(), value) for name, value in named.items())
    return b"HTTP/1.1 %d As Played\r\n%s\r\n%s" % (status, b"".join(lines), body)


@contextlib.contextmanager
def run_stage() -> Iterator[Stage]:
    stage = Stage()
    started, ended = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def play() -> None:
        loops.append(asyncio.get_running_loop())
        await stage.serve(started, ended)

    thread = threading.Thread(target=lambda: asyncio.run(play()), name="stage")
    thread.start()
    assert started.wait(30), "the stage could not listen"
    try:
        yield stage
    finally:
        loops[0].call_soon_threadsafe(ended.set)
        thread.join(10)
