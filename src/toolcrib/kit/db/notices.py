"""Short messages between processes on one PostgreSQL (LISTEN/NOTIFY). They make news travel early; nothing relies on them."""

import asyncio
from collections.abc import Callable

import asyncpg

from .pooler import stands_before

_CHANNEL = "toolcrib"
_AGAIN_SECONDS = 1.0
_CONNECT_SECONDS = 5.0


class PostgresNotices:
    """One connection that listens and speaks, made anew when it breaks."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None

    async def send(self, text: str) -> None:
        """Tell all; dropped while there is no connection."""
        connection = self._connection
        if connection is None or connection.is_closed():
            return
        try:
            await connection.execute("SELECT pg_notify($1, $2)", _CHANNEL, text)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            connection.terminate()

    async def listen(self, heard: Callable[[str], None], connected: Callable[[], None]) -> None:
        """Hear until cancelled, over as many connections as it takes."""
        try:
            while True:
                try:
                    await self._hear(heard, connected)
                except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
                    await asyncio.sleep(_AGAIN_SECONDS)
        finally:
            if self._connection is not None:
                self._connection.terminate()

    async def _hear(self, heard: Callable[[str], None], connected: Callable[[], None]) -> None:
        closed = asyncio.Event()
        connection = await asyncpg.connect(self._url, timeout=_CONNECT_SECONDS)
        if await stands_before(connection):  # it carries no notices
            await connection.close()
            connected()
            await closed.wait()
        self._connection = connection
        connection.add_termination_listener(lambda _: closed.set())
        await connection.add_listener(_CHANNEL, lambda _c, _p, _ch, payload: heard(str(payload)))
        connected()
        await closed.wait()
