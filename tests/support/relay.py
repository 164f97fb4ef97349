"""A wire to PostgreSQL that can be cut while a commit is under way: before it arrives, or before its answer comes back."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from tests.support.ports import LOOPBACK

COMMIT = b"COMMIT\x00"


@dataclass
class Relay:
    url: str
    cut: Literal["before", "after"] | None = None
    """Where the wire breaks at the next COMMIT, once."""
    closed: bool = False
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    def hang_up(self) -> None:
        """Break all connections, and take no new ones until `closed` is taken back."""
        self.closed = True
        for writer in self._writers:
            writer.transport.abort()


@contextlib.asynccontextmanager
async def relay(database_url: str) -> AsyncIterator[Relay]:
    """`url` leads to the same database."""
    place = urlsplit(database_url)
    made = Relay("")

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if made.closed:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection(place.hostname, place.port)
        made._writers |= {writer, far_writer}
        cut = asyncio.Event()
        try:
            await asyncio.gather(
                _forth(made, reader, far_writer, writer, cut), _back(far_reader, writer, cut)
            )
        finally:
            for one in (writer, far_writer):
                one.transport.abort()
            made._writers -= {writer, far_writer}

    server = await asyncio.start_server(connected, LOOPBACK, 0)
    port = server.sockets[0].getsockname()[1]
    made.url = urlunsplit(place._replace(netloc=f"{place.username}@{LOOPBACK}:{port}"))
    try:
        yield made
    finally:
        server.close()
        made.hang_up()


async def _forth(
    made: Relay,
    reader: asyncio.StreamReader,
    far: asyncio.StreamWriter,
    near: asyncio.StreamWriter,
    cut: asyncio.Event,
) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(65_536):
            if COMMIT in chunk and made.cut:
                how, made.cut = made.cut, None
                if how == "before":
                    near.transport.abort()
                    break
                cut.set()
            far.write(chunk)
        far.close()


async def _back(far: asyncio.StreamReader, near: asyncio.StreamWriter, cut: asyncio.Event) -> None:
    with contextlib.suppress(OSError):
        while chunk := await far.read(65_536):
            if cut.is_set():
                break
            near.write(chunk)
        near.transport.abort()
