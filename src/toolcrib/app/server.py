"""Runs the house in this process until it is told to stop, and leaves in order."""

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import uvicorn

from .protocol import BoundedProtocol
from .settings import Settings
from .wiring import House, Migrate

GRACE_SECONDS = 30
_STUCK_SECONDS = 30
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, end_streams: Callable[[], None]) -> None:
        super().__init__(config)
        self._end_streams = end_streams

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """A connection inherits it: whoever takes nothing of what is sent to them for so long is cut by the system."""
        await super().startup(sockets)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            for listening in (one for server in self.servers for one in server.sockets):
                listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _STUCK_SECONDS * 1_000)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Streams would last for ever: they end first, and the server waits for what else is under way."""
        self._end_streams()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on a signal; uvicorn would raise it again afterwards and end the process before the ledger is closed."""
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in _SIGNALS:
                loop.remove_signal_handler(number)


async def run(
    settings: Settings, version: str, migrate: Migrate, started: Callable[[Path | None], None]
) -> None:
    """Serve. `started` hears, once the database is up, where the owner's key lies if this was the first start."""
    house = House(settings, version)
    try:
        started(await house.start(migrate))
        config = uvicorn.Config(
            house.app, host=settings.host, port=settings.port, http=BoundedProtocol, lifespan="off", access_log=False, log_config=None,
            server_header=False, proxy_headers=False, timeout_graceful_shutdown=GRACE_SECONDS,
        )  # fmt: skip
        gc.collect()
        gc.freeze()
        gc.set_threshold(
            20_000, 20, 50
        )  # calls leave few cycles behind; looking for them at each 700 costs more
        await _Server(config, house.gateway.end_streams).serve()
    finally:
        await house.stop()
