"""A raw server on loopback whose replies are bytes: what no honest server would send, a script can."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from ssl import SSLContext

Script = Callable[["Line"], Awaitable[None]]


@dataclass
class Line:
    """One connection, as the script sees it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    journal: list[bytes]

    async def request(self) -> bytes:
        """Read one request, head and body, and note it."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        whole = head + await self.reader.readexactly(length)
        self.journal.append(whole)
        return whole

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def reply(self, body: bytes = b"ok", head: bytes = b"") -> None:
        await self.send(b"HTTP/1.1 200 OK\r\n" + head + b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def reset(self) -> None:
        """End with RST instead of FIN."""
        linger = struct.pack("ii", 1, 0)
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.transport.abort()


@dataclass
class Raw:
    """A running server: its port, its connections and all requests it read."""

    port: int = 0
    connections: int = 0
    journal: list[bytes] = field(default_factory=list)

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{path}"


@contextlib.asynccontextmanager
async def serve(script: Script, tls: SSLContext | None = None, port: int = 0) -> AsyncIterator[Raw]:
    """Run the script for each connection until the block ends."""
    raw = Raw()
    running: set[asyncio.Task[None]] = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        raw.connections += 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await script(Line(reader, writer, raw.journal))
        running.discard(task)
        writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", port, ssl=tls, limit=1 << 22)
    raw.port = server.sockets[0].getsockname()[1]
    yield raw
    server.close()
    for task in list(running):
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def settle() -> None:
    """Let the loop deliver what loopback has brought already: FINs, RSTs and bytes."""
    for _ in range(30):
        await asyncio.sleep(0)


def always(data: bytes) -> Script:
    """A script that answers every request of a connection with these bytes."""

    async def script(line: Line) -> None:
        while True:
            await line.request()
            await line.send(data)

    return script


def once(data: bytes) -> Script:
    """A script that answers one request with these bytes and closes."""

    async def script(line: Line) -> None:
        await line.request()
        await line.send(data)

    return script
